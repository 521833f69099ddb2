"""A run: the frozen, hashable record of every choice. No Keras.

`resolve` turns what a user wrote into what will happen (the size, the weights file's SHA-256, the
data's fingerprint); its digest says whether a finished run answers the same question.
"""

import dataclasses
import itertools
import re
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from lab import datasets, losses, names
from lab.backbones import Backbone
from lab.channels import Channels
from lab.datasets import Dataset
from lab.errors import BadInput
from lab.files import digest
from lab.heads import Head
from lab.inputs import bands as bands_of
from lab.inputs import shots as few
from lab.inputs.bands import Band
from lab.inputs.data import dropped, hw
from lab.inputs.once import found, once
from lab.names import Between, Pixels
from lab.networks import weights
from lab.strategies import Strategy
from lab.task import Task, kind
from lab.training.augment import POLICIES

# Options that came after records had been made: left at these values they are in no digest, so that
# the finished runs of before still count. A value here never changes; RECIPE is raised instead.
LATER = {"contrast": "none", "schedule": "cosine", "label_smoothing": 0.0, "ema": None, "watch": "val"}
LATER |= {"drop_classes": None, "balance": "none", "patience": None, "loss": "cross_entropy"}
LATER |= {"bands": None, "channels": "rgb"}
LATER |= {"shots": None, "optimizer": "adam", "weight_decay": 0.0, "teacher": None}
Group = Literal["what to learn", "how to transfer", "how to train", "bookkeeping"]  # in the order of the help
# Raise it when the same choices would train differently; finished runs are then stale. 2: Adam in one operation a
# variable (another last bit); `light`, `strong` and `randaugment` drawn in NumPy, for each image, resampled once;
# large JPEGs decoded at another scale; rates of the schedules in 64 bits; random weights drawn without the backbone's
# build at its default size before them.
RECIPE = 2


def option(default: Any, text: str, group: Group) -> Any:
    """A field of `Run` as a user meets it; `group` is where help and pages list it."""
    return dataclasses.field(default=default, metadata={"help": text, "group": group})


@dataclass(frozen=True, kw_only=True)
class Run:
    """Every choice of one run; the defaults are the main job of the README."""

    strategy: str = option("finetune", "how to transfer (python -m lab.strategies)", "how to transfer")
    task: str | None = option(
        None,
        "what is learnt (python -m lab.tasks); left out: what the data set's labels are for",
        "what to learn",
    )
    dataset: str | None = option(
        None,
        "what is learnt from: a name (python -m lab.datasets), a folder of class folders or of images and masks, a CSV "
        "or Parquet file of paths and labels, an .npz, tfds:NAME, hf:NAME, a table of rows as csv:FILE; left out: "
        "signs, or what the task begins with",
        "what to learn",
    )
    target: str | None = option(
        None, "the column that is predicted, or several with commas, of a CSV or Parquet file", "what to learn"
    )
    data_dir: str | None = option(None, "folder or archive of a data set that is not embedded", "what to learn")
    group: str | None = option(
        None,
        "keeps images of one scene, patient or track in one split: a regular expression that finds the group in each "
        "path, or a CSV with the columns path and group",
        "what to learn",
    )
    drop_classes: str | None = option(None, "leaves these classes out: a,b,c", "what to learn")
    skip_corrupt: bool = option(False, "leaves out files that cannot be read, and records which", "what to learn")
    image_cache: Literal["auto", "memory", "disk", "none"] = option(
        "auto",
        "where decoded images are kept: memory, disk, none (decoded anew each time), auto (memory up to 1 GB)",
        "bookkeeping",
    )
    bands: str | None = option(
        None,
        "which bands the network is given, in which order: B4,B3,B2, or roles: red,green,nir; left out: all",
        "what to learn",
    )
    channels: str | None = option(
        None,
        "how bands that are not RGB come in (python -m lab.channels); left out: rgb, or inflate where they are others",
        "how to transfer",
    )
    backbone: str | None = option(
        None,
        "the network (python -m lab.backbones); left out: cnn10, or columns for a table of rows",
        "how to transfer",
    )
    weights: str | None = option(
        None,
        "the source: imagenet, none, FILE.h5, FILE.keras, source (embedded), run:NAME (a finished run); "
        "left out: source for cnn10, none for columns, imagenet for the others",
        "how to transfer",
    )
    head: str | None = option(
        None,
        "what is put on the backbone (python -m lab.heads); left out: linear, or unet for segmentation",
        "how to transfer",
    )
    loss: str | None = option(
        None,
        "what is minimised (python -m lab.losses), a sum as dice+focal; left out: cross_entropy, or mse for numbers",
        "how to train",
    )
    size: Annotated[int | str | None, Pixels(8, 4096)] = option(
        None,
        "of the input in pixels: 64, or 240x180 for 240 wide and 180 high; left out: the data's, or the backbone's "
        "smallest if that is larger",
        "how to transfer",
    )
    epochs: Annotated[int, Between(1, 100_000)] = option(
        20, "the training budget, in passes over the training set", "how to train"
    )
    budget: str | None = option(
        None,
        "in place of --epochs: 2000steps, or 120s (measured into steps once); validated 50 times a phase at most",
        "how to train",
    )
    batch_size: Annotated[int, Between(1, 65_536)] = option(32, "images a step", "how to train")
    learning_rate: Annotated[float, Between(1e-9, 100.0)] | Literal["auto"] = option(
        2e-3,
        "peak rate of the optimizer, or auto (by a range test); the schedule begins anew in each phase",
        "how to train",
    )
    optimizer: Literal["adam", "sgd", "rmsprop", "lion"] = option(
        "adam", "adam, sgd (with Nesterov momentum 0.9), rmsprop, lion", "how to train"
    )
    weight_decay: Annotated[float, Between(0.0, 10.0)] = option(
        0.0, "of kernels, a step, times its rate (decoupled: AdamW where the optimizer is adam)", "how to train"
    )
    schedule: Literal["cosine", "warmup", "onecycle", "constant"] = option(
        "cosine",
        "of the rate: cosine (down to 0), warmup (up over 10 %, then cosine), onecycle (up over 30 %, then down to 0), "
        "constant",
        "how to train",
    )
    label_smoothing: Annotated[float, Between(0.0, 0.9)] = option(
        0.0, "share of each target's weight that is spread over all classes", "how to train"
    )
    ema: Annotated[float | None, Between(0.5, 0.999999)] = option(
        None,
        "momentum of an exponential moving average of the weights, which is then validated and kept; left out: none",
        "how to train",
    )
    contrast: Literal["none", "standardize"] = option(
        "none",
        "of each image, inside the network: standardize (its mean and deviation are made equal), or none",
        "how to transfer",
    )
    augment: str | None = option(
        None,
        "none, light, strong, randaugment, mixup, cutmix; unite with +: light+mixup; left out: light, or none for a "
        "table of rows",
        "how to train",
    )
    bn: Literal["sound", "keras"] = option(
        "sound",
        "batch norm: sound (momentum from the number of steps, statistics re-estimated at the end) or keras "
        "(the library's momentum, no re-estimation: the original's mistake)",
        "how to train",
    )
    keep: Literal["best", "last"] = option(
        "best", "which epoch's weights a phase keeps, by validation score", "how to train"
    )
    patience: Annotated[int | None, Between(1, 100_000)] = option(
        None, "ends a phase after so many epochs without a better validation score; left out: never", "how to train"
    )
    balance: Literal["none", "weights", "soft_weights", "sampling"] = option(
        "none",
        "of unequal classes: weights (in the loss, inverse to a class's frequency), soft_weights (the same, bounded), "
        "sampling (every class as often), none",
        "how to train",
    )
    watch: Literal["val", "test"] = option(
        "val",
        "which split is scored after each epoch: val, or test too, for a curve; nothing is chosen by test",
        "bookkeeping",
    )
    checks: Literal["auto", "all", "none"] = option(
        "auto",
        "for mistakes, before training: all, none, auto (all but those that need many steps of their own)",
        "bookkeeping",
    )
    checkpoint_every: Annotated[int | None, Between(1, 1_000_000_000)] = option(
        None, "write down where the run stands after so many steps, too; left out: after each epoch only", "bookkeeping"
    )
    explain: bool = option(
        False,
        "after training, keep where the network looks (Grad-CAM) and how its features lie (t-SNE), to be drawn",
        "bookkeeping",
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = option(
        "float32", "of the computation", "how to train"
    )
    device: Literal["any", "gpu"] = option(
        "any", "where it runs: any, or gpu, so that it is recorded as unavailable where there is none", "bookkeeping"
    )
    limit: Annotated[int | None, Between(1, 1_000_000_000)] = option(
        None, "use only N examples of each split (marked in the record)", "what to learn"
    )
    shots: str | None = option(
        None,
        "train on so many examples of each class (images, for masks), as 5, or a share of them, as 0.1; all, or left "
        "out: all. Validation and test stay whole",
        "what to learn",
    )
    seed: Annotated[int, Between(0, 2**31 - 1)] = option(
        0, "of initial weights, batch order and augmentation", "how to train"
    )
    name: str | None = option(None, "the model's name in the table; left out: backbone and head", "bookkeeping")

    @property
    def steps_or_seconds(self) -> tuple[int | None, float | None]:
        """The `budget` as (steps, None) or (None, seconds); (None, None) where it is in epochs."""
        if self.budget is None:
            return None, None
        number, unit = re.fullmatch(r"(\d+)(steps?|s)", self.budget).groups()  # type: ignore[union-attr]
        return (None, float(number)) if unit == "s" else (int(number), None)


@dataclass(frozen=True)
class Resolved:
    """A run whose parts are built and whose open choices are closed; see `resolve`."""

    run: Run
    strategy: Strategy
    dataset: Dataset
    data_dir: str | None
    backbone: Backbone
    head: Head
    channels: Channels
    source: weights.Source | None  # None: random weights
    teacher: weights.Source | None  # a finished run that the strategy learns from
    choices: dict[str, Any]  # what the result depends on, as recorded
    digest: str
    group: str  # digest without the seed: the runs to average

    @property
    def stem(self) -> str:
        """File name of the record, without `.json`: readable first, unique last."""
        c = self.choices
        words = [self.run.name or c["backbone"], c["strategy"], c["data"], f"{c['size']}px", f"s{self.run.seed}"]
        return f"{'-'.join(map(plain, words))[:120]}-{self.digest[:8]}"


def plain(text: str) -> str:
    """A choice as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.=]+", "_", text).strip("_")


def check(run: Run) -> Run:
    """The run, if every single value in it is one that is allowed.

    Raises:
        BadInput: names the field, what was received, what is allowed.
    """
    hints = typing.get_type_hints(Run, include_extras=True)
    for field in dataclasses.fields(run):
        names.checked("--" + field.name.replace("_", "-"), getattr(run, field.name), hints[field.name])
    if run.budget is not None and not re.fullmatch(r"[1-9]\d{0,8}(steps?|s)", run.budget):
        raise BadInput(f"--budget is a number of steps or seconds, as 2000steps or 120s; received {run.budget!r}")
    if run.shots is not None:
        few.check(run.shots)
    check_name(run.name)
    return run


def check_name(name: str | None) -> None:
    """Refuses a `--name` that a table or a file name could not hold.

    Raises:
        BadInput: says which characters there may be.
    """
    if name is not None and not re.fullmatch(r"[\w .,()=+-]{1,60}", name):
        raise BadInput(f"--name takes up to 60 letters, digits, spaces and . , ( ) = + - _; received {name!r}")


def resolve_all(runs: Iterable[Run], root: Path) -> list[Resolved]:
    """Each as `resolve` has it; what they ask of the same files is looked up once.

    Raises:
        BadInput: as `resolve`.
    """
    with once():
        return [resolve(run, root) for run in runs]


@once()
def resolve(run: Run, root: Path) -> Resolved:
    """Builds the parts and closes the open choices; reads files' digests, trains nothing.

    Raises:
        BadInput: for whatever can be known to be wrong before the work starts.
    """
    check(run)
    strategy: Strategy = names.build("strategies", run.strategy)
    first = kind(run.task or "classification").dataset
    dataset, data_dir = datasets.opened(run.dataset or first, run.data_dir)
    dataset = dataset.aimed(run.target).for_task(run.task)
    run = _closed(run, dataset)
    assert run.backbone is not None
    backbone: Backbone = names.build("backbones", run.backbone)
    _refuse_unfit(run, dataset, backbone)
    task = kind(dataset.task)
    head, loss = _head_of(run, dataset), _loss_of(run, task)
    task.refuse(run, strategy)
    size = squared(run.size) or _at_least(backbone.min_size, dataset.size or backbone.default_size)
    dataset = dataset.told(size, run.group, run.skip_corrupt)
    bands = dataset.bands_of(data_dir)
    channels = channels_for(run, dataset, bands)
    if min(hw(size)) < backbone.min_size:
        raise BadInput(f"{backbone} takes images of {backbone.min_size} px and more; received --size {size}")
    source = _source_of(run, strategy, backbone, root)
    choices: dict[str, Any] = {
        "recipe": RECIPE,
        "task": dataset.task,
        "strategy": str(strategy),
        "dataset": str(dataset),
        "data": dataset.title(data_dir),
        "data_fingerprint": found(("fingerprint", dataset, data_dir), lambda: dataset.fingerprint(data_dir)),
        "drop_classes": ",".join(dropped(run.drop_classes)) or None,
        "limit": run.limit,
        "shots": None if run.shots == "all" else run.shots,
        "bands": ",".join(bands[i].name for i in bands_of.chosen(bands, run.bands)) if run.bands else None,
        "channels": str(channels),
        "backbone": str(backbone),
        "weights": source.label if source else "none",
        "weights_digest": source.digest if source else None,
        "head": str(head) if strategy.head == "new" else "source",
        "size": size,
        "contrast": run.contrast,
        "precision": run.precision,
        "seed": run.seed,
    }
    if strategy.trains:
        choices |= _of_training(run, loss)
    teacher = teacher_of(strategy, choices, root)
    if teacher:
        choices["teacher"] = teacher.digest
    grouped = {k: v for k, v in choices.items() if k not in ("seed", "weights")}
    grouped["weights_digest"] = source.group or source.digest if source else None
    return Resolved(
        run, strategy, dataset, data_dir, backbone, head, channels, source, teacher, choices,
        digest=digest(_dated({**choices, "weights": None})), group=digest(_dated(grouped)),
    )  # fmt: skip


def _closed(run: Run, dataset: Dataset) -> Run:
    """The run with what its kind of data decides."""
    usual = ("columns", "none") if dataset.is_table else ("cnn10", "light")
    return dataclasses.replace(run, backbone=run.backbone or usual[0], augment=run.augment or usual[1])


def _refuse_unfit(run: Run, dataset: Dataset, backbone: Backbone) -> None:
    """Refuses a backbone for images on a table and the other way round, and what a table has no use for.

    Raises:
        BadInput: says what to take instead.
    """
    if dataset.is_table != backbone.of_tables:
        if dataset.is_table:
            raise BadInput(f"--dataset {run.dataset} is a table: use --backbone columns; received {backbone}")
        raise BadInput(f"--backbone {backbone} takes the rows of a table, and {dataset} has images; use another")
    if not dataset.is_table:
        return
    unfit: dict[str, Any] = {"weights": "none", "augment": "none", "contrast": "none", "channels": None, "size": None}
    unfit["explain"] = False
    for name, allowed in unfit.items():
        if (given := getattr(run, name)) not in (None, allowed):
            raise BadInput(f"--{name} {given} is for images, and {dataset} is a table; leave it out")


def _head_of(run: Run, dataset: Dataset) -> Head:
    """The run's head, or the task's usual one.

    Raises:
        BadInput: it reads something else of the backbone than the task's heads do.
    """
    task = kind(dataset.task)
    head: Head = names.build("heads", run.head or task.head)
    if head.reads != task.reads:
        raise BadInput(
            f"--head {head} reads the backbone's {head.reads}; {dataset} is for {dataset.task}, whose heads read its "
            f"{task.reads} (python -m lab.heads)"
        )
    return head


def _loss_of(run: Run, task: type[Task]) -> str:
    """The text of the run's loss, or of the task's usual one.

    Raises:
        BadInput: it is for other labels, or what is asked of it is another's.
    """
    loss = losses.canonical(run.loss or task.minimised)
    losses.refuse(loss, task.labels)
    if run.label_smoothing and loss != "cross_entropy":
        raise BadInput(f"--label-smoothing is for --loss cross_entropy; received {run.loss}")
    return loss


def _source_of(run: Run, strategy: Strategy, backbone: Backbone, root: Path) -> weights.Source | None:
    """The weights that the strategy starts from; None: random ones.

    Raises:
        BadInput: there are none, and it takes some.
    """
    source = None
    if strategy.start == "source":
        source = weights.find(run.weights or _usual_weights(backbone), backbone, root)
    if source is None and strategy.head == "source":
        raise BadInput(f"{strategy} uses the source's own classifier: it takes --weights, and none were given")
    return source


def _usual_weights(backbone: Backbone) -> str:
    if backbone.of_tables:
        return "none"
    return "source" if str(backbone) == weights.embedded_backbone() else "imagenet"


def _of_training(run: Run, loss: str) -> dict[str, Any]:
    """The choices that nothing but training depends on, as recorded."""
    assert run.augment is not None
    return {
        "budget": run.budget or f"{run.epochs}epochs",
        "batch_size": run.batch_size,
        "learning_rate": run.learning_rate,
        "loss": loss,
        "augment": names_of_policies(run.augment),
        "optimizer": run.optimizer,
        "weight_decay": run.weight_decay,
        "bn": run.bn,
        "keep": run.keep,
        "schedule": run.schedule,
        "label_smoothing": run.label_smoothing,
        "ema": run.ema,
        "watch": run.watch,
        "balance": run.balance,
        "patience": run.patience,
    }


def teacher_of(strategy: Strategy, choices: dict[str, Any], root: Path) -> weights.Source | None:
    """The finished run that a strategy learns from, or none.

    Raises:
        BadInput: there is no such run, or it is of other data.
    """
    if strategy.teacher is None:
        return None
    teacher = weights.finished(strategy.teacher, root)
    for name in ("task", "data_fingerprint", "drop_classes"):
        if (theirs := teacher.meta["choices"].get(name)) != choices[name]:
            raise BadInput(
                f"{strategy}: the teacher's {name} is {theirs}, this run's {choices[name]}; distill from a run of the "
                "same data"
            )
    return teacher


def channels_for(run: Run, dataset: Dataset, bands: tuple[Band, ...]) -> Channels:
    """How the bands that the run chooses come into the network.

    Raises:
        BadInput: there are no such bands, or the policy does not take them.
    """
    if run.bands and not bands:
        raise BadInput(
            f"--bands is for images whose bands are described, and those of {dataset} are not; write a bands.toml "
            "beside them, or leave it out"
        )
    given = tuple(bands[i] for i in bands_of.chosen(bands, run.bands)) or bands_of.nameless(3)
    is_plain = len(given) == 1 or bands_of.is_rgb(given) or dataset.is_table
    channels: Channels = names.build("channels", run.channels or ("rgb" if is_plain else "inflate"))
    channels.check(given)
    return channels


def squared(size: int | str | None) -> int | str | None:
    """The size with one number where both are equal."""
    return hw(size)[0] if isinstance(size, str) and len(set(hw(size))) == 1 else size


def _at_least(smallest: int, size: int | str) -> int | str:
    """The size, enlarged where its shorter side is below the smallest."""
    height, width = hw(size)
    by = max(1.0, smallest / min(height, width))
    return squared(f"{round(by * width)}x{round(by * height)}")  # type: ignore[return-value]


def _dated(choices: dict[str, Any]) -> dict[str, Any]:
    """The choices without those that stand at the value that they had before they could be chosen.

    And without what the user calls the data: their fingerprint says which they are.
    """
    return {k: v for k, v in choices.items() if k != "data" and (k not in LATER or v != LATER[k])}


def names_of_policies(text: str) -> str:
    """The augmentation policies in `text`, checked, in a fixed form."""
    for word in (words := text.replace(" ", "").split("+")):
        names.checked("--augment", word, Literal[tuple(POLICIES)])
    return "+".join(words)


MEANS = {
    "geometric": "the normalised product's root: a member that is sure of a no is heard",
    "arithmetic": "the plain mean of probabilities",
}


@dataclass(frozen=True)
class Ensemble:
    """Runs of a written experiment, the mean of whose predictions is recorded, too, once they are done.

    Raises:
        BadInput: they are fewer than two, or there is no such mean.
    """

    members: tuple[Run, ...]
    mean: str = "geometric"

    def __post_init__(self) -> None:
        if len(set(self.members)) < 2:
            raise BadInput(f"an Ensemble takes two runs or more; received {len(set(self.members))}")
        if self.mean not in MEANS:
            raise BadInput(f"the mean of an Ensemble is {' or '.join(MEANS)}; received {self.mean!r}")


def matrix(*, seeds: int | list[int] = 1, **axes: Any) -> list[Run]:
    """Every combination of the axes: each is a field of `Run` with one value or a list of them.

    Seeds vary fastest, so that each row of the table is complete before the next begins.
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else seeds
    lists = [v if isinstance(v, list) else [v] for v in axes.values()]
    return [
        check(Run(**dict(zip(axes, values, strict=True)), seed=seed))
        for values in itertools.product(*lists)
        for seed in wanted
    ]
