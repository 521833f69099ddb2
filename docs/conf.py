"""The site of the guides, by Sphinx: `.ci/docs` builds it.

The source is the whole checkout, so that a link out of docs/ is one that Sphinx checks: to another page (README.md, a
page of results/) it leads there, anchor and all; to any other file, it leads to a copy of it. With `-W` a link or an
anchor that leads nowhere fails the build.
"""

import re

project = "Transfer-learning lab"
html_title = project
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**.md",
    "results/README.md",
    "results/*/README.md",
]
exclude_patterns = [".*", "**/.cache", "results/quickstart", "site", "exports", "tracking"]
exclude_patterns += ["img", "lab", "tests"]  # hold no page, so they are not even looked through
myst_heading_anchors = 4  # as GitHub makes them
suppress_warnings = ["myst.duplicate_def"]  # `[comment]: # (...)`, the markers of what the report writes
html_theme = "furo"
html_extra_path = ["front"]  # index.html, which leads to docs/index.html
html_use_index = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


def with_menu(app, name: str, source: list[str]) -> None:
    """Makes the menu of what the first page lists: each heading with links below it is a part of it.

    So the first page is plain Markdown, and a guide is entered in one place. Pages of experiments are below results/.
    """
    if name == "results/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*/README\n```\n"
    if name != root_doc:
        return
    for part in re.split(r"^## ", source[0], flags=re.MULTILINE)[1:]:
        pages = re.findall(r"^- \[([^\]]+)\]\(([^)#:]+)\.md\)", part, re.MULTILINE)
        entries = "\n".join(f"{title} <{page}>" for title, page in pages)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {part.splitlines()[0]}\n\n{entries}\n```\n"


def setup(app) -> None:
    app.connect("source-read", with_menu)
