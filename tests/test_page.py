"""The HTML page of an experiment: one file that opens from disk, loads nothing, sorts, filters and draws."""

import re
import shutil
import subprocess
from importlib import import_module

import pytest
from conftest import recorded_run

from lab import command
from lab.records import store
from lab.report import page

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
    return page.write(tested, store.read(tested), "x")


def test_everything_is_in_the_file_and_nothing_is_loaded(made):
    text = made.read_text()
    own = text[: text.index("plotly.js v")] + text[text.rindex('"use strict";') :]
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", own)
    assert "default-src 'none'" in own and len(text) > 4_000_000
    assert text.count("</script>") == 3  # no text of a record ends one


def test_what_comes_from_records_is_escaped(made):
    own = made.read_text().partition("plotly.js v")[0]
    assert "<b onclick" not in own and "&lt;b onclick" not in own.partition("<h2")[0]
    assert "\\u003c/script>\\u003cb onclick=x>&" in own


def test_verdicts_and_pictures_are_there(tested):
    assert command.call(main, ["--out", str(tested)]) == 0
    assert command.call(main, ["--page", "all", "--out", str(tested)]) == 0
    own = (tested / "pages" / "x.html").read_text().partition("plotly.js v")[0]
    assert "<h3>x: d, cnn10, 32 px, 3 epochs; test accuracy on 60 examples, 3 seeds</h3>" in own
    assert "cannot be told apart" in own and own.count("data:image/png;base64,") == 1  # confusion


def test_an_unknown_experiment_is_one_line(tested, capsys):
    assert command.call(main, ["--page", "y", "--out", str(tested)]) == 2
    assert capsys.readouterr().err == "error: no records of experiment y; there are x\n"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_sorts_filters_and_draws_without_an_error(made, tmp_path):
    def dom(view):
        command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", f"file://{made}#{view}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        assert "CONSOLE" not in done.stderr, done.stderr
        body = done.stdout
        return re.findall(r"<td[^>]*>([^<]*)</td>", body[body.index("<tbody>") : body.index("</tbody>")]), body

    cells, body = dom("sort=test&down=1")
    rows = [cells[i : i + len(page.COLUMNS)] for i in range(0, len(cells), len(page.COLUMNS))]
    scores = [row[page.COLUMNS.index("test")] for row in rows]
    assert len(rows) == 14 and "14 of 14 runs" in body and scores[-1] == "-"  # the failed one comes last
    assert scores[:-1] == sorted(scores[:-1], reverse=True) and body.count('aria-sort="descending"') == 1
    assert body.count('class="trace scatter') == 3 * 4  # loss, score and cost of each strategy
    cells, body = dom("filter=scratch+32&sort=seed")
    assert "3 of 14 runs" in body and cells[page.COLUMNS.index("seed") :: len(page.COLUMNS)] == ["0", "1", "2"]
