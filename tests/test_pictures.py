"""Pictures of several runs: courses with a band over seeds, confusion, reliability; one style, PNG and SVG."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from conftest import recorded_run

from lab import command, drawing
from lab.comparison.verdict import undominated
from lab.metrics import calibration
from lab.records import store
from lab.report import mistakes, pictures, together

main = import_module("lab.report.__main__").main


def test_calibration_error_by_hand():
    """Four of confidence 0.95, three right; two of 0.35, none right: (4 x 0.20 + 2 x 0.35) / 6."""
    confidence = np.array([0.95] * 4 + [0.35] * 2)
    found = calibration.reliability(confidence, np.array([1, 1, 1, 0, 0, 0]))
    assert found.error == pytest.approx((4 * 0.20 + 2 * 0.35) / 6)
    assert found.count.tolist() == [2, 4] and found.accuracy.tolist() == [0, 0.75]


def test_who_is_as_sure_as_right_has_no_error():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1.0, 100_000)
    assert calibration.reliability(confidence, rng.random(100_000) < confidence).error < 0.01


def test_the_most_confused_pairs_are_those_with_the_most_examples():
    matrix = np.array([[90, 10, 0], [1, 4, 5], [0, 0, 7]])
    assert mistakes.confused(matrix) == [(0, 1, 0.1), (1, 2, 0.5), (1, 0, 0.1)]


def test_the_best_network_of_an_experiment_is_chosen_on_validation(tested):
    records = store.read(tested)
    for r in records:
        r["val"]["accuracy"] = 0.95 if r["choices"]["strategy"] == "lpft" else 0.9
    (runs,) = mistakes.best(records)
    assert [r["choices"]["strategy"] for r in runs] == ["lpft"] * 3


def test_a_confusion_matrix_counts_the_test_examples_of_all_seeds(tested):
    names = {name: numbers for name, numbers, _ in mistakes.pictures(tested, store.read(tested))}
    assert list(names) == ["confusion/x-d.png"]  # no confidence was kept: nothing to say of reliability
    matrix, pairs = names["confusion/x-d.png"]
    assert np.sum(matrix) == 3 * 60 and pairs == mistakes.confused(np.array(matrix))


def test_where_nothing_is_mistaken_there_are_no_bars(tmp_path):
    r = recorded_run(tmp_path, "finetune", 0, 0)
    ((_, (_, pairs), draw),) = mistakes.pictures(tmp_path, [r])
    bars = draw().axes[1]
    assert pairs == [] and [t.get_text() for t in bars.texts] == ["none is taken for another"] and not bars.axison


def test_a_name_is_written_over_no_point_and_no_other_name():
    figure, axes = drawing.subplots(1, 1, width=8, height=5)
    points = [(1.0, 0.5), (1.02, 0.51), (1.05, 0.5), (1.0, 0.48), (1.06, 0.49), (2.0, 0.5)]
    axis = axes[0, 0]
    axis.plot(*zip(*points, strict=True), "o")
    drawing.named(axis, [f"finetune {i}" for i in range(6)], points)
    figure.draw_without_rendering()
    boxes, dots = [text.get_window_extent() for text in axis.texts], axis.transData.transform(points)
    assert len(boxes) == 6 and all(axis.bbox.x0 < b.x0 and b.x1 < axis.bbox.x1 for b in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert not any(b.contains(*dot) for b in boxes for dot in dots)


def test_reliability_is_drawn_where_confidence_was_kept(tmp_path):
    r = recorded_run(tmp_path, "finetune", 0, 6)
    path = tmp_path / "results" / "x" / f"{r['name']}.test.npz"
    with np.load(path) as file:
        np.savez(path, **file, confidence=np.full(60, 0.7, "float32"))
    name, numbers, draw = list(mistakes.pictures(tmp_path, [r]))[1]
    assert name == "reliability/x-d.png" and numbers[0] == [60] and numbers[2] == [0.9]
    drawing.save(draw(), tmp_path / "r.png")


def test_a_course_is_the_mean_with_a_band_over_seeds(tmp_path):
    for seed in range(3):
        for strategy in ("finetune", "scratch"):
            r = recorded_run(tmp_path, strategy, seed, 5)
            rows = [{"steps": s, "val_loss": 1.0, "val_accuracy": 0.1 * s + seed} for s in range(5 - seed)]
            store.write(tmp_path, r | {"steps": [{"step": "train", "steps": 5, "seconds": 1.0, "history": rows}]})
    ((name, lines, draw),) = together.pictures(store.read(tmp_path))
    x, values = together.band(lines["finetune"], 2)
    assert name.startswith("together/x-d-cnn10-32px-") and x == [0, 1, 2]  # as far as all seeds went
    assert values.mean(0) == pytest.approx([1.0, 1.1, 1.2]) and np.ptp(values, axis=0).tolist() == [2, 2, 2]
    drawing.save(draw(), tmp_path / "t.png")


def test_the_front_is_what_no_other_beats_at_less_cost():
    points = {
        "a": (0.9, 100.0),
        "b": (0.8, 10.0),
        "c": (0.7, 50.0),
        "d": (0.9, 120.0),
        "e": (0.1, 1.0),
        "f": (0.1, 1.0),
    }
    assert undominated(points) == {"a", "b", "e", "f"}


def test_no_two_of_28_lines_look_alike():
    looks = [drawing.look(i) for i in range(28)]
    assert len({(k["color"], k["linestyle"]) for k in looks}) == 28


def test_a_line_of_many_points_is_smoothed_over_what_was_measured():
    _, axes = drawing.subplots(1, 2, 3, 3)
    for axis, n in zip(axes[0], (drawing.MANY, 40), strict=True):
        drawing.line(axis, list(range(n)), [float(i % 2) for i in range(n)], label="x")
    few, many = (axis.lines for axis in axes[0])
    assert len(few) == 1 and np.ptp(few[0].get_ydata()) == 1
    assert len(many) == 2 and np.ptp(many[1].get_ydata()[5:]) < 0.5 < np.ptp(many[0].get_ydata())


def test_svg_is_drawn_on_demand_and_a_new_look_makes_all_stale(tested, monkeypatch):
    assert command.call(main, ["--svg", "--out", str(tested)]) == 0
    drawn = sorted((tested / "img").rglob("*.png"))
    assert drawn and [p.with_suffix(".svg") for p in drawn] == sorted((tested / "img").rglob("*.svg"))
    assert ET.parse(drawn[0].with_suffix(".svg")).getroot().tag.endswith("svg")
    assert not pictures.stale(tested, store.read(tested))
    monkeypatch.setattr(pictures, "LOOK", -1)
    assert len(pictures.stale(tested, store.read(tested))) == len(drawn)


def test_what_a_picture_was_drawn_from_is_read_without_its_pixels(tmp_path, monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("the pixels were decoded"))
    picture = pictures.Picture(tmp_path / "img" / "a.png", [1, 2], lambda: drawing.subplots(1, 1, width=2, height=2)[0])
    assert not picture.is_fresh
    drawing.save(picture.draw(), picture.path, {pictures.KEY: picture.key})
    assert picture.is_fresh and not replace(picture, numbers=[1, 3]).is_fresh
