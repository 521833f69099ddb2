"""Images that are read on demand: the right ones, in order, ahead of whoever asks, on both backends."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, photos, tiny_data, tiny_trainer

from lab.datasets import opened
from lab.errors import BadInput
from lab.inputs.data import Split, balanced_indices
from lab.inputs.reading import OnDemand, OnDevice, ahead, beside, kept, on_device
from lab.networks.net import to_numpy


def on_demand(images, read=None):
    return OnDemand(read or images.__getitem__, images.shape[1:], np.arange(len(images)))


def split_of(images):
    count = len(images)
    return Split(images, np.zeros(count, "int64"), np.arange(count), np.arange(count).astype(str))


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3)).astype("uint8")


TAKES = [np.array([3, 1, 4]), np.array([1, 5, 9, 2, 6]), np.array([49])]


def test_what_is_read_ahead_is_what_was_asked_for_in_order(images):
    for a, take in zip(ahead(on_demand(images), TAKES), TAKES, strict=True):
        assert np.array_equal(a, images[take]) and a.dtype == np.uint8
    part = on_demand(images).subset(np.array([7, 8, 9]))
    assert np.array_equal(next(ahead(part, [np.array([2, 0])])), images[[9, 7]])


def test_what_is_made_beside_comes_in_order_one_ahead_and_its_error_where_it_belongs():
    made = []

    def numbers():
        for i in range(4):
            made.append((i, threading.current_thread() is threading.main_thread()))
            yield i
        raise BadInput("no more")

    following = beside(numbers())
    assert next(following) == 0
    for _ in range(100):
        if len(made) == 2:  # the next one is made though nobody asked
            break
        time.sleep(0.01)
    assert made == [(0, False), (1, False)]
    assert [next(following) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(BadInput, match="no more"):
        next(following)


@pytest.mark.parametrize("augment", ["light", "strong+mixup", "randaugment+cutmix"])
def test_batches_made_beside_a_step_are_those_that_would_be_made_before_it(augment, tmp_path):
    feed, other = (tiny_trainer(tmp_path, augment=augment).feed for _ in range(2))
    for step, (images, targets) in enumerate(other.batches(1, range(3))):
        take = feed.take(1, step)
        x, y = feed.augment(feed.net.sized(feed.data.train.images[take]), feed.targets(take), feed.seed, 1, step)
        assert np.array_equal(to_numpy(images), to_numpy(x)) and np.array_equal(to_numpy(targets), to_numpy(y))


def test_on_an_accelerator_the_images_lie_there_once_and_batches_are_the_same(tmp_path, monkeypatch):
    plain = tiny_trainer(tmp_path).feed
    monkeypatch.setattr("lab.environment.device", lambda: "gpu")
    there = tiny_trainer(tmp_path).feed
    assert isinstance(there.images, OnDevice) and plain.images is plain.data.train.images
    for (a, x), (b, y) in zip(plain.batches(1, range(3)), there.batches(1, range(3)), strict=True):
        assert np.array_equal(to_numpy(a), to_numpy(b)) and np.array_equal(x, y)
    for a, b in zip(plain.plain(2), there.plain(2), strict=True):
        assert np.array_equal(to_numpy(a), to_numpy(b))
    monkeypatch.setattr("lab.inputs.reading.SMALL", 10)
    assert on_device(plain.data.train.images) is plain.data.train.images  # it does not fit


def test_grain_reads_the_same_where_there_is_no_tensorflow(tmp_path):
    code = """
import sys; sys.modules["tensorflow"] = None
import numpy as np
from lab.inputs.reading import OnDemand, ahead
images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3)).astype("uint8")
lazy = OnDemand(images.__getitem__, (4, 4, 3), np.arange(50))
takes = [np.array([3, 1, 4]), np.array([1, 5, 9, 2, 6]), np.array([49])]
assert all(np.array_equal(a, images[t]) for a, t in zip(ahead(lazy, takes), takes, strict=True))
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)


def test_the_next_batch_is_read_while_this_one_is_used(images):
    read: list[int] = []
    lazy = on_demand(images, lambda i: read.append(i) or images[i])
    batches = ahead(lazy, [np.array([i]) for i in range(20)])
    next(batches)
    until = time.monotonic() + 10
    while len(read) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert 3 <= len(read) < 20  # ahead, and not everything at once
    list(batches)
    assert sorted(read) == list(range(20))


def test_the_images_of_a_batch_are_read_side_by_side(images):
    """Each read waits for another one to begin: one after another they would wait for ever."""
    together = threading.Barrier(2, timeout=20)

    def read(i):
        together.wait()
        return images[i]

    assert np.array_equal(on_demand(images, read)[np.array([0, 1])], images[:2])


def test_an_error_in_a_reader_reaches_the_user_as_it_was(images):
    def read(i):
        raise BadInput(f"photo {i} is broken")

    with pytest.raises(BadInput, match="photo 3 is broken"):
        list(ahead(on_demand(images, read), TAKES))


@pytest.mark.parametrize("where", ["memory", "disk", "auto"])
def test_decoded_images_are_kept_and_not_read_again(images, tmp_path, where):
    read: list[int] = []
    lazy = on_demand(images, lambda i: read.append(i) or images[i])
    split = split_of(lazy)
    held = kept(split, where, tmp_path).images
    assert sorted(read) == list(range(50)) and np.array_equal(held[np.arange(50)], images)
    again = kept(split, where, tmp_path).images
    assert np.array_equal(again[np.arange(50)], images)
    assert len(read) == (50 if where == "disk" else 100)


def test_images_that_are_not_to_be_kept_are_read_each_time(images, tmp_path):
    lazy = on_demand(images)
    assert kept(split_of(lazy), "none", tmp_path).images is lazy
    large = OnDemand(lazy.read, (40_000, 40_000, 3), lazy.order)
    assert kept(split_of(large), "auto", tmp_path).images is large and not list(tmp_path.iterdir())


@pytest.mark.parametrize("strategy", [pytest.param("images", marks=pytest.mark.slow), "features"])
def test_training_on_images_read_on_demand_gives_the_same_weights(tmp_path, strategy):
    from lab.steps import Phase

    data = tiny_data()
    lazy = data.each(lambda s: replace(s, images=on_demand(s.images)))
    weights = []
    for number, chosen in enumerate((data, lazy)):
        trainer = tiny_trainer(tmp_path / str(number), chosen, epochs=2, augment="light")
        parts = trainer.net.parts
        trainer.execute(Phase(parts.new if strategy == "features" else parts.all, inputs=strategy))
        weights.append(trainer.net.values())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_a_split_of_a_folder_is_not_read_to_be_cut_or_named(tmp_path, monkeypatch):
    folder = photos(tmp_path, {f"{c}/{i}.png": n for n, c in enumerate("ab") for i in range(20)})
    dataset, where = opened(str(folder), None)
    data = dataset.told(16, None, False).load(where)
    data.train.images.read = None  # reading would fail
    assert len(data.limited(5).train) == 5 and len(data.limited(5).digest) == 64
    assert data.digest != data.limited(5).digest


def test_the_digest_of_a_folder_does_not_depend_on_where_its_images_are_kept(tmp_path):
    folder = photos(tmp_path, {f"{c}/{i}.png": n for n, c in enumerate("ab") for i in range(20)})
    dataset, where = opened(str(folder), None)
    data = dataset.told(16, None, False).load(where)
    held = data.each(lambda split: kept(split, "memory", tmp_path))
    assert isinstance(held.test.images, np.ndarray) and held.digest == data.digest


def test_balanced_batches_hold_every_class_as_often_and_every_example_of_a_rare_one():
    labels = np.repeat([0, 1, 2], [100, 10, 3])
    members = [np.flatnonzero(labels == c) for c in range(3)]
    takes = [balanced_indices(members, 30, 0, 0, step) for step in range(10)]
    assert all(np.bincount(labels[take]).tolist() == [10, 10, 10] for take in takes)
    seen = np.bincount(np.concatenate(takes), minlength=113)
    assert set(seen[:100]) == {1} and set(seen[100:110]) == {10} and set(seen[110:]) <= {33, 34}
    assert np.array_equal(takes[7], balanced_indices(members, 30, 0, 0, 7))
    assert not np.array_equal(takes[7], balanced_indices(members, 30, 1, 0, 7))
