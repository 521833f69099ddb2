"""The data of a finished run, read again. No Keras."""

from typing import Any

from lab.datasets import opened
from lab.errors import BadInput
from lab.inputs.data import Data, dropped


def reread(record: dict[str, Any], data_dir: str | None) -> Data:
    """The data of a finished run as the run read them; that they are the same is for the caller to look at.

    Raises:
        BadInput: they are not here.
    """
    c, (height, width, _) = record["choices"], record["data"]["shape"]
    dataset, _ = opened(c["dataset"], data_dir)
    dataset = dataset.told(
        height if height == width else f"{width}x{height}", None, bool(record["data"].get("left_out"))
    )
    if dataset.embedded:
        dataset.fingerprint(data_dir)  # refuses a folder
    return dataset.load(data_dir).without(dropped(c.get("drop_classes"))).limited(c["limit"])


def tested(record: dict[str, Any], data_dir: str | None) -> Data:
    """The data of a finished run, of which the test examples are those that it was tested on.

    Raises:
        BadInput: they are not here, or are others.
    """
    data = reread(record, data_dir)
    if data.test.digest != record["data"]["splits"]["test"]["digest"]:
        raise BadInput(
            f"the test examples of {record['choices']['dataset']} found here are not those of {record['name']}; give "
            "its own with --data-dir"
        )
    return data
