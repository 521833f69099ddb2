"""Exported runs: read back by the runtimes themselves, against the run's own recorded probabilities."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

import lab.run
from lab import command, export, names, predict
from lab.backbones.applications import TABLE
from lab.environment import hushed
from lab.errors import BadInput
from lab.exporting import formats, model_card, writing
from lab.inputs.bands import Band
from lab.inputs.scaling import Scaling
from lab.metrics import calibration
from lab.networks.net import Net, to_numpy
from lab.records import predictions, store
from lab.tasks.classification import Classification

HERE = [name for name, f in formats.FORMATS.items() if all(map(find_spec, f.needs))]


@pytest.fixture(scope="module")
def root(trained, tmp_path_factory):
    """A finished run on sixty grey digits, with contrast inside, and its export in all formats that are here."""
    folder = shutil.copytree(trained, tmp_path_factory.mktemp("lab"), dirs_exist_ok=True)
    words = [store.read(folder)[0]["name"], "--to", ",".join(HERE), "--out", str(folder)]
    assert command.call(export.main, words) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """(A folder of the same run, not exported; its name.)"""
    return shutil.copytree(trained, tmp_path / "lab"), store.read(trained)[0]["name"]


@pytest.fixture(scope="module")
def digits():
    """The run's test images (60, 16, 16, 1) float32, at its size."""
    import keras

    images = names.build("datasets", "digits").load(None).limited(60).test.images
    return np.array(keras.ops.image.resize(images.astype("float32"), (16, 16), interpolation="bilinear"))


def exported(root):
    record = store.read(root)[0]
    return record, root / "exports" / record["name"]


def call(run, *words):
    return command.call(export.main, [run[1], *words, "--out", str(run[0])])


def everything(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.mark.parametrize("name", formats.FORMATS)
def test_each_format_gives_the_runs_own_probabilities_for_any_number_of_images(root, digits, name):
    if name not in HERE:
        pytest.skip(f"{', '.join(formats.FORMATS[name].needs.values())} not installed")
    record, folder = exported(root)
    _, expected = predictions.read(root, record, "test")
    read = formats.FORMATS[name].open(folder / formats.FORMATS[name].file)
    np.testing.assert_allclose(
        np.concatenate([read(digits[:1]), read(digits[1:8]), read(digits[8:])]), expected, atol=2e-5
    )
    np.testing.assert_allclose(read(digits[:3]).sum(axis=1), 1, atol=1e-5)


def test_the_export_says_what_it_holds_and_how_well_it_agrees(root):
    record, folder = exported(root)
    about = json.loads((folder / "export.json").read_text())
    assert about["run"] == record["name"] and about["record"] == record["integrity"] and about["imports"] == []
    assert about["checked_on"] == {"images": 60, "what": "60 of the run's 60 test images"}
    assert about["input"]["shape"] == [None, 16, 16, 1] and about["output"]["shape"] == [None, 10]
    assert list(about["formats"]) == HERE
    for check in about["formats"].values():
        assert 0 <= check["max_difference"] < 1e-4 < check["tolerance"] == writing.TOLERANCE
        assert check["agreement"] > 0.98 and 0 < check["mb"] < 2  # one of 60 may be as likely of two classes
    assert (folder / "classes.txt").read_text().split("\n") == [*map(str, range(10)), ""]
    text = "".join(p.read_text() for p in (folder / "export.json", folder / "README.md"))
    assert str(root) not in text  # nothing of the machine
    assert not [p for p in root.iterdir() if p.name.startswith(".export.")]


def test_what_the_card_says_to_type_works_without_the_lab(root, tmp_path):
    """Its Python, line for line, where the lab cannot be imported; on a digit, drawn larger than it was."""
    record, folder = exported(root)
    data = names.build("datasets", "digits").load(None).limited(60)
    Image.fromarray(data.test.images[7, ..., 0]).save(folder / "photo.jpg", quality=100)
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 1 + len(HERE)
    (tmp_path / "lab.py").write_text("raise ImportError('not here')\n")
    script = (
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nsys.modules['openvino_telemetry'] = None\nfound = []\n"
    )
    script += blocks[0] + "".join(f"{b}found.append(probabilities)\n" for b in blocks[1:])
    script += "assert 'lab' not in sys.modules\nnp.save('found.npy', np.concatenate(found))\n"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.load(folder / "found.npy")
    _, expected = predictions.read(root, record, "test")
    assert len(found) == len(HERE) and np.ptp(found, axis=0).max() < 1e-4
    np.testing.assert_allclose(found[0], expected[7], atol=0.02)  # Pillow enlarges to whole numbers


def test_the_card_has_every_figure_of_the_record(root):
    record, folder = exported(root)
    card = (folder / "README.md").read_text()
    front = dict(line.split(": ", 1) for line in card.split("---\n")[1].splitlines())
    assert json.loads(front["pipeline_tag"]) == "image-classification"
    (result,) = json.loads(front["model-index"])[0]["results"]
    assert result["metrics"][0]["value"] == record["test"]["accuracy"]
    for split in ("train", "val", "test"):
        assert f"{record[split]['examples']}" in card and record["data"]["splits"][split]["digest"][:16] in card
        for figure in ("accuracy", "loss", "top5", "macro_f1"):
            assert f"{record[split][figure]:.4f}" in card
    known = record["test"]["per_class"]
    weakest = card.split("weakest classes")[1].split("## Limits")[0]
    rows = [line.split("|")[1:4] for line in weakest.splitlines() if re.match(r"\| \d", line)]
    assert [float(a) for _, a, _ in rows] == [round(a, 3) for a in sorted(known.values())[:5]]
    labels, p = predictions.read(root, record, "test")
    error = calibration.reliability(p.max(axis=1), (p.argmax(axis=1) == labels).astype(float)).error
    assert f"Its confidence is {error:.3f} from its accuracy" in card
    assert [int(n) for _, _, n in rows] == [int((labels == int(c)).sum()) for c, _, _ in rows]
    assert "grey" in card and record["data"]["source"].split(",")[0] in card and record["command"] in card
    assert "Nothing was carried over" in card and "60 examples of each split at most" in card


def test_a_class_name_cannot_write_markdown_or_html(root):
    record, folder = exported(root)
    about = json.loads((folder / "export.json").read_text())
    evil = ["<script>x</script>", "a|b", "`c`", "[d](http://e)", "# f", "g\n\n# h", "![i](j)", "*k*", "_l_", "&lt;"]
    metrics = {**record["test"], "per_class": dict(zip(evil, [0.5] * 10, strict=True))}
    card = model_card.card(root, {**record, "test": metrics, "data": {**record["data"], "classes": evil}}, about)
    for raw in ("<script", "a|b", "`c`", "[d](", "\n# f", "\n# h", "![i](", "*k*", "_l_"):
        assert not re.search(rf"(?<!\\){re.escape(raw)}", card), raw
    assert "&lt;script&gt;" in card and r"a\|b" in card and "&amp;lt;" in card


@pytest.mark.parametrize(
    ("weights", "backbone", "said"),
    [
        ("none", "VGG16", "Nothing was carried over"),
        ("source", "cnn10", "MIT, as the lab"),
        ("imagenet", "MobileNetV2(alpha=0.35)", "Keras Applications: Apache 2.0, as the documentation of Keras 2"),
        ("imagenet file", "VGG16", "CC BY 4.0"),
        ("imagenet", "ConvNeXtTiny", "unknown; Keras says nothing of it"),
        ("mine.h5", "VGG16", "unknown: the file says nothing of it"),
        ("run:gone", "cnn10", "unknown: that run's record is not here"),
    ],
)
def test_the_licence_of_the_weights_is_known_or_said_to_be_unknown(root, weights, backbone, said):
    record = {"choices": {"weights": weights, "backbone": backbone}}
    assert said in model_card.weights_licence(root, record)


def test_the_licence_of_a_runs_weights_is_its_own_sources(root):
    name = store.read(root)[0]["name"]
    record = {"choices": {"weights": f"run:{name}", "backbone": "cnn10"}}
    assert "own source: random weights. Nothing was" in model_card.weights_licence(root, record)


def test_every_preprocessing_survives_without_a_layer_of_the_labs(tmp_path):
    """Each family of keras.applications, through a file: the operations that replace ours compute the same."""
    import keras

    from lab.layers.inputs import Preprocess

    pixels = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    images = keras.Input((4, 4, 3))
    for module in sorted({row[0] for row in TABLE.values()}):
        net = keras.Model(images, Preprocess(module)(images))
        keras.models.clone_model(net, call_function=formats._unwrapped).save(tmp_path / "m.keras")
        read = keras.saving.load_model(tmp_path / "m.keras")
        assert formats.foreign(read) == [] and formats.foreign(net) == ["lab.layers.inputs"]
        np.testing.assert_allclose(read(pixels), net(pixels), rtol=1e-6, atol=1e-4, err_msg=module)


def test_a_counted_table_and_batch_norm_become_stock_layers(digits):
    net = Net(names.build("backbones", "cnn10(width=4)"), (16, 16, 1), names.build("heads", "linear"), 7, "standardize")
    net.match(np.random.default_rng(0).dirichlet(np.ones(3), 7).astype("float32"))
    model = formats.standalone(net, Classification())
    assert formats.foreign(model) == [] and model.output_shape == (None, 3)
    np.testing.assert_allclose(model(digits), Classification().answered(np.array(net.model([digits]))), atol=1e-6)


STORED = [
    ((16, 16, 6), (16, 16), (1, 2, 4, 5, 0), "inflate"),  # what is stored at the network's size, without one of six
    ((16, 12, 4), (24, 20), (0, 1, 2, 3), "side_branch"),  # and what is enlarged
]


@pytest.mark.parametrize(
    ("shape", "size", "take", "policy", "name"),
    [*((*STORED[0], name) for name in formats.FORMATS), (*STORED[1], "onnx")],
)
def test_each_format_scales_stored_values_of_bands_itself(shape, size, take, policy, name, tmp_path):
    """16-bit values, and what is no datum, by value or NaN, through a file and its own runtime."""
    if name not in HERE:
        pytest.skip(f"{', '.join(formats.FORMATS[name].needs.values())} not installed")
    roles = ("red", "green", "blue", "nir", "swir")
    nodata = (None, 0.0, np.nan, None, None)[: len(take)]
    how = Scaling(take, (100.0,) * len(take), (9000.0,) * len(take), (2000.0,) * len(take), nodata)
    net = Net(
        names.build("backbones", "cnn10(width=4)"), (*size, len(take)), names.build("heads", "linear"), 3,
        channels=names.build("channels", policy), scaling=how, bands=[Band(r, r) for r in roles[: len(take)]],
    )  # fmt: skip
    images = np.random.default_rng(0).integers(0, 12_000, (5, *shape)).astype("float32")
    images[:, :4, :4] = 0
    images[0, 6:, 6:] = np.nan
    file = tmp_path / formats.FORMATS[name].file
    with hushed():
        formats.FORMATS[name].write(formats.standalone(net, Classification(), shape), file)
        found = formats.FORMATS[name].open(file)(images)
    expected = Classification().answered(to_numpy(net.model(net.sized(images))))
    assert np.isfinite(expected).all() and np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_rows_of_a_table_are_predicted_by_what_was_exported(tmp_path, capsys):
    """Words, missing numbers and boosted trees: the file's rows are those that its card tells to make."""
    rng, file = np.random.default_rng(0), tmp_path / "t.csv"
    rows = [(f"{a:.1f}" if i % 7 else "", "uvw"[i % 3], "yes" if a + i % 3 > 1.5 else "no") for i, a in
            enumerate(rng.uniform(0, 2, 120))]  # fmt: skip
    file.write_text("a,b,y\n" + "".join(",".join(row) + "\n" for row in rows))
    words = ["--dataset", f"csv:{file}", "--target", "y", "--strategy", "boosting(iterations=8,depth=3)"]
    assert command.call(lab.run.main, [*words, "--out", str(tmp_path)]) == 0
    (record,) = store.read(tmp_path)
    words = [record["name"], "--to", ",".join(HERE), "--data-dir", str(file), "--out", str(tmp_path)]
    assert command.call(export.main, words) == 0
    folder = tmp_path / "exports" / record["name"]
    about, card = json.loads((folder / "export.json").read_text()), (folder / "README.md").read_text()
    assert about["input"]["bands"] == ["a", "a missing", "b=u", "b=v", "b=w"]
    assert about["input"]["shape"] == [None, 5] and "rows of 2 columns" in card and "tabular-classification" in card
    first = re.findall(r"```python\n(.*?)```", card, re.DOTALL)[0].replace('Path("', f'Path("{folder}/')
    script = first.replace("0.0)", "0.0) | {'a': np.nan, 'a missing': 1, 'b=w': 1}")
    made: dict = {}
    exec(script, made)
    (tmp_path / "new.csv").write_text("a,b\n,w\n")
    capsys.readouterr()
    words = [record["name"], str(tmp_path / "new.csv"), "--csv", str(tmp_path / "p.csv"), "--out", str(tmp_path)]
    assert command.call(predict.main, words) == 0
    expected = [float(v) for v in (tmp_path / "p.csv").read_text().splitlines()[1].split(",")[-2:]]
    for name in HERE:
        found = formats.FORMATS[name].open(folder / formats.FORMATS[name].file)(made["images"])
        np.testing.assert_allclose(found[0], expected, atol=2e-6, err_msg=name)


def test_it_can_be_checked_on_images_of_ones_own_and_replaces_the_export_before(run, tmp_path, capsys):
    photos, target = tmp_path / "photos", tmp_path / "a" / "b"
    photos.mkdir()
    for i in range(3):
        Image.new("RGB", (40, 30), (80 * i, 9, 9)).save(photos / f"{i}.png")
    assert call(run, "--to", "keras", "--images", str(photos), "--to-dir", str(target)) == 0
    assert "the same answer for 100.0%" in capsys.readouterr().out
    assert json.loads((target / "export.json").read_text())["checked_on"]["what"] == "3 of the 3 images that were given"
    (target / "model.onnx").write_text("of an earlier export")
    assert call(run, "--to", "keras", "--to-dir", str(target)) == 0
    assert everything(target) == ["README.md", "classes.txt", "export.json", "model.keras"]


def other(model, path):
    """A converter that is wrong: another network of the same shape."""
    import keras

    made = keras.models.clone_model(model)
    made.save(path)


def fails(model, path):
    path.write_text("half")
    raise TypeError("no such\noperation")


@pytest.mark.parametrize(
    ("write", "said"), [(other, "away from the run's on 60 images; 0.001 is"), (fails, "TypeError: no such operation")]
)
def test_what_differs_from_the_run_is_refused_and_leaves_nothing(run, monkeypatch, capsys, write, said):
    before = everything(run[0])
    monkeypatch.setitem(formats.FORMATS, "savedmodel", dataclasses.replace(formats.FORMATS["keras"], write=write))
    assert call(run, "--to", "keras,savedmodel") == 2
    error = capsys.readouterr().err
    assert said in error and "--to savedmodel" in error and error.count("\n") == 1
    assert everything(run[0]) == before


def test_a_refused_export_leaves_the_one_before(run, monkeypatch):
    assert call(run, "--to", "keras") == 0
    before = everything(run[0])
    monkeypatch.setitem(formats.FORMATS, "keras", dataclasses.replace(formats.FORMATS["keras"], write=fails))
    assert call(run, "--to", "keras") == 2
    assert everything(run[0]) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required: --to"),
        (["--to", ""], "--to takes keras, savedmodel, onnx, litert, openvino, or a comma list of them; received ''"),
        (["--to", "keras,tflite"], "received 'tflite'"),
        (["--to", "keras", "--images", "x.png", "--data-dir", "y"], "give one of them"),
        (["--to", "keras", "--images", "nothing.png"], "no such image or folder"),
        (["--to", "keras", "--data-dir", "x"], "digits, which is embedded; leave it out; or check on other images"),
        (["--to", "keras", "--to-dir", str(ROOT / "lab")], "holds something else than an export"),
        (["--to", "keras", "--to-dir", str(ROOT / "LICENSE")], "holds something else than an export"),
        (["--to", "keras", "--to-dir", str(ROOT / "LICENSE" / "x")], "choose another folder with --to-dir"),
    ],
)
def test_what_cannot_be_exported_is_named_and_nothing_is_written(run, capsys, words, said):
    before = everything(run[0])
    assert call(run, *words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and everything(run[0]) == before


def edited(root, **changes):
    """Writes the run's record again with changes; its name."""
    record = {**store.read(root)[0], **changes}
    store.write(root, record)
    return record["name"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: "nothing", "no such run"),
        (lambda root: edited(root, status="failed"), "is failed, not done"),
        (lambda root: edited(root, members=["a", "b"]), "is a mean of 2 runs, not a network; export one: a"),
        (lambda root: shutil.rmtree(root / "results" / ".cache") or store.read(root)[0]["name"], "not on this machine"),
    ],
)
def test_only_a_finished_run_with_its_weights_can_be_exported(run, capsys, spoil, said):
    assert command.call(export.main, [spoil(run[0]), "--to", "keras", "--out", str(run[0])]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not (run[0] / "exports").exists()


def test_a_run_in_sixteen_bits_is_exported_in_float32_and_told_how_far_that_is(run):
    choices = {**store.read(run[0])[0]["choices"], "precision": "mixed_bfloat16"}
    assert call((run[0], edited(run[0], choices=choices)), "--to", "keras") == 0
    about = json.loads((run[0] / "exports" / run[1] / "export.json").read_text())
    assert about["formats"]["keras"]["max_difference"] < 1e-5 < about["own_precision"]["max_difference"] < 0.2
    assert "The files compute in float32; the run did not" in (run[0] / "exports" / run[1] / "README.md").read_text()


def test_images_that_are_not_the_runs_are_no_check(run):
    record = store.read(run[0])[0]
    record["data"]["splits"]["test"]["digest"] = "0"
    with pytest.raises(BadInput, match=r"are not those of .*--images FILES"):
        writing.real_images(record, None, None)
    record["choices"]["dataset"] = "gtsrb"
    with pytest.raises(BadInput, match=r"not embedded; say where .*--images FILES"):
        writing.real_images(record, None, None)


def test_a_package_that_is_not_here_is_named(run, capsys, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda module: None if "onnx" in module else True)
    assert call(run, "--to", "keras,onnx") == 2
    said = "needs onnxruntime and tf2onnx, which are not installed; get them by `pip install onnxruntime=="
    error = capsys.readouterr().err
    assert said in error and " tf2onnx==" in error and error.count("\n") == 1


def test_a_backend_that_cannot_write_a_format_is_named(monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    formats.require_backend(["keras", "savedmodel"])
    with pytest.raises(BadInput, match="--to litert takes the backend tensorflow; received KERAS_BACKEND=jax; run it"):
        formats.require_backend(["keras", "litert"])


@pytest.mark.slow
def test_a_backbone_of_keras_applications_is_exported_in_every_format(tmp_path):
    words = ["--strategy", "scratch", "--backbone", "MobileNetV2(alpha=0.35)", "--dataset", "digits", "--limit", "60"]
    assert command.call(lab.run.main, [*words, "--epochs", "1", "--size", "64", "--out", str(tmp_path)]) == 0
    assert call((tmp_path, store.read(tmp_path)[0]["name"]), "--to", ",".join(HERE)) == 0


@pytest.mark.slow
def test_jax_writes_what_keras_lets_it_write(run):
    """In a process of its own; the files hold no path of this machine."""
    words = [sys.executable, "-m", "lab.export", run[1], "--to", "keras,savedmodel", "--out", str(run[0])]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "jax"})
    assert done.returncode == 0, done.stderr
    files = [p for p in (run[0] / "exports").rglob("*") if p.is_file()]
    assert {"model.keras", "saved_model.pb"} <= {p.name for p in files}
    assert not [p for p in files if str(ROOT).encode() in p.read_bytes()]


@pytest.fixture(scope="module")
def scenes(trained_masks, tmp_path_factory):
    """A finished run on masks and its export in all formats that are here."""
    folder = shutil.copytree(trained_masks, tmp_path_factory.mktemp("lab"), dirs_exist_ok=True)
    words = [store.read(folder)[0]["name"], "--to", ",".join(HERE), "--data-dir", str(folder / "photos")]
    assert command.call(export.main, [*words, "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", formats.FORMATS)
def test_each_format_gives_the_runs_own_masks(scenes, name):
    if name not in HERE:
        pytest.skip(f"{', '.join(formats.FORMATS[name].needs.values())} not installed")
    record, folder = exported(scenes)
    images = [np.asarray(Image.open(p), "float32") for p in sorted((scenes / "photos/images/test").iterdir())]
    with np.load(store.kept(scenes, record, "test.npz")) as file:
        expected = file["predicted"]
    found = formats.FORMATS[name].open(folder / formats.FORMATS[name].file)(np.stack(images))
    assert found.shape == (5, 24, 32, 3) and (found.argmax(axis=-1) == expected).mean() > 0.999
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_the_export_of_masks_says_so(scenes):
    record, folder = exported(scenes)
    about, card = json.loads((folder / "export.json").read_text()), (folder / "README.md").read_text()
    assert about["output"]["shape"] == [None, 24, 32, 3] and about["imports"] == []
    assert about["checked_on"] == {"images": 5, "what": "5 of the run's 5 test images"}
    assert all(f["agreement"] > 0.999 and f["max_difference"] < 1e-4 for f in about["formats"].values())
    front = dict(line.split(": ", 1) for line in card.split("---\n")[1].splitlines())
    assert json.loads(front["pipeline_tag"]) == "image-segmentation"
    (result,) = json.loads(front["model-index"])[0]["results"]
    score = {"type": "mean_iou", "name": "test mIoU", "value": record["test"]["miou"]}
    assert result["metrics"] == [score]
    for split in ("train", "val", "test"):
        for figure in ("miou", "mdice", "accuracy", "loss", "image_miou"):
            assert f"{record[split][figure]:.4f}" in card
    for name, (red, green, blue) in zip(record["data"]["classes"], record["data"]["palette"], strict=True):
        assert re.search(rf"\| {name} +\| `#{red:02x}{green:02x}{blue:02x}`", card)
        assert f"{record['test']['per_class'][name]['pixels']:,}" in card
    assert "photo.resize((32, 24)" in card and "reshape(1, 24, 32, 3)" in card


@pytest.mark.parametrize("head", ["unet(4,4,4,4)", "segnet", "deeplabv3(width=4)", "deeplabv3plus(width=4)"])
def test_every_decoder_becomes_stock_layers(head, tmp_path):
    """SegNet's unpooling has no layer in Keras; what it is made of has."""
    import keras

    from lab.networks.net import Net
    from lab.tasks.segmentation import Segmentation

    net = Net(names.build("backbones", "cnn10(width=4)"), (24, 40, 3), names.build("heads", head), 3)
    model = formats.standalone(net, Segmentation())
    assert formats.foreign(model) == []
    model.save(tmp_path / "m.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 24, 40, 3)).astype("float32")
    expected = Segmentation().answered(np.array(net.model(images)))
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "m.keras")(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("dataset", "line"),
    [
        ("masks(px='32x24')", "photo = photo.resize((32, 24), Image.Resampling.BILINEAR)"),
        ("masks(px='32x24',fit='pad')", "photo = ImageOps.pad(photo, (32, 24), Image.Resampling.BILINEAR)"),
        ("masks(px='32x24',fit='crop')", "photo = ImageOps.fit(photo, (32, 24), Image.Resampling.BILINEAR)"),
    ],
)
def test_the_card_resizes_as_the_run_did(scenes, dataset, line):
    record, folder = exported(scenes)
    record["choices"]["dataset"] = dataset
    card = model_card.card(scenes, record, json.loads((folder / "export.json").read_text()))
    assert line in card and ("from PIL import Image, ImageOps" in card) == ("ImageOps." in line)
