"""The model card of an exported run: what it was made of, what it can do and what nobody knows. No Keras.

Every figure is the record's or the export's. Sections and front matter as Hugging Face reads them
(https://huggingface.co/docs/hub/model-cards), after Mitchell et al. 2018, https://arxiv.org/abs/1810.03993.
"""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from lab import names
from lab.errors import BadInput
from lab.exporting import formats
from lab.inference.predicting import fit_of
from lab.metrics import calibration
from lab.records import outcomes, store
from lab.records.store import data_of
from lab.runs.reproducing import command_of
from lab.task import kind_of, of_record, score, score_name

WEAKEST = 5  # classes
STATED = "as the documentation of Keras 2 says (keras-team/keras, docs/templates/applications.md)"
# What that file says of the ImageNet weights of each module of keras.applications; of the others it says nothing.
LICENCES = {
    "xception": "MIT", "vgg16": "CC BY 4.0", "vgg19": "CC BY 4.0", "resnet": "MIT", "resnet_v2": "BSD",
    "inception_v3": "Apache 2.0", "inception_resnet_v2": "Apache 2.0", "mobilenet": "Apache 2.0",
    "mobilenet_v2": "Apache 2.0", "nasnet": "Apache 2.0", "densenet": "BSD 3-clause",
}  # fmt: skip


def card(root: Path, record: dict[str, Any], about: dict[str, Any]) -> str:
    """The text of README.md; `about` is what export.json holds."""
    said = of_record(record).card(root, record)
    sections = {
        "Files": files(about, said),
        "Use": use(record, about, said),
        "Data": data(record, said),
        "Training": training(record),
        "Metrics": metrics(record, said),
        "Limits": limits(root, record, about, said),
        "Licence": licence(root, record),
        "How it was made": making(record, about),
    }
    parts = [front_matter(record, about), f"# {plain(record['name'])}", summary(record, said)]
    return "\n\n".join([*parts, *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"


def front_matter(record: dict[str, Any], about: dict[str, Any]) -> str:
    """YAML for Hugging Face; each value is JSON, which YAML reads too."""
    dataset = data_of(record["choices"])
    called, kind = kind_of(record).hub[is_table(record)]
    scores = [{"type": kind, "name": f"test {score_name(record)}", "value": score(record, "test")}]
    result = {
        "task": {"type": called},
        "dataset": {"type": dataset, "name": dataset, "split": "test"},
        "metrics": scores,
    }
    values = {
        "library_name": "keras",
        "pipeline_tag": called,
        "license": "other",
        "license_name": "see-the-section-licence",
        "tags": [called, "transfer-learning", *about["formats"]],
        "model-index": [{"name": record["name"], "results": [result]}],
    }
    return "\n".join(["---", *(f"{k}: {json.dumps(v)}" for k, v in values.items()), "---"])


@dataclass(frozen=True)
class Card:
    """What a task says in a model card, in Markdown.

    Attributes:
        does: what the network does, as a sentence's beginning. well: how well.
        answers: shape and meaning of what it gives. lines: Python that reads what that takes.
        same: what "the same answer" is, of a format and the run.
        meaning: what the labels are.
        unit: of the figures.
        weakest: what it is worst at.
        knows: what it knows and what it does with anything else.
    """

    does: str
    well: str
    answers: str
    lines: list[str]
    same: str
    meaning: str
    unit: str
    weakest: str
    knows: str


def summary(record: dict[str, Any], said: Card) -> str:
    c, (height, width, bands) = record["choices"], record["net"]["shape"]
    head = f" with the head {plain(c['head'])}" if kind_of(record).reads == "pyramid" else ""
    seen = f"{_kind(bands)} images of {height} × {width} px"
    if is_table(record):
        seen = f"rows of {len(record['data']['table']['columns'])} columns"
    return (
        f"{said.does} in {seen}: {said.well}. The network "
        f"is {plain(c['backbone'])}{head} and has {record['net']['parameters']:,} parameters, trained by the strategy "
        f"{plain(c['strategy'])} from {_weights(c['weights'])}."
    )


def data_called(record: dict[str, Any]) -> str:
    """What a run's data are called."""
    return plain(data_of(record["choices"]))


def is_table(record: dict[str, Any]) -> bool:
    return "table" in record["data"]


def examples_are(record: dict[str, Any]) -> str:
    return "rows" if is_table(record) else "images"


def files(about: dict[str, Any], said: Card) -> str:
    rows = [
        [name, f"`{f['file']}`", f"{f['mb']:.2f}", f"{f['max_difference']:.1e}", f"{f['agreement']:.1%}"]
        for name, f in about["formats"].items()
    ]
    text = (
        f"Each file was read back by its own runtime and compared with the run on {about['checked_on']['what']}; a "
        f"difference above {min(f['tolerance'] for f in about['formats'].values()):g} would have been refused.\n\n"
        + table(["format", "file", "MB", "largest difference", said.same], rows)
    )
    if own := about.get("own_precision"):
        text += (
            f"\n\nThe files compute in float32; the run did not. Between the two: {own['max_difference']:.1e}, the "
            f"{said.same} for {own['agreement']:.1%}."
        )
    return text


def use(record: dict[str, Any], about: dict[str, Any], card: Card) -> str:
    """How to make the input, and for each format the lines that read it."""
    answers = kind_of(record).answers
    said, lines = _of_stored(record, about) if "bands" in about["input"] else _of_photos(record)
    text = f"{said}\n\n`{answers}` is float32 {card.answers}\n\n" + _code("\n".join([*lines, *card.lines]))
    for name in about["formats"]:
        needed = [f"import {m}" for m in about["imports"]] if name == "keras" else []
        read = formats.FORMATS[name].use.replace("probabilities", answers)
        text += f"\n\nWith `{name}`:\n\n" + _code("\n".join([*needed, read]))
    return text


def _of_photos(record: dict[str, Any]) -> tuple[str, list[str]]:
    """(what the input is, the lines that make one) where images are 0 to 255."""
    height, width, bands = record["net"]["shape"]
    resizings = _resizings(record)
    pillow = "Image, ImageOps" if any("ImageOps" in line for line in resizings) else "Image"
    return (
        f"`images` is float32 (N, {height}, {width}, {bands}), {_kind(bands)}, with values from 0 to 255 as they are "
        "in the file, any N. Do not scale or normalise them: that is inside. Resizing is the caller's: bilinear, with "
        "antialiasing where it shrinks, as Pillow does."
    ), [
        "from pathlib import Path",
        "",
        "import numpy as np",
        f"from PIL import {pillow}",
        "",
        f'photo = Image.open("photo.jpg").convert("{"L" if bands == 1 else "RGB"}")',
        *resizings,
        f'images = np.asarray(photo, "float32").reshape(1, {height}, {width}, {bands})  # 0 to 255',
    ]


def _of_stored(record: dict[str, Any], about: dict[str, Any]) -> tuple[str, list[str]]:
    """The same where they are stored values, of rasters or of a table."""
    shape, names_of = about["input"]["shape"][1:], ", ".join(plain(b) for b in about["input"]["bands"])
    if is_table(record):
        return (
            f"`images` is float32 (N, {shape[0]}), rows of a table, any N: {names_of}. A column of numbers holds them "
            "as they are, NaN where one is missing; `NAME=WORD` is 1 where the column NAME holds that word, and else 0;"
            " `NAME missing` is 1 where the number is missing, and else 0. Do not standardise them: that is inside."
        ), [
            "import json",
            "from pathlib import Path",
            "",
            "import numpy as np",
            "",
            'columns = json.loads(Path("export.json").read_text(encoding="utf-8"))["input"]["bands"]',
            "row = dict.fromkeys(columns, 0.0)  # put the row's own values here",
            'images = np.array([[row[name] for name in columns]], "float32")',
        ]
    return (
        f"`images` is float32 (N, {', '.join(map(str, shape))}), with values as they are stored in the files, any N, "
        f"of the bands {names_of}, in this order. Do not scale them, nor fill what is no datum: that is inside."
    ), [
        "from pathlib import Path",
        "",
        "import rasterio",
        "",
        f'with rasterio.open("tile.tif") as file:  # of {shape[1]} × {shape[0]} px',
        '    images = file.read().transpose(1, 2, 0)[None].astype("float32")',
    ]


def data(record: dict[str, Any], said: Card) -> str:
    about, c = record["data"], record["choices"]
    counts = [[n, f"{s['examples']:,}", f"`{s['digest'][:16]}`"] for n, s in about["splits"].items()]
    limit = f" Only {c['limit']:,} examples of each split were used." if c["limit"] else ""
    source = plain(about["source"] or "unknown")
    return (
        f"{plain(data_of(c))}: {_about('datasets', c['dataset'].partition(':')[0])} Source: {source}.{limit} "
        f"Digest of all: `{about['digest'][:16]}`.\n\n{table(['split', 'examples', 'digest'], counts)}\n\n"
        f"{said.meaning}"
    )


def training(record: dict[str, Any]) -> str:
    cost = record["cost"]
    text = table(["choice", "value"], [[plain(k), plain(v)] for k, v in record["choices"].items() if v is not None])
    return (
        f"{plain(record['choices']['strategy'])}: {_about('strategies', record['choices']['strategy'])}\n\n"
        f"{text}\n\nTraining took {cost['train_seconds']:,.0f} s on `{_span(record['environment']['device'])}`; there "
        f"{'a row' if is_table(record) else 'an image'} takes {cost['inference_ms_per_image']:.2f} ms."
    )


def metrics(record: dict[str, Any], said: Card) -> str:
    """All figures of the record, and what it does worst."""
    splits = [s for s in ("train", "val", "test") if s in record]
    figures = [k for k, v in record["test"].items() if isinstance(v, int | float)]
    called = kind_of(record).figures
    rows = [[plain(called.get(k, k)), *(_figure(record[s].get(k)) for s in splits)] for k in figures]
    return f"Measured in inference mode; {said.unit}.\n\n" + table(["", *splits], rows) + f"\n\n{said.weakest}"


def weakest(heads: list[str], figures: dict[str, float | None], counts: dict[str, int]) -> str:
    """The classes that do worst on the test split, of those that have a figure."""
    known = {c: figure for c, figure in figures.items() if figure is not None}
    worst = sorted(known, key=lambda c: (known[c], c))[:WEAKEST]
    rows = [[plain(c), f"{known[c]:.3f}", f"{counts[c]:,}" if c in counts else "-"] for c in worst]
    return "The weakest classes, on the test split:\n\n" + table(heads, rows)


def examples(root: Path, record: dict[str, Any]) -> dict[str, int]:
    """Test examples of each class, from the labels beside the record; empty where they are not there."""
    path = outcomes.path_of(root, record)
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        counts = np.bincount(file["labels"], minlength=len(record["data"]["classes"]))
    return dict(zip(record["data"]["classes"], counts.tolist(), strict=True))


def calibration_error(root: Path, record: dict[str, Any]) -> float | None:
    """Expected calibration error on the test examples; None where the run left no confidence beside its record."""
    try:
        _, (outcome,) = outcomes.read(root, [record])
    except BadInput:
        return None
    return None if outcome.confidence is None else calibration.reliability(outcome.confidence, outcome.each).error


def limits(root: Path, record: dict[str, Any], about: dict[str, Any], said: Card) -> str:
    c, (height, width, _) = record["choices"], record["net"]["shape"]
    train, read = record["data"]["splits"]["train"]["examples"], tuple(record["data"]["shape"][:2])
    found = [
        "It takes rows of these columns and nothing else."
        if is_table(record)
        else f"It takes images of {height} × {width} px and nothing else.",
        f"It learnt from {train:,} {examples_are(record)} of {plain(data_of(c))} and {said.knows}.",
        f"The figures above are of {record['test']['examples']:,} test {examples_are(record)} of the same data set.",
    ]
    if read != (height, width) and "bands" not in record["data"]:
        size = f"{read[0]} × {read[1]} px"
        found.append(f"Its images were read at {size} and then resized; images of another origin look different.")
    if c["limit"]:
        found.append(f"It was made to try something out: with {c['limit']:,} examples of each split at most.")
    if c.get("watch", "val") == "test":
        found.append("The test split was looked at after each epoch, for a curve; nothing was chosen by it.")
    unknown = ["images of other origin (cameras, places, weather)", "damaged or manipulated images"]
    if is_table(record):
        unknown = ["rows of other origin (places, times)", "wrong or manipulated values"]
    is_sure = kind_of(record).answers == "probabilities"
    if is_sure and (error := calibration_error(root, record)) is None:
        unknown.append("calibration (whether a probability of 0.9 is right nine times in ten)")
    elif is_sure:
        found.append(f"Its confidence is {error:.3f} from its accuracy (ECE, {calibration.BINS} bins, test examples).")
    unknown.append(f"fairness between groups of people, where there are any in the {examples_are(record)}")
    found.append(f"Not measured: {'; '.join(unknown)}.")
    found += [f"The checks of the run found: {plain(f['what'])}." for f in record["findings"]]
    if about["imports"]:
        found.append(f"`model.keras` holds layers of {', '.join(map(plain, about['imports']))}, to be imported first.")
    return "\n".join(f"- {line}" for line in found)


def licence(root: Path, record: dict[str, Any]) -> str:
    c = record["choices"]
    digest = f" (digest `{_span(c['weights_digest'])[:25]}`)" if c["weights_digest"] else ""
    return (
        f"- Source of the weights: {_weights(c['weights'])}{digest}. {weights_licence(root, record)}\n"
        f"- Data: {plain(record['data']['source'] or 'unknown')}.\n"
        "- The lab's code, and what it draws itself: MIT.\n\n"
        "What follows from these for the trained weights is for whoever passes them on to find out."
    )


def weights_licence(root: Path, record: dict[str, Any]) -> str:
    """What is known of the licence of the weights that a run started from."""
    weights, backbone = record["choices"]["weights"], record["choices"]["backbone"]
    if weights == "none":
        return "Nothing was carried over from another network."
    if weights == "source":
        return "It was trained by the lab on images that the lab draws: MIT, as the lab."
    if weights.startswith("imagenet"):
        module = getattr(names.find("backbones", names.parse(backbone)[0]), "module", "")
        known = f"{LICENCES[module]}, {STATED}" if module in LICENCES else "unknown; Keras says nothing of it"
        return (
            f"Licence of the ImageNet weights of Keras Applications: {known}; https://keras.io/api/applications, of "
            "Keras 3, states none. ImageNet gives its images for non-commercial research and education; whether that "
            "reaches weights is not settled."
        )
    if weights.startswith("run:"):
        try:
            return (
                f"That run's own source: {_weights(earlier['choices']['weights'])}. " + weights_licence(root, earlier)
                if (earlier := store.finished(root, weights.removeprefix("run:")))
                else ""
            )
        except BadInput:
            return "Its licence is unknown: that run's record is not here."
    return "Its licence is unknown: the file says nothing of it."


def making(record: dict[str, Any], about: dict[str, Any]) -> str:
    e = record["environment"]
    state = " with changes that were not committed" if e.get("dirty") else ""
    trained = {"lab": e["lab"], "python": e["python"], **e["versions"]}
    rows = [[plain(n), trained.get(n) or "-", about["versions"].get(n) or "-"] for n in [*trained, *about["versions"]]]
    unique = list({row[0]: row for row in rows}.values())
    commands = dict.fromkeys([record["command"], command_of(record), about["command"]])
    return (
        _code("\n".join(commands), "sh")
        + f"\n\nThe last but one makes this run alone. Trained {plain(record['finished'])} with the backend "
        f"{plain(e['backend'])}, on commit `{_span(e['commit'] or 'unknown')}` of the lab{state}; exported "
        f"{plain(about['made'])}. The record's digest is `{_span(about['record'])}`.\n\n"
        + table(["version of", "in training", "in export"], unique)
    )


def plain(value: Any) -> str:
    """A value as text in which nothing is Markdown or HTML."""
    text = html.escape(" ".join(str(value).split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]#|~!])", r"\\\1", text)


def _about(folder: str, text: str) -> str:
    """The line that describes a part of the lab."""
    return plain(names.summary(names.find(folder, names.parse(text)[0])))


def _span(text: str) -> str:
    """The same for text between backticks, where nothing can be escaped."""
    return " ".join(str(text).split()).replace("`", "'").replace("|", "/")


def _code(text: str, language: str = "python") -> str:
    return f"```{language}\n{text.replace('```', '')}\n```"


def table(heads: list[str], rows: list[list[Any]]) -> str:
    return tabulate(rows, heads, "github", disable_numparse=True)


def _figure(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _kind(bands: int) -> str:
    return {1: "grey", 3: "RGB"}.get(bands, f"{bands}-band")


def _resizings(record: dict[str, Any]) -> list[str]:
    """The Python that an image goes through: it is read as the run read its own, then resized for the network."""
    read, taken = (tuple(record[part]["shape"][1::-1]) for part in ("data", "net"))
    bilinear = "Image.Resampling.BILINEAR"
    resize = {
        "squash": f"photo.resize({read}, {bilinear})", "crop": f"ImageOps.fit(photo, {read}, {bilinear})",
        "pad": f"ImageOps.pad(photo, {read}, {bilinear})",
    }[fit_of(record["choices"]["dataset"])]  # fmt: skip
    found = [f"photo = {resize}  # as the run read its images"]
    last = f"photo = photo.resize({taken}, {bilinear})  # as the network takes them"
    return found if read == taken else [*found, last]


def _weights(label: str) -> str:
    return {"none": "random weights", "source": "the lab's embedded source"}.get(label, plain(label))
