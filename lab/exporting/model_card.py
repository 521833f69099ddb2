"""The model card of an exported run: what it was made of, what it can do and what nobody knows. No Keras.

Every figure is the record's or the export's. Sections and front matter as Hugging Face reads them
(https://huggingface.co/docs/hub/model-cards), after Mitchell et al. 2018, https://arxiv.org/abs/1810.03993.
"""

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from lab import names
from lab.errors import BadInput
from lab.exporting import formats
from lab.inference import masks
from lab.metrics import calibration
from lab.predict import fit_of
from lab.records import outcomes, store
from lab.records.store import data_of
from lab.runs.reproducing import command_of
from lab.tasks import score, score_name

WEAKEST = 5  # classes
METRICS = {
    "classification": {"top5": "top-5 accuracy", "macro_f1": "macro F1"},
    "segmentation": {
        "miou": "mIoU", "mdice": "mDice", "frequency_weighted_iou": "frequency-weighted IoU", "accuracy":
        "pixel accuracy", "boundary_f1": "boundary F1", "image_miou": "mean of the images' mIoU",
        "image_mdice": "mean of the images' mDice",
    },
}  # fmt: skip
# What Hugging Face calls a task and its score.
CALLED = {
    "classification": ("image-classification", "accuracy"), "segmentation": ("image-segmentation", "mean_iou"),
    "table": ("tabular-classification", "accuracy"),
}  # fmt: skip
STATED = "as the documentation of Keras 2 says (keras-team/keras, docs/templates/applications.md)"
# What that file says of the ImageNet weights of each module of keras.applications; of the others it says nothing.
LICENCES = {
    "xception": "MIT", "vgg16": "CC BY 4.0", "vgg19": "CC BY 4.0", "resnet": "MIT", "resnet_v2": "BSD",
    "inception_v3": "Apache 2.0", "inception_resnet_v2": "Apache 2.0", "mobilenet": "Apache 2.0",
    "mobilenet_v2": "Apache 2.0", "nasnet": "Apache 2.0", "densenet": "BSD 3-clause",
}  # fmt: skip


def card(root: Path, record: dict[str, Any], about: dict[str, Any]) -> str:
    """The text of README.md; `about` is what export.json holds."""
    sections = {
        "Files": files(about),
        "Use": use(record, about),
        "Data": data(record),
        "Training": training(record),
        "Metrics": metrics(root, record),
        "Limits": limits(root, record, about),
        "Licence": licence(root, record),
        "How it was made": making(record, about),
    }
    parts = [front_matter(record, about), f"# {plain(record['name'])}", summary(record)]
    return "\n\n".join([*parts, *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"


def front_matter(record: dict[str, Any], about: dict[str, Any]) -> str:
    """YAML for Hugging Face; each value is JSON, which YAML reads too."""
    dataset, task = data_of(record["choices"]), record["choices"]["task"]
    called, kind = CALLED["table" if is_table(record) else task]
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


def summary(record: dict[str, Any]) -> str:
    c, (height, width, bands) = record["choices"], record["net"]["shape"]
    test, head = record["test"], f" with the head {plain(c['head'])}" if has_masks(record) else ""
    right = (
        f"each pixel gets one of them, with a mIoU of {test['miou']:.3f} on {test['examples']:,} test images"
        if has_masks(record)
        else f"{test['accuracy']:.1%} of {test['examples']:,} test {examples_are(record)} are right"
    )
    seen = f"{_kind(bands)} images of {height} × {width} px"
    if is_table(record):
        seen = f"rows of {len(record['data']['table']['columns'])} columns"
    return (
        f"Tells {len(record['data']['classes'])} classes of {plain(data_of(c))} apart in {seen}: {right}. The network "
        f"is {plain(c['backbone'])}{head} and has {record['net']['parameters']:,} parameters, trained by the strategy "
        f"{plain(c['strategy'])} from {_weights(c['weights'])}."
    )


def has_masks(record: dict[str, Any]) -> bool:
    return record["choices"]["task"] == "segmentation"


def is_table(record: dict[str, Any]) -> bool:
    return "table" in record["data"]


def examples_are(record: dict[str, Any]) -> str:
    return "rows" if is_table(record) else "images"


def files(about: dict[str, Any]) -> str:
    rows = [
        [name, f"`{f['file']}`", f"{f['mb']:.2f}", f"{f['max_difference']:.1e}", f"{f['agreement']:.1%}"]
        for name, f in about["formats"].items()
    ]
    same = "same class, of pixels" if len(about["output"]["shape"]) == 4 else "same class"
    text = (
        f"Each file was read back by its own runtime and compared with the run on {about['checked_on']['what']}; a "
        f"difference above {min(f['tolerance'] for f in about['formats'].values()):g} would have been refused.\n\n"
        + _table(["format", "file", "MB", "largest difference of a probability", same], rows)
    )
    if own := about.get("own_precision"):
        text += (
            f"\n\nThe files compute in float32; the run did not. Between the two: {own['max_difference']:.1e}, the "
            f"same class for {own['agreement']:.1%}."
        )
    return text


def use(record: dict[str, Any], about: dict[str, Any]) -> str:
    """How to make the input, and for each format the lines that read it."""
    height, width, _ = record["net"]["shape"]
    count = len(record["data"]["classes"])
    given = (
        f"(N, {height}, {width}, {count}), in the order of `classes.txt`; those of a pixel add up to 1, and "
        "`probabilities.argmax(axis=-1)` are the masks."
        if has_masks(record)
        else f"(N, {count}), in the order of `classes.txt`; a row adds up to 1."
    )
    said, lines = _of_stored(record, about) if "bands" in about["input"] else _of_photos(record)
    lines += ['classes = Path("classes.txt").read_text(encoding="utf-8").splitlines()']
    text = f"{said}\n\n`probabilities` is float32 {given}\n\n" + _code("\n".join(lines))
    for name in about["formats"]:
        needed = [f"import {m}" for m in about["imports"]] if name == "keras" else []
        text += f"\n\nWith `{name}`:\n\n" + _code("\n".join([*needed, formats.FORMATS[name].use]))
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


def data(record: dict[str, Any]) -> str:
    about, c = record["data"], record["choices"]
    counts = [[n, f"{s['examples']:,}", f"`{s['digest'][:16]}`"] for n, s in about["splits"].items()]
    limit = f" Only {c['limit']:,} examples of each split were used." if c["limit"] else ""
    source = plain(about["source"] or "unknown")
    return (
        f"{plain(data_of(c))}: {_about('datasets', c['dataset'].partition(':')[0])} Source: {source}.{limit} "
        f"Digest of all: `{about['digest'][:16]}`.\n\n{_table(['split', 'examples', 'digest'], counts)}\n\n"
        f"{_classes(record)}"
    )


def _classes(record: dict[str, Any]) -> str:
    """The classes; of masks a row each, with the pixels' value and the colour that they are drawn in."""
    classes = [plain(c) for c in record["data"]["classes"]]
    if not has_masks(record):
        return f"{len(classes)} classes: {', '.join(classes)}."
    colours = ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in masks.colours(record)]
    rows = [[str(i), name, f"`{colour}`"] for i, (name, colour) in enumerate(zip(classes, colours, strict=True))]
    return f"{len(classes)} classes:\n\n" + _table(["value", "class", "colour"], rows)


def training(record: dict[str, Any]) -> str:
    cost = record["cost"]
    text = _table(["choice", "value"], [[plain(k), plain(v)] for k, v in record["choices"].items() if v is not None])
    return (
        f"{plain(record['choices']['strategy'])}: {_about('strategies', record['choices']['strategy'])}\n\n"
        f"{text}\n\nTraining took {cost['train_seconds']:,.0f} s on `{_span(record['environment']['device'])}`; there "
        f"{'a row' if is_table(record) else 'an image'} takes {cost['inference_ms_per_image']:.2f} ms."
    )


def metrics(root: Path, record: dict[str, Any]) -> str:
    """All figures of the record, and the classes that do worst."""
    splits = [s for s in ("train", "val", "test") if s in record]
    figures = [k for k, v in record["test"].items() if isinstance(v, int | float)]
    called = METRICS[record["choices"]["task"]]
    rows = [[plain(called.get(k, k)), *(_figure(record[s].get(k)) for s in splits)] for k in figures]
    a_pixel = " a pixel; pixels labelled 255 count nowhere" if has_masks(record) else ""
    return (
        f"Measured in inference mode; fractions from 0 to 1, the loss in nats{a_pixel}.\n\n"
        + _table(["", *splits], rows)
        + "\n\nThe weakest classes, on the test split:\n\n"
        + weakest(root, record)
    )


def weakest(root: Path, record: dict[str, Any]) -> str:
    """A row for each of the classes that do worst on the test split, of those that have a figure."""
    per_class = record["test"]["per_class"]
    if has_masks(record):
        heads, counts = ["class", "IoU", "pixels"], {c: of["pixels"] for c, of in per_class.items()}
        figures = {c: of["iou"] for c, of in per_class.items()}
    else:
        heads, counts, figures = ["class", "accuracy", "examples"], examples(root, record), per_class
    known = {c: figure for c, figure in figures.items() if figure is not None}
    worst = sorted(known, key=lambda c: (known[c], c))[:WEAKEST]
    rows = [[plain(c), f"{known[c]:.3f}", f"{counts[c]:,}" if c in counts else "-"] for c in worst]
    return _table(heads, rows)


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


def limits(root: Path, record: dict[str, Any], about: dict[str, Any]) -> str:
    c, (height, width, _) = record["choices"], record["net"]["shape"]
    train, read = record["data"]["splits"]["train"]["examples"], tuple(record["data"]["shape"][:2])
    found = [
        "It takes rows of these columns and nothing else."
        if is_table(record)
        else f"It takes images of {height} × {width} px and nothing else.",
        f"It learnt from {train:,} {examples_are(record)} of {plain(data_of(c))} and knows its "
        f"{len(record['data']['classes'])} classes only: shown anything else, it still names one of them"
        f"{' for each pixel' * has_masks(record)}.",
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
    if (error := calibration_error(root, record)) is None:
        unknown.append("calibration (whether a probability of 0.9 is right nine times in ten)")
    else:
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
        + _table(["version of", "in training", "in export"], unique)
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


def _table(heads: list[str], rows: list[list[Any]]) -> str:
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
