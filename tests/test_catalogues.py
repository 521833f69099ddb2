"""`tfds:` and `hf:` without a network, on data sets that are built here."""

import numpy as np
import pytest
from conftest import checked
from PIL import Image

from lab.datasets import opened
from lab.errors import BadInput

COUNTS = {"train": 24, "test": 8}


def picture(split, i):
    """(12, 10, 3) uint8, another one for each example."""
    return np.random.default_rng([COUNTS[split], i]).integers(0, 256, (12, 10, 3)).astype("uint8")


def load(text, data_dir=None, size=12):
    dataset, where = opened(text, data_dir)
    dataset = dataset.told(size, None, False)
    assert dataset.fingerprint(where) == dataset.fingerprint(where)
    return dataset, checked(dataset.load(where))


def is_what_was_built(data):
    assert data.classes == ("circle", "cross")
    assert [len(s) for s in data.splits().values()] == [20, 4, 8]
    assert data.test.labels.tolist() == [i % 2 for i in range(8)]
    for i, image in enumerate(data.test.images[np.arange(8)]):
        expected = np.asarray(Image.fromarray(picture("test", i)).resize((12, 12), Image.Resampling.BILINEAR))
        assert np.array_equal(image, expected)


@pytest.fixture(scope="module")
def builder():
    """A class that prepares the pictures as a data set of TensorFlow Datasets named `dots`."""
    import tensorflow_datasets as tfds

    class Dots(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "id": tfds.features.Text(),
                "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
                "label": tfds.features.ClassLabel(names=["circle", "cross"]),
            }
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, _):
            return {split: self._generate_examples(split) for split in COUNTS}

        def _generate_examples(self, split):
            for i in range(COUNTS[split]):
                yield f"{i:03d}", {"id": str(i), "image": picture(split, i), "label": i % 2}

    yield Dots
    from tensorflow_datasets.core import registered

    registered._DATASET_REGISTRY.pop("dots", None)


@pytest.mark.parametrize("stored_as", ["array_record", "tfrecord"])
def test_a_prepared_tfds_data_set_is_read_without_its_code(builder, tmp_path, stored_as, monkeypatch):
    from tensorflow_datasets.core import registered

    builder(data_dir=tmp_path, file_format=stored_as).download_and_prepare()
    monkeypatch.delitem(registered._DATASET_REGISTRY, "dots", raising=False)
    dataset, data = load("tfds:dots", str(tmp_path))
    assert str(dataset) == "tfds:dots" and "dots/1.0.0" in data.source
    wanted = {
        (i % 2, np.asarray(Image.fromarray(picture("test", i)).resize((12, 12), Image.Resampling.BILINEAR)).tobytes())
        for i in range(8)
    }
    found = {(int(y), x.tobytes()) for x, y in zip(data.test.images, data.test.labels, strict=True)}
    assert found == wanted and [len(s) for s in data.splits().values()] == [20, 4, 8]


def test_a_tfds_data_set_that_cannot_be_had_is_refused_in_one_line(tmp_path):
    with pytest.raises(BadInput) as refused:
        load("tfds:no_such_data_set", str(tmp_path))
    assert "tfds:no_such_data_set cannot be had" in str(refused.value) and "\n" not in str(refused.value)


def test_a_hugging_face_data_set_on_the_disk_is_read_on_demand(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["circle", "cross"])})
    made = {
        split: datasets.Dataset.from_dict(
            {"image": [Image.fromarray(picture(split, i)) for i in range(n)], "label": [i % 2 for i in range(n)]},
            features,
        )
        for split, n in COUNTS.items()
    }
    datasets.DatasetDict(made).save_to_disk(tmp_path / "dots")
    dataset, data = load(f"hf:{tmp_path / 'dots'}")
    assert str(dataset) == "hf:dots"
    is_what_was_built(data)
    assert not isinstance(data.train.images, np.ndarray)


def test_a_hugging_face_data_set_that_cannot_be_had_is_refused_in_one_line():
    pytest.importorskip("datasets")
    with pytest.raises(BadInput) as refused:
        load("hf:no/such")
    assert "cannot be read or fetched" in str(refused.value) and "\n" not in str(refused.value)


def test_without_the_library_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(BadInput, match=r"pip install datasets=="):
        load("hf:beans")
