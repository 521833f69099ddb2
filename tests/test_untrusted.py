"""Malformed and hostile input: each is one clear line and exit code 2; no code of it runs, nothing else is written."""

import io
import json
import os
import pickle
import re
import shutil
import struct
import time
import tracemalloc
import warnings
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from conftest import photos, recorded_run
from PIL import Image

from lab import command, compare, ensemble, export, names, predict, publish, rank, reproduce, run
from lab.data.__main__ import main as data
from lab.networks import load, weights

REPORT = __import__("lab.report.__main__", fromlist=["main"]).main
SLOWEST, LARGEST = 15.0, 400 << 20  # seconds and bytes that a case may take
RAN = "touch ran"
PHOTOS = {f"{c}/{i:02d}.png": n for n, c in enumerate(("cat", "cow", "dog")) for i in range(6)}


class Call:
    """Pickled, a call of a function when it is read."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def png(image=None, **more):
    buffer = io.BytesIO()
    (image or Image.new("RGB", (16, 16))).save(buffer, "PNG", **more)
    return buffer.getvalue()


def chunked(*chunks):
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def header(width, height, depth=8, kind=2):
    return b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)


def tiff(width, height, bits=8, extra=()):
    """The header and one directory of a TIFF that claims so many pixels."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 16), *extra]
    packed = b"".join(struct.pack("<HHII", *e) for e in sorted(entries))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + packed + b"\0" * 4


def packed(members, **more):
    """A zip archive of {name: content}."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two of one name
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **more) as archive:
            for name, content in members if isinstance(members, list) else members.items():
                archive.writestr(name, content)
    return buffer.getvalue()


def flipped(content, at, to=0xFF):
    return content[:at] + bytes([content[at] ^ to]) + content[at + 1 :]


def lied(content, size):
    """An archive whose directory and headers say that its first member has so many bytes."""
    content, whole = bytearray(content), struct.pack("<I", size)
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = whole
    content[22:26] = whole
    return bytes(content)


JPEG = io.BytesIO()
Image.effect_noise((64, 64), 50).convert("RGB").save(JPEG, "JPEG")
GIF = io.BytesIO()
Image.new("P", (16, 16)).save(GIF, "GIF")
WEBP = io.BytesIO()
Image.effect_noise((16, 16), 50).convert("RGB").save(WEBP, "WEBP", lossless=True)
BMP = io.BytesIO()
Image.new("RGB", (16, 16)).save(BMP, "BMP")

IMAGES = {
    "empty.png": b"",
    "text.png": b"hello",
    "html.jpg": b"<html><script>alert(1)</script>",
    "exe.png": b"MZ" + bytes(99),
    "elf.jpg": b"\x7fELF" + bytes(99),
    "zip.png": packed({"a": b"b"}),
    "json.gif": b"{}",
    "pickle.png": pickle.dumps([1]),
    "half.png": png()[:40],
    "header.png": png()[:20],
    "no_end.png": png(Image.effect_noise((64, 64), 50))[:900],
    "half.jpg": JPEG.getvalue()[: len(JPEG.getvalue()) // 2],
    "start.jpg": JPEG.getvalue()[:20],
    "half.gif": GIF.getvalue()[:15],
    "half.webp": WEBP.getvalue()[:30],
    "half.bmp": BMP.getvalue()[:40],
    "wide.png": chunked(header(2**31 - 1, 1)),
    "huge.png": chunked(header(50_000, 50_000), b"IDAT" + zlib.compress(bytes(9))),
    "huge.tif": tiff(2**31, 2**31),
    "wide.tif": tiff(2**32 - 1, 2),
    "deep.tif": tiff(60_000, 60_000, 16),
    "none.tif": tiff(0, 0),
    "loop.tif": b"II*\0" + struct.pack("<I", 4) + bytes(8),
    "half.tif": tiff(64, 64)[:60],
    "strip.tif": tiff(512, 512),
    "zero.png": chunked(header(0, 16)),
    "depth.png": chunked(header(16, 16, 77)),
    "kind.png": chunked(header(16, 16, 8, 9)),
    "huge.ppm": b"P6 100000 100000 255\n",
    "minus.ppm": b"P6 -4 4 255\n",
    "words.ppm": b"P6 a b c\n",
    "huge.pgm": b"P5 99999999 99999999 65535\n",
    "huge.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    "huge.gif": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",",
    "float.tif": b"",
    "crc.png": flipped(png(), 40),
    "bomb.png": chunked(
        header(16, 16), b"zTXt" + b"a\0\0" + zlib.compress(bytes(200 << 20)), b"IDAT" + zlib.compress(bytes(9))
    ),
    "icc.png": chunked(header(16, 16), b"iCCP" + b"a\0\0" + zlib.compress(bytes(99 << 20)), b"IDAT" + b"x"),
}
FLOATS = io.BytesIO()
Image.new("F", (16, 16), 0.5).save(FLOATS, "TIFF")
IMAGES["float.tif"] = FLOATS.getvalue()


def image_case(name):
    def make(here):
        photos(here / "my", PHOTOS)
        (here / "my" / "cat" / name).write_bytes(IMAGES[name])
        return run.main, ["--dataset", str(here / "my"), "--weights", "none"]

    return make


GOOD = {f"{c}/{i}.png": png() for c in "ab" for i in range(4)}
ARCHIVES = {
    "outside": packed({"../a/0.png": png(), **GOOD}),
    "deep outside": packed({"a/../../b/0.png": png()}),
    "absolute": packed({"/etc/a/0.png": png()}),
    "in a folder": packed({"a/x/../../../0.png": png()}),
    "none": b"no archive",
    "empty file": b"",
    "empty": packed({}),
    "only folders": packed({"a/": b"", "b/": b""}),
    "cut": packed(GOOD)[:-30],
    "half": packed(GOOD)[: len(packed(GOOD)) // 2],
    "no image": packed({"a/x.txt": b"x"}),
    "hidden": packed({".a/0.png": png()}),
    "in an archive": packed({"a.zip": packed(GOOD)}),
    "bomb": packed({"a/0.png": bytes(300 << 20), **{k: v for k, v in GOOD.items() if k != "a/0.png"}}),
    "bomb of images": packed({**GOOD, "a/0.png": IMAGES["bomb.png"], "a/1.png": IMAGES["huge.png"]}),
    "damaged": flipped(
        packed({"a/0.png": png(Image.effect_noise((64, 64), 50)), **{k: v for k, v in GOOD.items() if k != "a/0.png"}}),
        900,
    ),
    "more than said": lied(packed(GOOD), 5),
    "absurd size": lied(packed(GOOD), 2**32 - 2),
    "one class": packed({f"a/{i}.png": png() for i in range(4)}),
    "twice": packed([("a/0.png", b"x"), ("a/0.png", b"y")]),
    "method": packed(GOOD).replace(b"\x08\x00", b"\x63\x00"),
    "a name of control": packed({"a\x1b[2J/0.png": png(), **GOOD}),
}


def archive_case(name):
    def make(here):
        (here / "d.zip").write_bytes(ARCHIVES[name])
        return run.main, ["--dataset", str(here / "d.zip"), "--weights", "none"]

    return make


def arrays_of(**held):
    buffer = io.BytesIO()
    np.savez(buffer, **held)
    return buffer.getvalue()


X, Y = np.zeros((12, 8, 8, 3), "uint8"), np.arange(12) % 2
ABSURD = b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 9999), }".ljust(128)
ARRAYS = {
    "no zip": b"x",
    "empty": b"",
    "objects": arrays_of(x=np.array([Call(os.system, RAN)], object), y=Y[:1]),
    "words": arrays_of(x=np.array(["a"] * 12), y=Y),
    "floats beyond": arrays_of(x=np.full(X.shape, 1e30), y=Y),
    "nan": arrays_of(x=np.full(X.shape, np.nan), y=Y),
    "no labels": arrays_of(x=X),
    "labels of none": arrays_of(x=X, y=Y - 5),
    "fractions": arrays_of(x=X, y=Y + 0.5),
    "flat": arrays_of(x=X[:, 0, 0], y=Y),
    "absurd": packed({"x.npy": ABSURD, "y.npy": ABSURD}),
    "evil header": packed(
        {
            "x.npy": b"\x93NUMPY\x01\x00v\x00{'descr': __import__('os').system('touch ran'), }".ljust(128),
            "y.npy": ABSURD,
        }
    ),
    "no array": packed({"x.npy": b"x", "y.npy": b"y"}),
    "cut": arrays_of(x=X, y=Y)[:-40],
    "complex": arrays_of(x=X.astype(complex), y=Y),
    "huge labels": arrays_of(x=X, y=Y + 2**40),
}


def arrays_case(name):
    def make(here):
        (here / "d.npz").write_bytes(ARRAYS[name])
        return data, ["eda", str(here / "d.npz"), "--out", str(here)]

    return make


TABLES = {
    "empty": "",
    "heads": "path,label\n",
    "no path": "name,label\na,b\n",
    "no label": "path,what\ncat/00.png,1\n",
    "formula": "path,label\ncat/00.png,=cmd|' /C calc'!A0\ncat/01.png,b\n",
    "at": "path,label\ncat/00.png,@SUM(1)\ncat/01.png,b\n",
    "plus": "path,label\ncat/00.png,+cmd\ncat/01.png,b\n",
    "minus": "path,label\ncat/00.png,-cmd\ncat/01.png,b\n",
    "escape": "path,label\ncat/00.png,\x1b[31ma\ncat/01.png,b\n",
    "nul": "path,label\ncat/00.png,a\0b\ncat/01.png,b\n",
    "newline": 'path,label\ncat/00.png,"a\nb"\ncat/01.png,b\n',
    "outside": "path,label\n../../etc/passwd,a\ncat/01.png,b\n",
    "absolute": "path,label\n/etc/passwd,a\ncat/01.png,b\n",
    "missing": "path,label\nno.png,a\ncat/01.png,b\n",
    "a folder": "path,label\ncat,a\ncat/01.png,b\n",
    "not a picture": "path,label\nt.csv,a\ncat/01.png,b\n",
    "ragged": "path,label\ncat/00.png,a,b,c\n",
    "quotes": 'path,label\n"cat/00.png,a\n',
    "utf16": "path,label\n".encode("utf-16").decode("latin1"),
    "split": "path,label,split\ncat/00.png,a,hmm\n",
    "only test": "path,label,split\ncat/00.png,a,test\ncat/01.png,b,test\n",
    "twice": "path,label\ncat/00.png,a\ncat/00.png,b\n",
    "bell": "path,label\ncat/00.png,\x07\ncat/01.png,b\n",
    "direction": "path,label\ncat/00.png,a\u202eb\ncat/01.png,b\n",
    "long": f"path,label\ncat/00.png,{'a' * 100_000}\ncat/01.png,b\n",
}


def table_case(name):
    def make(here):
        photos(here, PHOTOS)
        (here / "t.csv").write_text(TABLES[name], newline="")
        return run.main, ["--dataset", str(here / "t.csv"), "--weights", "none"]

    return make


ROWS = {
    "empty": "",
    "heads": "a,b,y\n",
    "no target": "a,b\n1,2\n",
    "one class": "a,y\n" + "1,x\n" * 20,
    "words": "a,y\n" + "x,1.5\n" * 9,
    "formula": "a,y\n" + "1,=1+1\n2,b\n" * 20,
    "escape": "a,y\n" + "1,\x1b[2J\n2,b\n" * 20,
    "binary": "\x00\x01\x02",
    "ragged": "a,y\n1,2,3\n1\n",
    "many": "a,y\n" + "".join(f"1,c{i}\n" for i in range(200)),
    "nan": "a,y\n" + "1,\n" * 20,
}


def rows_case(name):
    def make(here):
        (here / "t.csv").write_text(ROWS[name], newline="")
        return run.main, ["--dataset", f"csv:{here / 't.csv'}", "--target", "y", "--out", str(here)]

    return make


def parquet_case(content):
    def make(here):
        (here / "t.parquet").write_bytes(content)
        return run.main, ["--dataset", str(here / "t.parquet"), "--weights", "none"]

    return make


CALLS = {
    "system": Call(os.system, RAN),
    "eval": Call(eval, f"__import__('os').system('{RAN}')"),
    "exec": Call(exec, f"import os; os.system('{RAN}')"),
    "nested": Call(list, [Call(os.system, RAN)]),
    "getattr": Call(getattr, os, "system"),
    "open": Call(open, "ran", "w"),
    "object": {"x_train": Call(os.system, RAN)},
}
PICKLES = {
    **{f"{name} {p}": pickle.dumps(call, p) for name, call in CALLS.items() if name != "getattr" for p in (0, 2, 5)},
    "empty": b"",
    "text": b"hello",
    "no dictionary": pickle.dumps([1]),
    "cut": pickle.dumps({"x_train": bytes(999)})[:-40],
    "no arrays": pickle.dumps({"x_train": 1}),
    "underflow": b"0000.",
    "deep": b"}K\x00" + b"\x85" * 100_000 + b"K\x01s.",
    "absurd": b"\x96" + b"\xff" * 8 + b"x.",
    "protocol": b"\x80\x4d}.",
    "getattr 0": b"cbuiltins\ngetattr\n(cos\nenviron\nS'x'\ntR.",
}


def pickle_case(name):
    def make(here):
        (here / "p").mkdir()
        (here / "p" / "data0.pickle").write_bytes(PICKLES[name])
        return data, ["eda", "gtsrb", "--data-dir", str(here / "p"), "--out", str(here)]

    return make


def config(*layers):
    return json.dumps({"module": "keras", "class_name": "Functional", "config": {"layers": list(layers)}})


KERAS = {
    "lambda": packed(
        {"config.json": config({"class_name": "Lambda", "module": "keras.layers"}), "model.weights.h5": b""}
    ),
    "marshal": packed(
        {"config.json": config({"class_name": "__lambda__", "config": {"value": "4wEAAA"}}), "model.weights.h5": b""}
    ),
    "os": packed({"config.json": config({"class_name": "system", "module": "os"}), "model.weights.h5": b""}),
    "builtins": packed(
        {"config.json": config({"class_name": "eval", "module": "builtins.eval"}), "model.weights.h5": b""}
    ),
    "package": packed({"config.json": config({"class_name": "X", "module": "evil.layers"}), "model.weights.h5": b""}),
    "registered": packed(
        {"config.json": config({"class_name": "X", "module": None, "registered_name": "e>X"}), "model.weights.h5": b""}
    ),
    "nested": packed(
        {
            "config.json": config({"module": "keras", "config": {"fn": {"class_name": "Lambda"}}}),
            "model.weights.h5": b"",
        }
    ),
    "no weights": packed({"config.json": "{}"}),
    "no config": packed({"model.weights.h5": b""}),
    "none": b"x",
    "empty": b"",
    "no json": packed({"config.json": "{", "model.weights.h5": b""}),
    "cut": packed({"config.json": "{}", "model.weights.h5": bytes(999)})[:60],
    "deep": packed({"config.json": "[" * 100_000 + "]" * 100_000, "model.weights.h5": b""}),
    "bytes": packed({"config.json": b"\xff\xfe\x00", "model.weights.h5": b""}),
    "bomb": packed({"config.json": b"[" + b" " * (300 << 20), "model.weights.h5": b""}),
    "damaged": flipped(packed({"config.json": config({"class_name": "Dense" * 50}), "model.weights.h5": b""}), 50),
    "absurd size": lied(packed({"config.json": "{}", "model.weights.h5": b""}), 2**32 - 2),
}


def weights_case(name, content):
    def make(here):
        (here / name).write_bytes(content)
        return run.main, ["--dataset", "digits", "--weights", str(here / name), "--out", str(here)]

    return make


def h5(fill):
    def make(here):
        with h5py.File(here / "w.h5", "w") as file:
            fill(file)

        def main(argv):
            backbone, head = names.build("backbones", "cnn10"), names.build("heads", "linear")
            load.open_net(backbone, (32, 32, 3), head, 3, weights.find(argv[0], backbone, here), False)
            return 0

        return main, [str(here / "w.h5")]

    return make


def layered(file, shape, **more):
    """The layout of Keras Applications, with one kernel."""
    file.attrs["layer_names"] = [b"a"]
    layer = file.create_group("a")
    layer.attrs["weight_names"] = more.pop("names", [b"kernel"])
    if shape is not None:
        layer.create_dataset("kernel", shape, "f4", **more)


H5 = {
    "empty": h5(lambda f: None),
    "wrong shape": h5(lambda f: layered(f, (7, 7))),
    "no dataset": h5(lambda f: layered(f, None)),
    "absurd": h5(lambda f: layered(f, (10**6, 10**6), chunks=(1, 1000))),
    "scalars": h5(lambda f: layered(f, ())),
    "names of nothing": h5(lambda f: layered(f, (3,), names=[b"no"])),
    "no layer": h5(lambda f: f.attrs.update(layer_names=[b"x"])),
    "outside": h5(
        lambda f: (f.attrs.update(layer_names=[b"a"]), f.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/")))
    ),
    "a number": h5(lambda f: f.attrs.update(layer_names=7)),
    "strings": h5(lambda f: (layered(f, None), f["a"].create_dataset("kernel", data=b"x"))),
    "a circle": h5(lambda f: (f.attrs.update(layer_names=[b"a"]), f.__setitem__("a", h5py.SoftLink("/a")))),
    "groups": h5(lambda f: (layered(f, None), f["a"].create_group("kernel"))),
}


def record_case(main, *words, change=None, content=None):
    """A finished run's record, changed and sealed as if the lab had written it, or other content."""

    def make(here):
        from lab.records import store

        r = recorded_run(here, "finetune", 0, 5)
        recorded_run(here, "scratch", 0, 9, weights="none")
        path = here / "results" / "x" / f"{r['name']}.json"
        made = json.loads(path.read_text())
        if change:
            change(made)
            path.write_text(json.dumps(store.seal(made)))
        else:
            path.write_bytes(content)
        return main, [*(w.replace("RUN", r["name"]) for w in words), "--out", str(here)]

    return make


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(record):
        for word in path:
            record = record[word]
        record[last] = value

    return change


def drop(*path):
    *path, last = path

    def change(record):
        for word in path:
            record = record[word]
        del record[last]

    return change


CONTENTS = {
    "empty": b"",
    "text": b"x",
    "list": b"[]",
    "number": b"7",
    "null": b"null",
    "cut": b'{"schema": 1, "name": ',
    "deep": b"[" * 200_000,
    "bytes": b"\xff\xfe\xfa",
    "no keys": b"{}",
    "schema": b'{"schema": 99}',
    "nan": b"NaN",
    "big": b'{"schema": ' + b"9" * 5000 + b"}",
}
CHANGES = {
    "choices is a list": put("choices", []),
    "choices is text": put("choices", "x"),
    "no strategy": drop("choices", "strategy"),
    "no task": drop("choices", "task"),
    "a task of none": put("choices", "task", "cooking"),
    "strategy is a number": put("choices", "strategy", 7),
    "backbone is a list": put("choices", "backbone", []),
    "size is text": put("choices", "size", {}),
    "seed is text": put("choices", "seed", "x"),
    "no seed": drop("choices", "seed"),
    "status of none": put("status", "great"),
    "status is a list": put("status", []),
    "name leads out": put("name", "../../evil"),
    "name is another": put("name", "x"),
    "experiment leads out": put("experiment", "../.."),
    "experiment is another": put("experiment", "y"),
    "digest is a number": put("digest", 5),
    "group is a list": put("group", [1]),
    "no test": drop("test"),
    "test is text": put("test", "0.9"),
    "accuracy is text": put("test", "accuracy", "high"),
    "accuracy is none": put("test", "accuracy", None),
    "no cost": drop("cost"),
    "cost is a list": put("cost", []),
    "no steps": drop("steps"),
    "steps are text": put("steps", "many"),
    "data is a list": put("data", []),
    "classes are numbers": put("data", "classes", 4),
    "splits are text": put("data", "splits", "x"),
    "history is text": put("steps", 0, "history", "x"),
    "seconds are text": put("cost", "train_seconds", "x"),
    "net is text": put("net", "x"),
    "findings are text": put("findings", 3),
    "label is a list": put("label", [1]),
    "name of control": put("label", "a\x1b[2Jb"),
    "dataset of control": put("choices", "data", "a\x1b[2Jb"),
}

WORDS = {
    "no strategy": (run.main, "--strategy sings"),
    "code in a name": (run.main, "--strategy __import__('os').system('touch${IFS}ran')"),
    "code in an argument": (run.main, "--head linear(dropout=open('ran','w'))"),
    "a shell": (run.main, "--dataset $(touch ran)"),
    "stars": (run.main, "--head mlp(**{})"),
    "an endless name": (run.main, "--backbone " + "a" * 5000),
    "brackets": (run.main, "--head mlp((((((1)"),
    "no epochs": (run.main, "--epochs 0"),
    "minus": (run.main, "--epochs -1"),
    "words": (run.main, "--epochs ten"),
    "inf": (run.main, "--learning-rate inf"),
    "nan": (run.main, "--learning-rate nan"),
    "huge": (run.main, "--batch-size 9999999999"),
    "size": (run.main, "--size 0"),
    "sizes": (run.main, "--size 12x"),
    "absurd size": (run.main, "--size 99999"),
    "seeds": (run.main, "--seeds 0"),
    "too many seeds": (run.main, "--seeds 9999999"),
    "no seed": (run.main, "--seeds a"),
    "budget": (run.main, "--budget 12"),
    "a budget of none": (run.main, "--budget 0steps"),
    "years": (run.main, "--budget 3years"),
    "limit": (run.main, "--limit -3"),
    "flag": (run.main, "--eval x"),
    "a flag cut": (run.main, "--strat finetune"),
    "no value": (run.main, "--strategy"),
    "empty": (run.main, "--strategy ''"),
    "weights": (run.main, "--weights nope.h5"),
    "weights outside": (run.main, "--weights run:../../x"),
    "a device": (run.main, "--weights /dev/zero"),
    "experiment": (run.main, "no/such.py"),
    "an experiment of text": (run.main, "README.md"),
    "out": (run.main, "--out /dev/null/x"),
    "data": (run.main, "--dataset no/such/folder"),
    "drop": (run.main, "--dataset digits --drop-classes 77"),
    "track": (run.main, "--track excel"),
    "device": (run.main, "--device tpu"),
    "group": (run.main, "--dataset digits --group ("),
    "loss": (run.main, "--loss dice+"),
    "augment": (run.main, "--augment loud"),
    "momentum": (run.main, "--ema 2"),
    "shots": (run.main, "--shots -1"),
    "bands": (run.main, "--bands B4,B3"),
    "channels": (run.main, "--channels inflate(policy='x')"),
    "every": (run.main, "--checkpoint-every 0"),
    "no run": (predict.main, "nobody x.png"),
    "no picture": (predict.main, "nobody"),
    "top": (predict.main, "nobody x.png --top 0"),
    "best": (predict.main, "best: x.png"),
    "a path as a run": (predict.main, "../../etc/passwd x.png"),
    "compare nothing": (compare.main, "a b"),
    "within": (compare.main, "--within 5"),
    "a gallery of none": (compare.main, "--gallery x.png"),
    "export no run": (export.main, "nobody dir"),
    "export to what": (export.main, "nobody dir --to exe"),
    "publish no run": (publish.main, "nobody dir"),
    "again": (reproduce.main, "nobody"),
    "ensemble of one": (ensemble.main, "nobody"),
    "rank": (rank.main, "--sample 0"),
    "two questions": (REPORT, "--check --runs"),
    "page as SVG": (REPORT, "--page x --svg"),
    "where": (REPORT, "--where 0.1234567"),
    "page": (REPORT, "--page ../../x"),
    "eda of what": (data, "eda"),
    "eda of none": (data, "eda no/such"),
    "do what": (data, "sing digits"),
    "a URL": (data, "eda http://localhost/x.zip"),
    "target": (data, "eda breast_cancer --target x"),
    "convert": (data, "convert no/such --to mmseg out"),
    "convert to what": (data, "convert scenes --to exe out"),
}


def words_case(name):
    def make(here):
        import shlex

        main, text = WORDS[name]
        return main, shlex.split(text) if "'" not in text or text.endswith("''") else text.split()

    return make


def place_case(kind):
    def make(here):
        place = here / "my"
        photos(place, PHOTOS)
        if kind == "a socket":
            os.mkfifo(place / "cat" / "pipe.png")
            shutil.rmtree(place / "dog"), shutil.rmtree(place / "cow")
        elif kind == "a link to nowhere":
            (place / "cat" / "x.png").symlink_to("/no/such/file.png")
            shutil.rmtree(place / "dog"), shutil.rmtree(place / "cow")
        else:
            (place / "cat").rename(place / kind)
        return run.main, ["--dataset", str(place), "--weights", "none"]

    return make


PLACES = ["a socket", "a link to nowhere", "a\x1b[31mb", "a\x07b", "a\nb", "a\u202eb", "=1+1", "@sum", "+cmd", "-cmd"]
CASES = {
    **{f"image {n}": image_case(n) for n in IMAGES},
    **{f"archive {n}": archive_case(n) for n in ARCHIVES},
    **{f"arrays {n}": arrays_case(n) for n in ARRAYS},
    **{f"table {n}": table_case(n) for n in TABLES},
    **{f"rows {n}": rows_case(n) for n in ROWS},
    **{
        f"parquet {n}": parquet_case(c)
        for n, c in (("empty", b""), ("text", b"PAR1x"), ("cut", b"PAR1" + bytes(99) + b"PAR1"))
    },
    **{f"pickle {n}": pickle_case(n) for n in PICKLES},
    **{f"keras {n}": weights_case("w.keras", c) for n, c in KERAS.items()},
    **{
        f"weights {n}": weights_case(f"w{s}", c)
        for n, s, c in (
            ("text", ".h5", b"x"),
            ("empty", ".h5", b""),
            ("pickle", ".pkl", b"x"),
            ("torch", ".pt", b"x"),
            ("python", ".py", b"open('ran','w')"),
            ("a zip", ".h5", packed({"a": b"b"})),
        )
    },
    **{f"h5 {n}": c for n, c in H5.items()},
    **{f"record {n}": record_case(REPORT, content=c) for n, c in CONTENTS.items()},
    **{f"record, {n}": record_case(REPORT, change=c) for n, c in CHANGES.items()},
    **{f"words {n}": words_case(n) for n in WORDS},
    **{f"place {n!r}": place_case(n) for n in PLACES},
}


# What is only seen when images are decoded and dealt is refused in the run's own process, in seconds
LATER = {"image loop.tif", "image half.tif", "archive one class", "table only test", "words drop"}
LATER |= {"place 'a socket'", "place 'a link to nowhere'"}


def listing(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LATER else n for n in CASES])
def test_it_is_refused_in_one_line_and_nothing_of_it_runs(name, tmp_path, monkeypatch, capsys):
    here, outside = tmp_path / "work", tmp_path / "home"
    here.mkdir(), outside.mkdir()
    monkeypatch.chdir(outside)  # where code that ran would leave its mark
    main, words = CASES[name](here)
    if "--out" not in words and main is not data and name.split()[0] not in ("h5",):
        words = [*words, "--out", str(here)]
    capsys.readouterr()
    tracemalloc.start()
    began = time.monotonic()
    try:
        code = command.call(main, words)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    seconds = time.monotonic() - began
    said = capsys.readouterr()
    assert code == 2, said
    lines = [f"error: {line}" for line in re.findall(r"^  refused: (.+)", said.out, re.M)] if name in LATER else []
    (line,) = lines or said.err.splitlines()
    assert line.startswith("error: ") and len(line) < 1000 and line.isprintable(), said
    assert listing(outside) == [] and listing(tmp_path)[0] == "home"
    assert seconds < SLOWEST * (4 if name in LATER else 1) and peak < LARGEST  # a child imports TensorFlow first


def test_the_corpus_is_large():
    assert len(CASES) >= 200
