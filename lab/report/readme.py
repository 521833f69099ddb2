"""The marked blocks of README.md: what stands between two markers is rebuilt, the rest is never touched."""

import ast
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lab import names
from lab.files import write_atomically
from lab.report import caching, channels, costs, losses, margins, memory, original, ranking, shots, sizes, table

FIRST = """# Results

[comment]: # (result_table_start)
[comment]: # (result_table_end)
"""


def listed(folder: str) -> str:
    """The names of a folder and the first line of each docstring, in Markdown."""
    from tabulate import tabulate

    rows = [(f"`{name}`", what) for name, what in names.table(folder)]
    return tabulate(rows, ["name", "what it is"], tablefmt="github")


def experiments(root: Path) -> str:
    """The written experiments and the question that each docstring begins with, in Markdown."""
    from tabulate import tabulate

    found = sorted((root / "experiments").glob("*.py"))
    docs = [(p, ast.get_docstring(ast.parse(p.read_text(encoding="utf-8"))) or "") for p in found]
    rows = [(f"[{p.stem}](experiments/{p.name})", doc.split("\n")[0]) for p, doc in docs]
    return tabulate(rows, ["experiment", "question"], tablefmt="github")


BLOCKS: dict[str, Callable[[Path, list[dict[str, Any]]], str]] = {
    "result_table": lambda root, records: table.results(records),
    "strategies_table": lambda root, records: listed("strategies"),
    "heads_table": lambda root, records: listed("heads"),
    "channels_table": lambda root, records: listed("channels"),
    "policies_table": lambda root, records: channels.policies(root, records),
    "losses_table": lambda root, records: listed("losses"),
    "datasets_table": lambda root, records: listed("datasets"),
    "experiments_table": lambda root, records: experiments(root),
    "findings_list": lambda root, records: table.findings(records),
    "original_table": original.beside_ours,
    "caching_table": lambda root, records: caching.saved(records),
    "crossed_table": lambda root, records: losses.crossed(records),
    "margins_table": margins.against_scratch,
    "shots_table": lambda root, records: shots.table(root, records),
    "ranking_table": ranking.table,
    "costs_table": lambda root, records: costs.measured(root),
    "memory_table": lambda root, records: memory.shapes(root),
    "sizes_table": lambda root, records: sizes.refused(root),
}

ROWS = ("result_table", "margins_table")  # that a run has no row in where it stands in the table by shots


def rewrite(root: Path, records: list[dict[str, Any]]) -> str:
    """Rebuilds the blocks of README.md; says what it did. A README without markers is left as it is."""
    path = root / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else FIRST
    fresh = with_blocks(text, root, records)
    if not any(_pattern(name).search(text) for name in BLOCKS):
        return (
            "README.md has no lines `[comment]: # (result_table_start)` and `[comment]: # (result_table_end)`, "
            "so it was left as it is"
        )
    if path.exists() and fresh == text:
        return "README.md is up to date"
    write_atomically(path, fresh)
    return f"wrote the results table of {len(records)} runs into README.md"


def with_blocks(text: str, root: Path, records: list[dict[str, Any]]) -> str:
    rest = shots.others(records) if _pattern("shots_table").search(text) else records
    for name, build in BLOCKS.items():
        if _pattern(name).search(text):
            block = build(root, rest if name in ROWS else records)
            text = _pattern(name).sub(partial(_between, block), text)
    return text


def _between(block: str, match: re.Match) -> str:
    return f"{match[1]}\n\n{block}\n\n{match[2]}"


def stale(root: Path, records: list[dict[str, Any]]) -> list[str]:
    """The blocks of README.md that are not what the records say, with the first line that differs."""
    path = root / "README.md"
    if not path.exists():
        return ["there is no README.md"]
    text = path.read_text(encoding="utf-8")
    fresh = with_blocks(text, root, records)
    have, want = text.splitlines(), fresh.splitlines()
    if have == want:
        return []
    line = next((i for i, (a, b) in enumerate(zip(have, want, strict=False)) if a != b), min(len(have), len(want)))
    found = have[line] if line < len(have) else "(nothing)"
    return [f"README.md line {line + 1} is not what the records say: {found[:160]}"]


def _pattern(name: str) -> re.Pattern:
    start, end = (re.escape(f"[comment]: # ({name}_{edge})") for edge in ("start", "end"))
    return re.compile(rf"({start})\n.*?({end})", re.DOTALL)
