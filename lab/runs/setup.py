"""A run's data and network, made ready to train: the `Trainer` that its choices describe."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import keras

from lab.checks.rate import found_by_range_test
from lab.environment import device, environment, kept_at_home
from lab.errors import BadInput, Unavailable
from lab.inputs import once
from lab.inputs.bands import chosen
from lab.inputs.data import Data, dropped, hw
from lab.inputs.reading import kept
from lab.inputs.scaling import scaling, standardizing
from lab.networks.load import open_net, reopen
from lab.networks.net import Net
from lab.records import store
from lab.runs.kept import Kept
from lab.runs.spec import Resolved, Run
from lab.task import checked, kind
from lab.training.checkpoint import Checkpoint
from lab.training.distillation import Distillation
from lab.training.learner import Options
from lab.training.trainer import Trainer


def open_trainer(
    resolved: Resolved,
    root: Path,
    tell: Callable[[dict], None],
    experiment: str | None = None,
    parts: int = 1,
    kept: Kept | None = None,
):
    """Data and network as the run wants them, under its seed and precision; a batch is trained in so many parts.

    A run of an `experiment` writes down how far it is, and goes on from where it was interrupted. What is `kept` of
    the run before it serves again, where it is the same.

    Raises:
        BadInput: data, backbone, head, source and strategy do not go together.
        Unavailable: the run is to be on a GPU, and there is none.
    """
    run = resolved.run
    repeatable()
    kept_compiled()
    tell({"event": "note", "text": "reading data"})
    kept, decoded = kept or Kept(), store.cache(root, "images")
    data = kept.data(_read_by(resolved, decoded), lambda: read(resolved, decoded))
    once.forget()
    tell({"event": "note", "text": "building"})
    keras.utils.set_random_seed(run.seed)
    keras.config.set_dtype_policy(run.precision)
    task = kind(resolved.dataset.task).of(data)
    net = kept.net(network(resolved, data, task.outputs))
    if run.device == "gpu" and device() == "cpu":
        raise Unavailable(f"it is to run on a GPU, and {keras.backend.backend()} finds none on this machine")
    steps, seconds = run.steps_or_seconds
    loss = resolved.choices.get("loss", task.minimised)
    shared = {f.name for f in fields(Options)} & {f.name for f in fields(Run)}
    trainer = Trainer(
        net,
        data,
        task,
        Options(**{n: getattr(run, n) for n in shared} | {"loss": loss}, steps=steps, seconds=seconds, parts=parts),
        store.cache(root, "features"),
        lambda event: tell({"event": "step", **event}),
        distillation(resolved),
        checkpoint(resolved, data, store.cache(root, experiment), parts) if experiment else None,
    )
    if run.learning_rate == "auto" and resolved.strategy.trains:
        tell({"event": "note", "text": "finding a learning rate"})
        trainer.options.learning_rate = trainer.found["learning_rate"] = found_by_range_test(trainer)
    return trainer


def read(resolved: Resolved, decoded: Path) -> Data:
    """What the run trains, validates and tests on; images that it decodes are kept in the folder."""
    run = resolved.run
    data = resolved.dataset.load(resolved.data_dir).without(dropped(run.drop_classes))
    data = checked(data, resolved.dataset.task)
    return (
        data.limited(run.limit)
        .few(resolved.choices["shots"], run.seed)
        .each(lambda split: kept(split, run.image_cache, decoded))
    )


def _read_by(resolved: Resolved, decoded: Path) -> tuple[Any, ...]:
    """All that what is read depends on."""
    run, c = resolved.run, resolved.choices
    of = repr(resolved.dataset), resolved.data_dir, c["data_fingerprint"], c["drop_classes"], c["limit"]
    return *of, c["shots"], run.seed if c["shots"] else None, run.image_cache, decoded


def network(resolved: Resolved, data: Data, outputs: int) -> Net:
    """The run's network for the data, with the source's weights in it.

    Raises:
        BadInput: a size that masks do not have, or a source whose own outputs are too few; see `open_net`.
    """
    run, size = resolved.run, hw(resolved.choices["size"])
    own_top = resolved.strategy.head == "source"
    if data.train.has_masks and data.shape[:2] != size:
        raise BadInput(
            f"{resolved.dataset} has masks of {data.shape[1]} x {data.shape[0]} px, which --size "
            f"{resolved.choices['size']} does not change; leave --size out"
        )
    inputs = inputs_of(resolved, data)
    shape = (*size, len(inputs["bands"]) or data.shape[-1])
    net = open_net(resolved.backbone, shape, resolved.head, outputs, resolved.source, own_top, run.contrast, **inputs)
    if own_top and net.outputs < outputs:
        raise BadInput(
            f"{resolved.strategy} reads {outputs} labels off the source's own outputs; "
            f"{resolved.source.label} has {net.outputs}"  # type: ignore[union-attr]
        )
    return net


def inputs_of(resolved: Resolved, data) -> dict[str, Any]:
    """The channels, bands and scaling that the network is made with; the last is measured on the training split."""
    if not data.bands:
        return {"channels": resolved.channels, "bands": (), "scaling": None}
    take = chosen(data.bands, resolved.run.bands)
    bands = tuple(data.bands[i] for i in take)
    measure = standardizing if data.table else scaling
    return {"channels": resolved.channels, "bands": bands, "scaling": measure(data.train, data.bands, take)}


def kept_compiled() -> None:
    """Has JAX keep what it compiles for an accelerator, where that takes minutes, for the runs that come after."""
    if keras.backend.backend() == "jax" and device() != "cpu":
        import jax

        jax.config.update("jax_compilation_cache_dir", str(kept_at_home() / "compiled"))


def repeatable() -> None:
    """Has the same seed give the same weights twice."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # it takes both: operations that run side by side finish in any order, and the sums of MobileNetV2's
        # gradients with them
        tf.config.experimental.enable_op_determinism()
        tf.config.threading.set_inter_op_parallelism_threads(1)


def checkpoint(resolved: Resolved, data, folder: Path, parts: int):
    """Where the run stands, if it was begun before: with the same choices, data and versions, on the same device."""
    told = environment()
    key = {"digest": resolved.digest, "data": data.digest, "backend": keras.backend.backend(), "parts": parts}
    return Checkpoint(folder, resolved.stem, key | {n: told[n] for n in ("versions", "device")})


def distillation(resolved: Resolved):
    """The finished run that the strategy learns from, opened; None where there is none."""
    teacher, how = resolved.teacher, cast(Any, resolved.strategy)
    if teacher is None:
        return None
    assert teacher.path is not None
    return Distillation(reopen(teacher.meta, teacher.path), how.temperature, how.weight)
