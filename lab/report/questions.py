"""What a written experiment asks: its file's docstring, and the command that it is run by."""

import ast
import re
from functools import cache
from pathlib import Path

from lab.report.markdown import safe


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
    """In Markdown: the question, what there is to know, the command; of runs given by flags, the commands of those."""
    question, lines = asked(root, experiment), commands(root, experiment) or sorted(set(recorded))
    parts = [f"**{safe(question)}**" if question else "Runs given by flags.", _indented(explained(root, experiment))]
    code = "\n".join(lines)
    script = f"[experiments/{experiment}.py](../../experiments/{experiment}.py):\n\n" if question else ""
    return "\n\n".join([*filter(None, parts), f"{script}```sh\n{code}\n```" if lines else ""]).strip()


def _indented(text: str) -> str:
    return text.replace("<", "&lt;")


def _path(root: Path, experiment: str) -> Path:
    return root / "experiments" / f"{experiment}.py"


@cache
def _docstring_of(path: Path, changed: int) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _docstring(path: Path) -> str:
    return _docstring_of(path, path.stat().st_mtime_ns) if path.exists() else ""
