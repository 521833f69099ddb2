"""Images that are equal or nearly so, and groups, within and across splits: what makes a test score too good."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.data.examined import Examined
from lab.errors import BadInput

BITS = 10  # of 64, by which the perceptual hashes of near duplicates differ at most
COSINE = 0.9  # of their features, at least
ROWS = 128  # hashes compared with all others at a time
MOST = 200_000  # pairs that are looked at closer
SHOWN = 10  # pairs printed and drawn
COLUMNS = ["kind", "first", "split", "label", "second", "second split", "second label", "bits", "cosine"]


def run(found: Examined, folder: Path) -> tuple[int, list[Path]]:
    """Prints what is shared and draws the first pairs; (exit code 1 where splits share something, what was written)."""
    from tabulate import tabulate

    from lab.files import write_atomically

    pairs = pd.DataFrame([*equal(found.table), *near(found), *overlaps(found.table)], columns=COLUMNS)
    across, conflicting = pairs["split"] != pairs["second split"], pairs["label"] != pairs["second label"]
    rows = []
    for kind in ("equal", "near", *(["overlap"] if found.bands else [])):
        of = pairs["kind"] == kind
        rows.append([kind, *(int((of & m).sum()) for m in (~across, across, conflicting))])
    differing = "with other masks" if found.mask else "of two classes"
    print(tabulate(rows, ["pairs", "within a split", "across splits", differing], tablefmt="github"))
    groups = shared_groups(found.table)
    print(f"groups in more than one split: {len(groups)}" + (f", {', '.join(groups[:SHOWN])}" if groups else ""))
    worst = pairs.assign(across=across, conflicting=conflicting).sort_values(
        ["across", "conflicting"], ascending=False, kind="stable"
    )
    for _, p in worst.head(SHOWN).iterrows():
        print(f"{p['kind']}: {p['first']} ({p['split']}) and {p['second']} ({p['second split']})")
    if pairs.empty:
        return int(bool(groups)), []
    write_atomically(folder / "duplicates.csv", pairs.to_csv(index=False))
    picture = _draw(found, worst.head(SHOWN), folder)
    return int(bool(groups) or bool(across.any())), [folder / "duplicates.csv", picture]


def equal(table: pd.DataFrame) -> Iterator[list[Any]]:
    """A row for each image that has the content of an earlier one."""
    for _, alike in table.groupby("sha256", sort=False):
        for i in range(1, len(alike)):
            yield _row("equal", alike.iloc[0], alike.iloc[i], 0, 1.0)


def near(found: Examined) -> Iterator[list[Any]]:
    """A row for each pair whose perceptual hashes and then whose features are close, equal files aside.

    Hash: pHash of 64 bits (Zauner 2010, https://phash.org/docs/pubs/thesis_zauner.pdf). Features: those of
    the embedded source.
    """
    table = found.table
    pairs = list(_close(np.array([int(h, 16) for h in table["phash"]], "uint64"), table["sha256"].to_numpy()))
    rows = sorted({i for pair in pairs for i in pair[:2]})
    features = dict(zip(rows, _features(found, rows), strict=True)) if rows else {}
    for i, j, bits in pairs:
        cosine = float(features[i] @ features[j])
        if cosine >= COSINE:
            yield _row("near", table.iloc[i], table.iloc[j], bits, cosine)


def overlaps(table: pd.DataFrame) -> Iterator[list[Any]]:
    """A row for each pair of tiles that show some of the same ground; see `lab.inputs.ground`."""
    from lab.inputs.ground import overlapping

    for i, j in overlapping(table["sketch"].tolist()):
        if table["sha256"][i] != table["sha256"][j]:
            yield _row("overlap", table.iloc[i], table.iloc[j])


def shared_groups(table: pd.DataFrame) -> list[str]:
    """Groups that have examples in more than one split."""
    splits = table[table["group"] != ""].groupby("group")["split"].nunique()
    return [str(g) for g in splits.index[splits > 1]]


def _close(hashes: np.ndarray, content: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(i, j, bits) of all pairs i < j of other content whose hashes differ in at most `BITS` bits."""
    count = 0
    for start in range(0, len(hashes), ROWS):
        bits = np.bitwise_count(hashes[start : start + ROWS, None] ^ hashes[None, start:])
        for i, j in zip(*np.nonzero(np.triu(bits <= BITS, 1)), strict=True):
            if content[start + i] != content[start + j]:
                if (count := count + 1) > MOST:
                    raise BadInput(
                        f"more than {MOST:,} pairs of images look alike, such as number {start + i} and {start + j}; "
                        "audit a part of the data"
                    )
                yield int(start + i), int(start + j), int(bits[i, j])


def _features(found: Examined, rows: list[int]) -> np.ndarray:
    """Features of unit length (rows, F), of the embedded source."""
    from lab import names
    from lab.environment import wake_keras
    from lab.networks import weights
    from lab.progress import over

    wake_keras()
    from lab.networks.load import open_net
    from lab.networks.net import to_numpy

    backbone = names.build("backbones", "cnn10")
    size = backbone.default_size
    source = weights.find("source", backbone, Path())
    net = open_net(backbone, (size, size, 3), names.build("heads", "linear"), 2, source, False)
    parts = []
    with over("comparing", len(rows)) as advance:
        for i in rows:
            image = found.picture(i)
            rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[..., :3]
            parts.append(to_numpy(net.features.predict_on_batch(net.sized(rgb[None])))[0].ravel())
            advance(1)
    features = np.stack(parts)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def _row(kind: str, a: pd.Series, b: pd.Series, bits: int | None = None, cosine: float | None = None) -> list[Any]:
    rounded = None if cosine is None else round(cosine, 4)
    return [kind, a["id"], a["split"], a["label"], b["id"], b["split"], b["label"], bits, rounded]


def _draw(found: Examined, pairs: pd.DataFrame, folder: Path) -> Path:
    from lab.drawing import picture, save, subplots

    number = {name: i for i, name in enumerate(found.table["id"])}
    figure, axes = subplots(len(pairs), 2, width=3, height=2)
    for row, (_, p) in zip(axes, pairs.iterrows(), strict=True):
        for axis, (name, split) in zip(row, ((p["first"], p["split"]), (p["second"], p["second split"])), strict=True):
            image = found.picture(number[name])
            picture(axis, image)
            axis.set_title(f"{name[-40:]} ({split})", fontsize=7, parse_math=False)
            axis.axis("off")
    return save(figure, folder / "duplicates.png")
