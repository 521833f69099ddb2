"""Who wins, by how much, how sure: against scipy, published examples and simulations where nothing is to be found."""

import csv
import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from conftest import LABELS, N, recorded_run, tiny_data, tiny_masks
from scipy import stats

from lab import command
from lab.comparison import changed_examples, paired
from lab.comparison.contestants import contests
from lab.comparison.kept_verdicts import judge
from lab.comparison.verdict import within
from lab.errors import BadInput
from lab.metrics.outcome import Outcome
from lab.records import outcomes, store
from lab.report import verdict as text
from lab.report.pictures import changed as gallery
from lab.task import kind

main = import_module("lab.compare").main


def of(right):
    right = np.asarray(right, "float64")
    return Outcome(right[:, None], np.ones((len(right), 1)), right, right, right)


# The statistics


def test_the_interval_over_examples_is_scipys_paired_bootstrap():
    rng = np.random.default_rng(1)
    a, b = (rng.random(300) < p for p in (0.8, 0.7))
    drawn = paired.resampled([of(a), of(b)], 20_000)
    d = paired.difference({0: (a.mean(), drawn[0])}, {0: (b.mean(), drawn[1])}, paired.Noise(0.0, 0))
    theirs = stats.bootstrap(
        (a.astype(float), b.astype(float)), lambda x, y, axis: (x - y).mean(axis), paired=True, method="percentile",
        n_resamples=20_000, rng=2,
    )  # fmt: skip
    assert (d.low, d.high) == pytest.approx(tuple(theirs.confidence_interval), abs=4e-3)
    assert d.examples == pytest.approx(theirs.standard_error, rel=0.03)


def test_where_only_seeds_differ_two_contestants_are_compared_by_the_paired_t_test():
    a, b = np.array([0.71, 0.74, 0.69, 0.73]), np.array([0.66, 0.70, 0.68, 0.67])
    noise = paired.noise({"a": dict(enumerate(a)), "b": dict(enumerate(b))})
    still = [{s: (v, np.full(200_000, v)) for s, v in enumerate(values)} for values in (a, b)]
    d, theirs = paired.difference(*still, noise), stats.ttest_rel(a, b)
    assert d.p == pytest.approx(theirs.pvalue, rel=1e-6)
    assert (d.low, d.high) == pytest.approx(tuple(theirs.confidence_interval()), abs=1e-3)


def test_the_noise_of_seeds_is_the_residual_of_a_randomised_block_design():
    """Three contestants on four seeds; the sums of squares by hand from the two-way table."""
    table = np.array([[0.5, 0.6, 0.55, 0.61], [0.7, 0.74, 0.71, 0.8], [0.2, 0.33, 0.28, 0.35]])
    rest = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    found = paired.noise({str(i): dict(enumerate(row)) for i, row in enumerate(table)})
    assert found.freedom == 6 and found.deviation == pytest.approx(np.sqrt((rest**2).sum() / 6))
    assert paired.noise({"a": {0: 0.5}, "b": {0: 0.7}}) == paired.Noise(0.0, 0)


def test_where_nothing_is_to_be_found_little_is_found():
    """Contestants of equal skill, whose seeds differ, on the same examples: examples alone find more."""
    rng, found = np.random.default_rng(0), {"both": 0, "examples": 0}
    for _ in range(150):
        hard = rng.normal(size=150)
        runs = {(c, s): of(hard + rng.normal(size=150) * 0.7 + rng.normal() * 0.35 > 0) for c in "ab" for s in range(3)}
        drawn = dict(zip(runs, paired.resampled(list(runs.values()), 400), strict=True))
        a, b = ({s: (runs[c, s].score, drawn[c, s]) for s in range(3)} for c in "ab")
        noise = paired.noise({"a": {s: v[0] for s, v in a.items()}, "b": {s: v[0] for s, v in b.items()}})
        found["both"] += paired.difference(a, b, noise).p < 0.05
        found["examples"] += paired.difference(a, b, paired.Noise(0.0, 0)).p < 0.05
    assert found["both"] <= 12 and found["examples"] > 30, found


def test_resamples_are_those_that_numpy_draws_one_by_one():
    """Scores are exact: of few examples, of more pixels than float32 counts, of parts that are no whole numbers."""
    rng = np.random.default_rng(3)
    for n, most, part in ((7, 2, 1), (40, 1 << 21, 1), (60, 9, 7), (9000, 2, 1)):
        of_each = [np.sort(rng.integers(1, most, (2, n, 3)), axis=0) / [[[part]], [[1]]] for _ in range(2)]
        drawn = paired.resampled([Outcome(hit, every, hit[:, 0]) for hit, every in of_each], 400)
        starts = range(0, 400, max(1, paired.CHUNK // n))
        for start in starts:
            again = np.random.default_rng([n, start])
            for i in range(start, min(400, start + paired.CHUNK // n)):
                chosen = again.integers(n, size=n)
                theirs = [(hit[chosen].sum(0) / every[chosen].sum(0)).mean() for hit, every in of_each]
                assert drawn[:, i] == pytest.approx(theirs, rel=1e-14)


def test_holm_as_in_a_published_example():
    """Four hypotheses of p 0.01, 0.04, 0.03, 0.005: the fourth and the first are rejected at 0.05, the others not."""
    assert paired.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert paired.holm([0.5, 0.9]) == [1.0, 1.0]


def test_mcnemar_is_exact():
    assert paired.mcnemar(9, 1) == pytest.approx(22 / 1024)  # 2 (C(10, 0) + C(10, 1)) / 2^10
    assert paired.mcnemar(1, 9) == paired.mcnemar(9, 1)
    assert paired.mcnemar(0, 0) == 1.0
    for fixed, broken in ((5300, 340), (700, 690), (0, 7), (8, 8)):
        assert paired.mcnemar(fixed, broken) == pytest.approx(stats.binomtest(fixed, fixed + broken).pvalue, rel=1e-9)


def test_so_many_seeds_or_examples_would_tell():
    noise = paired.Noise(0.02, 2000)
    d = paired.Difference((0, 1, 2), 0.01, -0.02, 0.04, 0.3, examples=0.0)
    seeds, times = paired.needed(d, noise, comparisons=1)
    assert seeds == pytest.approx(2 * (1.96 * 0.02 / 0.01) ** 2, abs=1) and times == 0
    many = paired.Difference((0, 1, 2), 0.01, -0.02, 0.04, 0.3, examples=0.02)
    seeds, times = paired.needed(many, noise, comparisons=1)
    assert seeds is None and times == pytest.approx((1.96 * 2) ** 2, rel=0.01)


@pytest.mark.parametrize(("deviation", "mean"), [(0.02, 0.01), (0.03, 0.02), (0.01, -0.004)])
def test_with_so_many_seeds_the_paired_t_test_would_tell_and_with_one_less_not(deviation, mean):
    """Of differences that spread as the noise of two runs does, their mean as it is."""
    d = paired.Difference((0, 1, 2), mean, -1.0, 1.0, 0.3, examples=0.0)
    seeds, _ = paired.needed(d, paired.Noise(deviation, 2), comparisons=1)
    for n, tells in ((seeds, True), (seeds - 1, False)):
        spread = np.linspace(-1, 1, n)
        differences = mean + spread / spread.std(ddof=1) * deviation * np.sqrt(2)
        assert (stats.ttest_1samp(differences, 0).pvalue < 0.05) == tells


# What the runs did


def test_the_score_of_a_segmentations_examples_is_the_meters():
    data = tiny_masks()
    meter = kind("segmentation").of(data).meter(closely=True)
    rng = np.random.default_rng(0)
    labels = np.asarray(data.test.labels[np.arange(len(data.test))])
    meter.update(labels, rng.random((*labels.shape, len(data.classes))))
    hit, union = (v.astype("float64") for v in meter.overlap)
    outcome = Outcome(hit, union, meter.iou.mean(1))
    assert outcome.score == pytest.approx(meter.result()["miou"])
    assert paired.resampled([outcome, outcome], 50).shape == (2, 50)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: p.unlink(), "cannot be read"),
        (lambda p: p.write_bytes(b"no zip"), "cannot be read"),
        (lambda p: np.savez(p, labels=np.array([{}], object), predicted=LABELS), "cannot be read"),
        (lambda p: np.savez(p, labels=LABELS, predicted=LABELS), "are not its own: their accuracy is 1.0000"),
        (lambda p: np.savez(p, labels=LABELS[:9], predicted=LABELS[:9]), "are not its own"),
    ],
)
def test_examples_that_are_not_the_records_are_refused(tested, spoil, said, capsys):
    spoil(next((tested / "results" / "x").glob("*scratch*s1*.npz")))
    assert command.call(main, ["scratch", "finetune", "--out", str(tested)]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_runs_that_were_tested_on_other_examples_are_not_paired(tested):
    a = recorded_run(tested, "finetune", 0, 9, experiment="y")
    a["data"]["splits"]["test"]["digest"] = "other"
    store.write(tested, a)
    with pytest.raises(BadInput, match="were tested on other examples"):
        outcomes.read(tested, [a, *contests(store.read(tested), ["scratch", "finetune"])[0].records])


# Who competes


def test_a_word_is_a_strategy_a_model_or_any_choice(tested):
    for seed in range(2):
        recorded_run(tested, "finetune", seed, 3, experiment="sizes", size=64)
        recorded_run(tested, "finetune", seed, 4, experiment="sizes", size=32)
    found = contests(store.read(tested), ["scratch", "finetune"])
    assert [c.axis for c in found] == ["strategy"] and list(found[0].runs) == ["finetune", "scratch"]
    assert list(found[0].runs["scratch"]) == [0, 1, 2]
    sizes = contests(store.read(tested), ["size=64", "size=32"])
    assert sizes[0].axis == "size" and set(sizes[0].runs) == {"32", "64"}
    assert [set(c.runs) for c in contests(store.read(tested), on=["x"])] == [
        {"finetune", "scratch", "lpft", "knn"}
    ]  # probes too


def test_runs_by_name_are_compared_as_they_are(tested):
    names = [
        r["name"] for r in store.read(tested) if r["choices"]["strategy"] in ("knn", "lpft") and r["name"][-10] == "0"
    ]
    contest = contests(store.read(tested), names)[0]
    assert contest.axis is None and list(contest.runs) == names and "strategy" in contest.apart


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["finetune", "nothing"], "no finished run has nothing"),
        (["finetune", "cnn10"], "one choice is compared at a time: finetune is a strategy; cnn10 is a model"),
        (["size=32", "size=99"], "no finished run has size=99"),
        (["finetune", "--on", "mars"], "no finished run is on mars"),
        (["finetune"], "--list and --gallery"),
        (["m-knn-d-32px-s0-00000014", "m-knn-d-32px-s0-00000014"], "two runs or more are compared"),
        (["source", "none"], "no two finished runs are alike but for weights"),
        (["finetune", "scratch", "--within", "soon"], "as 60s or 300steps; received soon"),
    ],
)
def test_what_cannot_be_compared_is_one_line(tested, words, said, capsys):
    more = ["--list", str(tested / "l.csv")] if words == ["finetune"] else []
    code, err = command.call(main, [*words, *more, "--out", str(tested)]), capsys.readouterr().err
    assert code == 2 and err.count("\n") == 1
    assert said in err or (more and "no two finished runs are alike" in err), err


def test_an_empty_folder_says_what_makes_a_run(tmp_path, capsys):
    assert command.call(main, ["a", "b", "--out", str(tmp_path)]) == 2
    assert "there is no finished run" in capsys.readouterr().err


def test_contestants_without_a_common_seed_are_refused(tmp_path):
    recorded_run(tmp_path, "finetune", 0, 3)
    recorded_run(tmp_path, "scratch", 1, 30)
    with pytest.raises(BadInput, match="have no seed in common"):
        judge(tmp_path, contests(store.read(tmp_path), ["finetune", "scratch"]))


def test_who_has_no_seed_in_common_with_some_is_compared_with_the_others(tested):
    recorded_run(tested, "l2sp", 9, 4)
    recorded_run(tested, "finetune", 9, 4)
    v = judge(tested, contests(store.read(tested))[:1], draws=200)[0]
    assert {(p.better, p.worse) for p in v.pairs if "l2sp" in (p.better, p.worse)} in (
        {("l2sp", "finetune")}, {("finetune", "l2sp")}
    )  # fmt: skip
    assert text.said(v) and text.contestants(v) and text.differences(v, every=True)


# The verdict


def test_ties_places_and_the_front(tested):
    v = judge(tested, contests(store.read(tested))[:1], draws=2000)[0]
    assert list(v.reached) == ["lpft", "finetune", "knn", "scratch"] and v.ties == [["lpft", "finetune"]]
    assert [v.rank(n) for n in v.reached] == [(1, 2), (1, 2), (3, 3), (4, 4)]
    assert v.front == {"lpft"}  # all took ten seconds
    p = v.pair("scratch", "finetune")
    assert (p.better, p.counts) == ("finetune", True) and p.mcnemar is not None and max(p.mcnemar) < 1e-6
    assert p.fixed == [35, 36, 37] and p.broken == [0, 0, 0]
    assert p.difference.mean == pytest.approx(36 / N) and p.difference.low < 36 / N < p.difference.high


def test_one_seed_says_nothing_of_others(tmp_path):
    recorded_run(tmp_path, "finetune", 0, 3)
    recorded_run(tmp_path, "scratch", 0, 30)
    v = judge(tmp_path, contests(store.read(tmp_path))[:1], draws=500)[0]
    assert "better, of one seed" in text.differences(v) and "not for other seeds" in text.said(v)


def test_a_score_within_a_budget_is_the_best_that_was_measured_by_then(tested):
    r = contests(store.read(tested), ["scratch", "finetune"])[0].first
    assert [within(r, seconds=s) for s in (3, 5, 9, 60)] == [None, 0.5, 0.8, 0.9]
    assert [within(r, steps=s) for s in (9, 10, 20)] == [None, 0.5, 0.9]


def test_the_command_shows_scores_differences_and_ties(tested, capsys):
    assert command.call(main, ["--on", "x", "--within", "5s", "--pairs", "--out", str(tested)]) == 0
    out = capsys.readouterr().out
    assert "x: d, cnn10, 32 px, 3 epochs; test accuracy on 60 examples, 3 seeds" in out
    assert "val within 5s" in out and "lpft and finetune cannot be told apart; about" in out
    assert out.count("better\n") == 5 and out.count("tie\n") == 1  # all six pairs


# Example by example


def test_the_list_names_each_example_that_changed(tested, capsys):
    path = tested / "changed.csv"
    assert command.call(main, ["scratch", "finetune", "--list", str(path), "--out", str(tested)]) == 0
    rows = list(csv.DictReader(path.read_text().splitlines()))
    v = judge(tested, contests(store.read(tested), ["scratch", "finetune"])[:1], draws=50)[0]
    assert {int(r["example"]) for r in rows} == set(
        np.flatnonzero(changed_examples.change(changed_examples.both(tested, v, v.pairs[0])))
    )
    first = rows[0]
    assert first["what"] == "fixed" and first["finetune"].split("; ")[0] == first["truth"] != first["scratch"][0]


def test_the_gallery_shows_what_was_fixed_and_broken(tested, tmp_path):
    from PIL import Image

    data = tiny_data(classes=4, each=N // 4)
    data = replace(data, test=data.train.take(np.arange(N)))
    v = judge(tested, contests(store.read(tested), ["scratch", "finetune"])[:1], draws=50)[0]
    gallery.draw(tested, v, v.pairs[0], data, tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as picture:
        assert picture.width > 1000 and len(picture.convert("L").getcolors(1 << 20)) > 50


def test_the_gallery_of_numbers_says_how_far_each_run_is_off(tested, tmp_path, monkeypatch):
    """Of a classification's runs, as if they had predicted numbers; of a table there is nothing to draw."""
    from lab.report.pictures import changed

    data = replace(tiny_data(classes=4, each=N // 4), classes=(), numbers=("length", "width"))
    numbers = replace(data.train.take(np.arange(N)), labels=np.arange(2.0 * N).reshape(N, 2) / 8)
    data = replace(data, test=numbers)
    v = judge(tested, contests(store.read(tested), ["scratch", "finetune"])[:1], draws=50)[0]
    of = changed_examples.both(tested, v, v.pairs[0])
    both = [replace(outcomes[0], predicted=None, truth=None) for outcomes in of]
    assert changed._true(data, 3) == "0.75, 0.875" and changed._said(both[0], 3, data).startswith("off by ")
    monkeypatch.setattr(changed.changed_examples, "both", lambda *_: [[o] for o in both])
    changed.draw(tested, v, v.pairs[0], data, tmp_path / "g.png")
    assert (tmp_path / "g.png").stat().st_size > 10_000
    with pytest.raises(BadInput, match="rows of a table have no pictures"):
        changed.draw(tested, v, v.pairs[0], replace(data, table=object()), tmp_path / "t.png")


def test_masks_are_compared_by_miou_and_shown_side_by_side(trained_masks, tmp_path, capsys):
    from PIL import Image

    names, there = [r["name"] for r in store.read(trained_masks)], str(trained_masks)
    words = [*names, "--gallery", str(tmp_path / "g.png"), "--list", str(tmp_path / "l.csv"), "--out", there]
    assert command.call(main, [*words, "--data-dir", f"{trained_masks}/photos"]) == 0
    out = capsys.readouterr().out
    assert "test mIoU on" in out and "higher" in out and "McNemar" not in out
    rows = list(csv.DictReader((tmp_path / "l.csv").read_text().splitlines()))
    assert rows and {"example", "what", "change", "name", *names} == set(rows[0])
    with Image.open(tmp_path / "g.png") as picture:
        assert picture.width > 900 and picture.height > 200


def test_comparing_never_imports_keras(tested):
    code = (
        "import sys; from lab.compare import main; "
        f"assert main(['scratch', 'finetune', '--out', {str(tested)!r}]) == 0; "
        "assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
