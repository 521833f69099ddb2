"""One contract for every data set, and what is particular to each."""

import numpy as np
import pytest
from conftest import checked

from lab import names
from lab.errors import BadInput
from lab.inputs.data import IGNORED

SMALL = {
    "signs": "signs(train=2,val=1,test=1)",
    "emblems": "emblems(train=1,val=1,test=1)",
    "scenes": "scenes(train=8,val=1,test=1,px=64)",
    "gauges": "gauges(train=8,val=2,test=2)",
}
EMBEDDED = [n for n in names.listing("datasets") if names.find("datasets", n).embedded]


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_embedded_data_set_keeps_its_contract(name):
    dataset = names.build("datasets", SMALL.get(name, name))
    data, again = checked(dataset.load(None)), dataset.load(None)
    assert data.digest == again.digest
    assert data.train.images.shape[1:3] == (dataset.size, dataset.size)
    if data.numbers:
        assert data.train.labels.shape[1] == len(data.numbers) and data.train.labels.dtype == np.float64
    else:
        assert set(np.unique(data.train.labels)) - {IGNORED} == set(range(len(data.classes)))
    assert len(set(data.classes)) == len(data.classes)
    for split in data.splits().values():
        assert split.images.dtype == (np.float32 if dataset.is_table else np.uint8) and split.images.ndim == 4
        assert len(split.images) == len(split.labels) == len(split.ids) == len(set(split.ids))
    ids = [set(s.ids) for s in data.splits().values()]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])
    with pytest.raises(BadInput, match="leave it out"):
        dataset.fingerprint("somewhere")


def test_signs_are_43_classes_and_differ_by_seed():
    first = names.build("datasets", "signs(train=1,val=1,test=1)").load(None)
    other = names.build("datasets", "signs(train=1,val=1,test=1,seed=1)").load(None)
    assert len(first.classes) == 43 and first.digest != other.digest


def test_the_source_task_shares_no_class_with_the_targets():
    sets = {n: set(names.build("datasets", SMALL.get(n, n)).load(None).classes) for n in EMBEDDED}
    assert len(sets["emblems"]) >= 43
    assert not sets["emblems"] & (sets["signs"] | sets["digits"])


def test_digits_are_scikit_learns():
    data = names.build("datasets", "digits").load(None)
    assert sum(len(s) for s in data.splits().values()) == 1797
