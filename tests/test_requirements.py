"""requirements.txt is complete, pinned, and says what needs each package."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from conftest import ROOT

LINE = re.compile(r"([A-Za-z0-9_.-]+)==([0-9][^ ]*) +# (.+)")
UNIMPORTED = {"importlib-resources", "pyarrow"}  # what builders of tensorflow-datasets, and pandas, import


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def required():
    """{package: (version, what needs it)}."""
    lines = [x for x in (ROOT / "requirements.txt").read_text().splitlines() if not x.startswith("#")]
    assert all(LINE.fullmatch(x) for x in lines), [x for x in lines if not LINE.fullmatch(x)]
    return {normal(LINE.fullmatch(x)[1]): LINE.fullmatch(x).groups()[1:] for x in lines}


def optional():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    words = [w for some in extras.values() for w in some]
    assert all(re.match(r"[A-Za-z0-9_.\[\]-]+==[0-9]", w) for w in words if not w.startswith("transfer")), words
    return {normal(re.split(r"[=\[]", w)[0]) for w in words}


def imported():
    """Top-level modules of others that any file of the lab or its experiments imports."""
    found = set()
    for path in [*(ROOT / "lab").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {a.name.partition(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    own = {"lab", "benchmarks", *(p.stem for p in (ROOT / "experiments").glob("*.py"))}
    return found - set(sys.stdlib_module_names) - own


def test_every_package_that_is_imported_is_required_and_the_other_way_round():
    known, there = packages_distributions(), set(required()) | optional()
    used = {normal(d) for module in imported() for d in known.get(module, [module])}
    missing = {m for m in imported() if not {normal(d) for d in known.get(m, [m])} & there}
    assert missing == set()
    assert {p for p in required() if p not in used and p not in UNIMPORTED} == set()


def test_what_is_said_to_need_a_package_exists():
    for package, (_, why) in required().items():
        for path in re.findall(r"lab/[\w/*.]+", why):
            assert list(ROOT.glob(path.rstrip("."))), f"{package}: {path}"
