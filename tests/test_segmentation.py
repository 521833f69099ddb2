"""Segmentation through the lab's one flow: spec, trainer, records, table and pictures."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import tiny_masks, tiny_trainer
from test_report import record
from test_run import lab, under

from lab import command, drawing, names, run
from lab.errors import BadInput
from lab.galleries import masks as gallery
from lab.inputs.data import IGNORED, hw
from lab.networks import flops
from lab.records import store
from lab.report import losses, rows
from lab.report.captions import captions
from lab.report.pictures import bubbles, smoothed
from lab.report.pictures.gallery import coloured
from lab.runs import arguments, inference_cost, spec
from lab.steps import Phase
from lab.training import balance, jitter
from lab.training.augment import Augment

TINY = ["--dataset", "scenes(train=8,val=4,test=5)", "--backbone", "cnn10(width=4,norm='none')", "--weights", "none"]
TINY += ["--head", "unet(8,8,8,8)", "--strategy", "scratch", "--size", "32", "--epochs", "2", "--batch-size", "4"]


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.slow)])
def test_a_segmentation_is_recorded_tabulated_and_drawn(tmp_path, backend):
    flags = ["--loss", "focal+dice", "--balance", "weights", "--augment", "strong", "--out", str(tmp_path)]
    done = lab(*TINY, *flags, **under(backend))
    assert done.returncode == 0, done.stdout + done.stderr
    (r,) = store.read(tmp_path)
    test, kept = r["test"], store.cache(tmp_path, r["experiment"])
    assert r["choices"]["task"] == "segmentation" and r["choices"]["loss"] == "dice+focal"
    matrix = np.array(test["confusion"])
    assert matrix.sum() == test["pixels"] <= 5 * 32 * 32 and test["examples"] == 5
    union = matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    assert test["miou"] == pytest.approx(np.mean([i / u for i, u in zip(np.diag(matrix), union, strict=True) if u]))
    assert r["steps"][0]["history"][-1]["val_miou"] >= 0 and r["cost"]["gflops"] > 0
    assert f"mIoU {test['miou']:.3f}" in (tmp_path / "README.md").read_text()
    text = (tmp_path / "results" / r["experiment"] / "README.md").read_text()
    assert f"{test['miou']:.3f}" in text and ": 8 classes (background, building" in text and "32 px" in text
    with np.load(kept / f"{r['name']}.test.npz") as file:
        assert file["predicted"].shape == (5, 32, 32)
    with np.load(tmp_path / "results" / r["experiment"] / f"{r['name']}.test.npz") as file:
        assert file["iou"].shape == (5, 8) and len(file["ids"]) == 5
    drawn = {p.name for p in (tmp_path / "results" / "quickstart" / "img").glob("gallery-*")}
    assert drawn == {f"gallery-{r['name']}.{kind}.png" for kind in ("best_and_worst", "classes")}
    assert all(f"](img/{name})" in text for name in drawn)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--task classification --dataset scenes", "they are for segmentation"),
        ("--task segmentation --dataset signs", "they are for classification"),
        ("--dataset scenes --head linear", "--head linear reads the backbone's features; scenes is for segmentation"),
        ("--dataset signs --head unet", "--head unet reads the backbone's pyramid; signs is for classification"),
        ("--dataset scenes --strategy frozen", "use extract"),
        ("--dataset scenes --balance sampling", "use soft_weights or weights"),
        ("--dataset scenes --augment mixup", "use light, strong or cutmix"),
        ("--dataset scenes --label-smoothing 0.1", "leave it out for segmentation"),
        ("--dataset scenes --size 64x32", "scenes draws squares"),
        ("--loss dise", "dice"),
        ("--label-smoothing 0.1 --loss focal", "--label-smoothing is for --loss cross_entropy"),
        ("--size 64x", "--size takes pixels from 8 to 4,096"),
        ("--size 0x64", "--size takes pixels"),
    ],
)
def test_what_does_not_go_together_is_refused(words, said, tmp_path, capsys):
    assert command.call(run.main, [*words.split(), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not list(tmp_path.iterdir())


def test_the_task_is_the_data_sets_and_has_its_own_defaults(tmp_path):
    masks = spec.resolve(spec.Run(task="segmentation", weights="none"), tmp_path)
    assert masks.dataset.name == "scenes" and masks.head.name == "unet" and masks.choices["task"] == "segmentation"
    signs = spec.resolve(spec.Run(weights="none"), tmp_path)
    assert signs.dataset.name == "signs" and signs.head.name == "linear" and signs.choices["size"] == 32


def test_a_size_is_a_square_or_width_by_height():
    assert hw(64) == (64, 64) and hw("240x180") == (180, 240)
    assert spec.squared("64x64") == 64 and spec.squared("240x180") == "240x180"
    assert arguments.values("size", "64,240x180") == [64, "240x180"]


def test_augmentation_moves_image_and_mask_together(monkeypatch):
    """Where an image's value is a function of its mask, it still is afterwards, except beside an edge."""
    masks = np.zeros((8, 48, 64, 1), "int32")
    masks[:, 10:30, 20:50], masks[:, 25:40, 5:25], masks[:, :2] = 1, 2, IGNORED
    images = np.repeat(np.choose(np.where(masks == IGNORED, 0, masks), [20, 120, 220]), 3, axis=-1).astype("float32")
    monkeypatch.setattr(jitter, "TONES", 0.0)
    augment = Augment("light", 3, targets="segmentation_masks")
    moved, labels = (np.asarray(keras.ops.convert_to_numpy(t)) for t in augment(images, masks, 0, 0, 0))
    assert set(np.unique(labels)) == {0, 1, 2, IGNORED} and (labels != masks).mean() > 0.05
    for label, value in ((0, 20), (1, 120), (2, 220)):
        inside = labels[..., 0] == label
        assert (np.abs(moved[..., 0][inside] - value) < 40).mean() > 0.85


def test_a_frozen_backbone_under_a_decoder_stays_as_it_is_and_the_decoder_learns(tmp_path):
    trainer = tiny_trainer(tmp_path, tiny_masks(), backbone="cnn10(width=4)", epochs=6, batch_size=4, augment="none")
    net = trainer.net
    before, score = net.values(), trainer.goodness()
    result = trainer.execute(Phase(net.parts.new, inputs="features"))
    after = net.values()
    for part, a, b in zip(net.parts.parts, before, after, strict=True):
        assert np.array_equal(a, b) or part.stage == "head"
    assert result.score > score and "pyramid" in trainer.record[-1]["features"]


def test_a_segmentation_learns_and_repeats_itself(tmp_path):
    scores = []
    for again in range(2):
        trainer = tiny_trainer(
            tmp_path / str(again), tiny_masks(), epochs=25, batch_size=4, learning_rate=5e-3, augment="none",
            loss="cross_entropy+dice", balance="weights",
        )  # fmt: skip
        trainer.execute(Phase(trainer.net.parts.all))
        scores.append(trainer.evaluate(trainer.data.test)[0])
    assert scores[0]["miou"] > 0.6 and scores[0] == scores[1]


def test_weights_of_classes_come_from_the_pixels_that_count():
    from lab.tasks.segmentation import Segmentation

    data = tiny_masks()
    counts = Segmentation.of(data).frequencies(data.train)
    assert counts.tolist() == [(data.train.labels == c).sum() for c in range(3)]
    assert np.allclose(balance.inverse(counts) * counts, counts.sum() / 3)


def test_soft_weights_are_bounded_and_what_is_absent_weighs_nothing():
    for weights in balance.WEIGHTS.values():
        found = weights(np.array([9000, 999, 1, 0]))
        assert found[3] == 0 and found[0] < found[1] < found[2]
        assert (found * [9000, 999, 1, 0]).sum() == pytest.approx(10_000)  # 1 on average
    share = np.array([0.9, 0.0999, 0.0001])
    soft = balance.bounded(10_000 * share)
    assert soft / soft[0] == pytest.approx(np.log(1.02 + 0.9) / np.log(1.02 + share), rel=1e-4)


def test_classes_left_out_of_masks_are_ignored():
    data = tiny_masks()
    fewer = data.without(["class 1"])
    assert fewer.classes == ("class 0", "class 2") and len(fewer.palette) == 2
    assert np.array_equal(fewer.test.labels == IGNORED, (data.test.labels == IGNORED) | (data.test.labels == 1))
    assert np.array_equal(fewer.test.labels == 1, data.test.labels == 2)


def test_the_gallery_holds_the_best_and_the_worst(tmp_path):
    data = tiny_masks()
    iou = np.array([[0.9, np.nan, 0.7], [0.2, 0.1, np.nan], [1, 1, 1], [0.5, 0.6, np.nan], [0.4, 0.1, 0.2]])
    pixels = np.array([[9, 0, 9], [9, 5, 0], [9, 9, 9], [9, 9, 0], [9, 4, 9]])
    made = gallery.chosen(data, data.test.labels, iou, pixels)
    made.write(tmp_path / "x.npz")
    kept = gallery.Gallery.read(tmp_path / "x.npz")
    assert kept.ids[kept.best[0]] == "2/2" and kept.ids[kept.worst[0]] == "2/1"
    assert [kept.ids[i] for i in kept.good] == ["2/2"] * 3
    assert [kept.ids[i] for i in kept.bad] == ["2/1", "2/1", "2/4"]
    pixels[1, 1] = 3  # of two that are as bad, the one with more of the class is shown
    other = gallery.chosen(data, data.test.labels, iou, pixels)
    assert other.ids[other.bad[1]] == "2/4"
    assert np.array_equal(coloured(np.array([[0, 2, 255]]), kept.palette)[0, :2], kept.palette[[0, 2]])


def test_what_is_ignored_has_a_colour_that_no_class_comes_near():
    assert gallery.unlabelled(np.array([[0, 0, 0], [255, 0, 0]])) == (120, 120, 120)
    assert gallery.unlabelled(np.array([[128, 128, 128], [255, 0, 0]])) == (0, 0, 0)
    assert gallery.unlabelled(np.zeros((0, 3))) in gallery.UNLABELLED


def test_operations_are_those_of_the_kernels():
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(images)
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    x = keras.layers.Conv2DTranspose(5, 2, strides=2)(x)
    x = keras.layers.Dense(6)(keras.layers.GlobalAveragePooling2D()(x))
    wanted = 64 * 9 * 3 * 4 + 16 * 9 * 4 + 16 * 4 * 4 * 5 + 5 * 6
    assert flops.gflops(keras.Model(images, x)) == pytest.approx(2 * wanted / 1e9)


def masks_record(head, seed=0, miou=0.5, group=None):
    made = record("scratch", seed, dataset="scenes", group=group or head)
    made["choices"] |= {"task": "segmentation", "head": head}
    about = {"miou": miou, "mdice": 0.7, "accuracy": 0.9, "loss": 0.3, "boundary_f1": 0.6, "examples": 5, "pixels": 99}
    history = [{"epoch": e, "steps": 5 * e, "loss": 1.0, "val_loss": 1.0, "val_miou": e / 10} for e in (1, 2, 3)]
    return made | {
        "name": f"{head}-s{seed}-0000000{seed}", "test": about, "train": about,
        "data": {"classes": ["a", "b"], "splits": {key: {"examples": 5} for key in ("train", "val", "test")}},
        "net": {"parameters": 2_000_000}, "steps": [{"step": "train", "steps": 15, "history": history}],
        "cost": {"train_seconds": 9.0, "inference_ms_per_image": 2.0, "gflops": 0.5, "file_mb": 8.0},
    }  # fmt: skip


def test_a_segmentation_has_a_table_of_its_own():
    runs = [masks_record("unet", 0, 0.5), masks_record("unet", 1, 0.7), masks_record("segnet", 0, 0.4)]
    images, masks = (some.text for some in rows.of_experiment([*runs, record("finetune", 0, 0.8)]))
    assert "| test accuracy" in images and "| test mIoU" in masks and "| test mIoU" not in images
    assert next(line for line in masks.splitlines() if "0.600 ± 0.141" in line).startswith("| unet ")
    assert "| CPU ms an image" in masks and "GPU ms" not in masks and "| 2.00" in masks
    assert "tested on 5 examples; 32 px; 3 epochs a run; seeds 0 and 1; 99 test pixels" in captions(runs)


def test_a_run_on_a_gpu_has_both_times_of_inference():
    on_gpu = masks_record("unet", 0, 0.5) | {"environment": {"device": "NVIDIA H100"}}
    on_gpu["cost"] |= {"inference_ms_per_image": 0.25, "inference_cpu_ms_per_image": 7.0}
    runs = [on_gpu, masks_record("segnet", 0, 0.4), masks_record("deeplabv3", 0, 0.6)]
    (some,) = rows.of_experiment(runs)
    names, cells = some.figures
    cpu, gpu = names.index("CPU ms an image"), names.index("GPU ms an image")
    assert {(row[cpu], row[gpu]) for row in cells} == {("7.0", "0.25"), ("2.0", "-")}
    ((_, _, draw),) = bubbles.pictures(runs)
    assert len([axis for axis in draw().axes if axis.get_visible()]) == 5


def test_a_copy_on_another_device_predicts_the_same():
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()])
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    with keras.device("cpu"):
        copy = inference_cost.copied(net)
        assert np.array_equal(copy.predict_on_batch(images), net.predict_on_batch(images))
    assert not {id(v) for v in copy.variables} & {id(v) for v in net.variables}


def test_models_are_compared_by_score_and_cost_and_by_step():
    runs = [masks_record(h, 0, m) for h, m in (("unet", 0.5), ("segnet", 0.4), ("deeplabv3", 0.6))]
    assert not list(bubbles.pictures(runs[:2]))
    ((name, numbers, draw),) = bubbles.pictures(runs)
    assert name == "bubbles/x-scenes.png" and numbers[0][-2:] == [0.6, 8.0] and len(draw().axes) == 4
    ((_, lines, draw),) = smoothed.pictures(runs)
    assert lines[0][1] == [[5, 0.1], [10, 0.2], [15, 0.3]] and draw().axes
    assert drawing.smoothed([1.0, 1.0, 1.0]) == pytest.approx([1.0] * 3)
    assert drawing.smoothed([0.0, 1.0], 0.5) == pytest.approx([0.0, 2 / 3])


def test_the_run_is_of_its_loss():
    from lab.runs.spec import Run, resolve

    def digest(**more):
        from pathlib import Path

        return resolve(Run(dataset="scenes(train=2,val=1,test=1)", weights="none", **more), Path()).digest

    assert digest(loss="focal+dice") == digest(loss="dice + focal") != digest()
    with pytest.raises(BadInput):
        digest(loss="dice-focal")


def test_one_head_for_one_task():
    tasks = {n: names.find("heads", n).reads for n in names.listing("heads")}
    assert {tasks[n] for n in ("linear", "mlp", "maxpool_mlp")} == {"features"}
    assert {tasks[n] for n in ("unet", "deeplabv3", "deeplabv3plus", "segnet")} == {"pyramid"}
    assert replace(spec.Run(), head="unet").head == "unet"


def test_heads_and_losses_that_an_experiment_crossed_stand_in_one_table():
    runs = [masks_record(head, 0, group=f"{head} {loss}") for head in ("unet", "segnet") for loss in ("dice", "focal")]
    for i, (run_, loss) in enumerate(zip(runs, ("dice", "focal") * 2, strict=True)):
        run_["choices"] |= {"loss": loss}
        run_["test"] = run_["test"] | {"mdice": 0.5 + i / 10}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in losses.crossed(runs).splitlines()]
    assert rows[2] == ["head", "dice", "focal"]
    assert rows[4:] == [["`unet`", "0.500", "0.600"], ["`segnet`", "0.700", "**0.800**"]]
    assert losses.crossed(runs[:3]).splitlines()[-1].split("|")[3].strip() == "-"
    assert "|" not in losses.crossed(runs[:2])  # one head
