"""The HTML page of experiments: one file that opens from disk, loads nothing, sorts, filters and draws contests."""

import html
import json
import re
import shutil
import subprocess
from importlib import import_module

import pytest
from conftest import recorded_run

from lab import command
from lab.drawing import PALETTE
from lab.records import store
from lab.report import page, standings
from lab.report.panels import panels

main = import_module("lab.report.__main__").main
NASTY = "</script><b onclick=x>&"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=5000", "--enable-logging=stderr",
]  # fmt: skip


@pytest.fixture
def made(tested):
    r = recorded_run(tested, "finetune", 7, 2)
    store.write(tested, r | {"label": NASTY})
    failed = {k: v for k, v in r.items() if k != "test"}
    store.write(tested, {**failed, "name": "bad-s9-00000000", "status": "failed", "error": NASTY})
    return page.write(tested, store.read(tested), ["x"])


def contests(root):
    return [list(p.contest.runs) for p in panels(root, store.read(root))]


def own(path):
    """The page's HTML, without the records and plotly."""
    text = path.read_text()
    return text[: text.index('<script id="data"')] + text[text.rindex("</script>") :]


def test_everything_is_in_the_file_and_nothing_is_loaded(made):
    text = made.read_text()
    ours = text[: text.index("plotly.js v")] + text[text.rindex('"use strict";') :]
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", ours)
    assert "default-src 'none'" in ours and len(text) > 4_000_000
    assert text.count("</script>") == 3  # no text of a record ends one


def test_what_comes_from_records_is_escaped(tested):
    for seed in (1, 2):
        recorded_run(tested, "finetune", seed, 3, data=NASTY, backbone=NASTY, augment="light")
        recorded_run(tested, "finetune", seed, 8, data=NASTY, backbone=NASTY, augment=NASTY)
    text = page.write(tested, store.read(tested), ["x"]).read_text()
    assert "<b onclick" not in text and "\\u003c/script>\\u003cb onclick=x>&" in text
    assert f'<h3 id="contest-0-title">{html.escape(NASTY)}, {html.escape(NASTY)}, 32 px' in text
    assert f"<span>augment {html.escape(NASTY)}</span>" in text


def test_a_panel_is_of_one_data_set_network_and_size_the_best_first(tested):
    for seed in range(2):
        recorded_run(tested, "finetune", seed, 9, backbone="other")
        recorded_run(tested, "scratch", seed, 8, data="e", dataset="e")
    assert contests(tested) == [["lpft", "finetune", "knn", "scratch"], ["finetune"], ["scratch"]]
    titles = [p.title for p in panels(tested, store.read(tested))]
    assert titles == ["d, cnn10, 32 px, 3 epochs", "d, other, 32 px, 3 epochs", "e, cnn10, 32 px, 3 epochs"]


def test_a_contestant_is_called_by_what_tells_it_apart(tmp_path):
    for seed in range(2):
        recorded_run(tmp_path, "finetune", seed, 4, augment="none")
        recorded_run(tmp_path, "finetune", seed, 5, augment="strong")
        recorded_run(tmp_path, "scratch", seed, 6, augment="none", weights="none")
    assert contests(tmp_path) == [["finetune", "finetune, augment strong", "scratch"]]
    recorded_run(tmp_path, "scratch", 0, 7, augment="none", weights="none", budget="9epochs")
    assert contests(tmp_path) == [
        ["finetune, 3 epochs", "finetune, augment strong, 3 epochs", "scratch, 3 epochs", "scratch, 9 epochs"]
    ]
    assert [p.title for p in panels(tmp_path, store.read(tmp_path))] == ["d, cnn10, 32 px"]


def test_a_network_that_has_one_run_at_each_size_is_one_panel(tmp_path):
    for size, wrong in ((32, 9), (48, 4)):
        recorded_run(tmp_path, "finetune", 0, wrong, size=size)
    assert contests(tmp_path) == [["48 px", "32 px"]]


def test_no_run_of_a_panel_is_lost(tested):
    records = store.read(tested)
    shown = [r["name"] for p in panels(tested, records) for r in p.contest.records]
    assert sorted(shown) == sorted(r["name"] for r in records)


def test_verdicts_stand_beside_the_curves(tested):
    assert command.call(main, ["--out", str(tested)]) == 0
    assert command.call(main, ["--page", "all", "--out", str(tested)]) == 0
    text = own(tested / "pages" / "x.html")
    found = panels(tested, store.read(tested))[0]
    pair = found.verdict.pair("lpft", "scratch")
    d = pair.difference
    behind = f"-{100 * d.mean:.1f} (-{100 * d.high:.1f} to -{100 * d.low:.1f})"
    assert f'<td data-to="best" class="number">{behind}</td>' in text
    assert f'<td data-to="base" class="number">+{behind[1:].split()[0]} (' in text  # lpft against scratch
    assert "Cannot be told apart from it: finetune." in text and ">tie<" in text and ">below<" in text
    assert "lpft has accuracy 0.917 ± 0.000 on the test split, the best of 4" in text
    assert "Line: mean over 3 seeds" in text and "± 1 standard deviation" in text
    assert text.count("data:image/png;base64,") == 1  # confusion


def test_one_seed_and_one_contestant_are_said_to_be_that(tmp_path):
    recorded_run(tmp_path, "finetune", 0, 4)
    text = own(page.write(tmp_path, store.read(tmp_path), ["x"]))
    assert "One contestant: there is nothing to compare it with." in text and "Band" not in text
    assert "Of one seed, a plain line whose spread is not known: all." in text
    recorded_run(tmp_path, "scratch", 0, 30)
    text = own(page.write(tmp_path, store.read(tmp_path), ["x"]))
    assert "One seed each: it holds for these networks, not for other seeds." in text


def test_a_run_without_steps_is_drawn_straight_at_its_own_score(tmp_path):
    r = recorded_run(tmp_path, "knn", 0, 20, budget="-")
    store.write(tmp_path, r | {"steps": [{"step": "solve", "seconds": 1.0}]})
    recorded_run(tmp_path, "finetune", 0, 4)
    text = page.write(tmp_path, store.read(tmp_path), ["x"]).read_text()
    assert "Straight across, since they take no training steps: knn." in text
    data = json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', text)[1])
    curves = {run["record"]["choices"]["strategy"]: run["curve"] for run in data["runs"]}
    assert curves["knn"] == {"x": [], "val_score": [0.9], "val_loss": [0.2], "score": [1.0], "loss": [0.1]}
    assert curves["finetune"] == {"x": [10, 20], "val_score": [0.5, 0.8], "val_loss": [1, 1], "loss": [1, 1]}


def test_outcomes_that_are_gone_cost_the_verdict_of_their_panel_only(tested):
    for seed in range(2):
        recorded_run(tested, "finetune", seed, 9, data="e", dataset="e")
        r = recorded_run(tested, "scratch", seed, 30, data="e", dataset="e")
    (store.results(tested) / "x" / f"{r['name']}.test.npz").unlink()
    first, second = panels(tested, store.read(tested))
    assert first.verdict and not second.verdict and second.why.startswith("No verdict: ")
    assert list(second.contest.runs) == ["finetune", "scratch"]


def test_several_experiments_are_one_page_and_a_contestant_looks_the_same_in_all(tested, capsys):
    for seed in range(2):
        recorded_run(tested, "lpft", seed, 3, experiment="y")
        recorded_run(tested, "zeta", seed, 4, experiment="y")
    for words in (["--page", "y,x"], ["--page", "y", "--page", "x"]):
        assert command.call(main, [*words, "--out", str(tested)]) == 0
        assert capsys.readouterr().out == "wrote pages/y+x.html\n"
    text = own(tested / "pages" / "y+x.html")
    assert (
        text.index("<h2>y</h2>")
        < text.index('id="contest-0"')
        < text.index("<h2>x</h2>")
        < text.index('id="contest-1"')
    )
    found = panels(tested, store.read(tested))
    looks = standings.looks(found)
    assert next(iter(looks)) == "lpft" and looks["lpft"]["color"] == PALETTE[0]  # it is in both panels
    assert text.count(f"{standings.swatch(looks['lpft'])}<span>lpft</span>") == 2
    assert len({tuple(look.values()) for look in looks.values()}) == len(looks) == 5


def test_an_unknown_experiment_is_one_line(tested, capsys):
    for word, unknown in (("y", "y"), ("x,z", "z")):
        assert command.call(main, ["--page", word, "--out", str(tested)]) == 2
        assert capsys.readouterr().err == f"error: no records of experiment {unknown}; there are x\n"
    assert command.call(main, ["--page", ",", "--out", str(tested)]) == 2
    assert "takes experiments, with commas between them; there are x" in capsys.readouterr().err


def test_an_experiment_that_never_finished_has_a_page(tested):
    r = recorded_run(tested, "finetune", 0, 4, experiment="y")
    store.write(tested, {k: v for k, v in r.items() if k != "test"} | {"status": "failed"})
    assert "No run has finished" in own(page.write(tested, store.read(tested), ["y"]))


def dom(file, folder, view=""):
    """(cells of the table of runs, the body) once a browser has run the page, which must have nothing to say."""
    command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'browser'}", "--dump-dom", f"file://{file}#{view}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "CONSOLE" not in done.stderr, done.stderr
    runs = done.stdout[done.stdout.index('<table id="runs"') :]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", runs[: runs.index("</tbody>")])
    return cells, done.stdout


def column(cells, name):
    return cells[page.COLUMNS.index(name) :: len(page.COLUMNS)]


def drawn(body):
    return body.count('class="trace scatter')


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_sorts_filters_and_draws_without_an_error(made, tmp_path):
    cells, body = dom(made, tmp_path, "sort=test&down=1")
    scores = column(cells, "test")
    assert len(scores) == 14 and "14 of 14 runs" in body and scores[-1] == "-"  # the failed one comes last
    assert scores[:-1] == sorted(scores[:-1], reverse=True) and body.count('aria-sort="descending"') == 1
    assert drawn(body) == 2 * 4  # of each strategy the band and the mean
    assert "validation accuracy" in body and "training steps" in body
    cells, body = dom(made, tmp_path, "filter=scratch+32&sort=seed&seeds=1")
    assert "3 of 14 runs" in body and column(cells, "seed") == ["0", "1", "2"]
    assert drawn(body) == 3 and "Thin: single seeds." in body


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_obeys_the_keyboard_and_the_boxes(made, tmp_path):
    done = """<script>setTimeout(() => {
        document.querySelector("[data-contestant]").click();
        const row = document.querySelector("#runs tbody tr"), key = k => new KeyboardEvent("keydown", {key: k});
        row.focus(); row.dispatchEvent(key("ArrowDown")); document.activeElement.dispatchEvent(key("Enter"));
        document.querySelector(".standings tbody tr:last-child input").focus();
    }, 1500)</script>"""
    made.write_text(made.read_text().replace("</body>", f"{done}</body>"))
    _, body = dom(made, tmp_path, "show=time")
    assert drawn(body) == 3  # without the one whose box was emptied
    assert body.count("opacity: 0.12") == 2  # the others, while one is looked at
    second = re.findall(r'<tr class="[^"]*shown"[^>]*>', body)
    assert len(second) == 1 and 'tabindex="0"' in second[0] and body.count('<tr class="" tabindex="0"') == 0
    assert '<div id="record">' in body
