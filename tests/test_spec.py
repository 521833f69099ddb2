import dataclasses
import runpy
from pathlib import Path

import pytest

from lab.errors import BadInput
from lab.runs import spec
from lab.runs.spec import Run, check, matrix, resolve


def digest(**choices):
    return resolve(Run(**choices), Path()).digest


def test_a_matrix_is_every_combination_seeds_fastest():
    runs = matrix(strategy=["scratch", "finetune"], size=[32, 48], seeds=2)
    assert [(r.strategy, r.size, r.seed) for r in runs][:3] == [
        ("scratch", 32, 0),
        ("scratch", 32, 1),
        ("scratch", 48, 0),
    ]
    assert len(runs) == 8 and len(matrix(seeds=[3, 5])) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1}, {"epochs": 3}, {"budget": "20steps"}, {"batch_size": 16}, {"learning_rate": 0.01}, {"size": 48},
        {"bn": "keras"}, {"keep": "last"}, {"precision": "mixed_bfloat16"}, {"limit": 10}, {"augment": "none"},
        {"head": "mlp"}, {"contrast": "standardize"}, {"schedule": "onecycle"}, {"label_smoothing": 0.1}, {"ema": 0.9},
        {"watch": "test"},
        {"dataset": "signs(seed=1)"}, {"dataset": "digits"}, {"strategy": "finetune(warmup=0.5)"}, {"weights": "none"},
        {"weights": "none", "backbone": "cnn10(width=8)"},
    ],
)  # fmt: skip
def test_every_choice_that_matters_is_in_the_digest(change):
    assert digest(**change) != digest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {},
            {
                "strategy": " finetune( warmup = 0.2 )",
                "weights": "source",
                "head": "linear()",
                "size": 32,
                "augment": "light",
            },
        ),
        ({}, {"name": "mine"}),
        ({}, {"device": "gpu"}),
        ({"strategy": "scratch"}, {"strategy": "scratch", "weights": "none"}),
        (
            {"strategy": "frozen"},
            {"strategy": "frozen", "head": "mlp", "epochs": 3, "augment": "none", "batch_size": 8},
        ),
    ],
)
def test_what_does_not_matter_is_not_in_the_digest(one, other):
    assert digest(**one) == digest(**other)


def test_a_weights_file_is_known_by_its_content(tmp_path):
    from lab.networks.weights import HDF5

    a, b, c = (tmp_path / f"{n}.h5" for n in "abc")
    a.write_bytes(HDF5 + b"1")
    b.write_bytes(HDF5 + b"1")
    c.write_bytes(HDF5 + b"2")
    same = [digest(backbone="VGG16", weights=str(p)) for p in (a, b, c)]
    assert same[0] == same[1] != same[2]


def test_seeds_share_a_group_and_nothing_else_does():
    group = lambda **k: resolve(Run(**k), Path()).group  # noqa: E731
    assert group(seed=1) == group(seed=2) != group(seed=1, epochs=3)


def test_weights_left_out_are_the_embedded_source_or_imagenet():
    assert resolve(Run(), Path()).choices["weights"] == "source"
    assert resolve(Run(backbone="VGG16"), Path()).choices["weights"] == "imagenet"
    assert resolve(Run(strategy="scratch"), Path()).choices["weights"] == "none"


def test_size_left_out_is_the_datas_or_the_backbones_smallest():
    assert resolve(Run(), Path()).choices["size"] == 32
    assert resolve(Run(dataset="digits"), Path()).choices["size"] == 16
    assert resolve(Run(backbone="InceptionV3"), Path()).choices["size"] == 75


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategy": "finetun"}, "did you mean finetune"),
        ({"size": 16, "backbone": "VGG16"}, "32 px and more; received --size 16"),
        ({"size": -5}, "--size takes pixels from 8 to 4,096"),
        ({"epochs": 0}, "--epochs must be from 1"),
        ({"epochs": 10**9}, "--epochs must be from 1"),
        ({"batch_size": -1}, "--batch-size must be"),
        ({"learning_rate": -0.1}, "--learning-rate must be"),
        ({"learning_rate": float("nan")}, "--learning-rate must be"),
        ({"learning_rate": float("inf")}, "--learning-rate must be"),
        ({"limit": 0}, "--limit must be"),
        ({"seed": -1}, "--seed must be"),
        ({"budget": "fast"}, "--budget is a number of steps or seconds"),
        ({"budget": "-3s"}, "--budget is a number of steps or seconds"),
        ({"augment": "lite"}, "did you mean light"),
        ({"precision": "float8"}, "--precision must be one of"),
        ({"weights": "resnet.pkl"}, "--weights takes"),
        ({"weights": "no/such.h5"}, "no such weights file"),
        ({"weights": "run:none"}, "no such run"),
        ({"weights": "source", "backbone": "VGG16"}, "are of cnn10"),
        ({"weights": "none", "strategy": "frozen"}, "source's own classifier"),
        ({"dataset": "gtsrb"}, "--data-dir"),
        ({"data_dir": "x"}, "leave it out"),
        ({"head": "unet"}, "--head unet reads the backbone's pyramid; signs is for classification"),
        ({"name": "a/b"}, "--name takes"),
        ({"name": "<b>"}, "--name takes"),
    ],
)
def test_bad_choices_are_one_line(change, said, tmp_path):
    with pytest.raises(BadInput) as error:
        resolve(Run(**change), tmp_path)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_the_defaults_are_allowed_and_complete():
    assert check(Run()) == Run()
    assert set(resolve(Run(), Path()).choices) >= {
        "strategy",
        "dataset",
        "backbone",
        "weights_digest",
        "seed",
        "budget",
    }
    assert all(f.metadata["help"] for f in dataclasses.fields(Run))


def test_a_run_that_was_recorded_before_an_option_existed_still_counts(monkeypatch):
    """The committed records' digests are those of the same choices today: nothing is trained again for a new option,
    only for a new recipe.
    """
    from conftest import ROOT

    from lab.records import store

    records = store.read(ROOT, "digits")
    made = {r["name"]: r["digest"] for r in records}
    (recipe,) = {r["choices"]["recipe"] for r in records}
    monkeypatch.setattr(spec, "RECIPE", recipe)
    found = [resolve(r, ROOT) for r in runpy.run_path(str(ROOT / "experiments" / "digits.py"))["RUNS"]]
    assert {r.stem: r.digest for r in found} == made
