"""README tables, curves and pictures, from the records alone. No Keras.

Everything that is rebuilt can be checked: `stale` says what differs from the records.

May import comparison, runs' choices, records and all below; never Keras; may not import inference, exports, commands.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from lab.errors import BadInput
from lab.records import store


def rebuild(root: Path, say: Callable[[str], None] = lambda _: None, svg: bool = False) -> None:
    """Rewrites the marked tables of README.md and the pictures in img/, with `svg` as SVG, too.

    One process at a time: another is waited for.

    Raises:
        BadInput: a record is none, or something cannot be written.
    """
    from lab.report import claims, examples, explained, gallery, pictures, readme, surest

    lock = store.cache(root, "report.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            records = store.read(root)
            kept = [path for module in (gallery, surest, explained) for path in module.draw_all(root, records)]
            for path in [*pictures.draw_all(root, records, svg), *examples.draw_all(root), *kept]:
                say(f"drew {path.relative_to(root)}")
            say(readme.rewrite(root, records))
    except OSError as error:
        raise BadInput(f"cannot write in {root}: {error.strerror or error}; records are as they were") from None
    for line in claims.wrong(root, records):
        say(line)


def stale(root: Path) -> list[str]:
    """What in README.md, img/ or results/ does not agree with the records, a line each; and claims that are untrue."""
    from lab.report import claims, pictures, ranking, readme

    records = store.read(root)
    edited = [f"{r['experiment']}/{r['name']}.json was changed by hand" for r in records if not store.is_sealed(r)]
    edited += [f"{name} was changed by hand" for name, r in ranking.read(root).items() if not store.is_sealed(r)]
    return edited + readme.stale(root, records) + claims.wrong(root, records) + pictures.stale(root, records)
