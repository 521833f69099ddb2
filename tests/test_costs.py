"""What the benchmark measured, as README shows it, and the arithmetic of the benchmark. No timings here."""

import json
import sys

import pytest
from conftest import ROOT

from lab.report import costs

ENVIRONMENT = {
    "cores": 2, "device": "cpu", "machine": "Linux x86_64", "python": "3.11.7", "backend": "tensorflow",
    "versions": {"keras": "3.15.1", "tensorflow": "2.21.0", "jax": None},
}  # fmt: skip


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    import benchmarks

    yield benchmarks
    for name in [n for n in sys.modules if n.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


def test_a_rate_is_ours_by_theirs_and_so_many_times_faster_is_theirs_by_ours(benchmarks):
    assert benchmarks.row("a", "images/s", 95, "b", 100, ("at least", 0.9))["ratio"] == 0.95
    assert benchmarks.row("a", "s", 2, "b", 16, ("at least", 8))["ratio"] == 8
    assert benchmarks.row("a", "s", 21, "b", 20, ("at most", 1.1))["ratio"] == 1.05


def test_what_takes_turns_is_called_in_turn_and_the_first_time_does_not_count(benchmarks):
    called = []
    seconds = benchmarks.in_turn({n: lambda n=n: called.append(n) for n in "ab"}, 3)
    assert called == list("abababab") and set(seconds) == {"a", "b"}


def test_every_measure_says_what_it_asks_and_is_run_by_the_benchmark(benchmarks):
    import ast

    script = (ROOT / "experiments/benchmark.py").read_text()
    for path in (ROOT / "experiments/benchmarks").glob("[a-z]*.py"):
        tree = ast.parse(path.read_text())
        assert (ast.get_docstring(tree) or "").split("\n")[0].endswith("?"), path.name
        assert "measure" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert f'"{path.stem}"' in script


def test_the_table_says_what_was_reached_what_was_not_and_on_what_machine(tmp_path, benchmarks):
    assert costs.measured(tmp_path).startswith("Not measured yet")
    rows = [
        benchmarks.row("steps | <b>", "images/s", 1234.5, "bare", 1250, ("at least", 0.95)),
        benchmarks.row("a run", "s", 22, "plain", 20, ("at most", 1.05)),
        benchmarks.row("an export", "images/s", 50, "Keras", 100),
    ]
    (tmp_path / "results").mkdir()
    made = {"steps": {"rows": rows, "environment": ENVIRONMENT, "seconds": 1.0, "finished": "2026-01-01"}}
    (tmp_path / "results/benchmark.json").write_text(json.dumps(made))
    lines = costs.measured(tmp_path).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:5]]
    assert cells[0][-5:] == ["1,234 images/s", "bare", "1,250 images/s", "0.99", "at least 0.95"]
    assert lines[2].startswith("| steps \\| &lt;b&gt; ")
    assert cells[1][-2:] == ["1.10", "at most 1.05, **not reached**"]
    assert cells[2][-2:] == ["0.50", ""]
    assert lines[-1] == "- steps: 2 cores, cpu, Linux x86_64, Python 3.11.7, keras 3.15.1, tensorflow 2.21.0"
