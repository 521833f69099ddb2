"""Where a network looks and how its features lie: Grad-CAM, t-SNE, and `--explain`."""

import re

import keras
import numpy as np
import pytest
from conftest import TINY, passes_under_jax, tiny_data, tiny_trainer

from lab import command, names, run
from lab.galleries import labels as surest
from lab.networks import explaining
from lab.networks.explaining import Explained
from lab.networks.net import Net, to_numpy
from lab.probes.solving import knn
from lab.records import store
from lab.steps import Phase


@pytest.fixture
def trained_net(tmp_path):
    trainer = tiny_trainer(tmp_path, tiny_data(each=12, size=32), epochs=4, learning_rate=5e-3)
    trainer.execute(Phase(trainer.net.parts.all))
    return trainer


def test_behind_average_pooling_grad_cam_is_the_class_activation_map(trained_net, monkeypatch):
    """There the gradient of a logit is its row of the dense layer's kernel, over the number of places."""
    monkeypatch.setattr(explaining, "PLACES", 2)
    net, images = trained_net.net, trained_net.data.test.images[:6]
    net.train_only(())  # as a strategy may leave it
    chosen = np.array([0, 1, 2, 3, 0, 1])
    maps, _ = explaining.gradient(net.model, net.body.operations[-1])(net.sized(images), chosen)
    kernel = to_numpy(net.top.weights[0])
    expected = np.maximum(np.einsum("mhwd,dm->mhw", maps, kernel[:, chosen]), 0)
    expected /= np.maximum(expected.max((1, 2), keepdims=True), 1e-12)
    found = explaining.heat(net, images, chosen)
    assert found.shape == expected.shape and np.allclose(found, expected, atol=1e-4)
    assert found.min() >= 0 and found.max() == pytest.approx(1.0)


def test_a_gradient_is_the_backends_own():
    inputs = keras.Input((3,))
    middle = keras.layers.Dense(3, activation="tanh", use_bias=False)
    out = keras.layers.Dense(2, activation="tanh", use_bias=False)
    model = keras.Model(inputs, out(middle(inputs)))
    w, x = np.array([[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]], "float32"), np.eye(3, dtype="float32")
    model.set_weights([np.eye(3, dtype="float32"), w])
    chosen = np.array([0, 1, 1])
    given, slope = explaining.gradient(model, middle)(x, chosen)
    assert np.allclose(given, np.tanh(x), atol=1e-6)
    z = (np.tanh(x) @ w)[np.arange(3), chosen]
    assert np.allclose(slope, (1 - np.tanh(z) ** 2)[:, None] * w.T[chosen], atol=1e-5)
    assert "call" not in vars(middle)  # nothing stays behind


def test_the_surest_of_each_class_come_first():
    said = np.array([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1], [0.0, 0.95, 0.05], [0.2, 0.1, 0.7], [0.0, 0.01, 0.99]])
    labels = np.array([1, 0, 1, 2, 0])
    assert surest.order(labels, said.argmax(1), said.max(1)).tolist() == [
        2,
        1,
        3,
        4,
    ]  # of class 1 the surer one; 4 is wrong
    assert surest.order(np.array([0, 2, 2, 0, 1]), said.argmax(1), said.max(1)).tolist() == [4, 2, 1]


def test_what_lies_apart_is_put_apart():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 30)
    places = explaining.embedded(rng.normal(size=(90, 200)) + 20 * np.eye(3, 200)[groups], 0)
    middles = np.stack([places[groups == k].mean(0) for k in range(3)])
    nearest = np.linalg.norm(places[:, None] - middles, axis=-1).argmin(1)
    assert places.shape == (90, 2) and (nearest == groups).all()


def test_a_head_without_a_gradient_has_no_heat_but_a_map(trained_net):
    x, _ = trained_net.features(trained_net.data.train)
    trained_net.net.put(knn(x, trained_net.data.train.labels, 4, (3,), 0.07))
    test = trained_net.data.test
    found = explaining.explained(trained_net, trained_net.evaluate(test)[1].probabilities)
    assert found.heat.shape == (len(found.images), 0, 0) and found.places.shape == (len(test), 2)


def test_a_run_keeps_it_when_asked_and_the_report_draws_it(tmp_path):
    words = [*TINY, "--strategy", "scratch", "--checks", "none", "--size", "32", "--explain", "--out", str(tmp_path)]
    assert command.call(run.main, words) == 0
    record = store.read(tmp_path)[0]
    kept = Explained.read(store.cache(tmp_path, "quickstart") / f"{record['name']}.explained.npz")
    assert len(kept.images) == len(kept.heat) == len(kept.truth) and kept.heat.shape[1:] == (4, 4)
    gallery = tmp_path / "results" / "quickstart" / "img" / f"gallery-{record['name']}.best_and_worst.png"
    assert gallery.stat().st_size > 5_000  # that needs no --explain
    assert (gallery.parent / f"explained-{record['name']}.png").stat().st_size > 10_000
    assert "explain" not in record["choices"]  # it changes nothing that is learnt


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "segmentation"], "leaves a gallery"),
        (["--dataset", "breast_cancer"], "--explain True is for images"),
    ],
)
def test_what_has_nothing_of_the_kind_is_refused(tmp_path, words, said, capsys):
    assert command.call(run.main, [*words, "--explain", "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "size", "place"),
    [
        ("MobileNetV2", 32, "block_6_expand_relu"),  # whose last features have one place
        ("MobileNetV2", 128, "out_relu"),
        ("NASNetMobile", 32, "normal_concat_3"),  # nothing that all paths go through
        ("DenseNet121", 32, "pool3_conv"),
        ("EfficientNetB0", 32, "block4a_expand_activation"),
        ("ConvNeXtTiny", 64, "add"),  # an operation that is no layer
    ],
)
def test_any_backbone_is_looked_into(backbone, size, place):
    keras.utils.set_random_seed(0)
    net = Net(names.build("backbones", backbone), (size, size, 3), names.build("heads", "linear"), 3)
    assert re.sub(r"^add_\d+$", "add", explaining.last_place(net.body).name) == place
    net.train_only(())
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype("uint8")
    found = explaining.heat(net, images, np.array([0, 2]))
    assert found.shape == (2, 4, 4) and found.min() >= 0
    assert set(found.max((1, 2)).round(5)) <= {0, 1} and found.any() and not np.allclose(found[0], found[1])


@pytest.mark.slow
def test_under_jax_too(tmp_path):
    passes_under_jax(tmp_path, "grad_cam or gradient_is", "test_explaining")
