"""Text in Markdown."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote

PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def safe(text: str) -> str:
    """No cell can end its own column, or hold HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


def loose(text: str) -> str:
    """Text whose lines can break after a comma, as those of a narrow cell must."""
    return re.sub(r",(?=\S)(?!\d{3}\b)", ", ", text)


def table(rows: Iterable[Sequence[str]], heads: Sequence[str]) -> str:
    """Rows under their heads, no wider than their texts: cells are `safe` already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell or ' ' for cell in line)} |" for line in lines)


def slug(heading: str) -> str:
    """The anchor that GitHub, and Python-Markdown's slugify of it, give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def pictures(text: str) -> set[str]:
    """The files that the pictures of a page link to."""
    return {unquote(target) for target in PICTURE.findall(text)}


def picture(file: str, alt: str) -> str:
    """A picture, whatever its file is called."""
    return f"![{safe(alt).replace('[', '(').replace(']', ')')}]({quote(file, safe='/=,+')})"
