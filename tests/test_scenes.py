"""The aerial scenes: what is drawn is what the mask says, in realistic imbalance, and colour does not tell."""

import re
from itertools import combinations

import numpy as np
import pytest

from lab import names
from lab.datasets.scenes import CLASSES, PALETTE, Scenes, scene
from lab.errors import BadInput
from lab.inputs.data import IGNORED
from lab.scenery.aerial import BACKGROUND, BUILDING, GRASS, ROAD, TREE, VEHICLE, Frame, Land, labels, photograph, rgb

BANDS = {  # per cent of the labelled pixels of the default training split
    "background": (34, 48), "building": (6, 14), "road": (7, 14), "water": (2, 10),
    "tree": (7, 17), "pool": (0.15, 1), "vehicle": (0.3, 1.5), "grass": (14, 30),
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return Scenes(train=35, val=14, test=14, px=64).load(None)


def shares(masks):
    """Per cent of the labelled pixels, by class."""
    return 100 * np.bincount(masks[masks != IGNORED], minlength=len(CLASSES)) / (masks != IGNORED).sum()


def test_a_scene_is_a_function_of_its_seed_split_and_number(data):
    fewer = Scenes(train=3, val=1, test=1, px=64).load(None)
    assert (fewer.train.images == data.train.images[:3]).all() and (fewer.train.labels == data.train.labels[:3]).all()
    image, mask = scene(0, 1, 0, 64)
    assert (image == data.val.images[0]).all() and (mask == data.val.labels[0]).all()
    others = [scene(*key, 64) for key in ((0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 0, 1))]
    for (image, mask), (another, its) in combinations(others, 2):
        assert (image != another).mean() > 0.5 and (mask != its).mean() > 0.1


def test_no_scene_is_in_two_splits(data):
    seen = [{image.tobytes() for image in split.images} for split in data.splits().values()]
    assert [len(s) for s in seen] == [35, 14, 14] and len(set.union(*seen)) == 63


def test_the_palette_tells_classes_apart():
    assert len(PALETTE) == len(CLASSES)
    drawn = [np.array(colour) for colour in (*PALETTE, (0, 0, 0), (255, 255, 255))]
    assert min(np.linalg.norm(one - other) for one, other in combinations(drawn, 2)) > 60


@pytest.mark.parametrize("px", [33, 64, 150])
def test_every_size_is_drawn_as_such(px):
    image, mask = scene(0, 0, 9, px)
    assert image.shape == (px, px, 3) and mask.shape == (px, px) and image.dtype == mask.dtype == np.uint8
    with pytest.raises(BadInput, match="px must be from 32 to 1,024"):
        names.build("datasets", "scenes(px=16)")


@pytest.mark.parametrize("number", [0, 3, 9])
def test_a_larger_scene_is_the_same_one_and_sharper(number):
    (image, mask), (large, its) = scene(0, 0, number, 48), scene(0, 0, number, 144)
    assert (np.kron(mask, np.ones((3, 3), "uint8")) == its).mean() > 0.85
    averaged = large.reshape(48, 3, 48, 3, 3).mean((1, 3))
    assert np.abs(averaged - image)[mask != IGNORED].mean() < 8
    within = (large.reshape(48, 3, 48, 3, 3) - averaged[:, None, :, None]).std()
    assert within > 5  # an enlarged picture would have next to nothing there


def test_classes_are_as_rare_as_in_the_world(data):
    found = dict(zip(CLASSES, shares(data.train.labels), strict=True))
    assert all(low <= found[c] <= high for c, (low, high) in BANDS.items()), found
    assert max(found, key=found.get) == "background"


def test_each_class_is_somewhere_and_most_are_not_everywhere(data):
    there = np.array([[(mask == k).any() for k in range(len(CLASSES))] for mask in data.train.labels])
    assert there.any(0).all()
    often = dict(zip(CLASSES, there.mean(0), strict=True))
    assert all(often[c] < 0.95 for c in ("building", "water", "pool", "vehicle")), often


def test_one_scene_in_ten_has_a_black_corner_without_label(data):
    cut = (data.train.labels == IGNORED).any((1, 2))
    assert np.flatnonzero(cut).tolist() == [9, 19, 29]
    for image, mask in zip(data.train.images[cut], data.train.labels[cut], strict=True):
        off = mask == IGNORED
        assert not image[off].any() and 0.005 < off.mean() < 0.15
        corners = off[::63, ::63]
        assert corners.sum() == 1
        down, right = np.argwhere(corners)[0] * -2 + 1  # turned so that the corner is the first
        wedge = off[::down, ::right]
        assert (np.diff(wedge.sum(1)) <= 0).all() and (np.diff(wedge.sum(0)) <= 0).all()
        assert (np.diff(wedge.astype(int), axis=1) <= 0).all()


def test_colour_alone_tells_something_but_not_enough(data):
    from sklearn.metrics import jaccard_score
    from sklearn.neighbors import NearestCentroid

    (x, y), (x_test, y_test) = (
        (s.images[s.labels != IGNORED].astype("float32"), s.labels[s.labels != IGNORED])
        for s in (data.train, data.test)
    )
    guessed = NearestCentroid().fit(x, y).predict(x_test)
    assert 0.15 < jaccard_score(y_test, guessed, average="macro") < 0.4  # a guess at random: below 0.1


def test_sparse_scenes_are_nine_tenths_background():
    masks = Scenes(train=60, val=1, test=1, px=64, sparse=True).load(None).train.labels
    found = shares(masks)
    assert 88 <= found[BACKGROUND] <= 94 and (found > 0.03).all(), found


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [False, True])
def test_the_docstring_states_what_is_measured(sparse):
    stated = re.findall(r"(\w+) +([\d.]+) +([\d.]+)\n", Scenes.__doc__)
    assert [name for name, *_ in stated] == list(CLASSES)
    found = shares(Scenes(val=1, test=1, sparse=sparse).load(None).train.labels)
    assert np.abs(found - [float(row[1 + sparse]) for row in stated]).max() < 0.15


def land(px=40, metres=40.0):
    made = Land(px, metres, np.random.default_rng(0))
    made.polygon(Frame(0, 0).rectangle(-1, metres + 1, -1, metres + 1), rgb(120, 120, 120), GRASS)
    return made


def test_what_is_highest_is_what_is_seen():
    made, at = land(), Frame(20, 20)
    made.block(at, 10, 8, rgb(200, 60, 60), BUILDING, 5.0)
    made.strip(np.array([(0.0, 20.0), (20.0, 20.0), (40.0, 20.0)]), 2, rgb(90, 90, 90), ROAD)
    made.block(at.moved(12), 4, 2, rgb(250, 250, 250), VEHICLE, 1.4)
    made.crown(16, 20, 3, rgb(50, 80, 40), 9.0)
    mask = labels(made)
    assert [mask[20, x] for x in (2, 16, 23, 32)] == [ROAD, TREE, BUILDING, VEHICLE]
    assert (mask == VEHICLE).sum() == 4 * 2 and mask[2, 2] == GRASS


def test_a_pixel_is_of_the_class_that_has_most_of_it():
    made = Land(2, 2.0, np.random.default_rng(0))
    made.label[:3, :2] = TREE  # 6 of the first pixel's 9
    made.label[3:, 3:4] = TREE  # 3 of the last one's
    assert labels(made).tolist() == [[TREE, BACKGROUND], [BACKGROUND, BACKGROUND]]


def test_shadows_darken_what_they_fall_on_and_change_no_class():
    flat, built = land(), land()
    built.block(Frame(20, 20), 8, 8, rgb(150, 150, 150), BUILDING, 8.0)
    pictures = [photograph(made, np.random.default_rng(3)).mean(2) for made in (flat, built)]
    dark = (pictures[1] < 0.75 * pictures[0]) & (labels(built) == GRASS)
    assert 20 < dark.sum() < 300
    away = np.argwhere(dark) + 0.5 - 20
    spread = np.linalg.norm((away / np.linalg.norm(away, axis=1, keepdims=True)).mean(0))
    assert spread > 0.7  # all on one side: there is one sun


def test_eight_bands_show_the_same_land():
    image, mask = scene(0, 0, 0, 64, bands=8)
    assert image.shape == (64, 64, 8) and image.dtype == np.uint16 and image.min() > 0
    assert (mask == scene(0, 0, 0, 64)[1]).all()  # the plan is that of three bands
    data = names.build("datasets", "scenes(train=2,val=1,test=1,px=64,bands=8)").load(None)
    assert (data.train.images[0] == image).all() and [b.role for b in data.bands][1:4] == ["blue", "green", "red"]


def test_only_the_infrared_tells_a_green_roof_from_grass():
    """Of all pixels that look like grass: what red, green and blue get right, and what eight bands do."""
    from sklearn.ensemble import RandomForestClassifier

    pairs = [scene(0, 0, n, 64, bands=8) for n in range(42)]
    x, y = (np.concatenate([p[k].reshape(-1, *p[k].shape[2:]) for p in pairs]) for k in (0, 1))
    blue, green, red = (x[:, i].astype(float) for i in (1, 2, 3))
    looks_green = (green > 1.06 * red) & (green > 1.3 * blue) & np.isin(y, (BACKGROUND, BUILDING, GRASS))
    x, is_grass = x[looks_green], y[looks_green] == GRASS
    forest = RandomForestClassifier(30, class_weight="balanced", min_samples_leaf=5, random_state=0)
    first, then = np.arange(len(x)) < 0.7 * len(x), np.arange(len(x)) >= 0.7 * len(x)
    missed = []
    for columns in ([1, 2, 3], range(8)):
        guess = forest.fit(x[first][:, columns], is_grass[first]).predict(x[then][:, columns])
        missed.append(1 - (guess[~is_grass[then]] == False).mean())  # noqa: E712
    assert missed[1] < 0.6 * missed[0]
