"""Text such as `mlp(512,256)` becomes an object; a folder becomes its list of names. No Keras.

A part of the lab (a strategy, a head, ...) is a file in the folder of its kind. The file holds a
class of the same name in CamelCase, or a `FAMILY`, a dictionary of names to classes. The class is a
frozen dataclass that derives from `Named`: it stores its arguments, and its text is its name.
"""

import ast
import dataclasses
import difflib
import importlib
import math
import pkgutil
import re
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from lab.errors import BadInput

LONGEST = 500  # characters of a name; more is no name
MADE_FOR_DATA = ("tasks",)  # folders whose arguments are what is learnt of the data; nobody writes them
MOST = 200  # characters of what was received that an error shows


@dataclass(frozen=True)
class Between:
    """Bounds, both included, that an annotation puts on a number."""

    low: float
    high: float

    def check(self, label: str, value: Any) -> None:
        """Refuses a number that is not within.

        Raises:
            BadInput: says what was received and what is allowed.
        """
        if not self.low <= value <= self.high:
            raise BadInput(f"{label} must be from {self.low:,} to {self.high:,}; received {value}")


@dataclass(frozen=True)
class Pixels(Between):
    """Bounds of each side of a size: 64, or "240x180"."""

    def check(self, label: str, value: Any) -> None:
        sides = re.findall(r"\d+", str(value)) if re.fullmatch(r"\d{1,5}(x\d{1,5})?", str(value)) else []
        if not sides or not all(self.low <= int(n) <= self.high for n in sides):
            raise BadInput(
                f"{label} takes pixels from {self.low:,} to {self.high:,}, as 64 or 240x180 (width x height); "
                f"received {shown(value)}"
            )


@dataclass(frozen=True)
class Named:
    """An object that can be written as text: its name and the arguments that differ from the defaults."""

    @property
    def name(self) -> str:
        module = importlib.import_module(type(self).__module__)
        family = getattr(module, "FAMILY", {})
        return type(self).__name__ if type(self).__name__ in family else module.__name__.split(".")[-1]

    def __str__(self) -> str:
        words = []
        for i, field in enumerate(dataclasses.fields(self)):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            positional = i == 0 and isinstance(value, tuple)
            words += [repr(v) for v in value] if positional else [f"{field.name}={value!r}"]
        return self.name + (f"({','.join(words)})" if words else "")


def parse(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Splits `name(1, key=2)` into name, positional and keyword arguments; literals only.

    Raises:
        BadInput: if the text is anything else than a name with literal arguments.
    """
    wrong = BadInput(f"not a name: {text[:80]!r}; write a name or a name with literal arguments, as mlp(512,256)")
    if len(text) > LONGEST:
        raise wrong
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, [], {}
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            raise wrong
        if any(k.arg is None for k in node.keywords) or len({k.arg for k in node.keywords}) < len(node.keywords):
            raise wrong
        args = [ast.literal_eval(a) for a in node.args]
        return node.func.id, args, {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except (SyntaxError, ValueError, MemoryError, RecursionError, TypeError):
        raise wrong from None


def listing(folder: str) -> list[str]:
    """Every name that `lab/<folder>` offers, in alphabetical order of the files."""
    return [name for file in _files(folder) for name in _family(_module(folder, file))]


def is_known(folder: str, name: str) -> bool:
    """Whether `lab/<folder>` offers the name; only what is needed to know it is imported."""
    return name.isidentifier() and any(name in _family(_module(folder, f)) for f in _likely_first(folder, name))


def find(folder: str, name: str) -> type[Any]:
    """The class that the name stands for.

    Raises:
        BadInput: if there is none; names the nearest ones.
    """
    for file in _likely_first(folder, name):
        if name in (family := _family(_module(folder, file))):
            return family[name]
    kind = {"strategies": "strategy", "losses": "loss"}.get(folder, folder.removesuffix("s"))
    known = listing(folder)
    lower = {k.lower(): k for k in known}
    near = [lower[k] for k in difflib.get_close_matches(name.lower(), lower, 3, 0.5)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise BadInput(f"unknown {kind} {name!r}; {hint}`python -m lab.{folder}` lists them all")


def build(folder: str, text: str) -> Any:
    """The object that the text stands for, its arguments checked against their annotations.

    Raises:
        BadInput: for an unknown name or an argument that the class does not take.
    """
    name, args, kwargs = parse(text)
    cls = find(folder, name)
    fields = dataclasses.fields(cls)
    hints = typing.get_type_hints(cls, include_extras=True)
    where = shown(text)
    if fields and args and get_origin(hints[fields[0].name]) is tuple and fields[0].name not in kwargs:
        kwargs = {fields[0].name: tuple(args), **kwargs}
    elif args:
        raise BadInput(f"{where}: {name} takes {_signature(cls)}; name the arguments, as {name}(key=value)")
    for key, value in kwargs.items():
        if key not in {f.name for f in fields}:
            raise BadInput(f"{where}: {name} has no argument {key!r}; it takes {_signature(cls)}")
        kwargs[key] = checked(f"{where}: {key}", value, hints[key])
    made = cls(**kwargs)
    if len(str(made)) > LONGEST:  # as where escapes stand for what cannot be printed
        raise BadInput(f"{where} has {len(str(made)):,} characters when written out; {LONGEST} are allowed; shorten it")
    return made


def checked(label: str, value: Any, hint: Any) -> Any:
    """The value if it suits the annotation (an int passes as a float).

    Raises:
        BadInput: says what was received and what is allowed.
    """
    if get_origin(hint) is Annotated:
        base, *bounds = get_args(hint)
        value = checked(label, value, base)
        for bound in bounds:
            if isinstance(bound, Between) and value is not None:
                bound.check(label, value)
        return value
    if get_origin(hint) is Literal:
        same = [a for a in get_args(hint) if type(a) is type(value) and a == value]  # 1 is neither True nor 1.0
        if not same:
            near = difflib.get_close_matches(str(value), [str(a) for a in get_args(hint)], 1)
            hint_text = f" (did you mean {near[0]}?)" if near else ""
            allowed = ", ".join(map(str, get_args(hint)))
            raise BadInput(f"{label} must be one of {allowed}; received {shown(value)}{hint_text}")
        return value
    if get_origin(hint) in (typing.Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        kinds = [a for a in get_args(hint) if a is not type(None)]
        words = [a for a in kinds if get_origin(a) is Literal and isinstance(value, str) and value in get_args(a)]
        same = [a for a in kinds if isinstance(a, type) and isinstance(value, a)]
        return checked(label, value, (words or same or kinds)[0])
    if get_origin(hint) is tuple:
        if not isinstance(value, tuple) or not value:
            raise BadInput(f"{label} must be one or more values; received {value!r}")
        return tuple(checked(label, v, get_args(hint)[0]) for v in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**1023 else math.inf
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise BadInput(f"{label} must be {_article(hint.__name__)}; received {value!r}")
    if hint is float and not math.isfinite(value):
        raise BadInput(f"{label} must be finite; received {value}")
    return value


def shown(value: Any) -> str:
    """A value as an error shows it: in one line that any terminal can print, cut where it is long."""
    text = str(value)
    line = text if text.isprintable() else repr(text)
    return line if len(line) <= MOST else f"{line[:MOST]}..."


def summary(cls: type) -> str:
    """First line of a class's docstring: its row in the lists and in the README."""
    return (cls.__doc__ or "").strip().split("\n")[0]


def table(folder: str) -> list[tuple[str, str]]:
    """(name with its arguments, what it is) of everything in a folder."""
    named = (lambda name, cls: name) if folder in MADE_FOR_DATA else _written
    return [(named(n, find(folder, n)), summary(find(folder, n))) for n in listing(folder)]


def _files(folder: str) -> list[str]:
    package = importlib.import_module(f"lab.{folder}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def _likely_first(folder: str, name: str) -> list[str]:
    """The files of a folder, first the one that is called as what is looked for: the others are then not imported."""
    return sorted(_files(folder), key=lambda file: file != name)


def _module(folder: str, name: str) -> types.ModuleType:
    """A file of a folder, its class in it.

    Raises:
        BadInput: what somebody has put there does not run, or has no class of its name.
    """
    try:
        module = importlib.import_module(f"lab.{folder}.{name}")
    except (SyntaxError, NameError, AttributeError, ImportError, TypeError, ValueError) as error:
        raise BadInput(
            f"lab/{folder}/{name}.py does not run: {type(error).__name__}: {error}; mend it, or move it away"
        ) from error
    if not hasattr(module, "FAMILY") and not hasattr(module, _class_of(name)):
        raise BadInput(f"lab/{folder}/{name}.py has no class {_class_of(name)}; the file and its class have one name")
    return module


def _family(module: types.ModuleType) -> dict[str, type[Named]]:
    name = module.__name__.split(".")[-1]
    if hasattr(module, "FAMILY"):
        return module.FAMILY
    return {name: getattr(module, _class_of(name))}


def _class_of(name: str) -> str:
    """What the class in a file is called."""
    return "".join(word.capitalize() for word in name.split("_"))


def _written(name: str, cls: type) -> str:
    return getattr(cls, "written", f"{name}{_arguments(cls)}")


def _arguments(cls: type) -> str:
    fields = dataclasses.fields(cls)
    return f"({', '.join(f'{f.name}={f.default!r}' for f in fields)})" if fields else ""


def _signature(cls: type) -> str:
    return _arguments(cls).strip("()") or "no arguments"


def _article(word: str) -> str:
    return {"int": "a whole number", "float": "a number", "str": "text", "bool": "True or False"}.get(word, word)
