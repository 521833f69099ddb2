"""Runs told to TensorBoard, Weights & Biases or MLflow while they train, without a network too. No Keras.

Below tracking/ in the folder of the results, which git ignores. A service is told where its own settings name it:
WANDB_MODE=online, MLFLOW_TRACKING_URI; else everything stays in files. An interrupted run goes on in the same place.
"""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from lab.environment import pip_install
from lab.errors import BadInput
from lab.files import digest

Event = dict[str, Any]
FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy", "val_miou", "test_accuracy", "test_loss", "seconds")


class Told:
    """Hands a run's events on to what shows them, and tells trackers the figures of each epoch and of the record."""

    def __init__(self, show: Any, trackers: list[Any]):
        self.show, self.trackers = show, trackers
        self.last = 0

    def say(self, text: str) -> None:
        self.show.say(text)

    def event(self, event: Event) -> None:
        self.show.event(event)
        if event["event"] == "step" and "score" in event:
            self.last = event["before"] + event["steps"]
            self._tell({k: float(event[k]) for k in FIGURES if event.get(k) is not None})

    def end(self, record: dict[str, Any] | None) -> None:
        """Of a finished run, or of one that is not."""
        if record is not None:
            self._tell(of_record(record))
        for tracker in self.trackers:
            tracker.close(record is not None)

    def _tell(self, figures: dict[str, float]) -> None:
        for tracker in self.trackers:
            tracker.tell(self.last, figures)


def require(names: Sequence[str]) -> None:
    """Refuses what there is no tracker of, or whose package is not installed; imports nothing.

    Raises:
        BadInput: says which there are, or how to get it.
    """
    if unknown := [n for n in names if n not in TRACKERS]:
        raise BadInput(f"--track takes {', '.join(TRACKERS)}; received {unknown[0]}")
    if missing := [n for n in names if not find_spec(n)]:
        package = {"mlflow": "mlflow-skinny"}.get(missing[0], missing[0])
        raise BadInput(f"--track {missing[0]} needs a package that is not installed: `{pip_install(package)}`")


def opened(names: Sequence[str], root: Path, experiment: str, name: str, choices: dict[str, Any]) -> list[Any]:
    """The trackers of one run."""
    return [TRACKERS[n](root / "tracking" / n, experiment, name, choices) for n in names]


def of_record(record: dict[str, Any]) -> dict[str, float]:
    """What is told of a finished run: each split's figures that are numbers, and its cost."""
    found = {
        f"final/{split}_{k}": v for split in ("train", "val", "test") for k, v in record.get(split, {}).items()
    } | {f"cost/{k}": v for k, v in record.get("cost", {}).items()}
    return {k: float(v) for k, v in found.items() if isinstance(v, int | float)}


class TensorBoard:
    """Event files, for `tensorboard --logdir tracking/tensorboard`."""

    def __init__(self, folder: Path, experiment: str, name: str, choices: dict[str, Any]):
        sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))  # its own sign: write without TensorFlow
        from tensorboard.summary import Writer

        self.writer = Writer(str(folder / experiment / name))

    def tell(self, step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def close(self, done: bool) -> None:
        self.writer.close()


class Wandb:
    """Weights & Biases, offline unless WANDB_MODE says otherwise; `wandb sync` sends what was kept."""

    def __init__(self, folder: Path, experiment: str, name: str, choices: dict[str, Any]):
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        self.run = wandb.init(
            project="transfer-learning-lab", group=experiment, name=name, config=choices, dir=str(folder),
            id=digest([experiment, name])[:16], resume="allow",
            mode=os.environ.get("WANDB_MODE", "offline"), settings=wandb.Settings(silent=True),  # type: ignore[arg-type]
        )  # fmt: skip

    def tell(self, step: int, figures: dict[str, float]) -> None:
        self.run.log(figures, step=step)

    def close(self, done: bool) -> None:
        self.run.finish(exit_code=int(not done))


class MLflow:
    """MLflow, in files unless MLFLOW_TRACKING_URI says otherwise; `mlflow ui` shows them."""

    def __init__(self, folder: Path, experiment: str, name: str, choices: dict[str, Any]):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient

        uri = os.environ.get("MLFLOW_TRACKING_URI") or folder.resolve().as_uri()
        self.client = MlflowClient(uri)
        known = self.client.get_experiment_by_name(experiment)
        number = known.experiment_id if known else self.client.create_experiment(experiment)
        same = f"attributes.run_name = '{name}' and attributes.status != 'FINISHED'"
        begun = self.client.search_runs([number], same, max_results=1)
        if begun:
            self.run = begun[0].info.run_id
            self.client.update_run(self.run, status="RUNNING")
            return
        self.run = self.client.create_run(number, run_name=name).info.run_id
        for key, value in choices.items():
            self.client.log_param(self.run, key, value)

    def tell(self, step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.client.log_metric(self.run, name, value, step=step)

    def close(self, done: bool) -> None:
        self.client.set_terminated(self.run, "FINISHED" if done else "FAILED")


TRACKERS: dict[str, Any] = {"tensorboard": TensorBoard, "wandb": Wandb, "mlflow": MLflow}
