import json
from dataclasses import dataclass

from lab.datasets._masked import Masked
from lab.datasets._pairs import paired
from lab.datasets.masks import legend_by
from lab.errors import BadInput
from lab.inputs.class_list import Classes, listed, numbered
from lab.inputs.data import IGNORED
from lab.inputs.folders import Files
from lab.inputs.legends import listed_legend

META = "meta.json"


@dataclass(frozen=True)
class Mmseg(Masked):
    """Images and masks in the layout of mmsegmentation: img_dir/train, ann_dir/train, ...

    Masks have a class's number each pixel, and 255 where none counts. The classes are in `meta.json`, as in
    mmsegmentation's METAINFO: `{"classes": ["sky", ...], "palette": [[128, 128, 128], ...], "reduce_zero_label":
    false}`, of which only the classes are needed; or in `classes.txt` or `classes.csv` (see `masks`); without either,
    each value is a class. With `reduce_zero_label`, 0 is ignored and 1 is the first class.
    https://mmsegmentation.readthedocs.io/en/latest/advanced_guides/add_datasets.html
    """

    reduce_zero_label: bool = False

    def found(self, data_dir):
        files = Files(data_dir, self.name)
        names = [n for n in files.pictures() if {"img_dir", "ann_dir"} & set(n.split("/"))]
        if not names:
            raise BadInput(f"{files.title} has no img_dir/ and ann_dir/ with images and masks in them")
        return files, paired(files, names)

    def legend(self, found):
        classes, reduced = _described(found.files)
        if not reduced and not self.reduce_zero_label:
            return listed_legend(classes) if classes else legend_by(None, found)
        if classes is None:
            raise BadInput(f"{found.files.title} lists no classes, which reduce_zero_label needs; write them to {META}")
        values = {line + 1: label for line, label in enumerate(classes.labels)}
        return listed_legend(classes, values | {0: IGNORED, IGNORED: IGNORED})


def _described(files: Files) -> tuple[Classes | None, bool]:
    """(the classes, whether 0 is to be ignored) as the data set's own files say.

    Raises:
        BadInput: `meta.json` is none.
    """
    name = min((n for n in files.names if n.rpartition("/")[2] == META), key=lambda n: n.count("/"), default=None)
    if name is None:
        return listed(files), False
    where = files.called(name)
    try:
        meta = json.loads(files.read(name))
        names = [str(n) for n in meta["classes"]]
        palette = [tuple(int(v) for v in colour) for colour in meta.get("palette") or []]
        colours = [int.from_bytes(bytes(colour)) for colour in palette]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f'{where} is not {{"classes": ["name", ...], "palette": [[r, g, b], ...]}}: {error!r}') from None
    if palette and (len(palette) != len(names) or any(len(c) != 3 for c in palette)):
        raise BadInput(f"{where} has {len(names)} classes and {len(palette)} colours; give one for each, as [r, g, b]")
    return numbered(names, colours, where), bool(meta.get("reduce_zero_label"))
