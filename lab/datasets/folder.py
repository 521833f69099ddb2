from collections import Counter
from dataclasses import dataclass

from lab.datasets._own import Example, Own, for_words
from lab.errors import BadInput
from lab.inputs.data import printable
from lab.inputs.folders import Files, hidden
from lab.inputs.splitting import split_called


@dataclass(frozen=True)
class Folder(Own):
    """Your own images in a folder (or zip) of class folders, with or without train, val and test above them.

    `--dataset my_photos/` is short for it.
    """

    task: str = "classification"  # or another whose labels can be words

    def for_task(self, task):
        return for_words(self, task) or super().for_task(task)

    def found(self, data_dir):
        files = Files(data_dir, self.name)
        names = files.pictures()
        if not names:
            raise BadInput(f"{files.title} holds no image; it has to hold a folder of images for each class")
        folders = {n.rpartition("/")[0] for n in names}
        above = _wrapping(folders)
        filled = {f.removeprefix(above) for f in folders}
        tops = {f.partition("/")[0] for f in filled if f}
        splits = {t: s for t in tops if (s := split_called(t))}
        if splits and len(splits) < len(tops):
            other = min(tops - set(splits))
            raise BadInput(
                f"{files.title} has {min(splits)}/ beside {other}/; put class folders into each split, or only classes"
            )
        if repeated := [s for s, count in Counter(splits.values()).items() if count > 1]:
            both = " and ".join(f"{t}/" for t in sorted(splits) if splits[t] == repeated[0])
            raise BadInput(f"{files.title} has {both}, which both mean {repeated[0]}; put them together")
        depth = 2 if splits else 1
        found = []
        for name in names:
            inside = name.removeprefix(above).split("/", depth)
            if len(inside) <= depth:
                raise BadInput(f"{files.called(name)} lies in no class folder; put it into one, or move it away")
            found.append(Example(name, inside[depth - 1], splits.get(inside[0])))
        for label in sorted({e.label for e in found}):
            printable(label, files.title)
        _refuse_empty(files, above, depth, filled)
        return files, found


def _wrapping(folders: set[str]) -> str:
    """The folder around everything that an archive often has, with its `/`; it holds folders only."""
    tops = {f.partition("/")[0] for f in folders}
    alone = len(tops) == 1 and all("/" in f for f in folders) and not split_called(next(iter(tops)))
    return f"{tops.pop()}/" if alone else ""


def _refuse_empty(files, above: str, depth: int, filled: set[str]) -> None:
    """Refuses a class folder without an image."""
    reached = {"/".join(f.split("/")[:k]) for f in filled for k in range(1, f.count("/") + 2)}
    for folder in sorted(files.folders):
        inside = folder.removeprefix(above)
        if folder.startswith(above) and inside.count("/") < depth and inside not in reached and not hidden(folder):
            raise BadInput(f"{files.called(folder)} holds no image; add some, or remove the folder")
