"""Tables and pictures from records alone, and --check, which sees one digit changed by hand."""

import subprocess
import sys
from importlib import import_module

import pytest
from conftest import ROOT

from lab import command, report
from lab.records import store
from lab.report import table

main = import_module("lab.report.__main__").main


def record(strategy="finetune", seed=0, accuracy=0.5, loss=1.0, dataset="signs", status="done", **more):
    history = [
        {
            "epoch": e,
            "steps": e * 5,
            "seconds": 1.0,
            "loss": 1 / e,
            "accuracy": e / 4,
            "val_loss": 1 / e,
            "val_accuracy": e / 5,
        }
        for e in (1, 2, 3)
    ]
    made = {
        "schema": 1, "name": f"m-{strategy}-{dataset}-32px-s{seed}-0000000{seed}", "experiment": "x", "status": status,
        "label": None, "digest": f"{strategy}{seed}{dataset}", "group": f"{strategy}{dataset}",
        "choices": {"task": "classification", "strategy": strategy, "dataset": dataset, "backbone": "cnn10",
                    "weights": "source",
                    "head": "linear", "size": 32, "limit": None, "seed": seed, "precision": "float32",
                    "bn": "sound", "budget": "3epochs"},
    }  # fmt: skip
    if status == "done":
        made |= {
            "test": {"accuracy": accuracy, "loss": loss}, "train": {"accuracy": 1.0, "loss": 0.1},
            "cost": {"train_seconds": 10.0 + seed}, "steps": [{"step": "train", "steps": 15, "history": history}],
        }  # fmt: skip
    return made | more


RECORDS = [
    record("finetune", 0, 0.8, 0.5), record("finetune", 1, 0.9, 0.7), record("scratch", 0, 0.25, 2.0),
    record("extract", status="failed", error="x"), record("scratch", dataset="a|b<i>", accuracy=0.3),
]  # fmt: skip


@pytest.fixture
def root(tmp_path):
    for r in RECORDS:
        store.write(tmp_path, r)
    (tmp_path / "README.md").write_text(
        "# Mine\n\n[comment]: # (result_table_start)\n[comment]: # (result_table_end)\n\nMy words.\n"
    )
    report.rebuild(tmp_path)
    return tmp_path


def row_of(text, *words):
    return next(line for line in text.splitlines() if all(w in line for w in words))


def test_a_row_is_mean_and_spread_over_seeds_with_the_best_in_bold():
    text = table.results(RECORDS)
    assert "**0.850 ± 0.071**" in row_of(text, "finetune") and "**0.60 ± 0.14**" in row_of(text, "finetune")
    assert "| 2 " in row_of(text, "finetune")
    assert "0.250 " in row_of(text, "scratch", "signs") and "**" not in row_of(text, "scratch", "signs")
    assert "failed" in row_of(text, "extract") and "| - " in row_of(text, "extract")


def test_rows_that_would_read_the_same_say_what_differs():
    one, other = record("scratch"), record("scratch", group="other")
    other["choices"] = {**other["choices"], "learning_rate": 0.1}
    text = table.results(
        [one, other, record("scratch", dataset="digits"), record("scratch", dataset="digits", experiment="y")]
    )
    assert "learning rate None" in text and "learning rate 0.1" in text
    assert "cnn10, from source, in x" in text and "cnn10, from source, in y" in text


def test_a_row_of_another_recipe_is_marked(monkeypatch):
    old = record("finetune", 0)
    old["choices"]["recipe"] = -1
    assert "1, stale" in row_of(table.results([old]), "finetune")


def test_a_line_says_what_the_figures_of_a_data_set_are_of():
    def sized(seed, train, size, budget):
        splits = {"train": {"examples": train}, "val": {"examples": 5}, "test": {"examples": 1200}}
        made = record("finetune", seed, data={"classes": ["a", "b|c"], "splits": splits})
        return made | {"choices": made["choices"] | {"size": size, "budget": budget}}

    runs = [sized(0, 10, 32, "20steps"), sized(1, 4000, "64x32", "3epochs"), record("extract", status="failed")]
    assert table.results(runs).splitlines()[-1] == (
        "- signs: 2 classes (a, b\\|c); trained on 10 to 4,000, chosen on 5, tested on 1,200 examples; 32 and 64x32 "
        "px; 3epochs and 20steps a run; seeds 0 and 1"
    )


def test_a_figure_is_traced_to_its_records(root, capsys):
    row = row_of((root / "README.md").read_text(), "finetune", "0.850")
    assert command.call(main, ["--where", "0.850 ± 0.071", "--out", str(root)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in out[0].split("|")] == [c.strip().strip("*") for c in row.split("|")[1:-1]]
    assert [line.strip() for line in out[1:]] == [
        f"results/x/m-finetune-signs-32px-s{s}-0000000{s}.json" for s in (0, 1)
    ]
    assert command.call(main, ["--where", "0.1234", "--out", str(root)]) == 2
    assert "no row of the results holds '0.1234'" in capsys.readouterr().err


def test_a_cell_cannot_break_the_table_or_hold_html():
    assert "a\\|b&lt;i&gt;" in table.results(RECORDS)


def test_only_what_is_between_the_markers_is_rewritten(root):
    text = (root / "README.md").read_text()
    assert text.startswith("# Mine\n") and text.endswith("\n\nMy words.\n") and "0.850" in text
    assert report.stale(root) == []


def test_a_readme_without_markers_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("# Somebody's own\n")
    said = []
    report.rebuild(tmp_path, said.append)
    assert (tmp_path / "README.md").read_text() == "# Somebody's own\n" and "it was left as it is" in said[-1]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: edit(root / "README.md", "0.850", "0.851"), "README.md line"),
        (lambda root: edit(next((root / "results/x").glob("*scratch-signs*")), "0.25", "0.26"), "was changed by hand"),
        (lambda root: next((root / "results/x").glob("*scratch-signs*")).unlink(), "README.md line"),
        (lambda root: next((root / "img/graph_loss_accuracy").glob("*.png")).unlink(), "is missing"),
        (lambda root: store.write(root, record("finetune", 0, 0.81, 0.5)), "is stale"),
    ],
)
def test_check_sees_an_edit(root, spoil, said, capsys):
    assert command.call(main, ["--check", "--out", str(root)]) == 0
    spoil(root)
    assert command.call(main, ["--check", "--out", str(root)]) == 1
    assert said in capsys.readouterr().out


def test_a_second_rebuild_changes_nothing(root):
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    report.rebuild(root)
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before


def test_a_figure_whose_records_are_gone_is_removed_and_a_users_own_picture_is_not(root):
    own = root / "img" / "graph_loss_accuracy" / "mine.png"
    from PIL import Image

    Image.new("RGB", (2, 2)).save(own)
    next((root / "results/x").glob("*scratch-signs*")).unlink()
    assert any("has no record" in line for line in report.stale(root))
    report.rebuild(root)
    assert own.exists() and report.stale(root) == []


def test_the_report_never_imports_keras(root):
    code = (
        "import sys\nfrom pathlib import Path\nfrom lab import report\n"
        f"report.rebuild(Path({str(root)!r}))\nassert not {{'keras', 'tensorflow', 'jax'}} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# This repository's own README and records


def test_our_own_readme_pictures_and_records_agree():
    assert report.stale(ROOT) == []


def test_finetune_beats_scratch_by_five_points_in_each_of_five_seeds():
    runs = {(r["choices"]["strategy"], r["choices"]["seed"]): r for r in store.read(ROOT, "transfer")}
    for seed in range(5):
        assert runs["finetune", seed]["test"]["accuracy"] >= runs["scratch", seed]["test"]["accuracy"] + 0.05
        assert runs["finetune", seed]["choices"]["budget"] == runs["scratch", seed]["choices"]["budget"]
