"""What holds for any input, not only for the examples that somebody thought of; the same inputs in every run."""

import dataclasses
import io
import json
import math
import tempfile
import typing
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny_masks
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from scipy import stats
from sklearn import metrics
from test_masks import load

from lab import command, names
from lab.comparison import paired
from lab.data import __main__ as data_command
from lab.data.convert import SHAPES
from lab.errors import BadInput
from lab.inference import masks
from lab.inputs import class_list, legends, mask_files, scaling, splitting
from lab.inputs import shots as few
from lab.inputs.bands import Band
from lab.inputs.data import IGNORED, Split, balanced_indices, eval_batches, evenly, hw, train_indices
from lab.inputs.outlines import area_of, packed, runs_of, unpacked
from lab.metrics import calibration, confusion
from lab.records import store
from lab.runs import arguments, spec
from lab.tasks.classification import Classification
from lab.tasks.segmentation import Segmentation

MANY = settings(max_examples=150, deadline=None, derandomize=True, database=None)
SOME = settings(MANY, max_examples=50)
FILES = settings(MANY, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
FOLDERS = ("strategies", "backbones", "channels", "datasets", "heads", "losses")
LONGEST_MESSAGE = 2000  # characters


def refused_well(error):
    """Whether it is one line that any terminal can show."""
    return str(error).isprintable() and 20 < len(str(error)) < LONGEST_MESSAGE


# Names


def values(hint):
    """Any value that an annotation allows."""
    if typing.get_origin(hint) is typing.Annotated:
        base, bounds = typing.get_args(hint)
        low, high = math.ceil(bounds.low), math.floor(bounds.high)
        if isinstance(bounds, names.Pixels):
            sides = st.integers(low, high)
            return sides | st.none() | st.builds("{}x{}".format, sides, sides) | sides.map(str)
        kinds = {
            int: st.integers(low, high),
            float: st.floats(bounds.low, bounds.high) | (st.integers(low, high) if low <= high else st.nothing()),
            type(None): st.none(),
        }
        return st.one_of([kinds[kind] for kind in typing.get_args(base) or [base]])
    if typing.get_origin(hint) is typing.Literal:
        return st.sampled_from(typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return st.lists(values(typing.get_args(hint)[0]), min_size=1, max_size=6).map(tuple)
    kinds = {str: st.text(max_size=12), int: st.integers(), bool: st.booleans(), type(None): st.none()}
    return st.one_of([kinds[kind] for kind in typing.get_args(hint) or [hint]])


@st.composite
def allowed(draw):
    """(a folder of the lab, a name in it, its class, arguments that its annotations allow)."""
    folder = draw(st.sampled_from(FOLDERS))
    name = draw(st.sampled_from(names.listing(folder)))
    cls = names.find(folder, name)
    hints = typing.get_type_hints(cls, include_extras=True)
    taken = [f.name for f in dataclasses.fields(cls) if draw(st.booleans())]
    return folder, name, cls, {key: draw(values(hints[key])) for key in taken}


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
KNOWN = [name for folder in FOLDERS for name in names.listing(folder)]
FIELDS = sorted(
    {f.name for folder in FOLDERS for n in names.listing(folder) for f in dataclasses.fields(names.find(folder, n))}
)
CALLS = st.builds(
    lambda name, args, named, ending: (
        f"{name}({','.join([repr(a) for a in args] + [f'{k}={v!r}' for k, v in named])}{ending}"
    ),
    st.sampled_from(KNOWN),
    st.lists(LITERALS, max_size=3),
    st.lists(st.tuples(st.sampled_from(FIELDS) | st.text(max_size=5), LITERALS), max_size=3),
    st.sampled_from([")", ",)", "", "))", ").x", "\n)", ") # more"]),
)


@MANY
@given(st.sampled_from(FOLDERS), CALLS | st.text() | st.builds("{}{}".format, st.sampled_from(KNOWN), st.text()))
@example("heads", f"linear(dropout={'1' * 400})")  # more than a float holds
@example("heads", "linear(\ndropout=3)")
@example("backbones", "cnn10(norm='\x1b[31m')")
@example("channels", "side_branch(at=True)")
@example("strategies", "distill(run='" + 300 * "\u200b" + "')")  # three times as long when written out
@example("heads", "linear(dropout=float('0.1'))")
def test_any_text_becomes_an_object_with_one_text_or_is_refused_in_one_line(folder, text):
    try:
        made = names.build(folder, text)
    except BadInput as error:
        assert refused_well(error)
    else:
        assert names.build(folder, str(made)) == made and str(names.build(folder, str(made))) == str(made)


@MANY
@given(allowed())
def test_what_the_annotations_allow_is_built_and_comes_back_from_its_text(case):
    folder, name, cls, arguments = case
    text = f"{name}({','.join(f'{k}={v!r}' for k, v in arguments.items())})"
    assume(len(text) <= 300)
    made = names.build(folder, text)
    assert all(getattr(made, key) == value for key, value in arguments.items())
    dropped = {"skip_corrupt", "images", "of"} | ({"group"} if folder == "datasets" else set())
    if not dropped & set(arguments):
        assert names.build(folder, str(made)) == made == cls(**arguments)
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}
    assert (str(made) == name) == all(value == defaults[key] for key, value in arguments.items()) or dropped & set(
        arguments
    )


@MANY
@given(allowed(), st.data())
def test_equal_objects_have_one_text_and_an_argument_is_given_once(case, data):
    folder, name, _, arguments = case
    assume(arguments)
    words = [f"{k}={v!r}" for k, v in arguments.items()]
    assume(len(",".join(words)) <= 200)
    shuffled = f" {name}( {' , '.join(data.draw(st.permutations(words)))} ) "
    assert str(names.build(folder, shuffled)) == str(names.build(folder, f"{name}({','.join(words)})"))
    with pytest.raises(BadInput):
        names.build(folder, f"{name}({','.join([*words, words[0]])})")
    whole = {k: float(v) if isinstance(v, int) and abs(v) < 2**53 else v for k, v in arguments.items()}
    try:
        made = names.build(folder, f"{name}({','.join(f'{k}={v!r}' for k, v in whole.items())})")
    except BadInput:  # 8.0 is no whole number, and True is none
        return
    assert str(made) == str(names.build(folder, f"{name}({','.join(words)})"))


@MANY
@given(st.integers(1, 5000) | st.text("0123456789x", max_size=9))
def test_a_size_that_is_allowed_has_two_sides_that_are(size):
    try:
        names.Pixels(8, 4096).check("px", size)
    except BadInput as error:
        assert refused_well(error)
    else:
        assert all(8 <= side <= 4096 for side in hw(size)) and hw(spec.squared(size)) == hw(size)


@SOME
@given(st.lists(allowed(), max_size=5), st.text(" ", max_size=2))
def test_a_list_of_names_is_split_where_no_bracket_is_open(cases, space):
    words = [
        f"{name}({','.join(f'{k}={v!r}' for k, v in a.items() if isinstance(v, int | float | tuple))})"
        for _, name, _, a in cases
    ]
    words = [w for w in words if not set(w) & set("'\"")]
    assert arguments.split_commas(f"{space},{space}".join(words)) == words


@MANY
@given(st.text("ab(,)[]{} "))
def test_splitting_at_commas_loses_no_letter(text):
    words = arguments.split_commas(text)
    assert "".join("".join(words).split()).replace(",", "") == "".join(text.split()).replace(",", "")
    assert all(word and word == word.strip() for word in words)


@MANY
@given(
    st.text()
    | st.text("0123456789,- ", max_size=12)
    | st.lists(st.integers(0, 10**6)).map(lambda n: f"{','.join(map(str, n))},")
)
@example("9" * 5000)
@example("1\n")
def test_seeds_are_a_number_of_them_or_a_list_or_refused(text):
    try:
        seeds = arguments.seeds_of(text)
    except BadInput as error:
        assert refused_well(error)
    else:
        if isinstance(seeds, list):
            assert (
                "," in text
                and seeds
                and min(seeds) >= 0
                and arguments.seeds_of(",".join(map(str, seeds)) + ",") == seeds
            )
        else:
            assert 1 <= seeds <= 1000 and "," not in text and arguments.seeds_of(str(seeds)) == seeds


@MANY
@given(st.text())
def test_a_part_of_a_file_name_is_plain_and_stays_so(text):
    plain = spec.plain(text)
    assert set(plain) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.=_")
    assert spec.plain(plain) == plain and spec.plain(f"/{text}/") == plain


@MANY
@given(st.text() | st.from_regex(r"(0?\.)?\d{1,10}", fullmatch=True), st.integers(1, 9))
def test_any_number_of_shots_is_refused_or_can_be_drawn(text, count):
    try:
        few.check(text)
    except BadInput as error:
        assert refused_well(error)
    else:
        assert text == "all" or 1 <= len(few.of(labelled([0] * count), text, 0)) <= count


# Records

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.text(min_size=2000, max_size=2100),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BARE = {
    "schema": 1, "name": "a-1", "experiment": "x", "status": "failed", "digest": "d", "group": "g",
    "choices": {
        "task": "classification", "strategy": "finetune", "dataset": "d", "backbone": "cnn10", "head": "linear",
        "weights": "none", "seed": 0, "size": 32,
    },
}  # fmt: skip
RECORDS = st.dictionaries(st.text().map("+{}".format), VALUES, max_size=5).map(lambda more: {**BARE, **more})


@FILES
@given(RECORDS)
def test_a_record_comes_back_as_it_was_written_and_sealed(tmp_path, record):
    back = store.read_one(store.write(tmp_path, record))
    assert store.is_sealed(back)
    assert {k: v for k, v in back.items() if k != "integrity"} == store.finite(record)
    assert store.read_one(store.write(tmp_path, back)) == back


def places(value, path=()):
    """The path of every value in a record, and of the record itself."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@FILES
@given(RECORDS, VALUES, st.data())
def test_whatever_is_changed_in_a_record_breaks_its_seal(tmp_path, record, value, data):
    path = store.write(tmp_path, record)
    held = json.loads(path.read_text())
    place = data.draw(st.sampled_from([p for p in places(held) if p]))
    spot = held
    for key in place[:-1]:
        spot = spot[key]
    new = store.finite(value)
    assume(json.dumps(spot[place[-1]], sort_keys=True) != json.dumps(new, sort_keys=True))
    spot[place[-1]] = new
    assert not store.is_sealed(held)


@FILES
@given(st.binary() | st.text().map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode()))
@example(b'\xef\xbb\xbf{"schema": 1}')
@example(b"9" * 5000)
@example(b'{"a": ' * 5000)
def test_bytes_that_are_no_record_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(BadInput) as error:
        store.read_one(path)
    assert refused_well(error.value) and "a.json" in str(error.value)


@FILES
@given(RECORDS, st.data())
def test_a_record_that_was_damaged_is_refused_or_is_seen_to_be_another(tmp_path, record, data):
    path = store.write(tmp_path, record)
    content = bytearray(path.read_bytes())
    before = json.loads(content)
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        found = store.read_one(path)
    except BadInput as error:
        assert refused_well(error)
    else:
        assert found == before or not store.is_sealed(found)


# Splits


def labelled(labels):
    count = len(labels)
    return Split(np.zeros((count, 1, 1, 3), "uint8"), np.array(labels, "int64"), np.arange(count).astype(str))


@MANY
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 9), st.integers(0, 3), st.integers(1, 9))
def test_training_sees_every_example_equally_often_whatever_the_batch(count, batch, seed, phase, steps):
    taken = [train_indices(count, batch, seed, phase, step) for step in range(steps)]
    assert all(len(t) == batch for t in taken)
    row = np.concatenate(taken)
    for start in range(0, len(row) - count + 1, count):
        assert sorted(row[start : start + count].tolist()) == list(range(count))
    assert len(set(row[len(row) // count * count :].tolist())) == len(row) % count
    whole = np.concatenate([train_indices(count, 1, seed, phase, step) for step in range(len(row))])
    assert np.array_equal(row, whole), "the row depends on the batch"


@MANY
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(1, 20), st.integers(0, 9), st.integers(1, 8))
def test_a_balanced_batch_has_every_class_and_in_it_every_example_as_often(sizes, batch, seed, steps):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    members = [np.flatnonzero(labels == label) for label in range(len(sizes))]
    taken = [balanced_indices(members, batch, seed, 0, step) for step in range(steps)]
    row = np.concatenate(taken)
    assert len(row) == batch * steps
    counts = np.bincount(labels[row], minlength=len(sizes))
    assert counts.max() - counts.min() <= 1
    for own in members:
        seen = Counter(row[np.isin(row, own)].tolist())
        assert max(seen[i] for i in own) - min(seen[i] for i in own) <= 1
    again = [balanced_indices(members, batch, seed, 0, step) for step in reversed(range(steps))]
    assert all(np.array_equal(a, b) for a, b in zip(taken, reversed(again), strict=True)), "a step depends on others"


@MANY
@given(st.integers(1, 100), st.integers(1, 40))
def test_what_is_evaluated_is_everything_once_in_order(count, batch):
    batches = list(eval_batches(count, batch))
    assert np.concatenate([indices[:real] for indices, real in batches]).tolist() == list(range(count))
    assert all(len(indices) == batch and indices.max() < count for indices, _ in batches)


@MANY
@given(st.integers(1, 200), st.integers(1, 50))
def test_what_is_looked_at_lies_evenly(count, most):
    chosen = evenly(count, most)
    assert len(set(chosen.tolist())) == min(count, most) and chosen[0] == 0 and chosen.max() < count
    gaps = np.diff(chosen)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


GROUPED = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), min_size=1, max_size=60).map(
    lambda rows: np.array(rows).T
)


@MANY
@given(
    GROUPED,
    st.lists(st.sampled_from(["train", "val", "test"]), max_size=3, unique=True),
    st.randoms(use_true_random=False),
)
def test_every_example_is_dealt_into_one_split_and_groups_stay_whole(rows, there, random):
    labels, groups = rows
    of_group = {g: random.choice(there) for g in range(13)} if there else {}
    given = [of_group.get(int(g)) for g in groups]
    try:
        parts = splitting.dealt(labels, groups, given, "pets")
    except BadInput as error:
        found = set(given)
        missing = {"train", "val", "test"} - found
        counted = {g for g, s in zip(groups.tolist(), given, strict=True) if s in (None, "train")}
        assert refused_well(error)
        assert (
            "train" not in found
            if found != {None} and "train" not in found
            else len(counted) < len(missing) + (found != {None})
        )
        return
    assert list(parts) == ["train", "val", "test"] or set(parts) == {"train", "val", "test"}
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(labels)))
    place = {i: split for split, own in parts.items() for i in own.tolist()}
    assert all((np.diff(own) > 0).all() for own in parts.values())
    assert all(len({place[i] for i in np.flatnonzero(groups == g)}) == 1 for g in set(groups.tolist()))
    assert all(place[i] == word for i, word in enumerate(given) if word in ("val", "test"))
    renamed = np.random.default_rng(1).permutation(99)[groups]
    again = splitting.dealt(labels, renamed, given, "pets")
    assert all(np.array_equal(parts[s], again[s]) for s in parts), "the numbers of the groups matter"


@SOME
@given(st.lists(st.integers(0, 60), min_size=1, max_size=5).filter(lambda n: sum(n) >= 3))
def test_without_groups_each_split_has_its_share_of_every_class(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    parts = splitting.dealt(labels, np.arange(len(labels)), [None] * len(labels), "pets")
    for split, share in splitting.SHARES.items():
        counts = np.bincount(labels[parts[split]], minlength=len(sizes))
        assert (np.abs(counts - share * np.array(sizes)) < 2).all()


WORDS = st.lists(
    st.tuples(st.sampled_from(["", "a", "b", "c", "d", "e"]), st.sampled_from(["", "x", "y", "z", "u"])),
    min_size=1,
    max_size=14,
)


@MANY
@given(
    WORDS, st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=3), st.randoms(use_true_random=False)
)
def test_examples_are_of_one_group_when_a_chain_of_likenesses_joins_them(rows, pairs, random):
    pairs = [(a % len(rows), b % len(rows)) for a, b in pairs]
    found = splitting.united(*zip(*rows, strict=True), pairs=pairs)
    alike = {
        (i, j)
        for i in range(len(rows))
        for j in range(len(rows))
        if any(a and a == b for a, b in zip(rows[i], rows[j], strict=True))
    }
    near = np.eye(len(rows), dtype=bool)
    for i, j in alike | set(pairs):
        near[i, j] = near[j, i] = True
    joined = np.linalg.matrix_power(near.astype("int64"), len(rows)) > 0 if len(rows) < 10 else closed(near)
    assert np.array_equal(found[:, None] == found[None], joined)
    order = list(range(len(rows)))
    random.shuffle(order)
    back = {old: new for new, old in enumerate(order)}
    moved = splitting.united(*zip(*(rows[i] for i in order), strict=True), pairs=[(back[a], back[b]) for a, b in pairs])
    assert np.array_equal(moved[:, None] == moved[None], joined[np.ix_(order, order)])


def closed(near):
    """A relation (N, N) bool with what chains of it join."""
    while not np.array_equal(near, wider := near @ near):
        near = wider
    return near


@MANY
@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 12), st.integers(0, 99))
def test_few_are_so_many_of_each_class_and_among_the_more(labels, shots, more, seed):
    split = labelled(labels)
    taken, among = (few.of(split, str(count), seed) for count in (shots, shots + more))
    there = np.bincount(labels, minlength=5)
    assert np.array_equal(np.bincount(taken.labels, minlength=5), np.minimum(there, shots))
    numbers = taken.ids.astype(int)
    assert (np.diff(numbers) > 0).all() and set(numbers) <= set(among.ids.astype(int))
    assert np.array_equal(split.labels[numbers], taken.labels)


@MANY
@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 99), st.integers(0, 99))
def test_a_share_is_one_of_each_class_at_least_and_half_an_example_off_at_most(labels, percent, seed):
    there = np.bincount(labels, minlength=5)
    taken = np.bincount(few.of(labelled(labels), f"0.{percent:02d}", seed).labels, minlength=5)
    assert (taken[there > 0] >= 1).all() and (taken <= there).all()
    assert (np.abs(taken - percent / 100 * there)[there * percent >= 100] <= 0.5 + 1e-9).all()


@SOME
@given(st.sets(st.integers(0, 3), max_size=2), st.integers(1, 9))
def test_without_some_classes_the_others_keep_their_examples_and_order(dropped, count):
    data = tiny_masks(classes=4, count=count)
    kept = [i for i in range(4) if i not in dropped]
    left = data.without([f"class {i}" for i in dropped])
    assert left.classes == tuple(f"class {i}" for i in kept) and left.palette == tuple(data.palette[i] for i in kept)
    for new, old in enumerate(kept):
        assert np.array_equal(left.train.labels == new, data.train.labels == old)
    ignored = np.isin(data.train.labels, [*dropped, IGNORED])
    assert np.array_equal(left.train.labels == IGNORED, ignored)


# Conversions


@st.composite
def index_masks(draw, classes=6, ignored=True, least=1):
    """Masks (h, w) uint8 in patches: holes, islands in them, corners that only touch."""
    shape = draw(st.tuples(st.integers(least, 14), st.integers(least, 14)))
    labels = [*range(classes), *[IGNORED] * ignored]
    return draw(arrays.arrays("uint8", shape, elements=st.sampled_from(labels), fill=st.sampled_from(labels)))


def read_back(content, legend, size):
    image = mask_files.plain(content)
    held = mask_files.seen(image, "")
    labels = legend.labels(held)
    assert None not in labels
    return mask_files.labelled(image, np.array(held.values), np.array(labels, "uint8"), size, "squash")


def saved(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@SOME
@given(index_masks(), st.lists(st.integers(0, 0xFFFFFF), min_size=6, max_size=6, unique=True))
def test_a_mask_comes_back_from_its_numbers_and_from_its_colours(mask, colours):
    void = next(c for c in range(7) if c not in colours)
    classes = class_list.numbered([*"abcdef", "void"], [*colours, void], "list")
    legend = legends.listed_legend(classes)
    written = masks.png(mask, np.array(classes.palette(), "uint8"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(written))), mask)
    assert np.array_equal(read_back(written, legend, mask.shape), mask)
    table = np.zeros((256, 3), "uint8")
    table[:6], table[IGNORED] = classes.palette(), class_list.rgb_of(void)
    coloured = Image.fromarray(table[mask])
    shown = Image.open(io.BytesIO(masks.png(mask, table[:6]))).convert("RGB")
    known = mask != IGNORED
    assert np.array_equal(np.asarray(shown)[known], table[mask][known])
    drawn = mask_files.seen(mask_files.plain(saved(coloured)), "")
    assume(not drawn.is_grey or legend.colours)
    assert np.array_equal(read_back(saved(coloured), legend, mask.shape), mask)


@SOME
@given(index_masks(), st.integers(1, 20), st.integers(1, 20), st.sampled_from(["squash", "crop", "pad"]))
def test_a_mask_at_another_size_has_no_label_that_it_had_not(mask, height, width, fit):
    values = np.unique(mask)
    made = mask_files.labelled(Image.fromarray(mask), values, values, (height, width), fit)
    assert made.shape == (height, width)
    assert set(made.ravel().tolist()) <= {*values.tolist(), *([IGNORED] if fit == "pad" else [])}
    if fit == "squash" and height % mask.shape[0] == width % mask.shape[1] == 0:
        assert np.array_equal(made, np.kron(mask, np.ones((height // mask.shape[0], width // mask.shape[1]), "uint8")))


@SOME
@given(index_masks(ignored=False), st.integers(1, 20), st.integers(1, 20), st.sampled_from(["squash", "crop", "pad"]))
def test_a_predicted_mask_is_brought_back_to_its_images_size(mask, height, width, fit):
    same = masks.restored(np.eye(6, dtype="float32")[mask], mask.shape, fit)
    assert np.array_equal(same, mask)
    assert not masks.restored(np.full((*mask.shape, 6), 1 / 6, "float32"), mask.shape, fit).any(), "not as argmax"
    constant = np.full((*mask.shape, 6), 0.1, "float32")
    constant[..., 4] = 0.5
    whole = masks.restored(constant, (height, width), fit)
    assert whole.shape == (height, width) and (whole == 4).any()
    assert set(whole.ravel().tolist()) <= {4, *([IGNORED] if fit == "crop" else [])}


@MANY
@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_run_lengths_are_those_of_pycocotools_and_give_the_area_again(area):
    from pycocotools import mask as coco

    runs = packed(area)
    assert sum(runs) == area.size and all(r > 0 for r in runs[1:])
    text = coco.encode(np.asfortranarray(area.astype("uint8")))["counts"]
    assert unpacked(text).tolist() == runs
    height, width = area.shape
    for counts in (runs, text.decode()):
        found = runs_of({"size": [height, width], "counts": counts}, height, width)
        assert np.array_equal(area_of(found, height, width), area)


@MANY
@given(index_masks(classes=3), st.sampled_from([0, 1, IGNORED]), st.sampled_from(list(SHAPES)))
def test_the_areas_of_a_mask_drawn_from_large_to_small_give_it_again(mask, blank, shape):
    areas = list(SHAPES[shape](mask, blank))
    drawn = np.full_like(mask, blank)
    filled = [(a, area_of(runs_of(a.segmentation, *mask.shape), *mask.shape)) for a in areas]
    for area, pixels in sorted(filled, key=lambda pair: -int(pair[1].sum())):
        rows, columns = np.nonzero(pixels)
        left, top = int(columns.min()), int(rows.min())
        assert area.pixels == pixels.sum()
        assert area.box == [left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top]
        drawn[pixels] = area.label
    assert np.array_equal(drawn, mask)


@settings(FILES, max_examples=4)
@given(st.integers(0, 2**31), st.sampled_from(list(SHAPES)), st.permutations(["sky", "background", "car"]))
def test_masks_on_the_disk_survive_both_formats(seed, shape, classes):
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        held = {}
        for split, count in (("train", 2), ("val", 1), ("test", 1)):
            for i in range(count):
                mask = np.array([0, 1, 2, IGNORED], "uint8")[rng.choice(4, (9, 7), p=[0.4, 0.3, 0.2, 0.1])]
                mask[0, :3] = 0, 1, 2
                held[f"{split}{i}"] = mask
                for kind, pixels in (("img", rng.integers(0, 256, (9, 7, 3), "uint8")), ("ann", mask)):
                    place = folder / f"source/{kind}_dir/{split}"
                    place.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(place / f"{split}{i}.png")
        (folder / "source/meta.json").write_text(json.dumps({"classes": classes}))
        for here, form, there in (("source", "coco", "json"), ("json", "mmseg", "back")):
            words = ["convert", str(folder / here), "--to", form, str(folder / there), "--as", shape]
            assert command.call(data_command.main, words) == 0
        back = load(folder / "back", size="7x9")
        assert back.classes == tuple(classes)
        for name, mask in held.items():
            written = folder / f"back/ann_dir/{name[:-1]}/{name}.png"
            assert np.array_equal(np.asarray(Image.open(written)), mask)


# Stored values to 0 to 255

STORED = st.sampled_from(["uint8", "uint16", "int16", "float32"])


@st.composite
def band_images(draw):
    """(images (N, h, w, C) of any type, their bands, a no-data value or none for each)."""
    dtype = np.dtype(draw(STORED))
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)))
    if dtype.kind == "f":
        kinds = [
            st.floats(-(2.0**99), 2.0**99, width=32),
            st.floats(1.7e9, 1.7e9 + 1024, width=32),  # seconds since 1970: steps of 128
            st.just(1e10),
            st.just(math.nan),
            st.sampled_from([math.inf, -math.inf, 0.0, -9999.0]),
        ]
        elements = st.one_of(*kinds[: draw(st.integers(1, 5))]) if draw(st.booleans()) else draw(st.sampled_from(kinds))
    else:
        elements = arrays.from_dtype(dtype)
    images = draw(arrays.arrays(dtype, shape, elements=elements, fill=elements))
    nodata = st.sampled_from([None, 0.0, math.nan, -9999.0])
    return images, tuple(Band(f"b{i}", nodata=draw(nodata)) for i in range(shape[-1]))


@MANY
@given(band_images(), st.sampled_from([scaling.scaling, scaling.standardizing]))
@example((np.full((2, 1, 1, 1), 1e10, "float32"), (Band("same"),)), scaling.standardizing)
@example((np.full((2, 1, 1, 1), 1e10, "float32"), (Band("same"),)), scaling.scaling)
@example((np.full((9, 1, 1, 1), 1.7e9, "float32"), (Band("seconds"),)), scaling.standardizing)
def test_any_stored_value_comes_out_from_0_to_255_and_in_order(case, scale):
    images, bands = case
    whole = Split(images, np.zeros(len(images), "int64"), np.arange(len(images)).astype(str))
    made = scale(whole, bands, range(len(bands)))
    assert all(low < high for low, high in zip(np.float32(made.low), np.float32(made.high), strict=True))
    assert all(low <= mid <= high for low, mid, high in zip(made.low, made.middle, made.high, strict=True))
    scaled = made.array(images)
    assert scaled.dtype == np.float32 and ((scaled >= 0) & (scaled <= 255)).all()
    for i, band in enumerate(bands):
        stored, out = images[..., i].ravel(), scaled[..., i].ravel()
        valid = scaling.is_datum(stored, band.nodata)
        order = np.argsort(stored[valid], kind="stable")
        assert (np.diff(out[valid][order]) >= 0).all()
        none = np.isnan(stored) if stored.dtype.kind == "f" else np.zeros(len(stored), bool)
        none |= stored == band.nodata if band.nodata is not None else False
        assert len(set(out[none].tolist())) <= 1


# Metrics


@st.composite
def guesses(draw, classes=4):
    """Labels and predictions (N, h, w) uint8; some labels are ignored."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)))
    some = draw(st.lists(st.sampled_from(range(classes)), min_size=1, max_size=classes))
    truth = draw(arrays.arrays("uint8", shape, elements=st.sampled_from([*some, IGNORED])))
    return truth, draw(arrays.arrays("uint8", shape, elements=st.sampled_from(some)))


@SOME
@given(guesses())
def test_counted_pixels_and_figures_are_those_of_scikit_learn(case):
    truth, guess = case
    matrices = confusion.matrices(truth, guess, 4)
    for matrix, y, p in zip(matrices, truth, guess, strict=True):
        counted = y != IGNORED
        if counted.any():
            assert np.array_equal(matrix, metrics.confusion_matrix(y[counted], p[counted], labels=range(4)))
    matrix = matrices.sum(axis=0)
    y, p = truth[truth != IGNORED], guess[truth != IGNORED]
    assume(len(y))
    there = np.unique(np.concatenate([y, p]))
    rest = np.setdiff1d(np.arange(4), there)
    for ours, theirs in ((confusion.iou, metrics.jaccard_score), (confusion.dice, metrics.f1_score)):
        np.testing.assert_allclose(ours(matrix)[there], theirs(y, p, labels=there, average=None, zero_division=0))
        np.testing.assert_allclose(
            confusion.mean(ours(matrix)), theirs(y, p, labels=there, average="macro", zero_division=0)
        )
        assert np.isnan(ours(matrix)[rest]).all()
    np.testing.assert_allclose(confusion.accuracy(matrix), metrics.accuracy_score(y, p))
    weighted = metrics.jaccard_score(y, p, average="weighted", labels=there, zero_division=0)
    np.testing.assert_allclose(confusion.frequency_weighted_iou(matrix), weighted)


@SOME
@given(guesses(), st.integers(0, 2**31))
def test_a_segmentations_figures_are_fractions_whatever_the_order_and_the_batches(case, seed):
    truth, guess = case
    rng = np.random.default_rng(seed)
    outputs = Segmentation().answered(rng.normal(size=(*truth.shape, 4)) + 3 * np.eye(4)[guess])
    assert np.allclose(outputs.sum(axis=-1), 1, atol=1e-6)
    order = rng.permutation(len(truth))
    found = []
    for parts in ([np.arange(len(truth))], [[i] for i in order]):
        meter = Segmentation(tuple("abcd")).meter(closely=True)
        for part in parts:
            meter.update(truth[part], outputs[part])
        found.append(meter.result())
    whole, single = found
    for name in ("miou", "mdice", "accuracy", "frequency_weighted_iou", "boundary_f1", "image_miou", "image_mdice"):
        assert whole[name] is None or 0 <= whole[name] <= 1
        assert whole[name] == pytest.approx(single[name], nan_ok=False)
    assert whole["confusion"] == single["confusion"] and whole["pixels"] == (truth != IGNORED).sum()
    assert (whole["loss"] is None) == (whole["pixels"] == 0) and whole["loss"] == pytest.approx(single["loss"])


P = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@MANY
@given(P, st.randoms(use_true_random=False))
def test_corrected_p_are_those_of_holms_procedure_in_any_order(p, random):
    corrected = paired.holm(p)
    by_hand = [min(1.0, max((len(p) - sum(x < q for x in p)) * q for q in p if q <= own)) for own in p]
    assert corrected == pytest.approx(by_hand)
    assert all(own <= raised <= 1 for own, raised in zip(p, corrected, strict=True))
    ranked = sorted(zip(p, corrected, strict=True))
    assert all(first[1] <= second[1] for first, second in pairwise(ranked))
    order = list(range(len(p)))
    random.shuffle(order)
    assert paired.holm([p[i] for i in order]) == [corrected[i] for i in order]


@MANY
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemars_p_is_twice_the_tail_of_a_fair_coin(fixed, broken):
    p, tail = paired.mcnemar(fixed, broken), sum(math.comb(fixed + broken, k) for k in range(min(fixed, broken) + 1))
    assert p == pytest.approx(min(1.0, 2 * tail / 2 ** (fixed + broken))) and p == paired.mcnemar(broken, fixed)
    assert p == pytest.approx(stats.binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0)


@SOME
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20), st.integers(0, 99)
)
def test_reliability_counts_everything_within_its_bin(rows, bins, seed):
    confidence, right = np.array([c for c, _ in rows]), np.array([r for _, r in rows])
    found = calibration.reliability(confidence, right, bins)
    assert found.count.sum() == len(rows) and (found.count > 0).all() and len(found.count) <= bins
    assert (found.count * found.accuracy).sum() == pytest.approx(right.sum())
    assert (found.count * found.confidence).sum() == pytest.approx(confidence.sum())
    held = sorted(Counter(max(1, math.ceil(c * bins)) for c in confidence.tolist()).items())
    assert found.count.tolist() == [count for _, count in held]
    assert all((i - 1) / bins - 1e-9 <= c <= i / bins + 1e-9 for (i, _), c in zip(held, found.confidence, strict=True))
    assert 0 <= found.error <= 1 + 1e-12
    assert abs(confidence.mean() - right.mean()) - 1e-9 <= found.error <= np.abs(confidence - right).mean() + 1e-9
    order = np.random.default_rng(seed).permutation(len(rows))
    assert calibration.reliability(confidence[order], right[order], bins).error == pytest.approx(found.error)
    assert calibration.reliability(right.astype(float), right, bins).error == 0


LOGITS = st.tuples(st.integers(1, 12), st.integers(2, 8)).flatmap(
    lambda shape: arrays.arrays("float32", shape, elements=st.floats(-1e4, 1e4, width=32) | st.floats(-3, 3, width=32))
)


@MANY
@given(LOGITS, st.floats(-100, 100), st.integers(0, 99))
def test_probabilities_sum_to_one_in_the_order_of_the_logits(logits, shift, seed):
    made = Classification().answered(logits)
    assert made.shape == logits.shape and ((made >= 0) & (made <= 1)).all()
    np.testing.assert_allclose(made.sum(axis=1), 1)
    order = np.argsort(logits, axis=1)
    assert (np.diff(np.take_along_axis(made, order, axis=1), axis=1) >= 0).all()
    np.testing.assert_allclose(Classification().answered(logits.astype("float64") + shift), made, atol=1e-9)
    rows = np.random.default_rng(seed).permutation(len(logits))
    assert np.array_equal(Classification().answered(logits[rows]), made[rows])


@SOME
@given(LOGITS, st.data())
def test_a_classifications_figures_are_fractions_whatever_the_order_and_the_batches(logits, data):
    count, classes = logits.shape
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=count, max_size=count)))
    outputs = Classification().answered(logits)
    order = np.array(data.draw(st.permutations(range(count))))
    found = []
    for parts in ([np.arange(count)], [[i] for i in order]):
        meter = Classification(tuple("abcdefgh"[:classes])).meter()
        for part in parts:
            meter.update(labels[part], outputs[part])
        found.append(meter.result())
    whole, single = found
    guess, there = outputs.argmax(axis=1), np.unique(labels)
    for name in ("accuracy", "top5", "macro_f1"):
        assert 0 <= whole[name] <= 1 and whole[name] == pytest.approx(single[name])
    assert whole["accuracy"] == metrics.accuracy_score(labels, guess) <= whole["top5"]
    assert whole["macro_f1"] == pytest.approx(metrics.f1_score(labels, guess, labels=there, average="macro"))
    assert whole["top5"] == 1 or classes > 5
    assert whole["loss"] >= -1e-12 and whole["loss"] == pytest.approx(single["loss"])
    recalls = metrics.recall_score(labels, guess, labels=there, average=None)
    assert list(whole["per_class"].values()) == [
        pytest.approx(recalls[there == i][0]) if i in there else None for i in range(classes)
    ]
