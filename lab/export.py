"""`python -m lab.export RUN --to FORMATS`: a finished run as files for other programs, checked, with a model card."""

import sys
from pathlib import Path

from lab import command
from lab.errors import BadInput
from lab.exporting import formats
from lab.exporting.writing import fill, in_place_of, network


def main(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    if args.images and args.data_dir:
        raise BadInput("--images and --data-dir both say what to check on; give one of them")
    root, wanted = command.root_of(args.out), formats.asked(args.to)
    record = network(root, args.run)
    target = Path(args.to_dir).expanduser().resolve() if args.to_dir else root / "exports" / record["name"]
    with in_place_of(target) as folder:
        fill(folder, root, record, wanted, args.images, args.data_dir)
    print(f"wrote {', '.join(wanted)}, export.json and the model card README.md into {target}")
    return 0


def parser() -> command.Parser:
    made = command.parser(
        "lab.export",
        "Writes a finished run as files that other programs read, from images (0 to 255, at the run's size) to class "
        "probabilities, each pixel's for masks; reads each back, compares it with the run on real images, and writes a "
        "model card.",
    )
    made.add_argument("run", metavar="RUN", help="a finished run, as lab.predict takes it")
    made.add_argument("--to", metavar="X", required=True, help=f"one or more of {', '.join(formats.FORMATS)}")
    made.add_argument(
        "--to-dir", metavar="DIR", help="the folder to write, replaced as a whole; left out: exports/RUN below --out"
    )
    made.add_argument("--data-dir", metavar="X", help="folder or archive of the run's data, where not embedded")
    made.add_argument(
        "--images",
        metavar="X",
        nargs="+",
        help="check on these (files, folders, zips) and not on the run's test images",
    )
    command.add_out(made)
    return made


if __name__ == "__main__":
    sys.exit(command.call(main))
