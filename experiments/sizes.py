"""Which image sizes does each backbone refuse, and how many stages does it have?

Builds every model of keras.applications, and cnn10, at each size, from random weights, and notes
what Keras refuses and what has another structure than at the default size (weights would not carry
over). Goes on where it was stopped. About half an hour on 2 CPU cores; needs 8 GB of memory.

    python experiments/sizes.py
"""

import json
from pathlib import Path

import keras

from lab import names
from lab.errors import BadInput
from lab.files import write_atomically
from lab.networks.stages import stage_levels, structure
from lab.records import store

TRIED = [32, 33, 48, 64, 75, 96, 224]


def examine(name: str) -> dict:
    """One row of the table."""
    backbone = names.build("backbones", name)
    default = backbone.build((backbone.default_size, backbone.default_size, 3))
    stages = set(stage_levels(default))
    wanted, refused = structure(default), []
    parameters = default.count_params()
    del default
    for size in TRIED:
        try:
            if size < backbone.min_size or structure(backbone.build((size, size, 3))) != wanted:
                refused.append(size)
        except BadInput:
            refused.append(size)
        keras.backend.clear_session()
    return {"backbone": name, "parameters": parameters, "stages": len(stages), "refused": refused}


def main() -> None:
    path = store.results(Path.cwd()) / "backbone_sizes.json"
    found = {"tried": TRIED, "keras": keras.__version__, "rows": []}
    if path.exists() and (old := json.loads(path.read_text()))["keras"] == keras.__version__ and old["tried"] == TRIED:
        found = old
    everything = [n for n in names.listing("backbones") if not names.find("backbones", n).of_tables]
    for k, name in enumerate(everything, 1):
        if name not in {row["backbone"] for row in found["rows"]}:
            print(f"{k} of {len(everything)}: {name}", flush=True)
            found["rows"].append(examine(name))
            found["rows"].sort(key=lambda row: everything.index(row["backbone"]))
            write_atomically(path, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
