"""What README and the pages of the results show works: links lead somewhere, pictures are there, commands exist."""

import re
import subprocess

import pytest
from conftest import ROOT

from lab.report import headline, markdown
from lab.report.markdown import slug

FOLDERS = ["home", "root", "tmp", "work", "opt", "Users"]  # of machines
README = (ROOT / "README.md").read_text()
PAGES = ["README.md", "results/README.md"]
PAGES += sorted(f"results/{p.parent.name}/README.md" for p in ROOT.glob("results/*/README.md"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s:]+)\)")
SET_UP = [
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && .venv/bin/python -m lab.run",
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/python -m pytest -q",
]


def table(name):
    """The cells of a table of README, its heads first."""
    _, _, rest = README.partition(f"[comment]: # ({name}_start)\n\n")
    lines = [line for line in rest.partition("\n\n")[0].splitlines() if not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_readme_is_a_page_that_people_read():
    assert len(README.splitlines()) <= 250 and len(README.encode()) <= 20_000
    assert 1 < len(table("result_table")) <= 1 + headline.MOST
    assert [line for line in README.splitlines() if line.startswith("python3 -m venv")] == SET_UP


def test_each_row_of_the_headline_leads_to_its_page():
    heads, *rows = table("result_table")
    assert heads == headline.HEADS and all(re.match(r"\[[^\]]+\]\(results/\w+/README\.md#", row[0]) for row in rows)


def test_the_nine_rows_of_the_lab_that_this_one_replaces_are_there_in_its_columns():
    import csv

    lines = (ROOT / "experiments" / "gtsrb_published.csv").read_text().splitlines()
    published = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    heads, *rows = table("replaced_table")
    theirs = [row for row in rows if row[0].startswith("`")]
    assert heads == list(published[0]) and len(theirs) == len(published) == 9
    for row, known in zip(theirs, published, strict=True):
        assert row[0] == f"`{known['model']}`"
        assert [float(v) for v in row[1:5]] == pytest.approx([float(known[h]) for h in heads[1:5]], abs=0.006)
        assert float(row[5]) == pytest.approx(float(known["time s"]), abs=0.5)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = (ROOT / page).parent
    for target in LINK.findall(prose(page)):
        name, _, anchor = target.partition("#")
        path = (folder / name) if name else ROOT / page
        assert path.exists(), target
        if anchor:
            assert anchor in {slug(h) for h in re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)}, target


@pytest.mark.parametrize("page", PAGES)
def test_headings_have_anchors_of_their_own(page):
    found = [slug(h) for h in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)]
    assert len(found) == len(set(found))


def test_pictures_are_committed_where_a_page_shows_them_and_nowhere_else():
    there = {p.resolve() for p in [*ROOT.glob("img/**/*.png"), *ROOT.glob("results/*/img/*.png")]}
    pages = [*PAGES, *(p.relative_to(ROOT) for p in ROOT.glob("docs/**/*.md"))]
    shown = {
        ((ROOT / page).parent / target).resolve()
        for page in pages
        for target in markdown.pictures((ROOT / page).read_text())
    }
    assert {p for p in shown if not p.exists()} == set()
    assert {str(p) for p in there - shown if "quickstart" not in str(p)} == set()


def prose(page):
    """A page without its code, where nothing is a heading or a link."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)


def test_every_flag_shown_exists():
    from lab.report.__main__ import main  # noqa: F401  (the module that has --check)
    from lab.runs import arguments

    known = set(re.findall(r"--[a-z-]+", arguments.parser("lab.run", "").format_help()))
    known |= {
        "--dry-run",
        "--check",
        "--where",
        "--page",
        "--on",
        "--to",
        "--best",
        "--experiment",
        "--name",
        "--backbones",
    }
    text = "".join((ROOT / page).read_text() for page in PAGES)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known


def test_nothing_of_a_machine_is_in_the_project():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not files:
        pytest.skip("not a checkout")
    for name in files:
        if name.endswith((".py", ".md", ".json", ".toml", ".txt")):
            text = (ROOT / name).read_text()
            assert not re.search(rf"/({'|'.join(FOLDERS)})/", text), name
