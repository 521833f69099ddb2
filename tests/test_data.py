import numpy as np
import pytest
from conftest import checked, tiny_data, tiny_masks

from lab.errors import BadInput
from lab.inputs import shots
from lab.inputs.data import eval_batches, train_indices


def test_training_batches_are_full_and_cover_every_example_equally():
    row = np.concatenate([train_indices(10, 4, seed=1, phase=0, step=s) for s in range(10)])
    assert len(row) == 40
    assert np.array_equal(np.bincount(row), np.full(10, 4))


def test_a_training_batch_is_a_function_of_seed_phase_and_step():
    again = train_indices(100, 8, seed=3, phase=1, step=20)
    assert np.array_equal(train_indices(100, 8, 3, 1, 20), again)
    for other in ((4, 1, 20), (3, 2, 20), (3, 1, 21)):
        assert not np.array_equal(train_indices(100, 8, *other), again)


def test_a_batch_may_be_larger_than_the_data():
    assert np.bincount(train_indices(3, 12, 0, 0, 0)).tolist() == [4, 4, 4]


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (8, 4), (3, 16), (1, 1)])
def test_evaluation_drops_nothing_and_keeps_one_shape(count, batch):
    seen = []
    for indices, real in eval_batches(count, batch):
        assert len(indices) == batch
        seen += indices[:real].tolist()
    assert seen == list(range(count))


def test_limit_takes_the_same_examples_each_time():
    data = tiny_data()
    assert data.limited(7).digest == data.limited(7).digest != data.digest
    assert all(len(s) == 7 for s in data.limited(7).splits().values())


def test_the_digest_sees_one_pixel_and_one_label():
    whole = tiny_data()
    pixel, label = tiny_data(), tiny_data()
    pixel.test.images[0, 0, 0, 0] ^= 1
    label.test.labels[0] = 3
    assert len({whole.digest, pixel.digest, label.digest, tiny_data(seed=0).digest}) == 3


def test_data_that_cannot_be_learnt_from_are_refused():
    data = tiny_data()
    data.test.labels[0] = 9
    with pytest.raises(BadInput, match="label 9"):
        checked(data)
    data = tiny_data()
    data.train.labels[data.train.labels == 2] = 1
    with pytest.raises(BadInput, match="no example of 'class 2'"):
        checked(data)
    with pytest.raises(BadInput, match="two classes"):
        checked(tiny_data(classes=1))


def test_few_shots_are_so_many_of_each_class_and_the_fewer_are_among_the_more():
    data = tiny_data(classes=4, each=12)
    one, five = data.few("1", 3), data.few("5", 3)
    assert np.bincount(one.train.labels).tolist() == [1] * 4 and np.bincount(five.train.labels).tolist() == [5] * 4
    assert set(one.train.ids) < set(five.train.ids) and set(one.train.ids) != set(data.few("1", 4).train.ids)
    assert len(data.few("0.5", 3).train) == 24 and len(data.few("0.01", 3).train) == 4
    assert len(data.few("99", 3).train) == len(data.train) and data.few(None, 3) is data
    assert len(one.val) == len(data.val) and len(one.test) == len(data.test)


def test_few_shots_of_masks_are_so_many_images():
    assert len(tiny_masks(count=12).few("5", 0).train) == 5
    assert len(tiny_masks(count=12).few("0.25", 0).train) == 3


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "0.0", "many", "1e3"])
def test_what_is_no_number_of_shots_is_refused(text):
    with pytest.raises(BadInput, match=r"a number of examples a class, a share as 0\.1, or all"):
        shots.check(text)
