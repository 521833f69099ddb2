"""On what an experiment's runs were made: the data, the versions, the machine."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lab.records.store import data_of
from lab.report.captions import captions
from lab.report.markdown import picture, safe

Record = dict[str, Any]


def data(root: Path, records: list[Record], page: Path) -> str:
    """In Markdown: of each data set what it is, its splits, its fingerprint, and where it may be shown a picture."""
    lines = captions(records).splitlines()
    prints: dict[str, set[str]] = {}
    for r in records:
        if r["status"] == "done":
            prints.setdefault(data_of(r["choices"]), set()).add(str(r["choices"].get("data_fingerprint") or "-"))
    lines += [
        f"- fingerprint of {safe(d)}: {', '.join(f'`{safe(p)[:40]}`' for p in sorted(of))}"
        for d, of in sorted(prints.items())
    ]
    lines += ["", *pictures] if (pictures := list(_examples(root, records, page))) else []
    return "\n".join(lines)


def _examples(root: Path, records: list[Record], page: Path) -> Iterable[str]:
    for name in sorted({r["choices"]["dataset"].partition("(")[0] for r in records}):
        path = root / "img" / f"examples_{name}.png"
        if path.exists():
            yield picture(Path(os.path.relpath(path, page.parent)).as_posix(), f"Training images of {name}")


def versions(records: Iterable[Record]) -> str:
    """In Markdown, a line for each machine and its versions: how many runs were made there, and when."""
    found: dict[str, list[Record]] = {}
    for r in records:
        if "environment" in r:
            found.setdefault(machine(r["environment"]), []).append(r)
    return "\n".join(f"- {_many(of)}: {safe(text)}" for text, of in found.items())


def machine(e: Record) -> str:
    """An environment in words."""
    known = ", ".join(f"{name} {v}" for name, v in e["versions"].items() if v and name in ("keras", e["backend"]))
    return f"{e['cores']} cores, {e['device']}, {e['machine']}, Python {e['python']}, {known}"


def _many(records: list[Record]) -> str:
    days = sorted({r["finished"][:10] for r in records if r.get("finished")})
    when = f", {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") if days else ""
    return f"{len(records)} run{'s' if len(records) > 1 else ''}{when}"
