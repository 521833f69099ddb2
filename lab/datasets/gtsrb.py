from dataclasses import dataclass
from typing import Annotated, ClassVar

from lab.datasets import Dataset
from lab.datasets._gtsrb_classes import CLASSES, FETCH
from lab.errors import BadInput
from lab.inputs.data import Data
from lab.names import Between

SERVER = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"


@dataclass(frozen=True)
class Gtsrb(Dataset):
    """German Traffic Sign Recognition Benchmark, 39,209 training and 12,630 test images of 43 classes.

    Reads the Kaggle layout (`Train.csv`, `Test.csv` and the images they name), the benchmark's own
    (`Final_Training/`, `Final_Test/`, `GT-final_test.csv`; also as the archives that
    `python -m lab.download gtsrb` fetches) and Traffic Signs Preprocessed (`data0.pickle` to
    `data8.pickle`); each as a folder or a zip. A track is some 30 frames of one physical sign, so
    validation takes whole tracks, 15 % of each class's.
    Stallkamp et al. 2012, https://doi.org/10.1016/j.neunet.2012.02.016
    """

    embedded = False
    shareable = False
    archives: ClassVar[tuple[tuple[str, str], ...]] = (  # (URL, MD5)
        (SERVER + "GTSRB_Final_Training_Images.zip", "f33fd80ac59bff73c82d25ab499e03a3"),
        (SERVER + "GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
        (SERVER + "GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
    )

    px: Annotated[int, Between(8, 1024)] = 32  # images are read at this height and width

    @property
    def size(self):
        return self.px

    def fingerprint(self, data_dir):
        with _files(data_dir) as files:
            return f"{self}-v{self.version}-{_layout(files).fingerprint()}"

    def load(self, data_dir):
        with _files(data_dir) as files:
            layout = _layout(files)
            train, val, test = layout.splits(self.px)
        return Data(
            train=train,
            val=val,
            test=test,
            classes=CLASSES,
            forbids=frozenset({"horizontal_flip", "vertical_flip"}),
            source="GTSRB, Stallkamp et al. 2012, free for research" + layout.note,
        )


def _files(data_dir: str | None):
    from lab.datasets._gtsrb_pickle import PICKLES
    from lab.inputs.folders import Files

    return Files(data_dir, "gtsrb", hint=f", or fetch it: {FETCH}", alone=PICKLES)


def _layout(files):
    """The layout in which the data are there.

    Raises:
        BadInput: in none.
    """
    from lab.datasets._gtsrb_images import Benchmark, Kaggle
    from lab.datasets._gtsrb_pickle import Pickle

    if not Kaggle.is_in(files):  # Kaggle's copy is often unpacked beside its own archive
        files.open_archives()
    for layout in (Kaggle, Benchmark, Pickle):
        if layout.is_in(files):
            return layout(files)
    raise BadInput(
        f"{files.title} holds nothing that gtsrb reads: neither Train.csv and Test.csv (Kaggle), nor the benchmark's "
        "Final_Training/Images/ and Final_Test/Images/, packed or not, nor a data0.pickle; point --data-dir at one, "
        f"or fetch it: {FETCH}"
    )
