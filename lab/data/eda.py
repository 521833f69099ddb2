"""How many examples of which class, of what size, how bright: exploratory data analysis."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.data.examined import Examined
from lab.drawing import save, subplots
from lab.inputs.data import evenly

SPLITS = ("train", "val", "test")
COLOURS = {"train": "#0072B2", "val": "#E69F00", "test": "#009E73"}  # Okabe and Ito 2008: told apart by everyone
CHANNELS = {"R": "#D55E00", "G": "#009E73", "B": "#0072B2"}
BANDS = ["band", "role", "nm", "mean", "deviation", "scale", "no data"]
LOOKED_AT = 64  # images that spectra are means over
SHOWN = 60  # classes in a picture or a printed table, the most frequent


def run(found: Examined, folder: Path) -> tuple[int, list[Path]]:
    """Prints the tables and draws the pictures; (0, what was written)."""
    from tabulate import tabulate

    from lab.files import write_atomically

    counts = held(found) if found.mask else distribution(found)
    rows = [[name, *of] for name, of in zip(counts.index, counts.astype(object).to_numpy().tolist(), strict=True)]
    print(tabulate(rows[:SHOWN], ["class", *counts.columns], tablefmt="github"))
    if len(counts) > SHOWN:
        print(f"... and {len(counts) - SHOWN} classes more, in classes.csv")
    print()
    print(tabulate(summary(found), headers=["of the images", ""], tablefmt="github", disable_numparse=True))
    if found.bands:
        print()
        print(tabulate(of_bands(found), BANDS, tablefmt="github"))
    tables = [folder / "classes.csv", folder / "images.csv"]
    write_atomically(tables[0], counts.to_csv())
    write_atomically(tables[1], found.table.drop(columns=["error", "square", "place", "sketch"]).to_csv(index=False))
    drawn = _held(counts, found, folder) if found.mask else _classes(counts, folder)
    last = _spectra(found, folder) if found.bands else _colours(found, folder)
    return 0, [*tables, drawn, _sizes(found, folder), last]


def distribution(found: Examined) -> pd.DataFrame:
    """Examples of each class in each split, the most frequent class first."""
    table = found.table.groupby(["label", "split"]).size().unstack(fill_value=0)
    table = table.reindex(index=list(found.classes), columns=list(SPLITS), fill_value=0)
    table["all"] = table.sum(axis=1)
    return table.sort_values("all", ascending=False, kind="stable").rename_axis("class")


def held(found: Examined) -> pd.DataFrame:
    """Per cent of the labelled pixels of each split that are of a class, and images of the split that hold it.

    The class with the most pixels first.
    """
    columns: dict[str, Any] = {}
    for split in SPLITS:
        pixels = found.pixels[(found.table["split"] == split).to_numpy()]
        columns[f"{split} %"] = (100 * pixels.sum(axis=0) / max(pixels.sum(), 1)).round(3)
        columns[f"{split} images"] = (pixels > 0).sum(axis=0)
    columns = {name: columns[name] for kind in ("%", "images") for name in columns if name.endswith(kind)}
    table = pd.DataFrame(columns, index=pd.Index(found.classes, name="class"))
    return table.iloc[np.argsort(-found.pixels.sum(axis=0), kind="stable")]


def summary(found: Examined) -> list[tuple[str, str]]:
    """What is to be known of all images in a few lines."""
    t = found.table
    common, modes = most_common(zip(t["width"], t["height"], strict=True)), most_common(t["mode"])
    return [
        ("examples", f"{len(t):,}" + (f", and {len(found.broken):,} that cannot be read" if found.broken else "")),
        *(_of_masks(found) if found.mask else [_of_labels(found)]),
        ("width, height", f"{t['width'].min()} to {t['width'].max()}, {t['height'].min()} to {t['height'].max()} px"),
        ("most frequent sizes", ", ".join(f"{w} x {h} ({n:,})" for (w, h), n in common)),
        ("kinds", ", ".join(f"{m} ({n:,})" for m, n in modes)),
        *([] if found.bands else _of_colours(t[t["split"] == "train"])),
    ]


def _of_colours(table: pd.DataFrame) -> list[tuple[str, str]]:
    mean, deviation = channels(table)
    return [
        ("training mean of R, G, B", ", ".join(f"{v:.1f}" for v in mean)),
        ("training deviation of R, G, B", ", ".join(f"{v:.1f}" for v in deviation)),
    ]


def of_bands(found: Examined) -> list[list[Any]]:
    """What each band is, and the mean and deviation of its stored values over the training split, data only."""
    mean, deviation = channels(found.table[found.table["split"] == "train"])
    return [
        [
            b.name,
            b.role or "-",
            b.wavelength or "-",
            f"{m:.4g}",
            f"{d:.4g}",
            f"{b.scale:g}",
            "-" if b.nodata is None else b.nodata,
        ]
        for b, m, d in zip(found.bands, mean, deviation, strict=True)
    ]


def spectra(found: Examined) -> np.ndarray:
    """Mean of each band over the training pixels of each class, (K, C), times the band's scale; NaN where none is.

    Of masks, over up to `LOOKED_AT` images, evenly spread.
    """
    from lab.inputs.scaling import is_datum

    assert found.stored
    rows = np.flatnonzero((found.table["split"] == "train").to_numpy())
    rows = rows[evenly(len(rows), LOOKED_AT)]
    total, count = (np.zeros((len(found.classes), len(found.bands))) for _ in range(2))
    for row in rows.tolist():
        image = found.stored(row)
        of = found.mask(row) if found.mask else np.full(image.shape[:2], found.classes.index(found.table["label"][row]))
        for k, band in enumerate(found.bands):
            valid = is_datum(image[..., k], band.nodata) & (of < len(found.classes))
            labels = of[valid].astype(int)
            total[:, k] += np.bincount(labels, image[..., k][valid] * band.scale, minlength=len(total))
            count[:, k] += np.bincount(labels, minlength=len(total))
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _of_labels(found: Examined) -> tuple[str, str]:
    counts = distribution(found)["all"]
    return "most frequent class / rarest", f"{counts.iloc[0]:,} / {counts.iloc[-1]:,}"


def _of_masks(found: Examined) -> list[tuple[str, str]]:
    whole = (found.table["width"] * found.table["height"]).sum()
    shares = found.pixels.sum(axis=0) / max(found.pixels.sum(), 1)
    return [
        ("pixels of the most frequent class / rarest", f"{100 * shares.max():.2f} % / {100 * shares.min():.3f} %"),
        ("pixels that are ignored", f"{100 * (1 - found.pixels.sum() / whole):.2f} %"),
        ("classes in a mask", f"{(found.pixels > 0).sum(axis=1).mean():.1f} on average"),
        ("masks of one class", f"{len(found.of_one_class):,}"),
        ("masks with labels of no class", f"{len(found.wrong):,}"),
    ]


def most_common(values: Iterable[Any]) -> list[tuple[Any, int]]:
    return Counter(values).most_common(5)


def channels(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (C,) over all pixels: from 0 to 255, or as stored where bands are described."""
    mean, square = (np.stack(table[column].to_list()).mean(axis=0) for column in ("mean", "square"))
    return mean, np.sqrt(np.maximum(square - mean**2, 0))


def _spectra(found: Examined, folder: Path) -> Path:
    """Spectra of the classes: bands with a wavelength in its order, the others behind them, each by its own scale."""
    order = sorted(range(len(found.bands)), key=lambda k: found.bands[k].wavelength or np.inf)
    values = spectra(found)[:, order]
    bands = [found.bands[k] for k in order]
    seen = [k for k, b in enumerate(bands) if b.wavelength]
    figure, axes = subplots(1, 2, width=6, height=4.5)
    for i, name in enumerate(found.classes[:SHOWN]):
        colour = tuple(v / 255 for v in found.palette[i]) if found.palette else None
        axes[0, 0].plot(range(len(seen)), values[i, seen], "o-", ms=3, color=colour, label=name[:40])
    axes[0, 0].set_xticks(range(len(seen)), [f"{bands[k].name}\n{bands[k].wavelength:.0f}" for k in seen], fontsize=7)
    axes[0, 0].set(xlabel="band, centre in nm", ylabel="mean of its training pixels, times its scale")
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    for i in range(min(len(found.classes), SHOWN)):
        colour = tuple(v / 255 for v in found.palette[i]) if found.palette else None
        axes[0, 1].plot(
            range(len(bands)), (values[i] - low) / np.where(high > low, high - low, 1), "o-", ms=3, color=colour
        )
    axes[0, 1].set_xticks(range(len(bands)), [b.name for b in bands], rotation=60, fontsize=7)
    axes[0, 1].set(ylabel="the same, each band from its lowest class to its highest")
    legend = figure.legend(loc="outside lower center", ncols=6, fontsize=7, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return save(figure, folder / "spectra.png")


def _classes(counts: pd.DataFrame, folder: Path) -> Path:
    part = counts.head(SHOWN)[::-1]
    figure, axes = subplots(1, 1, width=8, height=1.2 + 0.2 * len(part))
    left = np.zeros(len(part))
    for split in SPLITS:
        axes[0, 0].barh(range(len(part)), part[split], left=left, color=COLOURS[split], label=split)
        left += part[split].to_numpy()
    axes[0, 0].set_yticks(range(len(part)), [str(c)[:40] for c in part.index], fontsize=8, parse_math=False)
    axes[0, 0].set(xlabel="examples")
    figure.legend(loc="outside upper right", ncols=len(SPLITS), frameon=False)
    return save(figure, folder / "classes.png")


def _held(counts: pd.DataFrame, found: Examined, folder: Path) -> Path:
    part = counts.head(SHOWN)[::-1]
    figure, axes = subplots(1, 2, width=6, height=1.4 + 0.3 * len(part))
    for i, split in enumerate(SPLITS):
        places = np.arange(len(part)) + 0.27 * (1 - i)
        images = int((found.table["split"] == split).sum())
        axes[0, 0].barh(places, part[f"{split} %"], height=0.25, color=COLOURS[split], label=split)
        axes[0, 1].barh(places, 100 * part[f"{split} images"] / max(images, 1), height=0.25, color=COLOURS[split])
    for axis, of in zip(axes[0], ("labelled pixels that are of it", "images that hold it"), strict=True):
        axis.set_yticks(range(len(part)), [str(c)[:40] for c in part.index], fontsize=8, parse_math=False)
        axis.set(xlabel=f"{of}, % of the split")
    figure.legend(loc="outside upper right", ncols=len(SPLITS), frameon=False)
    return save(figure, folder / "classes.png")


def _sizes(found: Examined, folder: Path) -> Path:
    figure, axes = subplots(1, 2, width=5, height=4)
    t = found.table
    for split in SPLITS:
        part = t[t["split"] == split]
        axes[0, 0].scatter(part["width"], part["height"], s=8, alpha=0.4, color=COLOURS[split], label=split)
    axes[0, 0].set(xlabel="width, px", ylabel="height, px", xlim=(0, None), ylim=(0, None))
    axes[0, 0].legend(frameon=False)
    axes[0, 1].hist(t["width"] / t["height"], bins=30, color=COLOURS["train"])
    axes[0, 1].set(xlabel="width / height", ylabel="images")
    return save(figure, folder / "sizes.png")


def _colours(found: Examined, folder: Path) -> Path:
    figure, axes = subplots(1, 2, width=5, height=4)
    means = np.stack(found.table["mean"].to_list())
    for i, (name, colour) in enumerate(CHANNELS.items()):
        axes[0, 0].hist(means[:, i], bins=np.arange(0, 257, 8), histtype="step", color=colour, label=name)
    axes[0, 0].set(xlabel="mean of an image, 0 to 255", ylabel="images")
    axes[0, 0].legend(frameon=False)
    brightness = found.table.assign(brightness=means.mean(axis=1))
    for split in SPLITS:
        values = brightness[brightness["split"] == split]["brightness"]
        weights = np.full(len(values), 1 / max(len(values), 1))
        axes[0, 1].hist(
            values, bins=np.arange(0, 257, 16), weights=weights, histtype="step", color=COLOURS[split], label=split
        )
    axes[0, 1].set(xlabel="brightness of an image, 0 to 255", ylabel="share of the split")
    axes[0, 1].legend(frameon=False)
    return save(figure, folder / "colours.png")
