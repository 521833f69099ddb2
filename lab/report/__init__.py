"""Pages and pictures, from the records alone. No Keras.

Everything that is rebuilt can be checked: `stale` says what differs from the records.

May import comparison, runs' choices, records and all below; never Keras; may not import inference, exports, commands.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from lab.errors import BadInput
from lab.records import store


def rebuild(root: Path, say: Callable[[str], None] = lambda _: None, svg: bool = False) -> None:
    """Rewrites the marked blocks of all pages and the pictures that they show, with `svg` as SVG, too.

    One process at a time: another is waited for.

    Raises:
        BadInput: a record is none, or something cannot be written.
    """
    from lab.report import claims, pages, pictures
    from lab.report.pictures import examples, explained, gallery, surest
    from lab.report.site import Site

    lock = store.cache(root, "report.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            site = Site(root, store.read(root))
            kept = [path for module in (gallery, surest, explained) for path in module.draw_all(root, site.records)]
            kept += examples.draw_all(root)
            made = pages.read(site)
            for path in [*kept, *pictures.draw_all(root, pages.shown(site, made), svg)]:
                say(f"drew {path.relative_to(root)}")
            for line in pages.write(site, made):
                say(line)
    except OSError as error:
        raise BadInput(f"cannot write in {root}: {error.strerror or error}; records are as they were") from None
    for line in claims.wrong(root, site.records):
        say(line)


def stale(root: Path) -> list[str]:
    """What in the pages, the pictures or results/ does not agree with the records, a line each; and untrue claims."""
    from lab.report import claims, pages, pictures, ranking
    from lab.report.site import Site

    site = Site(root, store.read(root))
    edited = [f"{r['experiment']}/{r['name']}.json was changed by hand" for r in site.records if not store.is_sealed(r)]
    edited += [f"{name} was changed by hand" for name, r in ranking.read(root).items() if not store.is_sealed(r)]
    made = pages.read(site)
    wrong = [*pages.stale(site, made), *claims.wrong(root, site.records)]
    return [*edited, *wrong, *pictures.stale(root, pages.shown(site, made))]
