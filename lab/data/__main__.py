"""`python -m lab.data eda|verify|audit|show DATASET`: looks at a data set before anything is learnt from it.

`python -m lab.data convert SRC --to mmseg|coco DIR` writes one with masks in another format.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from lab import command
from lab.datasets import opened

COMMANDS = {
    "eda": "how many examples of which class, how large, how bright: a table and pictures; or a table's columns",
    "verify": "which files cannot be read, by name",
    "audit": "equal and nearly equal images, and groups, within and across splits",
    "show": "a page of examples of each class",
}


def main(argv: list[str]) -> int:
    if argv[:1] == ["convert"]:
        from lab.data import convert

        return convert.main(argv[1:])
    made = command.parser("lab.data", "Looks at a data set before anything is learnt from it; see also convert --help.")
    made.add_argument("what", choices=COMMANDS, help="; ".join(f"{c}: {what}" for c, what in COMMANDS.items()))
    made.add_argument("dataset", metavar="DATASET", help="as --dataset of lab.run: a name, a folder, a table, ...")
    made.add_argument("--data-dir", metavar="X", help="as of lab.run")
    made.add_argument("--target", metavar="X", help="as of lab.run")
    made.add_argument("--task", metavar="X", help="as of lab.run")
    made.add_argument("--group", metavar="X", help="as of lab.run")
    made.add_argument("--to", metavar="DIR", help="where pictures and tables go (default: img/eda/NAME)")
    command.add_out(made)
    args = made.parse_args(argv)
    dataset, where = opened(args.dataset, args.data_dir)
    dataset, what, title = dataset.aimed(args.target), args.what, dataset.title(where)
    if args.task:
        dataset = dataset.for_task(args.task)
    found: Any
    if dataset.is_table and what == "eda":
        what, found = "columns", dataset.told(dataset.size, args.group, False).load(where)
    else:
        from lab.data.examined import examined

        found = examined(dataset, where, args.group)
    folder = command.root_of(args.to, "--to") if args.to else command.root_of(args.out) / "img" / "eda" / title
    code, written = import_module(f"lab.data.{what}").run(found, folder)
    for path in written:
        print(f"wrote {shown(path)}")
    return code


def shown(path: Path) -> Path:
    """The path from here, where it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(command.call(main))
