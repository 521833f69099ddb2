"""The formats a network is exported in: what each needs, how it is written and read back. No Keras until one is.

images (N, H, W, C) float32, 0-255 ─► the run's network ─► the task's last layer ─► answers: probabilities (N, K), or
(N, H, W, K) of masks, or values (N, P)

Of more than three bands, or a table, the images are stored values (N, h, w, all bands), or rows (N, F): their scaling
to 0-255 is in the file, too.
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lab.environment import pip_install
from lab.errors import BadInput

Predict = Callable[[Any], Any]  # images (N, H, W, C) float32 to answers (N, ...), both NumPy


@dataclass(frozen=True)
class Format:
    """A format, and the runtime of its own that reads it back.

    Attributes:
        file: what is written, from the export's folder; a path in a folder stands for the folder.
        needs: module that writing or reading imports, to the package that holds it.
        backends: those of Keras that write it.
        use: the lines that read it and turn `images` into `probabilities`, or what the task calls its answers.
    """

    file: str
    needs: dict[str, str]
    backends: tuple[str, ...]
    use: str
    write: Callable[[Any, Path], None]
    open: Callable[[Path], Predict]


def asked(text: str) -> list[str]:
    """The names in a comma list, each once.

    Raises:
        BadInput: one is no format, or there is none.
    """
    wanted = list(dict.fromkeys(w.strip() for w in text.split(",") if w.strip()))
    for name in wanted or [text]:
        if name not in FORMATS:
            raise BadInput(f"--to takes {', '.join(FORMATS)}, or a comma list of them; received {name!r}")
    return wanted


def require(wanted: list[str]) -> None:
    """Refuses formats whose packages are not installed; imports nothing.

    Raises:
        BadInput: names the packages and how to get them.
    """
    missing = {package for name in wanted for module, package in FORMATS[name].needs.items() if not find_spec(module)}
    if missing:
        words = f"{' and '.join(sorted(missing))}, which {'is' if len(missing) == 1 else 'are'} not installed"
        raise BadInput(f"--to {','.join(wanted)} needs {words}; get them by `{pip_install(*missing)}`")


def require_backend(wanted: list[str]) -> None:
    """Refuses formats that Keras does not write with the backend in use.

    Raises:
        BadInput: names the backend that does.
    """
    import keras

    backend = keras.backend.backend()
    for name in wanted:
        if backend not in (able := FORMATS[name].backends):
            raise BadInput(
                f"--to {name} takes the backend {' or '.join(able)}; received KERAS_BACKEND={backend}; run it again "
                f"with KERAS_BACKEND={able[0]} (a run's weights are the same for every backend)"
            )


def standalone(net: Any, task: Any, stored: tuple[int, ...] = ()) -> Any:
    """The keras.Model of a `Net` from `images` to the answers of a task, made of Keras' own layers and operations.

    Where images are `stored` values, that is their shape (h, w, all bands), or a table's (F,).

    It shares the net's weights. A layer of the lab is replaced by the operations that it calls, so
    that a file needs nothing of ours to be read; where one holds weights, it stays (see `foreign`).
    """
    import keras

    from lab.networks.net import to_numpy

    copy = keras.models.clone_model(
        net.model, clone_function=lambda layer: layer, call_function=_unwrapped, recursive=True
    )
    images, logits = copy.inputs[0], copy.outputs[0]
    if stored:
        images = keras.Input(stored, name="images")
        pixels = keras.layers.Reshape((1, 1, *stored))(images) if len(stored) == 1 else images
        logits = copy(net.sized(pixels))
    model = keras.Model(images, task.last_layer()(logits), name="net")
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):  # of EfficientNet and ConvNeXt
            # as tensors, the two would be further inputs of an ONNX graph
            layer.mean, layer.variance = to_numpy(layer.mean), to_numpy(layer.variance)
    return model


def foreign(model: Any) -> list[str]:
    """Modules other than Keras' that hold layers of the model: a `.keras` file is read where they are imported."""
    modules = {type(layer).__module__ for layer in model._flatten_layers()}
    return sorted(m for m in modules if m.split(".")[0] != "keras")


def _unwrapped(layer: Any, *inputs: Any, **options: Any) -> Any:
    """Calls a layer on symbolic tensors; one of the lab's leaves the operations that it is made of."""
    from keras import layers, ops

    from lab.layers.inputs import Affine, Mix, Preprocess
    from lab.layers.matched import Matched

    if isinstance(layer, Preprocess):
        return _affine(layer, *inputs)
    if isinstance(layer, Matched):
        dense = layers.Dense(layer.outputs, use_bias=False, dtype="float32", name=layer.name)
        p = dense(layers.Softmax(dtype="float32")(*inputs))
        dense.kernel.assign(layer.table)
        return ops.log(ops.maximum(p, 1e-12))
    # their constants, made tensors, would be further inputs of an ONNX graph
    if isinstance(layer, Affine):
        return layers.Rescaling(layer.scale, layer.offset, name=layer.name)(*inputs)
    if isinstance(layer, Mix):
        dense = layers.Dense(len(layer.matrix[0]), use_bias=False, dtype="float32", name=layer.name)
        mixed = dense(*inputs)
        dense.kernel.assign(layer.matrix)
        return mixed
    own = type(layer).__module__.startswith("lab.") and not layer.weights
    return layer.call(*inputs) if own else layer(*inputs, **options)


def _affine(layer: Any, images: Any) -> Any:
    """Preprocessing as what it is for every family: bands swapped or not, then each scaled and shifted.

    It is measured on a pixel of each band and a black one, so that it is still Keras that says how.
    """
    import numpy as np
    from keras import layers, ops

    from lab.networks.net import to_numpy

    bands = images.shape[-1]
    pixels = np.vstack([np.zeros(bands), 255 * np.eye(bands)]).astype("float32")
    black, *primaries = to_numpy(layer(pixels[None, None]))[0, 0].astype("float64")
    slopes = (primaries - black) / 255  # (bands in, bands out)
    if slopes[0, 0] == 0:
        images, slopes = ops.flip(images, axis=-1), slopes[::-1]
    return layers.Rescaling(np.diag(slopes).tolist(), black.tolist(), name=layer.name)(images)


def _export(kind: str) -> Callable[[Any, Path], None]:
    """Keras' own export, with the output's name in every format that has names."""

    def write(model: Any, path: Path) -> None:
        import keras

        named = keras.Model(model.inputs[0], {model.layers[-1].name: model.outputs[0]}, name=model.name)
        named(keras.ops.zeros((1, *model.inputs[0].shape[1:])))  # the ONNX export refuses what was never called
        if keras.backend.backend() == "jax":
            import jax

            jax.config.update("jax_traceback_in_locations_limit", 0)  # else paths of this machine are in the file
        with warnings.catch_warnings():
            # keras.src.export.tf2onnx_lib asks NumPy 2 for `np.object`
            warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
            named.export(str(path), format=kind, verbose=False)

    return write


def _write_openvino(model: Any, path: Path) -> None:
    path.parent.mkdir()
    _openvino()
    _export("openvino")(model, path)


def _openvino() -> Any:
    # its import alone would report to a server of Intel's; without this package it does not (nobody was asked)
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _read_keras(path: Path) -> Predict:
    import keras

    from lab.networks.net import to_numpy

    model = keras.saving.load_model(path, safe_mode=True)
    return lambda images: to_numpy(model.predict_on_batch(images))


def _read_savedmodel(path: Path) -> Predict:
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda images: next(iter(model.serve(images).values())).numpy()


def _read_onnx(path: Path) -> Predict:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]


def _read_litert(path: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path)).get_signature_runner()
    return lambda images: next(iter(run(images=images).values()))


def _read_openvino(path: Path) -> Predict:
    # 32 bits asked for: where the processor has bfloat16, OpenVINO would compute in it
    model = _openvino().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: model(images)[0]


FORMATS = {
    "keras": Format(
        "model.keras", {}, ("tensorflow", "jax"),
        'import keras\n\nprobabilities = keras.saving.load_model("model.keras").predict(images)',
        lambda model, path: model.save(path), _read_keras,
    ),
    "savedmodel": Format(
        "savedmodel", {"tensorflow": "tensorflow"}, ("tensorflow", "jax"),
        'import tensorflow as tf\n\nmodel = tf.saved_model.load("savedmodel")\n'
        'probabilities = model.serve(images)["probabilities"].numpy()',
        _export("tf_saved_model"), _read_savedmodel,
    ),
    "onnx": Format(
        "model.onnx", {"tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"}, ("tensorflow",),
        'import onnxruntime\n\nsession = onnxruntime.InferenceSession("model.onnx")\n'
        'probabilities = session.run(["probabilities"], {"images": images})[0]',
        _export("onnx"), _read_onnx,
    ),
    "litert": Format(
        "model.tflite", {"ai_edge_litert": "ai-edge-litert"}, ("tensorflow",),
        'from ai_edge_litert.interpreter import Interpreter\n\n'
        'run = Interpreter("model.tflite").get_signature_runner()\n'
        'probabilities = run(images=images)["probabilities"]',
        _export("litert"), _read_litert,
    ),
    "openvino": Format(
        "openvino/model.xml", {"openvino": "openvino"}, ("tensorflow",),
        'import openvino\n\n# in 32 bits; left to itself it takes bfloat16 where the processor has it\n'
        'model = openvino.compile_model("openvino/model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})\n'
        'probabilities = model(images)["probabilities"]',
        _write_openvino, _read_openvino,
    ),
}  # fmt: skip
