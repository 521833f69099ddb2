"""Large scenes by overlapping windows: no seam, no gap, the place on the ground kept."""

import re

import numpy as np
import pytest
from test_rasters import TOML, placed, rasterio, tile, write

from lab import command, ensemble, predict, run
from lab.data.__main__ import main as data_main
from lab.errors import BadInput
from lab.inference import windows
from lab.inputs.bands import parsed
from lab.inputs.data import IGNORED
from lab.inputs.folders import Files
from lab.records import store

BANDS = parsed(TOML, "bands.toml")


def scene(folder, image, **about):
    write(folder / "x.tif", image, **about)
    files = Files(str(folder), "predict")
    files.bands = BANDS
    return windows.Scene(files, "x.tif", BANDS)


def bright(images):
    """Probabilities (B, h, w, 2): class 1 where the first band is above 1000; what a perfect network would say."""
    is_one = (images[..., :1] > 1000).astype("float32")
    return np.concatenate([1 - is_one, is_one], axis=-1)


@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (70, 33), (9, 50), (5, 5)])
@pytest.mark.parametrize("count", [1, 4])
def test_every_pixel_is_predicted_once_whatever_the_size(tmp_path, shape, count):
    image = tile(0, shape)
    with scene(tmp_path, image) as opened:
        found = list(windows.rows(opened, (16, 16), count, bright))
    assert [top for top, _ in found] == np.cumsum([0, *(len(labels) for _, labels in found)])[:-1].tolist()
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]), image[..., 0] > 1000)


def test_what_a_window_says_at_its_edge_counts_least(tmp_path):
    """A network that is wrong at its border, and only there: its middle is heard."""

    def wrong_at_the_border(images):
        p = bright(images)
        p[:, :2], p[:, -2:], p[:, :, :2], p[:, :, -2:] = 0.5, 0.5, 0.5, 0.5
        p[:, :2, :, 0] = p[:, -2:, :, 0] = p[:, :, :2, 0] = p[:, :, -2:, 0] = 0.6
        return p

    image = tile(0, (64, 64))
    with scene(tmp_path, image) as opened:
        labels = np.concatenate([rows for _, rows in windows.rows(opened, (16, 16), 4, wrong_at_the_border)])
    np.testing.assert_array_equal(labels[2:-2, 2:-2], image[2:-2, 2:-2, 0] > 1000)


def test_where_there_is_no_datum_there_is_no_class(tmp_path):
    image = tile(0, (40, 40))
    image[:10, :20] = -9999
    image[20:, :, 0] = -9999  # one band is there
    with scene(tmp_path, image) as opened:
        labels = np.concatenate([rows for _, rows in windows.rows(opened, (16, 16), 4, bright)])
    assert (labels[:10, :20] == IGNORED).all() and (labels[10:] < 2).all()


def test_a_file_that_is_damaged_within_is_named(tmp_path):
    write(tmp_path / "x.tif", tile(0, (64, 64)))
    whole = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(whole[: len(whole) // 2])
    files = Files(str(tmp_path), "predict")
    files.bands = BANDS
    with windows.Scene(files, "x.tif", BANDS) as opened, pytest.raises(BadInput, match="cannot be read") as error:
        list(windows.rows(opened, (16, 16), 4, bright))
    assert "x.tif" in str(error.value) and "\n" not in str(error.value)


def test_another_number_of_bands_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"x\.tif has 3 bands; the run's data have 4"):
        scene(tmp_path, tile(0, bands=3))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, records) of two runs on placed tiles, whose ways for the bands differ."""
    root = tmp_path_factory.mktemp("bands")
    folder = placed(root / "tiles")
    words = [
        "--dataset",
        str(folder),
        "--size",
        "20x16",
        "--backbone",
        "cnn10(width=4,norm='none')",
        "--weights",
        "none",
    ]
    words += ["--head", "unet(4,4,4,4)", "--strategy", "scratch", "--epochs", "1", "--batch-size", "4"]
    assert (
        command.call(run.main, [*words, "--bands", "nir,red,green", "--channels", "inflate", "--out", str(root)]) == 0
    )
    assert command.call(run.main, [*words, "--channels", "side_branch(at=2)", "--out", str(root)]) == 0
    return root, {r["choices"]["channels"]: r for r in store.read(root)}


def test_a_record_says_which_bands_a_network_saw_and_how(trained):
    root, records = trained
    some, every = records["inflate"], records["side_branch(at=2)"]
    assert some["choices"]["bands"] == "nir,red,green" and every["choices"]["bands"] is None
    assert [b["name"] for b in some["data"]["bands"]] == ["blue", "green", "red", "nir"]
    assert some["net"]["scaling"]["take"] == [3, 2, 1] and some["net"]["shape"] == [16, 20, 3]
    assert every["net"]["scaling"]["take"] == [0, 1, 2, 3] and every["net"]["stages"][0]["stage"] == "adapter"
    assert some["data"]["digest"] == every["data"]["digest"]
    text = (root / "results/quickstart/README.md").read_text()
    assert "| inflate |" in text and "| side_branch(at=2) |" in text


def test_a_large_geotiff_is_predicted_and_keeps_its_place(trained, tmp_path, capsys):
    root, records = trained
    transform = rasterio.transform.from_origin(300_000, 4_000_000, 10, 10)
    write(tmp_path / "large.tif", tile(9, (50, 70)), crs="EPSG:32633", transform=transform)
    for i, record in enumerate(records.values()):
        target = tmp_path / str(i)
        words = [record["name"], str(tmp_path / "large.tif"), "--to-dir", str(target), "--out", str(root)]
        capsys.readouterr()
        assert command.call(predict.main, words) == 0
        assert "large.tif:" in capsys.readouterr().out
        with rasterio.open(target / "large.tif") as made:
            assert made.crs.to_epsg() == 32633 and made.transform == transform and made.nodata == IGNORED
            assert made.shape == (50, 70) and made.dtypes == ("uint8",) and set(np.unique(made.read(1))) <= {0, 1}
    assert command.call(predict.main, [*words, "--overlay"]) == 2
    assert "--overlay is for images of red, green and blue" in capsys.readouterr().err


def test_a_tile_of_the_runs_size_is_predicted_as_the_run_saw_it(trained, tmp_path):
    root, records = trained
    for record in records.values():
        with np.load(store.results(root) / record["experiment"] / f"{record['name']}.test.npz") as file:
            ids = file["ids"].tolist()
        with np.load(store.cache(root, record["experiment"]) / f"{record['name']}.test.npz") as file:
            known = dict(zip(ids, file["predicted"], strict=True))
        names = [str(root / "tiles" / name) for name in known]
        words = [record["name"], *names, "--to-dir", str(tmp_path / record["name"]), "--out", str(root)]
        assert command.call(predict.main, words) == 0
        for name, expected in known.items():
            with rasterio.open(tmp_path / record["name"] / name.rpartition("/")[2]) as made:
                found = made.read(1)  # where two classes are as likely, the rounding of a larger batch decides
                assert found.shape == expected.shape and (found == expected).mean() > 0.99


def test_an_ensemble_averages_what_saw_different_bands(trained):
    root, records = trained
    words = [r["name"] for r in records.values()]
    assert command.call(ensemble.main, [*words, "--data-dir", str(root / "tiles"), "--out", str(root)]) == 0
    (made,) = [r for r in store.read(root) if "members" in r]
    assert 0 <= made["test"]["miou"] <= 1 and sorted(made["members"]) == sorted(words)


def test_eda_shows_the_spectra_of_the_classes(trained, tmp_path, capsys):
    root, _ = trained
    out = ["--out", str(tmp_path)]
    assert command.call(data_main, ["eda", str(root / "tiles"), *out]) == 0
    said = capsys.readouterr().out
    assert re.search(r"nir\s*\|\s*nir\s*\|\s*842", said) and "R, G, B" not in said
    assert list(tmp_path.rglob("spectra.png"))
    assert command.call(data_main, ["show", str(root / "tiles"), *out]) == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--bands red,infra", "'infra': the data have no such band"),
        ("--bands blue,green --channels select", "not all three are known"),
        ("--channels rgb", "takes 3 bands or 1; received 4"),
        ("--channels inflat", "did you mean inflate"),
    ],
)
def test_bands_that_are_not_there_are_refused_in_a_line(trained, tmp_path, capsys, flags, said):
    words = ["--dataset", str(trained[0] / "tiles"), "--size", "20x16", "--weights", "none", "--out", str(tmp_path)]
    assert command.call(run.main, [*words, *flags.split(" ")]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_bands_are_not_for_photos(tmp_path, capsys):
    assert command.call(run.main, ["--dataset", "signs", "--bands", "red", "--out", str(tmp_path)]) == 2
    assert "--bands is for images whose bands are described" in capsys.readouterr().err
