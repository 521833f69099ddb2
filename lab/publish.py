"""`python -m lab.publish RUN DIR`: a finished run as a folder for a release page or a model hub."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from lab import command
from lab.exporting import formats
from lab.exporting.writing import fill, in_place_of, network
from lab.files import write_atomically
from lab.records import outcomes
from lab.runs.reproducing import command_of


def main(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    root, wanted = command.root_of(args.out), formats.asked(args.to)
    record, target = network(root, args.run), Path(args.dir).expanduser().resolve()
    with in_place_of(target) as folder:
        fill(folder, root, record, wanted, args.images, args.data_dir)
        write_atomically(folder / "record.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
        write_atomically(folder / "reproduce.sh", reproduce(record))
        if (path := outcomes.path_of(root, record)).exists():
            shutil.copyfile(path, folder / "test.npz")
    print(f"wrote the model ({', '.join(wanted)}), its card, its record and reproduce.sh into {target}")
    return 0


def parser() -> command.Parser:
    made = command.parser(
        "lab.publish",
        "Writes a finished run as a folder to upload: the model, checked on real images; README.md, the model card as "
        "Hugging Face reads it; record.json; test.npz, what it said of each test example; reproduce.sh.",
    )
    made.add_argument("run", metavar="RUN", help="a finished run, as lab.predict takes it")
    made.add_argument("dir", metavar="DIR", help="the folder to write; one that was written so is replaced as a whole")
    made.add_argument(
        "--to", metavar="X", default="keras", help=f"one or more of {', '.join(formats.FORMATS)} (default: keras)"
    )
    made.add_argument("--data-dir", metavar="X", help="folder or archive of the run's data, where not embedded")
    made.add_argument("--images", metavar="X", nargs="+", help="check on these and not on the run's test images")
    command.add_out(made)
    return made


def reproduce(record: dict[str, Any]) -> str:
    """A script that makes the run again, beside a clone of the lab."""
    e = record["environment"]
    changed = " with changes that were not committed" if e.get("dirty") else ""
    versions = " ".join(f"{name}=={version}" for name, version in e["versions"].items() if version)
    return (
        "#!/bin/sh\n"
        f"# Makes {record['name']} again, in a clone of the lab at commit {e.get('commit') or 'unknown'}{changed}.\n"
        f"# It was trained with Python {e['python']}, the backend {e['backend']}, on {e['device']}, and\n"
        f"# {versions}\n"
        f"# Its record's digest is {record['digest']}; `python -m lab.report --runs` then lists it.\n"
        "set -e\n"
        f"KERAS_BACKEND={e['backend']} {command_of(record)}\n"
    )


if __name__ == "__main__":
    sys.exit(command.call(main))
