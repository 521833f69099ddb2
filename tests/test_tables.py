"""The README's other tables and pictures, against figures worked out here by other means."""

import json

import numpy as np
import pytest
from conftest import ROOT, recorded_run
from test_report import record, row_of

from lab import report
from lab.comparison.contestants import contests
from lab.comparison.kept_verdicts import judge
from lab.records import store
from lab.report import caching, channels, margins, memory, original, pictures, policies, readme

PUBLISHED = """# about
# Somebody 2019
model,test accuracy,test loss,train accuracy,train loss,time s
first,0.03,1,0.98,1,1
second,0.5,1,0.6,1,1
third,0.1,1,0.2,1,1
"""


def choices(r, **more):
    return {**r, "choices": {**r["choices"], **more}}


def test_published_rows_stand_beside_ours_and_none_is_left_out(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "x_published.csv").write_text(PUBLISHED)
    phase = [{"step": "train", "steps": 1, "kept_epoch": 2, "history": [{"accuracy": 0.1}, {"accuracy": 0.9}]}]
    runs = [
        record("scratch", 0, 0.7, label="first", steps=phase, group="a"),
        record("scratch", 1, 0.8, label="first", steps=phase, group="a"),
        record("scratch", 0, 0.2, label="first", steps=phase, group="b"),
        record("frozen", status="unavailable", label="second", error="no weights here", command="python -m lab.run x"),
        record("scratch", 0, 0.4, label="third", experiment="y"),
    ]
    text = original.beside_ours(tmp_path, runs)
    assert "| 0.980" in row_of(text, "`first`", "2 seeds") and "0.900" in row_of(text, "`first`", "2 seeds")
    assert "0.750" in row_of(text, "`first`", "2 seeds") and sum("`first`" in line for line in text.splitlines()) == 2
    assert "unavailable" in row_of(text, "`second`", "[1]")
    assert "- [1] no weights here. `python -m lab.run x`" in text.splitlines()
    assert "not run" in row_of(text, "`third`")
    assert text.endswith("Somebody 2019")


def test_the_nine_rows_of_the_original_are_in_the_experiments_by_name():
    import runpy

    _, rows = original.read(ROOT / "experiments" / "gtsrb_published.csv")
    files = ("gtsrb.py", "gtsrb_256.py")
    ours = {r.name for f in files for r in runpy.run_path(str(ROOT / "experiments" / f))["RUNS"]}
    assert len(rows) == 9 and {r["model"] for r in rows} <= ours


def test_a_row_of_what_a_source_is_worth_is_the_verdict_against_scratch(tmp_path):
    for seed, (ours, theirs) in enumerate([(6, 24), (4, 30), (9, 27)]):
        recorded_run(tmp_path, "finetune", seed, ours)
        recorded_run(tmp_path, "scratch", seed, theirs, weights="none")
    recorded_run(tmp_path, "scratch", 7, 55, weights="none")  # that has no partner
    recorded_run(tmp_path, "lpft", 0, 5)  # nor enough seeds
    records = store.read(tmp_path)
    text = margins.against_scratch(tmp_path, records)
    d = judge(tmp_path, contests(records, ["scratch", "finetune"]), margins.DRAWS)[0].pairs[0].difference
    assert d.seeds == (0, 1, 2) and d.mean == pytest.approx(62 / 3 / 60)
    row = row_of(text, "`finetune`", "| 3 ", f"{100 * d.low:+.1f} to {100 * d.high:+.1f}", "above")
    assert f"{100 * 62 / 180:+.1f}" in row and "lpft" not in text


@pytest.mark.parametrize(("ours", "verdict"), [(50, "below"), (29, "cannot be told apart"), (3, "above")])
def test_a_verdict_needs_a_difference_that_seeds_and_examples_do_not_explain(tmp_path, ours, verdict):
    for seed in range(3):
        recorded_run(tmp_path, "finetune", seed, ours + seed)
        recorded_run(tmp_path, "scratch", seed, 30 - seed, weights="none")
    assert verdict in row_of(margins.against_scratch(tmp_path, store.read(tmp_path)), "`finetune`")


def test_runs_of_another_size_budget_or_experiment_are_no_pair(tmp_path):
    for seed in (0, 1):
        recorded_run(tmp_path, "finetune", seed, 3)
        recorded_run(tmp_path, "scratch", seed, 30, size=64)
        recorded_run(tmp_path, "scratch", seed, 31, budget="9epochs")
        recorded_run(tmp_path, "scratch", seed, 32, experiment="y")
    assert "No pairs" in margins.against_scratch(tmp_path, store.read(tmp_path))


def test_policies_for_the_bands_are_judged_against_a_source_on_red_green_and_blue(tmp_path):
    for seed in range(3):
        for wrong, more in (
            (30 - seed, {"channels": "select"}),
            (28 + seed, {"channels": "merge"}),
            (10 + seed, {"channels": "inflate"}),
            (9, {"channels": "select", "augment": "strong"}),
        ):
            recorded_run(tmp_path, "finetune", seed, wrong, **{"augment": "none", "bands": "", **more})  # fmt: skip
    recorded_run(tmp_path, "finetune", 0, 20, channels="conv1x1", augment="none", bands="")
    text = channels.policies(tmp_path, store.read(tmp_path))
    inflate = row_of(text, "`inflate`")
    assert "+30.0" in inflate and inflate.endswith("above                |")  # by 18 of 60 on the mean
    assert "cannot be told apart" in row_of(text, "`merge`") and "above" in row_of(text, "strong")
    assert row_of(text, "`select`", "none").count("| -") == 4  # is what they are compared with
    assert row_of(text, "`conv1x1`").count("| -") == 4  # one seed tells nothing


def test_only_features_that_were_computed_are_timed_against_the_backbone():
    def timed(strategy, seconds, how="computed"):
        made = choices(record(strategy, group=strategy), budget="10epochs")
        return {**made, "cost": {"train_seconds": seconds}, "steps": [{"step": "train", "features": how}]}

    pair = [timed("extract", 10.0), timed("extract(cache=False)", 80.0)]
    assert "0.12" in row_of(caching.saved(pair), "10 epochs") and "| 80" in caching.saved(pair)
    assert caching.saved([timed("extract", 1.0, "read from the cache"), pair[1]]) == "Not measured yet."


def test_the_memory_of_zoomed_data_is_that_of_their_arrays():
    found = json.loads((ROOT / "results" / "memory.json").read_text())
    for row in found["rows"]:
        for split in ("train", "test"):
            theirs = row["theirs"][split]
            label = 4 if theirs["labels"][1] == 43 else 8
            assert theirs["bytes"] == np.prod(theirs["images"]) * 4 + np.prod(theirs["labels"]) * label
        assert row["ours"]["held"] == (86_989 + 12_630) * (32 * 32 * 3 + 8)
        assert row["ours"]["batch"] == 128 * row["size"] ** 2 * 3 * 4
    assert "79.1 GB" in row_of(memory.shapes(ROOT), "original's way")


def test_the_two_policies_are_drawn_side_by_side_when_both_watched_the_test_split(tmp_path):
    history = [{"epoch": 1, "steps": 5, "seconds": 1.0, "loss": 1.0, "accuracy": 0.9, "val_loss": 1.0,
                "val_accuracy": 0.1, "test_accuracy": 0.1, "test_loss": 3.0}]  # fmt: skip
    steps = [{"step": "train", "steps": 5, "history": history}]
    mended = {"what": "stale", "recalibrated_test_accuracy": 0.8}
    sound = choices(record("scratch", steps=steps, findings=[]), watch="test")
    keras = choices(record("scratch", 0, 0.1, steps=steps, findings=[mended], group="k"), watch="test", bn="keras")
    keras["name"] = keras["name"].replace("0000000", "1111111")
    assert policies.pairs([sound, keras]) == [(keras, sound)] and policies.mended(keras) == 0.8
    assert policies.pairs([sound, choices(keras, size=64)]) == []
    for r in (sound, keras):
        store.write(tmp_path, r)
    records = store.read(tmp_path)
    drawn = [p.relative_to(tmp_path).as_posix() for p in pictures.draw_all(tmp_path, records)]
    assert "img/batch_norm/x-cnn10-32px.png" in drawn
    assert pictures.stale(tmp_path, records) == []
    store.write(tmp_path, {**keras, "findings": []})
    assert any("batch_norm" in line for line in pictures.stale(tmp_path, store.read(tmp_path)))


def test_an_ensemble_is_a_row_without_a_source_or_a_size(tmp_path):
    from lab.report import table

    made = choices(record("geometric_mean"), members=["a", "b"], backbone="2 runs", weights="none", size=None)
    assert "2 runs " in row_of(table.results([made]), "geometric_mean", "mixed") and "from" not in table.results([made])


def test_report_knows_nothing_of_what_is_not_there(tmp_path):
    (tmp_path / "README.md").write_text(
        "\n".join(f"[comment]: # ({b}_start)\n[comment]: # ({b}_end)\n" for b in readme.BLOCKS)
    )
    report.rebuild(tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "Not measured yet" in text and "No pairs" in text and "Nothing published" in text
