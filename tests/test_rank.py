"""Choosing before training: the command, end to end, and what it makes of the records of finished runs."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import tiny_data, tiny_trainer
from scipy.stats import weightedtau

from lab import command, names, rank
from lab.channels.rgb import Rgb
from lab.errors import BadInput
from lab.inputs.data import Split
from lab.networks import weights
from lab.records import store
from lab.report import ranking
from lab.runs import scoring
from lab.runs.spec import Run, resolve

TINY = "cnn10(width=4,norm='none')"
WORDS = ["--backbones", f"{TINY},cnn10,MobileNetV2(alpha=0.35)", "--weights", "none,source,imagenet"]
WORDS += ["--dataset", "digits", "--limit", "60", "--sample", "40"]


def finished(val, seed=0, group="a", strategy="finetune", status="done", **choices):
    """A record of a run of the embedded source on the digits, as far as the ranking reads it."""
    made = resolve(Run(dataset="digits", limit=60, strategy="finetune", seed=seed), rank.Path()).choices
    made |= {"strategy": strategy, **choices}
    name = f"{group}-{seed}"
    about = {"schema": 1, "name": name, "experiment": "e", "status": status, "digest": name, "group": group}
    return {**about, "choices": made, "val": {"accuracy": val}, "test": {"accuracy": val}, "cost": {}, "steps": []}


@pytest.fixture(scope="module")
def ranked(tmp_path_factory):
    """(exit code, what was printed, the record) of three backbones, the weights of one of which cannot be had."""
    import contextlib
    import io

    root, said = tmp_path_factory.mktemp("ranked"), io.StringIO()
    for seed, val in enumerate((0.5, 0.7)):
        store.write(root, finished(val, seed))
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setenv("KERAS_HOME", str(root / "keras"))
        for proxy in ("http_proxy", "https_proxy"):
            patch.setenv(proxy, "http://127.0.0.1:9")
        code = command.call(rank.main, [*WORDS, "--out", str(root)])
    return code, said.getvalue(), json.loads(next((root / "results").glob("rank-digits-*.json")).read_text())


def test_the_table_is_sorted_and_says_what_is_missing_and_why(ranked):
    code, said, record = ranked
    assert code == 1  # as lab.run where something is unavailable
    lines = said[said.index("backbone ") :].splitlines()
    heads = "backbone  weights  size  LogME  H-score  LEEP  NCE  probe accuracy  seconds  finetune val"
    assert re.split("  +", lines[0]) == re.split("  +", heads)
    assert [r["status"] for r in record["rows"]] == ["done", "done", "unavailable"]
    scores = [r["scores"]["logme"] for r in record["rows"][:2]]
    assert scores == sorted(scores, reverse=True)
    for line, row in zip(lines[2:5], record["rows"], strict=True):
        assert line.startswith(row["choices"]["backbone"])
    assert lines[4].split()[-8:] == ["px", "unavailable", *"-----", "-"]
    assert "unavailable: the ImageNet weights of MobileNetV2(alpha=0.35) without their top are not on this" in said
    assert f"{TINY} from none, 16 px: LEEP and NCE are n/a: random weights have no classifier" in said
    (random,) = (line for line in lines if line.startswith(TINY) and "random" not in line)
    assert random.count("n/a") == 2
    assert "1 of these rows have finished runs of finetune; a rank correlation takes 3 or more" in said


def test_the_record_holds_what_the_scores_depend_on(ranked):
    record = ranked[2]
    assert store.is_sealed(record) and record["sample"] == 40 and record["seed"] == 0
    rows = {r["choices"]["backbone"]: r for r in record["rows"]}
    source = rows["cnn10"]
    assert set(source["scores"]) == set(ranking.SCORES) and set(rows[TINY]["scores"]) == {"logme", "h_score", "probe"}
    assert source["scores"]["leep"] <= 0 and source["scores"]["nce"] <= 0 <= source["scores"]["probe"] <= 1
    assert source["choices"]["weights_digest"] == weights.find("source", names.build("backbones", "cnn10"), None).digest
    assert source["choices"]["data_fingerprint"] == "digits-v1" and source["choices"]["limit"] == 60
    assert source["sample"] == rows[TINY]["sample"] and 36 <= source["sample"]["examples"] <= 44
    assert source["features"] == 96 and source["seconds"] > 0 < source["cpu_seconds"]
    assert set(source["environment"]["versions"]) >= {"keras", "scikit-learn", "scipy", "numpy"}
    assert source["validation"] == {"score": pytest.approx(0.6), "runs": ["a-0", "a-1"]}
    assert record["correlations"]["logme"] == {"pairs": 1, "weighted_tau": None, "tau": None}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--backbones", "cnn11"], "did you mean cnn10"),
        (["--backbones", ""], "--backbones names none"),
        (["--backbones", "cnn10,VGG16,VGG19", "--weights", "none,none"], "received 2 for 3 backbones"),
        (["--weights", "run:nothing", "--backbones", "cnn10"], "no such run"),
        (["--backbones", "cnn10", "--dataset", "scenes"], "one label an image"),
        (["--backbones", "cnn10", "--dataset", "signs,digits"], "--dataset takes one value; received 2"),
        (["--backbones", "cnn10", "--size", "x"], "--size takes pixels"),
        (["--backbones", "cnn10", "--sample", "1"], "--sample must be from 2"),
        (["--backbones", "cnn10", "--sample", "many"], "--sample"),
        (["--backbones", "cnn10", "--seed", "-1"], "--seed must be from 0"),
        (["--backbones", "cnn10", "--strategy", "finetuned"], "did you mean finetune"),
        (["--backbones", "cnn10", "--epochs", "3"], "`python -m lab.rank --help`"),
    ],
)
def test_refusals_are_one_line_and_exit_code_2_before_any_work(words, wanted, tmp_path, capsys):
    assert command.call(rank.main, [*words, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and wanted in said.err and said.err.count("\n") == 1
    assert not said.out and not (tmp_path / "results").exists()


def asked(*words):
    return rank.asked(rank.parser().parse_args([*words]))


def test_each_backbone_has_its_own_source_or_all_the_same_at_every_size():
    runs = asked("--backbones", "cnn10,MobileNetV2(alpha=0.35),cnn10", "--weights", "source,imagenet,none")
    assert [(r.backbone, r.weights) for r in runs] == [
        ("cnn10", "source"),
        ("MobileNetV2(alpha=0.35)", "imagenet"),
        ("cnn10", "none"),
    ]
    assert [(r.weights, r.size) for r in asked("--backbones", "VGG16", "--weights", "none", "--size", "32,64")] == [
        ("none", 32),
        ("none", 64),
    ]
    assert len(asked("--backbones", "cnn10,cnn10")) == 1


def test_backbones_left_out_are_those_whose_weights_are_here(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert [r.backbone for r in asked()] == ["cnn10"]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / names.build("backbones", "VGG16").weights_file()).touch()
    assert {r.backbone for r in asked()} == {"cnn10", "VGG16"}


def test_validation_is_the_best_mean_over_seeds_of_runs_of_the_same_features():
    choices = finished(0)["choices"]
    lower, higher = [finished(0.9), finished(0.1, 1)], [finished(v, s, "b") for s, v in enumerate((0.75, 0.5))]
    assert ranking.validation(choices, lower, "finetune") == {"score": 0.5, "runs": ["a-0", "a-1"]}
    assert ranking.validation(choices, [*lower, *higher], "finetune") == {"score": 0.625, "runs": ["b-0", "b-1"]}
    assert ranking.validation(choices, [*lower, lower[0]], "finetune")["score"] == 0.5  # in two experiments
    assert ranking.validation(choices, lower, "extract") is None
    others = [finished(1, status="failed"), finished(1, strategy="extract"), finished(1, size=64), finished(1, limit=9)]
    others += [finished(1, **{k: "other"}) for k in ("data_fingerprint", "weights_digest", "backbone", "contrast")]
    assert ranking.validation(choices, others, "finetune") is None
    assert ranking.validation(choices, [*others, *lower], "finetune")["score"] == 0.5


def test_records_from_before_a_choice_existed_count():
    old = finished(0.8)
    for name in ("bands", "channels", "contrast", "drop_classes", "loss"):
        del old["choices"][name]
    assert ranking.validation(finished(0)["choices"], [old], "finetune")["score"] == 0.8


def rows_of(*pairs, **also):
    """A row for each (score, validation score)."""
    return [{"scores": {"logme": s, **also}, "validation": {"score": v} if v is not None else None} for s, v in pairs]


def test_correlations_are_counted_over_pairs():
    pairs = [(0.1, 0.70), (0.2, 0.65), (0.3, 0.80), (0.4, 0.90)]  # of 6 pairs one disagrees
    found = ranking.correlations(
        [*rows_of(*pairs), *rows_of((0.9, None)), {"scores": None, "validation": {"score": 1.0}}]
    )
    assert found["logme"]["pairs"] == 4 and found["logme"]["tau"] == pytest.approx(4 / 6)
    assert found["logme"]["weighted_tau"] == pytest.approx(weightedtau(*zip(*pairs, strict=True)).statistic)
    assert found["leep"] == {"pairs": 0, "weighted_tau": None, "tau": None}
    top = [(0.1, 0.65), (0.2, 0.70), (0.3, 0.90), (0.4, 0.80)]
    assert ranking.correlations(rows_of(*top))["logme"]["weighted_tau"] < found["logme"]["weighted_tau"]
    assert ranking.correlations(rows_of(*[(-s, v) for s, v in pairs]))["logme"]["tau"] == pytest.approx(-4 / 6)


def test_two_pairs_or_equal_scores_have_no_correlation(capsys):
    assert ranking.correlations(rows_of((0.1, 0.2), (0.3, 0.4)))["logme"] == {
        "pairs": 2,
        "weighted_tau": None,
        "tau": None,
    }
    equal = ranking.correlations(rows_of((0.1, 0.2), (0.1, 0.4), (0.1, 0.5)))["logme"]
    assert equal == {"pairs": 3, "weighted_tau": None, "tau": None}


def test_with_three_pairs_the_correlations_are_shown(capsys):
    about = {"status": "done", "seconds": 1.0, "no_classifier": None, "choices": finished(0)["choices"]}
    rows = [about | row for row in rows_of((0.3, 0.9), (0.2, 0.8), (0.1, 0.7), probe=0.5)]
    rank.show({"rows": rows, "correlations": ranking.correlations(rows), "strategy": "finetune"})
    said = capsys.readouterr().out
    (line,) = (line for line in said.splitlines() if line.startswith("LogME"))
    assert line.split() == ["LogME", "3", "1.000", "1.000"]
    (line,) = (line for line in said.splitlines() if line.startswith("probe accuracy"))
    assert line.split()[-3:] == ["3", "-", "-"]


def test_the_sample_keeps_the_classes_proportions_and_is_the_seeds():
    labels = np.repeat([0, 1, 2], [200, 100, 20])
    train = Split(np.zeros((320, 8, 8, 3), "uint8"), labels, np.arange(320))
    sample = scoring.sampled(train, 32, 0)
    assert np.bincount(sample.labels).tolist() == [20, 10, 2]
    assert (sample.ids == scoring.sampled(train, 32, 0).ids).all() and set(sample.ids) != set(
        scoring.sampled(train, 32, 1).ids
    )
    assert len(scoring.sampled(train, 10_000, 0)) == 320
    with pytest.raises(BadInput, match=r"--sample 2 gives . examples of . classes"):
        scoring.sampled(train, 2, 0)


def test_a_sources_own_classifier_predicts_its_own_classes(tmp_path):
    import keras

    backbone = names.build("backbones", "cnn10")
    source = weights.find("source", backbone, tmp_path)
    trainer = tiny_trainer(tmp_path, tiny_data(size=32), backbone="cnn10", source=source)
    resolved = SimpleNamespace(
        source=source, backbone=backbone, head=names.build("heads", "linear"), channels=Rgb(), run=Run()
    )
    sample = trainer.data.val
    predicted, reason = scoring.predicted_by_source(resolved, trainer, sample)
    classes = source.meta["net"]["outputs"]
    assert reason is None and predicted.shape == (len(sample), classes)
    np.testing.assert_allclose(predicted.sum(axis=1), 1)
    own = tiny_trainer(tmp_path, tiny_data(size=32), backbone="cnn10", source=source, own_top=True).net
    logits = keras.ops.softmax(own.model(sample.images.astype("float32")))
    np.testing.assert_allclose(predicted, logits, rtol=1e-3, atol=1e-6)

    masks = weights.Source("run", "run:x", "d", None, {"choices": {"task": "segmentation"}})
    for given, why in ((None, "random weights"), (masks, "run:x labels pixels")):
        resolved.source = given
        nothing, reason = scoring.predicted_by_source(resolved, trainer, sample)
        assert nothing is None and reason.startswith(why)
