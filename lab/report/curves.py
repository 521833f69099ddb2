"""Loss and accuracy of every group of runs by epoch, a line each seed: img/graph_loss_accuracy/<name>.png."""

import re
from pathlib import Path
from typing import Any

from lab import store
from lab.spec import digest

FOLDER = Path("img") / "graph_loss_accuracy"
TRAIN, VAL, TEST = "#0072B2", "#D55E00", "#009E73"  # Okabe and Ito 2008: told apart by everyone
KEY = "lab-digest"


def draw_all(root: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Draws the curves that are missing or stale, removes those whose records are gone; returns what was drawn."""
    drawn = []
    for path in _orphans(root, records):
        path.unlink()
    for path, runs in figures(root, records).items():
        if _drawn_from(path) != _digest(runs):
            _draw(path, runs)
            drawn.append(path)
    return drawn


def stale(root: Path, records: list[dict[str, Any]]) -> list[str]:
    """Curves that are missing, were drawn from other records, or have none."""
    return [f"{path.relative_to(root)} has no record" for path in _orphans(root, records)] + [
        f"{path.relative_to(root)} is {'stale' if path.exists() else 'missing'}"
        for path, runs in figures(root, records).items()
        if _drawn_from(path) != _digest(runs)
    ]


def _orphans(root: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Pictures that this module drew (nobody else's) from records that are no more."""
    wanted = figures(root, records)
    return [p for p in sorted((root / FOLDER).glob("*.png")) if p not in wanted and _drawn_from(p)]


def figures(root: Path, records: list[dict[str, Any]]) -> dict[Path, list[dict[str, Any]]]:
    """Path of each figure and its runs: those that trained, grouped over seeds."""
    groups: dict[Path, list[dict[str, Any]]] = {}
    for r in records:
        if r["status"] == "done" and _points(r):
            stem = re.sub(r"-s\d+-[0-9a-f]{8}$", "", r["name"])
            groups.setdefault(root / FOLDER / f"{r['experiment']}-{stem}-{r['group'][:6]}.png", []).append(r)
    return groups


def _points(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Epochs of all phases in a row, with `x`, the training steps so far."""
    points, steps = [], 0
    for phase in record["steps"]:
        points += [{**h, "x": steps + h["steps"]} for h in phase.get("history", [])]
        steps += phase.get("steps", 0)
    return points


def _draw(path: Path, runs: list[dict[str, Any]]) -> None:
    import io

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for i, run in enumerate(runs):
        points = _points(run)
        x = [p["x"] for p in points]
        for axis, figure_name in ((left, "loss"), (right, "accuracy")):
            label = {"label": "train, while training"} if i == 0 else {}
            axis.plot(x, [p[figure_name] for p in points], color=TRAIN, marker=".", lw=1.2, alpha=0.8, **label)
            label = {"label": "validation"} if i == 0 else {}
            axis.plot(x, [p[f"val_{figure_name}"] for p in points], color=VAL, marker=".", lw=1.2, alpha=0.8, **label)
            label = {"label": "test, at the end"} if i == 0 else {}
            axis.plot(x[-1], run["test"][figure_name], color=TEST, marker="*", ms=10, ls="", **label)
        for axis in (left, right):
            for k, edge in enumerate(_edges(run)):
                label = {"label": "a phase ends"} if i == k == 0 else {}
                axis.axvline(edge, color="0.7", lw=0.9, zorder=0, **label)
    for axis, name in ((left, "loss, nats"), (right, "accuracy")):
        axis.set(xlabel="training steps", ylabel=name)
        axis.grid(alpha=0.25)
    right.set_ylim(0, 1.02)
    left.set_ylim(bottom=0)
    right.legend(frameon=False, loc="best")
    c = runs[0]["choices"]
    seeds = f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
    policy = f", --bn {c['bn']}" if c["bn"] != "sound" else ""
    figure.suptitle(
        f"{c['strategy']} of {c['backbone']} from {c['weights']} on {c['dataset']}, {c['size']} px, {seeds}{policy}"
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={KEY: _digest(runs)})
    plt.close(figure)
    store.write_atomically(path, buffer.getvalue())


def _edges(run: dict[str, Any]) -> list[int]:
    """Steps at which a phase ended and another began."""
    ends, steps = [], 0
    for phase in run["steps"]:
        steps += phase.get("steps", 0)
        ends.append(steps)
    return sorted({e for e in ends if 0 < e < steps})


def _digest(runs: list[dict[str, Any]]) -> str:
    return digest([[r["name"], _points(r), r["test"]["accuracy"], r["test"]["loss"]] for r in runs])


def _drawn_from(path: Path) -> str | None:
    from PIL import Image

    if not path.exists():
        return None
    with Image.open(path) as image:
        return getattr(image, "text", {}).get(KEY)
