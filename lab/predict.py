"""`python -m lab.predict RUN IMAGES`: a finished run's classes, masks or numbers, for image files or rows."""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab import command
from lab.errors import BadInput
from lab.files import write_atomically
from lab.inputs.class_list import as_list
from lab.records import store
from lab.task import Task, of_record

SHOWN = 50  # lines
IDS = ("id", "Id", "ID")  # what a column that names the rows is called


def main(argv: list[str]) -> int:
    made = command.parser("lab.predict", "Prints the classes that a finished run gives to images, or their pixels.")
    made.add_argument(
        "run", metavar="RUN", help="a finished run (python -m lab.report --runs lists them), or best:DATA"
    )
    made.add_argument("images", metavar="IMAGES", nargs="+", help="image files, folders, a zip of images, or a table")
    made.add_argument(
        "--top", type=int, metavar="K", help="how many classes a line shows (default: 3, where so many are)"
    )
    made.add_argument(
        "--csv", metavar="FILE", help="write file, class and the probability, or the share of pixels, of every class"
    )
    made.add_argument("--submission", metavar="FILE", help="write a Kaggle submission: Path,ClassId, or id,TARGET")
    made.add_argument(
        "--id", metavar="X", help="the column of a table that names its rows; left out: id, Id or ID, else 1, 2, 3, ..."
    )
    made.add_argument(
        "--to-dir", metavar="DIR", help="write masks, for a run that predicts them: PNG of the images' names and sizes"
    )
    made.add_argument("--overlay", action="store_true", help="beside each mask, the image with the mask over it")
    command.add_out(made)
    args = made.parse_args(argv)
    root = command.root_of(args.out)
    record = store.finished(root, args.run, ("done", "interrupted"))
    task = of_record(record)
    refuse(args, record, task)
    if record["status"] == "interrupted":
        print(f"note: {record['name']} was interrupted; these are its best weights until then", file=sys.stderr)
    weights = store.kept(root, record, "weights.h5")
    target = record["data"]["table"]["target"] if "table" in record["data"] else None
    names, found, (head, submitted) = (of_table if target else of_files)(record, weights, args)
    table = list(found)
    for line in lines(names, table, task, args.top or min(3, len(task.classes))):
        print(line)
    if args.csv:
        save(args.csv, [head, *task.heads()], [[n, *task.row(a)] for n, a in zip(names, table, strict=True)])
    if args.submission:
        rows = [[n, *task.submitted(a, named=bool(target))] for n, a in zip(names, table, strict=True)]
        save(args.submission, [submitted, *task.submission(target)], rows)
    if args.to_dir:
        write_atomically(Path(args.to_dir) / "classes.txt", as_list(task.classes))
        print(f"wrote {len(names):,} {task.writes} and classes.txt into {args.to_dir}")
    return 0


def refuse(args: Any, record: dict[str, Any], task: Task) -> None:
    """Refuses what the run's task does not write.

    Raises:
        BadInput: says what this one does.
    """
    run = record["name"]
    if args.overlay and record["data"].get("bands"):
        raise BadInput(
            "--overlay is for images of red, green and blue; the masks of rasters are GeoTIFFs to lay over them"
        )
    if args.submission and not task.submits:
        raise BadInput(
            f"--submission has a class for each image, and {run} predicts {task.one}; write them with --to-dir"
        )
    if args.to_dir and task.writes is None:
        raise BadInput(f"--to-dir is for masks, and {run} predicts {task.one}; write them with --csv")
    if args.overlay and not args.to_dir:
        raise BadInput("--overlay writes beside the masks of --to-dir DIR; give it, too")
    if args.id and "table" not in record["data"]:
        raise BadInput(f"--id names a column of a table, and {run} predicts images; leave it out")
    if args.top is not None and not 1 <= args.top <= len(task.classes):
        has = f"must be from 1 to {len(task.classes)}" if task.classes else f"is for classes, and {run} has none"
        raise BadInput(f"--top {has}; received {args.top}")


def of_files(record: dict[str, Any], weights: Path, args: Any) -> tuple[list[str], Iterator[Any], list[str]]:
    """(names of the images, what there is to show of each, what heads the names in --csv and in --submission)."""
    from lab.inference.predicting import Job, listed
    from lab.inputs.bands import of_record as bands_of

    files = [found for place in args.images for found in listed(Path(place), bands_of(record))]
    job = Job(record, weights, files, args.to_dir, args.overlay)
    return [name for name, _, _ in files], job.said(), ["file", "Path"]


def of_table(record: dict[str, Any], weights: Path, args: Any) -> tuple[list[str], Iterator[Any], list[str]]:
    """The same for the rows of a table, each named by its id.

    Raises:
        BadInput: the file has no such id; see `rows_of`.
    """
    from lab.inference.predicting import of_rows, rows_of

    frame, rows = rows_of(record, args.images)
    if args.id not in (None, *frame.columns):
        raise BadInput(
            f"--id {args.id!r}: {Path(args.images[0]).name} has no such column; it has {', '.join(frame.columns)}"
        )
    name = args.id or next((n for n in IDS if n in frame), None)
    ids = frame[name].tolist() if name else [str(i + 1) for i in range(len(frame))]
    return ids, of_rows(record, weights, rows), [name or IDS[0]] * 2


def lines(names: list[str], table: list[Any], task: Task, top: int) -> Iterator[str]:
    """A line for each of the first files: its name, and what there is to show of it."""
    for name, answer in list(zip(names, table, strict=True))[:SHOWN]:
        yield f"{name}: {task.line(answer, top)}"
    if len(names) > SHOWN:
        yield f"... and {len(names) - SHOWN:,} more; --csv FILE keeps them all"


def save(place: str, head: list[str], rows: list[list[str]]) -> None:
    """Writes a CSV and says so."""
    write_atomically(Path(place), _table(head, rows))
    print(f"wrote {len(rows):,} rows into {place}")


def _table(head: list[str], rows: list[list]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(command.call(main))
