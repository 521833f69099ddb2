"""What a written experiment asks: its file's docstring, and the command that it is run by."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

from lab.report.markdown import safe

MOST = 12  # commands


def asked(root: Path, experiment: str) -> str:
    """The first line of its docstring; of runs given by flags, and where the file is not here, none."""
    return _docstring(_path(root, experiment)).partition("\n")[0]


def commands(root: Path, experiment: str) -> list[str]:
    """The lines of its docstring that are commands."""
    lines = [line.strip() for line in _docstring(_path(root, experiment)).splitlines() if line.startswith("    ")]
    return [line for line in lines if line.startswith("python ")]


def explained(root: Path, experiment: str) -> str:
    """What the docstring says between the question and the commands."""
    _, _, rest = _docstring(_path(root, experiment)).partition("\n\n")
    prose = "\n".join(line for line in rest.splitlines() if not line.startswith("    "))
    return re.sub(r"\n{3,}", "\n\n", prose).strip()


def written(root: Path) -> list[str]:
    """The experiments that are written, by name."""
    return sorted(path.stem for path in (root / "experiments").glob("*.py"))


def about(root: Path, experiment: str, recorded: list[str]) -> str:
    """In Markdown: the question, what there is to know, the command; where no file asks it, those of the runs."""
    question, lines = asked(root, experiment), commands(root, experiment) or sorted(set(recorded))[:MOST]
    script = f"[experiments/{experiment}.py](../../experiments/{experiment}.py):" if question else ""
    parts = [f"**{safe(question)}**" if question else "", _escaped(explained(root, experiment)), script, _code(lines)]
    return "\n\n".join(filter(None, parts))


def of_flags(records: list[dict[str, Any]]) -> str:
    """In Markdown, of runs given by flags: the commands, the newest first."""
    newest = sorted(records, key=lambda r: r.get("finished") or "", reverse=True)
    lines = list(dict.fromkeys(r["command"] for r in newest if r.get("command")))
    return "\n\n".join(filter(None, ["Runs given by flags, the newest first:", _code(lines[:MOST])]))


def _code(lines: list[str]) -> str:
    code = "\n".join(line.replace("```", "` ` `") for line in lines)  # no command ends the block
    return f"```sh\n{code}\n```" if lines else ""


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;")


def _path(root: Path, experiment: str) -> Path:
    return root / "experiments" / f"{experiment}.py"


@cache
def _docstring_of(path: Path, changed: int) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _docstring(path: Path) -> str:
    return _docstring_of(path, path.stat().st_mtime_ns) if path.exists() else ""
