"""Score against the number of examples, on figures made up here."""

import numpy as np
import pytest
from test_report import record

from lab.records import outcomes
from lab.report import readme, shots

TESTED = 500  # examples


@pytest.fixture
def runs(tmp_path):
    """A function of {examples: (a score for each seed)} that makes the runs of a strategy, with their test examples."""

    def made(strategy, scores, **more):
        return [_run(tmp_path, strategy, n, *at, **more) for n, of in scores.items() for at in enumerate(of)]

    return made


def _run(root, strategy, examples, seed, value, **more):
    r = record(strategy, seed, value, **more)
    r["choices"] |= {"shots": str(examples), "data": r["choices"]["dataset"]}
    r["name"], r["group"] = f"{r['name']}{examples}", r["group"] + str(examples)
    splits = {"val": {"examples": 50}, "test": {"examples": TESTED, "digest": "t"}, "train": {"examples": examples}}
    r["data"], r["test"] = {"classes": ["a", "b"], "splits": splits}, r["test"] | {"examples": TESTED}
    labels = np.zeros(TESTED, int)
    predicted = (np.arange(TESTED) >= round(value * TESTED)).astype(int)
    path = outcomes.path_of(root, r)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, labels=labels, predicted=predicted)
    return r


@pytest.fixture
def scratch(runs):
    return runs("scratch", {10: (0.2, 0.22), 100: (0.5, 0.52), 1000: (0.9, 0.92)})


def test_a_row_a_strategy_a_column_a_size_and_the_best_in_bold(tmp_path, runs, scratch):
    text = shots.table(tmp_path, [*scratch, *runs("finetune", {10: (0.5, 0.52), 100: (0.7, 0.72), 1000: (0.8, 0.82)})])
    assert "| strategy   | 10 examples" in text and "1,000 examples" in text
    row = next(line for line in text.splitlines() if "`finetune`" in line)
    assert "**0.510 ± 0.014**" in row and "| 0.810 ± 0.014" in row


def test_strategies_break_even_where_their_curves_cross_on_a_logarithmic_axis(tmp_path, runs, scratch):
    text = shots.table(tmp_path, [*scratch, *runs("finetune", {10: (0.5, 0.52), 100: (0.6, 0.62), 1000: (0.8, 0.82)})])
    assert "- `finetune` and scratch break even at about 320 examples." in text  # half way from 100 to 1,000


def test_pretraining_that_hurts_is_said_with_its_interval(tmp_path, runs, scratch):
    text = shots.table(tmp_path, [*scratch, *runs("extract", {10: (0.3, 0.32), 100: (0.6, 0.62), 1000: (0.7, 0.72)})])
    assert "- Negative transfer: `extract` with 1,000 examples is 20.0 points below scratch" in text
    assert "Negative transfer: `extract` with 100" not in text


def test_what_examples_and_seeds_cannot_tell_apart_is_said(tmp_path, runs, scratch):
    text = shots.table(tmp_path, [*scratch, *runs("ridge", {10: (0.6, 0.62), 100: (0.5, 0.53)})])
    assert "- Cannot be told apart from scratch: `ridge` with 100 examples." in text and "`ridge` with 10 " not in text


def test_what_is_above_everywhere_and_what_is_nowhere_are_said(tmp_path, runs, scratch):
    text = shots.table(tmp_path, [*scratch, *runs("finetune", dict.fromkeys((10, 100, 1000), (0.95, 0.97)))])
    assert "is above scratch with every number of examples; by 5.0 points with 1,000" in text
    assert "no negative transfer is seen" in text
    below = shots.table(tmp_path, [*scratch, *runs("extract", dict.fromkeys((10, 100, 1000), (0.1, 0.12)))])
    assert "- `extract` is not above scratch with 10 examples, the fewest." in below


def test_probes_stand_beside_what_is_trained(tmp_path, runs, scratch):
    probes = runs("ridge", {10: (0.6, 0.62), 100: (0.7, 0.72)})
    for r in probes:
        del r["choices"]["budget"]
    text = shots.table(tmp_path, [*scratch, *probes])
    assert text.count("| strategy") == 1 and "`ridge`" in text


def test_one_size_is_no_comparison(tmp_path, runs, scratch):
    assert (
        shots.table(tmp_path, runs("scratch", {10: (0.2, 0.3)}))
        == "No strategies compared by the number of examples yet."
    )
    assert list(shots.pictures(runs("scratch", {10: (0.2, 0.3)}))) == []


def test_a_picture_is_drawn_of_each_comparison(tmp_path, runs, scratch):
    [(name, numbers, draw)] = shots.pictures([*scratch, *runs("finetune", {10: (0.5, 0.52), 100: (0.6, 0.62)})])
    assert name.startswith("shots/") and numbers[1][1][0] == [10, 0.5, 0.52]
    assert draw().axes[0].get_xscale() == "log"


def test_runs_that_stand_in_the_table_by_shots_are_rows_of_the_main_one_only_without_it(tmp_path, runs, scratch):
    alone = runs("scratch", {10: (0.2, 0.3)}, dataset="digits")
    assert shots.others([*scratch, *alone]) == alone
    blocks = {n: f"[comment]: # ({n}_start)\n[comment]: # ({n}_end)\n" for n in ("result_table", "shots_table")}
    for text, rows in ((blocks["result_table"], 3), ("".join(blocks.values()), 0)):
        (tmp_path / "README.md").write_text(text)
        readme.rewrite(tmp_path, scratch)
        assert (tmp_path / "README.md").read_text().count("| scratch ") == rows
