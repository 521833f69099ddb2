"""Reads a pickled dictionary of numpy arrays without trusting the pickle: nothing of it is run.

A pickle is a program. This reader knows the few names that arrays are pickled with, under numpy 1 and
2, and gives each a stand-in of its own; numpy itself only ever sees bytes, a plain type and a shape.
Whatever a file claims, no more is read, copied or built than the file is long.
"""

import pickle  # the names in it are resolved by `_Reader` alone
import re
from collections.abc import Callable
from typing import IO, Any, ClassVar, NoReturn

import numpy as np

from lab.errors import BadInput

PLAIN = re.compile(r"[biufSU]\d{1,9}")  # codes of types without objects and fields: f4, u1, U20
ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
# a set hashes what it holds (see `_keys`), an extension reaches into a registry of the process
LEFT_OUT = pickle.EMPTY_SET + pickle.FROZENSET + pickle.ADDITEMS + pickle.EXT1 + pickle.EXT2 + pickle.EXT4


def read_dictionary(stream: IO[bytes], size: int, called: str) -> dict[str, Any]:
    """The dictionary in a pickle of `size` bytes: arrays, and plain containers of numbers, strings and bytes.

    Arrays are read-only, and arrays only as the dictionary's values. Strings of Python 2 are taken as Latin-1.

    Raises:
        BadInput: it wants to import anything else, holds an array of objects, is damaged, or no dictionary.
    """
    reader = _Reader(stream, size, called)
    try:
        found = reader.load()
    except BadInput:
        raise
    except Exception as error:  # damage shows as whatever the damaged operation raises
        why = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise BadInput(f"{called} is damaged, or no pickle of arrays ({why}); fetch it again") from None
    reader.memo.clear()  # it holds the arrays once more, some as text
    if type(found) is not dict:
        raise BadInput(f"{called} holds no dictionary but {type(found).__name__}")
    return {str(key): value.values if isinstance(value, _Array) else value for key, value in found.items()}


class _Reader(pickle._Unpickler):
    """Python's own unpickler, in its Python form: the form in C makes its memo as large as the file says."""

    memo: dict[int, Any]
    stack: list[Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    dispatch: ClassVar[dict[int, Any]] = {k: v for k, v in pickle._Unpickler.dispatch.items() if k not in LEFT_OUT}

    def __init__(self, stream: IO[bytes], size: int, called: str):
        super().__init__(_Bounded(stream, size), encoding="latin1")
        self.called, self.encodable = called, size

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy", "ndarray"): lambda *_: self._refuse("an array made directly"),
            ("numpy", "dtype"): self._type,
            ("_codecs", "encode"): self._encode,
            **{(m, "bytes"): lambda: b"" for m in ("builtins", "__builtin__")},  # so are no bytes written, 0 to 2
            **{(m, "_reconstruct"): lambda *_: _Array(self) for m in ARRAYS},
            **{(m, "_frombuffer"): self._from_buffer for m in ARRAYS},
            **{(m, "scalar"): self._scalar for m in ARRAYS},
        }
        if (module, name) not in known:
            wanted = repr(f"{module}.{name}"[:80])
            raise BadInput(
                f"{self.called} wants to import {wanted}; a pickle with code is refused, nothing of it was run"
            )
        return _Stand(known[module, name])

    def load_bytearray8(self) -> None:
        self.append(self.read(int.from_bytes(self.read(8), "little")))  # the original first makes room for the claim

    def load_setitem(self) -> None:
        self._keys(self.stack[-2:-1], pickle.SETITEM)

    def load_setitems(self) -> None:
        self._keys(self.stack[::2], pickle.SETITEMS)

    def load_dict(self) -> None:
        self._keys(self.stack[::2], pickle.DICT)

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.DICT[0]] = load_dict

    def _keys(self, keys: list[Any], operation: bytes) -> None:
        # hashing a tuple in a tuple in a tuple ... overflows the interpreter's stack and ends the process
        if not all(isinstance(key, str | int | bytes) for key in keys):
            self._refuse("a dictionary with keys that are neither text nor numbers")
        pickle._Unpickler.dispatch[operation[0]](self)  # type: ignore[arg-type]

    def _encode(self, text: str, codec: str) -> bytes:
        if codec not in ("latin1", "latin-1"):
            self._refuse("bytes as text in another encoding than Latin-1")
        self.encodable -= len(text)  # one long text, encoded again and again, would fill the memory
        if self.encodable < 0:
            self._refuse("the same bytes many times over")
        return text.encode("latin1")

    def _type(self, code: str, *_: Any) -> "_Type":
        if not isinstance(code, str) or not PLAIN.fullmatch(code):
            what = "objects" if str(code).startswith("O") else "another type than numbers and text"
            self._refuse(f"an array of {what}")
        return _Type(code)

    def _from_buffer(self, raw: Any, kind: "_Type", shape: Any, order: str, axes: Any = None) -> "_Array":
        array = _Array(self)
        if order == "K" and axes is not None:
            array.values = self.values(raw, kind, shape, "C").transpose(axes)
        else:
            array.values = self.values(raw, kind, shape, order)
        return array

    def _scalar(self, kind: "_Type", raw: Any) -> Any:
        return self.values(raw, kind, (), "C").item()

    def values(self, raw: Any, kind: "_Type", shape: Any, order: str) -> np.ndarray:
        """The bytes as an array, without a copy but for Python 2's, which come as text."""
        if not isinstance(kind, _Type) or not isinstance(raw, str | bytes | memoryview):
            raise pickle.UnpicklingError("an array without type or bytes")
        content = self._encode(raw, "latin1") if isinstance(raw, str) else raw
        values = np.frombuffer(content, np.dtype(kind.order + kind.code))
        return values.reshape(shape, order="F" if order == "F" else "C")

    def _refuse(self, what: str) -> NoReturn:
        raise BadInput(
            f"{self.called} holds {what}, which is refused; it may hold plain arrays, containers and numbers"
        )


class _Bounded:
    """Reads to the end of the file at most: a claimed length alone takes no memory."""

    def __init__(self, stream: IO[bytes], left: int):
        self.stream, self.left = stream, left

    def read(self, count: int) -> bytes:
        data = self.stream.read(min(count, self.left))
        self.left -= len(data)
        return data

    def readline(self) -> bytes:
        data = self.stream.readline(self.left)
        self.left -= len(data)
        if not data.endswith(b"\n"):
            raise EOFError("it ends in the middle of a line")  # not as if the rest of a name were all of it
        return data


class _Stand:
    """Stands for a function that a pickle may call; the pickle cannot change it."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]):
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("sets the state of a function")


class _Type:
    """Stands for a dtype: a code such as `f4`, and the order of its bytes."""

    __slots__ = ("code", "order")

    def __init__(self, code: str):
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple) -> None:
        order, *fields = state[1:5]
        if order not in ("<", ">", "=", "|") or any(field is not None for field in fields):
            raise pickle.UnpicklingError("a type with fields")
        self.order = order


class _Array:
    """Stands for an array until its content comes, and holds it then."""

    __slots__ = ("_reader", "values")

    def __init__(self, reader: _Reader):
        self._reader = reader
        self.values: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, fortran, raw = state
        self.values = self._reader.values(raw, kind, shape, "F" if fortran else "C")
