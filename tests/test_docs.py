"""The guides are true: commands exist and do what is said; the reference is the code's; a broken link is found."""

import argparse
import dataclasses
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, tiny_trainer
from guides_data import MAKERS

from lab import command, names, reference
from lab.errors import BadInput
from lab.names import Named

GUIDES = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*GUIDES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "results").glob("*/README.md"))]
NOT_RUN = {  # what a line begins with: why no test runs it
    "python3 -m venv": "installs; .ci/run does it in an empty environment",
    ". .venv/bin/activate": "the same",
    "pip install": "the same",
    "KERAS_BACKEND=jax": "asks for a GPU",
    "python experiments/benchmark.py": "hours; its records are in results/",
    "python -m pytest": "runs the tests themselves; the contract tests of what adding.md adds are run below",
    "python -m lab.reference": "writes into docs/ of the checkout; its pages are compared below",
}
CONTRACTS = {  # {folder: tests that whatever it lists is put to as it is, and what chooses those of one name}
    "strategies": ("test_strategies.py", "{name}"),
    "backbones": ("test_backbones_and_heads.py", "{name}"),
    "heads": ("test_names.py", "heads"),
    "losses": ("test_names.py", "losses"),
    "datasets": ("test_datasets.py", "{name}"),
}  # a loss wants its definition there, too, and a task small data of its own: adding.md says so
KINDS = {"task": "tasks", "strategy": "strategies", "head": "heads", "backbone": "backbones", "channels": "channels"}


def shell(text: str) -> list[str]:
    """The lines of all `sh` blocks; those that a backslash continues are one."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for b in blocks for line in b.replace("\\\n", " ").splitlines() if line.strip()]


def words(line: str) -> list[str]:
    """A command's words, without what is set before it, `&` behind it and a comment."""
    found = shlex.split(line, comments=True)
    return [w for i, w in enumerate(found) if w != "&" and not (i == 0 and re.fullmatch(r"[A-Z_]+=\S*", w))]


def asked_of(line: str) -> tuple[str, list[str]] | None:
    """(the module, its arguments) of a line that is a command of the lab."""
    match words(line):
        case ["python" | ".venv/bin/python", "-m", module, *argv] if module.partition(".")[0] == "lab":
            return module, argv
        case ["lab", name, *argv] if not name.startswith("-"):
            return f"lab.{name}", argv
    return None


def shown() -> list[tuple[str, str]]:
    """(page, line) of every command of the lab in a `sh` block of a page, or in its text."""
    found = []
    for page in PAGES:
        text, name = page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        inline = re.findall(r"`((?:[A-Z_]+=\S+ )?python -m lab[^`]*)`", prose)
        found += [(name, line) for line in dict.fromkeys([*shell(text), *inline]) if asked_of(line)]
    return found


EXAMPLES = {  # {file: its code} of adding.md
    match[1]: match[2]
    for match in re.finditer(
        r"^```python\n# (lab/\S+)\n(.*?)^```", (ROOT / "docs/adding.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
}
ADDED = {Path(file).stem for file in EXAMPLES}


class Parsed(Exception):
    """A command's arguments were read; it is not to go on."""


@pytest.fixture
def read_only(monkeypatch):
    """A command that is called reads its arguments, and ends with them."""
    plain = argparse.ArgumentParser.parse_args

    def parse_args(self, *given):
        raise Parsed(plain(self, *given))

    monkeypatch.setattr(command.Parser, "parse_args", parse_args)
    monkeypatch.chdir(ROOT)


def read(module: str, argv: list[str]) -> argparse.Namespace:
    found = importlib.import_module(module)
    if not hasattr(found, "main"):
        found = importlib.import_module(f"{module}.__main__")
    main = found.dispatched if module == "lab" else found.main
    with pytest.raises(Parsed) as parsed:
        main(argv)
    return parsed.value.args[0]


def check_names(given: argparse.Namespace) -> None:
    """Whatever the arguments call by name is in the lab, is made for the tests, or is what adding.md adds.

    Raises:
        BadInput: it is not.
    """
    from lab import losses
    from lab.runs.arguments import split_commas, values

    for option, folder in KINDS.items():
        for text in split_commas(getattr(given, option, None) or ""):
            if text not in ADDED:
                names.build(folder, text)
    for text in split_commas(getattr(given, "loss", None) or ""):
        losses.parsed("+".join(term for term in text.split("+") if term not in ADDED))
    dataset = getattr(given, "dataset", None) or ""
    made = ("my_", "new_", "tfds:", "hf:", "csv:", *ADDED)
    if dataset and not dataset.startswith(made):
        names.build("datasets", dataset)
    if hasattr(given, "epochs"):  # what takes the choices of a run
        for field in ("epochs", "size", "batch_size", "learning_rate", "seeds"):
            if getattr(given, field, None) and field != "seeds":
                values(field, getattr(given, field))


@pytest.mark.parametrize(("page", "line"), shown(), ids=lambda text: text[:60])
def test_a_command_that_a_page_shows_is_one(page, line, read_only):
    module, argv = asked_of(line)
    check_names(read(module, argv))


def test_a_command_that_is_none_is_found(read_only):
    for line, error in {
        "python -m lab.runn": ImportError,
        "python -m lab.run --strategie scratch": BadInput,
        "python -m lab.data": BadInput,
        "python -m lab.run --strategy scratchy": BadInput,
        "python -m lab.run --loss dice+dicey": BadInput,
        "python -m lab.rank --dataset sings": BadInput,
        "lab compar": ImportError,
    }.items():
        with pytest.raises(error):
            check_names(read(*asked_of(line)))


def test_every_guide_shows_commands_and_what_is_not_run_is_in_one():
    lines = [line for guide in GUIDES for line in shell(guide.read_text("utf-8"))]
    assert len(lines) > 50
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in lines)] == []


def shortened(line: str) -> str:
    """The line with two epochs where it begins a run and says no budget: what it does is seen in seconds."""
    is_run = re.match(r"python -m lab\.(run|doctor) ", f"{line} ") and "--epochs" not in line and "--budget" not in line
    return re.sub(r"( &|)$", r" --epochs 2\1", line.rstrip(), count=1) if is_run else line


def walk(lines: list[str], folder: Path, text: str, library: Path = ROOT) -> None:
    """Does the lines of a guide, whose text this is, in a folder with the data that it names."""
    for name, make in MAKERS.items():
        if name in text:
            make(folder)
    shutil.copytree(ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("__pycache__"))
    there = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(library),
        "KERAS_HOME": str(folder / "keras"),
    }
    script = "\n".join(line for line in lines if not line.startswith(tuple(NOT_RUN)))
    done = subprocess.run(["bash", "-ex"], cwd=folder, input=script, env=there, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def test_the_first_commands_of_the_guide_to_tables_do_what_it_says(tmp_path):
    text = (ROOT / "docs/tables.md").read_text("utf-8")
    walk(shell(text)[:4], tmp_path, text)
    answers = (tmp_path / "answers.csv").read_text().splitlines()
    assert answers[0] == "customerID,churn" and len(answers) == 10
    truth = [line.rpartition(",")[2] for line in (tmp_path / "churn.csv").read_text().splitlines()[1:10]]
    given = [line.rpartition(",")[2] for line in answers[1:]]
    assert sum(a == b for a, b in zip(given, truth, strict=True)) >= 8


@pytest.mark.slow
@pytest.mark.parametrize(
    "guide", [g for g in GUIDES if g.stem not in ("adding", "index", "design")], ids=lambda g: g.stem
)
def test_a_guide_does_what_it_says(guide, tmp_path):
    text = guide.read_text("utf-8")
    walk([shortened(line) for line in shell(text)], tmp_path, text)


@pytest.mark.slow
@pytest.mark.parametrize("file", EXAMPLES)
def test_what_the_guide_adds_is_made_trained_recorded_tested_and_removed(file, tmp_path):
    copy = tmp_path / "copy"
    for part in ("lab", "tests", "experiments"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / part, copy / part)
    (copy / file).write_text(EXAMPLES[file])
    folder, name = Path(file).parent.name, Path(file).stem
    listed = [sys.executable, "-m", f"lab.{folder}"]
    there = os.environ | {"PYTHONPATH": str(copy)}
    say = {"cwd": tmp_path, "env": there, "capture_output": True, "text": True}
    assert re.search(rf"\b{name}\b", subprocess.run(listed, **say).stdout)
    (tmp_path / "work").mkdir()
    lines = [line for line in shell((ROOT / "docs/adding.md").read_text("utf-8")) if name in line]
    walk(lines, tmp_path / "work", "\n".join(lines), copy)
    (record,) = (tmp_path / "work/results/quickstart").glob("*.json")
    assert name in record.read_text() and '"status": "done"' in record.read_text()
    if folder in CONTRACTS:
        tests, chosen = CONTRACTS[folder]
        contract = [sys.executable, "-m", "pytest", "-q", "-n0", f"tests/{tests}", "-k", chosen.format(name=name)]
        tested = subprocess.run(contract, **say | {"cwd": copy})
        assert tested.returncode == 0 and " passed" in tested.stdout, tested.stdout[-3000:]
    (copy / file).unlink()
    assert not re.search(rf"\b{name}\b", subprocess.run(listed, **say).stdout)


def example(file):
    """The class that an example of adding.md defines, as if its file were there."""
    space = {"__name__": file.removesuffix(".py").replace("/", ".")}
    exec(compile(EXAMPLES[file], file, "exec"), space)
    return space["".join(word.capitalize() for word in Path(file).stem.split("_"))]


def test_there_is_an_example_of_each_kind_whose_name_is_free():
    folders = {Path(file).parent.name for file in EXAMPLES}
    assert folders == {"strategies", "backbones", "heads", "losses", "datasets", "tasks"}
    assert not any((ROOT / file).exists() for file in EXAMPLES)


def test_the_example_strategy_trains_what_it_says(tmp_path):
    trainer = tiny_trainer(tmp_path)
    for step in example("lab/strategies/head_then_last.py")().steps(trainer.net.parts):
        trainer.execute(step)
    free = {row["stage"]: row["free"] for row in trainer.record[-1]["moved"]}
    assert free["stage5"] and free["head"] and not free["stage4"]


def test_the_example_backbone_and_head_make_a_network():
    from lab.networks.net import Net

    net = Net(example("lab/backbones/tiny.py")(), (32, 32, 3), example("lab/heads/normed_linear.py")(), 4)
    assert [r["stride"] for r in net.stages] == [2, 4, None]


def test_the_example_data_set_is_one():
    from lab.task import checked

    assert len(checked(example("lab/datasets/stripes.py")().load(None), "classification").train) == 30


def test_the_example_loss_is_the_one_of_the_paper():
    import numpy as np

    targets, logits = np.eye(3, dtype="float32")[[0, 2]], np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]).astype("float32")
    found = float(example("lab/losses/brier.py")()(targets, logits))
    assert found == pytest.approx(np.mean([0.25 + 0.09 + 0.04, 0.01 + 0.01 + 0.04]), rel=1e-5)


def test_the_reference_is_what_the_code_says():
    assert reference.stale(ROOT / "docs/reference") == []


def test_a_page_of_the_reference_that_is_not_is_named(tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    assert command.call(reference.main, ["--out", str(tmp_path)]) == 0
    assert command.call(reference.main, ["--out", str(tmp_path), "--check"]) == 0
    capsys.readouterr()
    folder = tmp_path / "docs/reference"
    (folder / "heads.md").write_text((folder / "heads.md").read_text().replace("dropout", "drop-out", 1))
    (folder / "noses.md").write_text("# Noses\n")
    (folder / "losses.md").unlink()
    assert command.call(reference.main, ["--out", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().out
    assert [word for word in ("heads", "noses", "losses", "tasks") if f"{word}.md" in said] == [
        "heads",
        "noses",
        "losses",
    ]
    assert command.call(reference.main, ["--out", str(tmp_path / "nowhere")]) == 2


@pytest.mark.parametrize("folder", ["strategies", "heads", "losses", "datasets", "channels", "backbones"])
def test_the_reference_has_every_name_with_its_arguments_and_source(folder):
    page = reference.page(folder)
    for name in names.listing(folder):
        cls = names.find(folder, name)
        assert f"`{name}" in page
        assert all(f"| `{field.name}` |" in page for field in dataclasses.fields(cls))
        source = f"lab/{cls.__module__.partition('.')[2].replace('.', '/')}.py"
        assert f"[{source}](../../{source})" in page and (ROOT / source).is_file()


@dataclass(frozen=True)
class Sly(Named):
    """Not `<b>this|that</b>` but <b>this|that</b> *there* [x](y).

    See https://example.org/a_b.

        as | it < is
    """

    rank: int = 4  # of <them|all>


def test_nothing_of_a_docstring_is_taken_for_markdown():
    assert reference._doc(Sly) == [
        "Not `<b>this|that</b>` but \\<b\\>this|that\\</b\\> \\*there\\* \\[x\\](y).",
        "See <https://example.org/a_b>.",
        "```text\nas | it < is\n```",
    ]
    assert reference._arguments(Sly).splitlines()[2] == "| `rank` | `4` | a whole number | of \\<them\\|all\\> |"


WRONG = {
    "[a](nowhere.md)": "nowhere.md",
    "[b](second.md#nothing)": "'nothing'",
    "[c](#here-neither)": "here-neither",
    "[d](../lab/nothing.py)": "../lab/nothing.py",
    "[e](../README.md#no-such-part)": "no-such-part",
    "![f](../img/no.png)": "img/no.png",
}
RIGHT = (
    "[a](second.md) [b](second.md#a-part) [c](#pages) [d](../lab/spec.py) [e](../README.md#start) ![f](../img/p.png)"
)


def built(folder: Path, links: str) -> subprocess.CompletedProcess:
    """The site of two pages and a README, with these links on the first page, made as `.ci/docs` makes it."""
    from PIL import Image

    shutil.copytree(ROOT / "docs" / "front", folder / "docs" / "front")
    shutil.copy(ROOT / "docs" / "conf.py", folder / "docs")
    for place in ("lab", "img"):
        (folder / place).mkdir()
    (folder / "lab/spec.py").write_text("SPEC = 1\n")
    Image.new("RGB", (4, 4)).save(folder / "img/p.png")
    (folder / "README.md").write_text("# Lab\n\n## Start\n\nHere.\n")
    (folder / "docs/second.md").write_text("# Second\n\n## A part\n\nQuokka.\n")
    pages = "## Pages\n\n- [Second](second.md): more.\n- [Readme](../README.md): all.\n"
    (folder / "docs/index.md").write_text(f"# First\n\n{pages}\n## Links\n\n{links}\n")
    order = re.search(r"-m (sphinx .*) \"", (ROOT / ".ci/docs").read_text())[1]
    return subprocess.run([sys.executable, "-m", *order.split(), "site"], cwd=folder, capture_output=True, text=True)


def test_a_link_or_an_anchor_that_leads_nowhere_fails_the_site(tmp_path):
    done = built(tmp_path, " ".join(WRONG))
    assert done.returncode == 1
    warned = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert [link for link, said in WRONG.items() if sum(said in line for line in warned) != 1] == []
    assert len(warned) == len(WRONG)


def test_links_out_of_docs_lead_to_pages_and_copies_and_the_site_can_be_searched(tmp_path):
    done = built(tmp_path, RIGHT)
    assert (done.returncode, done.stderr) == (0, "")
    first = (tmp_path / "site/docs/index.html").read_text()
    assert 'href="second.html#a-part"' in first and 'href="../README.html#start"' in first
    copy = re.search(r'href="(\.\./_downloads/[^"]+spec\.py)"', first)[1]
    assert (tmp_path / "site/docs" / copy).read_text() == "SPEC = 1\n"
    assert "quokka" in (tmp_path / "site/searchindex.js").read_text()
    assert "docs/index.html" in (tmp_path / "site/index.html").read_text()


def test_the_design_says_who_may_import_whom_as_the_contract_has_it():
    import tomllib

    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = [set(layer.split(" : ")) for layer in contract["layers"]]
    text = (ROOT / "docs/design.md").read_text("utf-8")
    block = re.search(r"### Who may import whom.*?```text\n(.*?)```", text, re.DOTALL)[1].splitlines()
    commands, *wings, foundations = [set(re.findall(r"\w+", line.partition(" (")[0])) for line in block]
    lowest = len(layers) - 1 - len(wings)
    assert commands == {"commands"} and wings == layers[1 : len(wings) + 1]
    assert foundations - {"foundations"} == set().union(*layers[-lowest:])
    assert all(f"`{name}`" in text for layer in layers for name in layer)
