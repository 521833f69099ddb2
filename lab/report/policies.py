"""The same run under Keras' batch-norm policy and under the sound one, side by side: batch_norm/<name>.png."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from lab.drawing import subplots
from lab.files import digest
from lab.records.store import data_of
from lab.report.curves import TEST, TRAIN, points

Record = dict[str, Any]


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) of each pair that differs in --bn only and watched test."""
    for keras, sound in pairs(records):
        numbers = [[points(r), mended(r)] for r in (keras, sound)]
        c = keras["choices"]
        yield (
            f"batch_norm/{keras['experiment']}-{c['backbone']}-{c['size']}px.png",
            numbers,
            partial(_draw, keras, sound),
        )


def pairs(records: list[Record]) -> list[tuple[Record, Record]]:
    """(under Keras' policy, under the sound one), of one experiment and seed."""
    found: dict[str, dict[str, Record]] = {}
    for r in records:
        c = r["choices"]
        if r["status"] == "done" and c.get("watch") == "test":
            same = digest([r["experiment"], {k: v for k, v in c.items() if k != "bn"}])
            found.setdefault(same, {})[c["bn"]] = r
    return [(both["keras"], both["sound"]) for both in found.values() if len(both) == 2]


def mended(record: Record) -> float | None:
    """Test accuracy once the statistics were re-estimated: at the end, or by the checks that found them stale."""
    if record["choices"]["bn"] == "sound":
        return record["test"]["accuracy"]
    found = [f["recalibrated_test_accuracy"] for f in record["findings"] if "recalibrated_test_accuracy" in f]
    return found[0] if found else None


def _draw(keras: Record, sound: Record) -> Any:
    figure, axes = subplots(1, 2, width=5, height=4, sharey=True)
    titles = ("Keras' batch-norm policy", "the sound policy")
    for axis, run, title in zip(axes[0], (keras, sound), titles, strict=True):
        found = points(run)
        x = range(1, len(found) + 1)
        axis.plot(x, [p["accuracy"] for p in found], color=TRAIN, marker="o", label="train, while training")
        axis.plot(x, [p["test_accuracy"] for p in found], color=TEST, marker="s", label="test, after the epoch")
        if (value := mended(run)) is not None:
            axis.plot(x[-1], value, color=TEST, marker="*", ms=16, ls="", label="test, statistics re-estimated")
        axis.set(title=title, xlabel="epoch", xticks=list(x))
        axis.legend(loc="best")
    axes[0, 0].set(ylabel="accuracy", ylim=(0, 1.02))
    c = keras["choices"]
    figure.suptitle(
        f"{c['strategy']} of {c['backbone']} on {data_of(c)}, {c['size']} px: it learns on the left, too, "
        "but is evaluated with statistics that it never had"
    )
    return figure
