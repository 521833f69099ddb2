"""Weights from files: what fits is loaded, what does not is refused, and no file runs code."""

import json
import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest

from lab import names
from lab.errors import BadInput
from lab.networks import weights
from lab.networks.load import open_net

TEXT = "cnn10(width=4)"


def backbone_model(text=TEXT, bands=3):
    keras.utils.set_random_seed(7)
    backbone = names.build("backbones", text)
    model = backbone.build((backbone.default_size, backbone.default_size, bands))
    for w in model.weights:
        w.assign(np.random.default_rng(1).normal(size=w.shape).astype("float32") ** 2)
    return model


def write_applications_layout(model, path):
    """As the files of Keras Applications are laid out: attributes list layers and their weights."""
    with h5py.File(path, "w") as file:
        layers = list(model.layers)
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            values = layer.trainable_weights + layer.non_trainable_weights
            group.attrs["weight_names"] = [f"{i}:{w.name}".encode() for i, w in enumerate(values)]
            for i, w in enumerate(values):
                group[f"{i}:{w.name}"] = keras.ops.convert_to_numpy(w)


def opened(path, tmp_path, text=TEXT, bands=3, own_top=False):
    backbone = names.build("backbones", text)
    source = weights.find(str(path), backbone, tmp_path)
    return open_net(backbone, (32, 32, bands), names.build("heads", "linear"), 5, source, own_top)


def same(model, net):
    return all(
        np.array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))
        for a, b in zip(model.weights, net.body.weights, strict=True)
    )


@pytest.mark.parametrize("suffix", ["h5", "weights.h5", "keras"])
def test_a_backbone_comes_back_from_each_of_keras_formats(tmp_path, suffix):
    model, path = backbone_model(), tmp_path / f"x.{suffix}"
    if suffix == "h5":
        write_applications_layout(model, path)
    elif suffix == "keras":
        model.save(path)
    else:
        model.save_weights(path)
    net = opened(path, tmp_path)
    assert same(model, net)
    assert net.parts.new == net.parts.stage("head")


def test_an_imagenet_file_with_its_top_gives_the_top_to_frozen(tmp_path):
    backbone = names.build("backbones", "MobileNetV2(alpha=0.35)")
    whole = backbone.build_with_top((224, 224, 3))
    write_applications_layout(whole, tmp_path / "top.h5")
    net = opened(tmp_path / "top.h5", tmp_path, "MobileNetV2(alpha=0.35)", own_top=True)
    assert net.outputs == 1000 and not net.parts.new
    assert np.array_equal(*(keras.ops.convert_to_numpy(m.weights[-2]) for m in (whole, net.body)))
    without = opened(tmp_path / "top.h5", tmp_path, "MobileNetV2(alpha=0.35)")
    assert without.outputs == 5


def test_a_file_without_a_top_is_refused_where_one_is_needed(tmp_path):
    backbone = names.build("backbones", "MobileNetV2(alpha=0.35)")
    write_applications_layout(backbone.build((224, 224, 3)), tmp_path / "bare.h5")
    with pytest.raises(BadInput, match="without its classifier top"):
        opened(tmp_path / "bare.h5", tmp_path, "MobileNetV2(alpha=0.35)", own_top=True)


@pytest.mark.parametrize("suffix", ["h5", "weights.h5", "keras"])
def test_weights_of_another_network_or_number_of_bands_are_refused(tmp_path, suffix):
    for other in (backbone_model("cnn10(width=5)"), backbone_model(bands=4)):
        path = tmp_path / f"x.{suffix}"
        write_applications_layout(other, path) if suffix == "h5" else (
            other.save(path) if suffix == "keras" else other.save_weights(path)
        )
        with pytest.raises(BadInput, match="does not fit") as error:
            opened(path, tmp_path)
        assert "\n" not in str(error.value)


def test_rgb_weights_are_refused_for_four_bands(tmp_path):
    backbone_model().save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(BadInput, match="--channels rgb takes 3 bands or 1; received 4"):
        opened(tmp_path / "x.weights.h5", tmp_path, bands=4)


class Evil:
    def __reduce__(self):
        return (open, ("ran.txt", "w"))


def bad_files(folder):
    (folder / "pickle.h5").write_bytes(pickle.dumps(Evil()))
    (folder / "text.h5").write_text("hello")
    (folder / "empty.h5").write_bytes(b"")
    (folder / "cut.h5").write_bytes(weights.HDF5 + b"\0" * 100)
    (folder / "pickle.keras").write_bytes(pickle.dumps(Evil()))
    (folder / "pickle.pkl").write_bytes(pickle.dumps(Evil()))
    with zipfile.ZipFile(folder / "nothing.keras", "w") as archive:
        archive.writestr("readme.txt", "x")
    for name, config in (
        ("lambda", {"class_name": "Lambda", "module": "keras.layers", "config": {}}),
        ("foreign", {"class_name": "system", "module": "os", "config": {}}),
        ("custom", {"class_name": "Mine", "module": None, "registered_name": "mine>Mine"}),
    ):
        with zipfile.ZipFile(folder / f"{name}.keras", "w") as archive:
            archive.writestr("config.json", json.dumps({"module": "keras", "config": {"layers": [config]}}))
            archive.writestr("model.weights.h5", b"x")
    with zipfile.ZipFile(folder / "json.keras", "w") as archive:
        archive.writestr("config.json", "{")
        archive.writestr("model.weights.h5", b"x")
    return sorted(folder.iterdir())


def test_files_that_are_no_weights_are_refused_and_run_nothing(tmp_path, monkeypatch):
    (tmp_path / "bad").mkdir()
    monkeypatch.chdir(tmp_path)
    for path in [*bad_files(tmp_path / "bad"), tmp_path / "missing.h5"]:
        with pytest.raises(BadInput) as error:
            opened(path, tmp_path)
        assert "\n" not in str(error.value) and path.name in str(error.value)
    assert not (tmp_path / "ran.txt").exists()


def test_a_real_lambda_is_refused(tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(tmp_path / "x.keras")
    with pytest.raises(BadInput, match="Lambda"):
        opened(tmp_path / "x.keras", tmp_path)


def test_the_embedded_source_is_what_its_record_says():
    backbone = names.build("backbones", "cnn10")
    source = weights.find("source", backbone, None)
    net = open_net(backbone, (32, 32, 3), None, 0, source, own_top=True)
    assert net.outputs == 72 == len(source.meta["data"]["classes"])
    images = names.build("datasets", "emblems(train=1,val=1,test=2,seed=5)").load(None).test
    logits = net.model.predict_on_batch(images.images.astype("float32"))
    assert (logits.argmax(axis=1) == images.labels).mean() > 0.85
    with pytest.raises(BadInput, match="are of cnn10"):
        weights.find("source", names.build("backbones", "MobileNetV2"), None)


@pytest.mark.slow
def test_efficientnets_own_file_gives_the_features_that_keras_gives_with_it(tmp_path, monkeypatch):
    """Keras adds a layer of constants where it loads that file, and only there."""
    from keras.src.utils import file_utils

    backbone, rng = names.build("backbones", "EfficientNetB0"), np.random.default_rng(0)
    model = backbone.build((224, 224, 3))
    mean, variance = model.weights[:2]
    mean.assign([0.485, 0.456, 0.406])
    variance.assign([0.229**2, 0.224**2, 0.225**2])
    path = tmp_path / str(backbone.weights_file())
    write_applications_layout(model, path)
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(path))
    own = keras.applications.EfficientNetB0(weights="imagenet", include_top=False, input_shape=(224, 224, 3))
    images = rng.integers(0, 256, (1, 224, 224, 3)).astype("float32")
    expected = np.array(keras.ops.convert_to_numpy(own(images, training=False)))
    for text in ("imagenet", str(path)):
        source = weights.find(text, backbone, tmp_path)
        net = open_net(backbone, (224, 224, 3), names.build("heads", "linear"), 3, source, own_top=False)
        found = keras.ops.convert_to_numpy(net.body(images, training=False))
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
