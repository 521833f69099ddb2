"""Bytes that a fuzzer makes up, guided by what the readers' code does with them: refused in one line, or read.

Only `BadInput` and `Unavailable` may come out of a reader. Each runs in a process of its own, which ends with the
first input that does anything else, takes ten seconds, or fills the memory:
`python tests/test_fuzz.py READER FOLDER_OF_INPUTS [options of libFuzzer]`
"""

import importlib
import io
import json
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
SECONDS = 20  # of each reader
LIMITS = [f"-max_total_time={SECONDS}", "-runs=50000", "-seed=1", "-timeout=10", "-rss_limit_mb=3000", "-max_len=4096"]
MODULES = (
    "bands", "columns", "few", "names", "run", "spec", "store", "report.ranking", "datasets._class_list",
    "datasets._files", "datasets._mask_files", "datasets._pickles", "datasets._rasters", "datasets.arrays",
    "datasets.coco", "datasets.csv", "datasets.mmseg", "datasets.table",
)  # fmt: skip
PIXELS = 1 << 20  # of an image, in place of the 200 million that are allowed: not to fuzz the computer's memory
BANDS = '[[band]]\nname = "B2"\nrole = "blue"\n[[band]]\nname = "B3"\nnodata = 0\n[[band]]\nname = "B4"\n'


def record(content, place):
    from lab.records import store

    (place / "x").mkdir(exist_ok=True)
    (place / "x/a.json").write_bytes(content)
    store.is_sealed(store.read_one(place / "x/a.json"))


def ranking(content, place):
    from lab.report import ranking

    (place / "results").mkdir(exist_ok=True)
    (place / "results/rank-a.json").write_bytes(content)
    ranking.read(place)


def name(content, place):
    from lab import names

    text = content.decode("utf-8", "surrogateescape")
    for folder in ("strategies", "backbones", "channels", "datasets", "heads", "losses"):
        try:
            made = names.build(folder, text)
        except Exception as error:
            allowed(error)
        else:
            assert names.build(folder, str(made)) == made


def flags(content, place):
    from lab.inputs import bands, shots
    from lab.runs import arguments, spec

    text = content.decode("utf-8", "surrogateescape")
    words = (
        arguments.split_commas, arguments.seeds_of, shots.check, spec.dropped, spec.names_of_policies, spec.check_name,
        lambda text: bands.chosen(bands.SENTINEL2, text), lambda text: spec.check(spec.Run(budget=text, size=text)),
    )  # fmt: skip
    for read in words:
        try:
            read(text)
        except Exception as error:
            allowed(error)


def csv(content, place):
    from lab.datasets import csv

    (place / "a.csv").write_bytes(content)
    csv._loaded.cache_clear()
    csv.Csv(target="y").load(str(place / "a.csv"))


def table(content, place):
    from lab.datasets.table import Table

    (place / "a.png").touch()
    (place / "a.csv").write_bytes(content)
    Table().found(str(place / "a.csv"))


def image(content, place):
    from lab.inputs import mask_files

    files = folder(place, "a.png", content)
    mask_files.look(files, "a.png")
    for fit in ("squash", "pad", "crop"):
        files.image("a.png", (8, 9), fit)
    files.size("a.png")


def raster(content, place):
    from lab.inputs import rasters

    (place / "bands.toml").write_text(BANDS)
    files = folder(place, "a.tif", content)
    rasters.look(files, "a.tif", files.bands)
    files.image("a.tif", (8, 9), "pad")


def bands(content, place):
    assert folder(place, "bands.toml", content).bands is not None


def classes(content, place):
    from lab.inputs.class_list import listed

    for name in ("classes.txt", "classes.csv"):
        try:
            listed(folder(place, name, content))
        except Exception as error:
            allowed(error)
        (place / name).unlink()


def meta(content, place):
    from lab.datasets.mmseg import _described

    _described(folder(place, "meta.json", content))


def coco(content, place):
    from lab.datasets.coco import Annotated
    from lab.inputs.decoding import Unreadable

    (place / "a.png").touch()
    (place / "annotations").mkdir(exist_ok=True)
    (place / "annotations/instances_train.json").write_bytes(content)
    files = Annotated(str(place), "coco")
    for mask in files.add("annotations/instances_train.json", "train").values():
        try:
            files.classes()
            files.mask(mask)
        except Unreadable:
            pass


def archive(content, place):
    from lab.inputs.folders import Files

    (place / "a.zip").write_bytes(content)
    with Files(str(place / "a.zip"), "pets") as files:
        for name in sorted(files.names):
            try:
                files.read(name)
                files.sha256(name, 1 << 20)
            except Exception as error:
                allowed(error)
        for name in files.pictures():
            files.stamp(name)
            files.image(name, 8)


def arrays(content, place):
    from lab.datasets.arrays import Arrays

    (place / "a.npz").write_bytes(content)
    Arrays().load(str(place / "a.npz"))


def pickled(content, place):
    from lab.inputs.pickles import read_dictionary

    read_dictionary(io.BytesIO(content), len(content), "a.p")


READERS = {
    read.__name__: read
    for read in (
        record,
        ranking,
        name,
        flags,
        csv,
        table,
        image,
        raster,
        bands,
        classes,
        meta,
        coco,
        archive,
        arrays,
        pickled,
    )
}


def folder(place, name, content):
    from lab.inputs.folders import Files

    (place / name).write_bytes(content)
    return Files(str(place), "pets")


def allowed(error):
    """Raises what is no refusal; `lab.command` brings it into one line."""
    from lab.errors import BadInput, Unavailable

    if not isinstance(error, BadInput | Unavailable):
        raise error
    assert str(error).strip()


def fuzz(reader, *options):
    """Runs one reader until it fails or is done; never returns."""
    import atheris

    with atheris.instrument_imports(include=["lab"]):
        for module in MODULES:
            importlib.import_module(f"lab.{module}")
    from lab.datasets import coco
    from lab.inputs import decoding, rasters

    decoding.LARGEST = rasters.LARGEST = coco.LARGEST = PIXELS
    warnings.simplefilter("ignore")
    logging.disable()
    place = Path(tempfile.mkdtemp())

    def one(content):
        try:
            READERS[reader](content, place)
        except Exception as error:
            allowed(error)

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


# Inputs to begin with: valid ones, and those that take a way of their own


def picture(ending, mode="RGB", **options):
    from PIL import Image

    made, out = Image.fromarray(np.arange(300, dtype="uint8").reshape(10, 10, 3)), io.BytesIO()
    made = made.convert("L").convert("I").convert(mode) if mode == "I;16" else made.convert(mode)
    made.save(out, ending, **options)
    return out.getvalue()


def geotiff():
    import rasterio
    from rasterio.transform import from_origin

    with rasterio.MemoryFile() as file:
        with file.open(
            driver="GTiff", height=6, width=5, count=3, dtype="uint16", transform=from_origin(0, 0, 10, 10)
        ) as out:
            out.write(np.arange(90, dtype="uint16").reshape(3, 6, 5))
        return file.read()


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i, (name, content) in enumerate(files.items()):
            archive.writestr(name.replace("_", "."), content, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[i % 2])
    return out.getvalue()


def saved(save, *made, **named):
    out = io.BytesIO()
    save(out, *made, **named)
    return out.getvalue()


def begun(reader):
    """Inputs that the fuzzer starts from."""
    made = {
        "schema": 1, "name": "a", "experiment": "x", "status": "done", "digest": "d", "group": "g", "cost": {},
        "choices": {
            "task": "classification", "strategy": "s", "dataset": "d", "backbone": "b", "head": "h", "weights": "none",
            "seed": 0, "size": 32,
        },
        "test": {"accuracy": 0.5}, "steps": [{"step": "train", "history": [{"loss": 1}]}],
    }  # fmt: skip
    scored = {
        "choices": {"data": "d"},
        "scores": {"logme": 1.0},
        "status": "done",
        "seconds": 1.0,
        "sample": {"examples": 3},
    }
    marks = [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 4, 0, 4, 4]]},
        {"id": 2, "image_id": 1, "category_id": 2, "segmentation": {"size": [5, 6], "counts": [3, 9, 18]}},
        {"id": 3, "image_id": 1, "category_id": 2, "segmentation": {"size": [5, 6], "counts": "39b0"}},
    ]
    drawn = {
        "images": [{"id": 1, "file_name": "a.png", "height": 5, "width": 6}], "annotations": marks,
        "categories": [{"id": 1, "name": "sky"}, {"id": 2, "name": "void"}],
    }  # fmt: skip
    rows = "a,b,word,split,y\n" + "".join(
        f"{i},{i * i % 7}.5,{'xyz'[i % 3]},,{'no' if i % 2 else 'yes'}\n" for i in range(12)
    )
    images = {}
    for part, count in (("train", 4), ("val", 2), ("test", 2)):
        images[f"x_{part}"] = np.arange(4 * count, dtype="uint8").reshape(count, 2, 2)
        images[f"y_{part}"] = np.arange(count) % 2
    modes = [
        ("PNG", "RGB"),
        ("PNG", "P"),
        ("PNG", "LA"),
        ("PNG", "1"),
        ("TIFF", "CMYK"),
        ("TIFF", "I;16"),
        ("TIFF", "F"),
    ]
    endings = ["JPEG", "GIF", "BMP", "WEBP", "PPM"]
    pictures = [picture(*m) for m in modes] + [picture(e) for e in endings] + [picture("TIFF", compression="tiff_lzw")]
    stored = np.arange(90, dtype="float32").reshape(6, 5, 3)
    inputs = {
        "record": [made, {**made, "status": "failed", "data": {"splits": {"test": {"examples": 1}}}}, []],
        "ranking": [{"rows": [scored], "sample": 3, "seed": 0, "strategy": "finetune"}, []],
        "name": [
            "mlp(64,32)", "linear(dropout=0.5)", "finetune(warmup=.1)", "folder(px='8x9',fit='pad')", "inflate('role')",
            "boosting(rate=None)", "MobileNetV2(alpha=1)", "tversky(alpha=1e-3,beta=0x1)", "csv(categories=('a',))",
        ],
        "flags": ["3", "1,2", "mlp(1,2),b", "0.1", '"a,b",c', "light+mixup", "B2,red", "2000steps", "240x180", "a.csv"],
        "csv": [rows, rows.replace(",", ";"), rows.replace(",,", ",train,"), '"y",b\n"a\n",1\n'],
        "table": ["path,label,split,group\na.png,x,train,1\n", "image\tclass\na\tb\n"],
        "image": pictures,
        "raster": [geotiff(), saved(np.save, stored), saved(np.save, stored.T.astype(">u2")), *pictures[:2]],
        "bands": [BANDS, 'sensor = "sentinel2"\nnodata = nan\nscale = 1e-4', "band = [1]"],
        "classes": ["sky\nvoid\n", "1 2 3 sky\n4 5 6 car\n", "name,r,g,b\nsky,1,2,3\n", "name\nsky\n"],
        "meta": [{"classes": ["sky", "car"], "palette": [[1, 2, 3], [4, 5, 6]], "reduce_zero_label": True}],
        "coco": [drawn],
        "archive": [
            zipped(a_png=picture("PNG"), b_txt=b"text"), zipped(bands_toml=BANDS.encode(), a_tif=geotiff()), zipped(),
        ],
        "arrays": [saved(np.savez, **images), saved(np.savez_compressed, **images, classes=np.array(list("abcdefg")))],
        "pickled": [pickle.dumps({"x": stored, "y": [1, "a", b"b", (2.5, None)]}, p) for p in range(6)],
    }[reader]  # fmt: skip
    return [i if isinstance(i, bytes) else i.encode() if isinstance(i, str) else json.dumps(i).encode() for i in inputs]


@pytest.mark.parametrize("words", ["--dataset {}", "--dataset folder --data-dir {}", "--dataset csv:{}.csv"])
def test_a_name_that_no_file_can_have_is_refused_in_one_line(words, capsys):
    from lab import command, run

    assert command.call(run.main, ["--dry-run", *words.format(300 * "a").split()]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: File name too long: ") and "\n" not in said


def test_an_image_that_names_another_file_does_not_show_it(tmp_path):
    from lab.errors import BadInput

    (tmp_path / "secret.png").write_bytes(picture("PNG", "L"))
    band = f"<SimpleSource><SourceFilename>{tmp_path}/secret.png</SourceFilename></SimpleSource>"
    bands = "".join(f'<VRTRasterBand dataType="Byte" band="{i}">{band}</VRTRasterBand>' for i in (1, 2, 3))
    named = f'<VRTDataset rasterXSize="10" rasterYSize="10">{bands}</VRTDataset>'.encode()
    (tmp_path / "bands.toml").write_text(BANDS)
    with pytest.raises(BadInput, match="not a readable image"):
        folder(tmp_path, "a.tif", named).image("a.tif", 10)
    assert folder(tmp_path, "a.tif", geotiff()).image("a.tif", 10).shape == (10, 10, 3)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_no_bytes_make_a_reader_fail_otherwise_than_by_refusing_them(tmp_path, reader):
    pytest.importorskip("atheris")
    inputs, found = tmp_path / "inputs", tmp_path / "found"
    inputs.mkdir()
    found.mkdir()
    for i, content in enumerate(begun(reader)):
        (inputs / f"{i:02d}").write_bytes(content)
    words = [sys.executable, __file__, reader, str(inputs), f"-artifact_prefix={found}/", *LIMITS]
    there = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, errors="replace", env=there)
    failing = [f"{path.name}: {path.read_bytes()!r}" for path in found.iterdir()]
    assert done.returncode == 0, "\n".join([*failing, done.stdout[-3000:], done.stderr[-3000:]])
    assert "INITED" in done.stderr and "Done " in done.stderr, done.stderr[-3000:]


if __name__ == "__main__":
    fuzz(*sys.argv[1:])
