"""Tables and pictures from records alone, and --check, which sees one digit changed by hand."""

import subprocess
import sys
from importlib import import_module

import pytest
from conftest import ROOT

from lab import command, report
from lab.records import store
from lab.report import headline, rows
from lab.report.captions import captions
from lab.report.site import Site

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


def of(records, data="signs"):
    """What the page of an experiment with such records says of its runs on a data set."""
    return next(some.text for some in rows.of_experiment(records) if some.data == data)


def test_a_row_is_mean_and_spread_over_seeds_with_the_best_in_bold():
    text = of(RECORDS)
    assert "**0.850 ± 0.071**" in row_of(text, "finetune") and "**0.60 ± 0.14**" in row_of(text, "finetune")
    assert "| `finetune` | 2 |" in text
    assert "0.250 " in row_of(text, "scratch") and "**" not in row_of(text, "scratch")
    assert "failed" in row_of(text, "extract") and "| - " in row_of(text, "extract")


def test_what_tells_rows_apart_has_a_column_and_what_does_not_is_said_once():
    one, other = record("scratch"), record("scratch", group="other")
    other["choices"] = {**other["choices"], "learning_rate": 0.1, "batch_size": 8}
    one["choices"] = {**one["choices"], "learning_rate": 0.2, "batch_size": 8}
    text = of([one, other])
    assert "| learning rate | test accuracy |" in text and "| 0.1 |" in text and "| 0.2 |" in text
    said, table = text.split("\n\n")
    assert said == (
        "The same in all rows, where they have it: cnn10, from source, 32 px, 3 epochs, batches of 8, scratch, 1 seed."
    )
    assert not any(word in table for word in ("cnn10", "source", "32 px", "epochs", "scratch"))


def test_rows_that_would_read_the_same_say_what_differs():
    both = of([record("scratch", dataset="digits"), record("scratch", dataset="digits", experiment="y")], "digits")
    assert "| in x |" in both and "| in y |" in both


def test_a_table_wider_than_a_screen_is_two():
    from test_segmentation import masks_record

    text = of([masks_record("unet", 0, 0.5), masks_record("segnet", 0, 0.4)], "scenes")
    assert text.count("| head |") == 2 and max(line.count("|") for line in text.splitlines()) <= rows.COLUMNS + 1


def test_a_row_of_another_recipe_is_marked(monkeypatch):
    old = record("finetune", 0)
    old["choices"]["recipe"] = -1
    assert "| 1, stale |" in of([old, record("extract", 0)])
    alone = of([old])  # said once where it holds for all rows
    assert "trained by recipe -1, which is not today's, 1 seed." in alone and "stale" not in alone


def test_a_line_says_what_the_figures_of_a_data_set_are_of():
    def sized(seed, train, size, budget):
        splits = {"train": {"examples": train}, "val": {"examples": 5}, "test": {"examples": 1200}}
        made = record("finetune", seed, data={"classes": ["a", "b|c"], "splits": splits})
        return made | {"choices": made["choices"] | {"size": size, "budget": budget}}

    runs = [sized(0, 10, 32, "20steps"), sized(1, 4000, "64x32", "3epochs"), record("extract", status="failed")]
    assert captions(runs).splitlines()[-1] == (
        "- signs: 2 classes (a, b\\|c); trained on 10 to 4,000, chosen on 5, tested on 1,200 examples; 32 and 64x32 "
        "px; 3 epochs and 20 steps a run; seeds 0 and 1"
    )


def test_a_figure_is_traced_to_its_records(root, capsys):
    row = row_of((root / "results/x/README.md").read_text(), "finetune", "0.850")
    assert command.call(main, ["--where", "0.850 ± 0.071", "--out", str(root)]) == 0
    out = capsys.readouterr().out.splitlines()
    files = [f"results/x/m-finetune-signs-32px-s{s}-0000000{s}.json" for s in (0, 1)]
    at = out.index("x | signs | " + row.strip("| ").replace("**", ""))
    assert [line.strip() for line in out[at + 1 : at + 3]] == files
    head = next(i for i, line in enumerate(out) if line.startswith("[signs](results/x/README.md#"))
    assert files[0] in [line.strip() for line in out[head + 1 : at]]  # README's row is of those and of others
    assert command.call(main, ["--where", "0.1234", "--out", str(root)]) == 2
    assert "no row of the results holds '0.1234'" in capsys.readouterr().err


def test_a_cell_cannot_break_the_table_or_hold_html(root):
    for page in ("README.md", "results/README.md", "results/x/README.md"):
        text = (root / page).read_text()
        assert "a\\|b&lt;i&gt;" in text and "<i>" not in text


def test_only_what_is_between_the_markers_is_rewritten(root):
    text = (root / "README.md").read_text()
    assert text.startswith("# Mine\n") and text.endswith("\n\nMy words.\n") and "0.850" in text
    page = root / "results/x/README.md"
    page.write_text(page.read_text().replace("# x\n", "# x\n\nMy finding.\n"))
    report.rebuild(root)
    assert page.read_text().startswith("# x\n\nMy finding.\n\n") and "0.850" in page.read_text()
    assert report.stale(root) == []


def test_a_page_keeps_its_ends_of_lines(root):
    path = root / "README.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    report.rebuild(root)
    assert path.read_bytes() == before or b"\n" not in path.read_bytes().replace(b"\r\n", b"")
    assert report.stale(root) == []


def test_a_page_that_is_not_in_utf8_is_left_alone(root):
    (root / "README.md").write_bytes("Prüfung\n".encode("latin-1"))
    report.rebuild(root)
    assert (root / "README.md").read_bytes() == "Prüfung\n".encode("latin-1")


def test_a_page_that_is_a_link_stays_one(root):
    (root / "README.md").rename(root / "there.md")
    (root / "README.md").symlink_to("there.md")
    (root / "there.md").write_text("# It\n\n[comment]: # (result_table_start)\n[comment]: # (result_table_end)\n")
    report.rebuild(root)
    assert (root / "README.md").is_symlink() and "|" in (root / "there.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "results/README.md", "results/x/README.md"])
def test_a_page_without_markers_is_left_alone(root, name):
    (root / name).write_text("# Somebody's own\n")
    said = []
    report.rebuild(root, said.append)
    assert (root / name).read_text() == "# Somebody's own\n" and any(
        line.startswith(f"{name} has no lines") and "it was left as it is" in line for line in said
    )


def test_a_guide_that_shows_a_figure_is_rebuilt_and_checked(root):
    store.write(root, record("finetune", 3, findings=[{"what": "an odd thing"}]))
    guide = root / "docs" / "more" / "a.md"
    guide.parent.mkdir(parents=True)
    marked = "".join(f"[comment]: # ({n}_start)\n[comment]: # ({n}_end)\n\n" for n in ("losses_table", "findings_list"))
    guide.write_text(f"# A\n\n{marked}")
    (root / "docs" / "b.md").write_text("# B\n")
    assert any(line.startswith("docs/more/a.md line") for line in report.stale(root))
    report.rebuild(root)
    assert "an odd thing" in guide.read_text()  # of all experiments
    assert "`focal" in guide.read_text() and (root / "docs" / "b.md").read_text() == "# B\n"
    assert report.stale(root) == []


def own(seed, day, **more):
    return record(
        "finetune", seed, experiment="quickstart", finished=day, group=f"own{seed}", name=f"own{seed}", **more
    )


def test_a_users_own_new_runs_stand_first_the_newest_before_all(tmp_path):
    records = [record("scratch", dataset="a"), own(0, "2026-01-01"), own(1, "2026-02-01", dataset="z")]
    found = headline.rows_of(Site(tmp_path, records))
    assert [row.records[0]["name"] for row in found] == ["own1", "own0", records[0]["name"]]
    assert found[0].cells[0].startswith("[z](results/quickstart/README.md#on-z) cnn10, 32 px, 3 epochs, 1 seed")


def test_the_headline_has_forty_rows_at_most_of_which_a_user_has_some(tmp_path):
    mine = [own(seed, f"2026-01-{seed:02}", dataset=f"d{seed}") for seed in range(1, 30)]
    others = [record("scratch", dataset=f"e{i}", name=f"e{i}", group=f"e{i}") for i in range(50)]
    found = headline.rows_of(Site(tmp_path, [*mine, *others]))
    assert len(found) == headline.MOST and sum(row.records[0]["experiment"] == "quickstart" for row in found) == 15
    assert len(headline.rows_of(Site(tmp_path, mine))) == 29


def test_who_won_is_judged_and_how_much_it_is_over_scratch(tested):
    site = Site(tested, store.read(tested))
    (row,) = headline.rows_of(site)
    assert row.cells[1] == "**`lpft`, `finetune`** tie, `knn`, `scratch`" and row.cells[2] == "accuracy 0.917 ± 0.000"
    ((contest, _),) = site.contests("x")
    pair = site.over_scratch(contest)["lpft"]
    d = pair.difference
    assert row.cells[3] == f"+61.7 ({100 * d.low:+.1f} to {100 * d.high:+.1f})" and pair.counts
    report.rebuild(tested)
    line = row_of((tested / "results/x/README.md").read_text(), "`lpft`", "1 to 2")
    assert f"| +61.7 | {100 * d.low:+.1f} to {100 * d.high:+.1f} |" in line


def test_why_there_is_no_verdict_is_said_in_its_place(tested):
    path = next((tested / "results/x").glob("*scratch*.npz"))
    path.unlink()
    report.rebuild(tested)
    page = (tested / "results/x/README.md").read_text()
    assert "Not judged: " in page and path.name in page and str(tested) not in page
    assert "| not judged |" in (tested / "README.md").read_text() and report.stale(tested) == []


def test_why_a_run_is_not_done_stands_on_its_page(root):
    assert "- 1 failed: x" in (root / "results/x/README.md").read_text().splitlines()


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: edit(root / "README.md", "0.850", "0.851"), "README.md line"),
        (lambda root: edit(root / "results/x/README.md", "0.850", "0.851"), "results/x/README.md line"),
        (lambda root: edit(root / "results/README.md", "0.850", "0.851"), "results/README.md line"),
        (lambda root: (root / "results/x/README.md").unlink(), "there is no results/x/README.md"),
        (lambda root: edit(next((root / "results/x").glob("*scratch-signs*")), "0.25", "0.26"), "was changed by hand"),
        (lambda root: next((root / "results/x").glob("*scratch-signs*")).unlink(), "README.md line"),
        (lambda root: next((root / "results/x/img").glob("*.png")).unlink(), "is missing"),
        (lambda root: store.write(root, record("scratch", dataset="a|b<i>", accuracy=0.31)), "is stale"),
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
    own = root / "results" / "x" / "img" / "mine.png"
    from PIL import Image

    Image.new("RGB", (2, 2)).save(own)
    next((root / "results/x").glob("*scratch-signs*")).unlink()
    assert any("is shown on no page" in line for line in report.stale(root))
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
