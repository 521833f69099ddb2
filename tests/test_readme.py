"""What the README shows works: its examples are run, its links lead somewhere, its commands exist."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import ROOT

FOLDERS = ["home", "root", "tmp", "work", "opt", "Users"]  # of machines
README = (ROOT / "README.md").read_text()
BLOCKS = {b.split("class ")[1].split("(")[0]: b for b in re.findall(r"```python\n(.*?)```", README, re.DOTALL)}


def made(name):
    """The class that the README's example of this name defines."""
    import keras
    from keras import layers

    from lab.backbones import Backbone
    from lab.datasets import Dataset
    from lab.inputs.data import Data, Split
    from lab.steps import Phase
    from lab.strategies import Strategy

    space = {c.__name__: c for c in (dataclass, Backbone, Data, Split, Dataset, Phase, Strategy)}
    space |= {"np": np, "keras": keras, "layers": layers, "__name__": f"lab.{name.lower()}"}
    exec(BLOCKS[name], space)
    return space[name]


def test_each_example_has_under_ten_lines():
    assert set(BLOCKS) == {"HeadThenLast", "Tiny", "Noise"}
    assert all(len([line for line in b.splitlines() if line.strip()]) < 10 for b in BLOCKS.values())


def test_the_example_strategy_trains_what_it_says(tmp_path):
    from conftest import tiny_trainer

    trainer = tiny_trainer(tmp_path)
    for step in made("HeadThenLast")().steps(trainer.net.parts):
        trainer.execute(step)
    free = {row["stage"]: row["free"] for row in trainer.record[-1]["moved"]}
    assert free["stage5"] and free["head"] and not free["stage4"]


def test_the_example_backbone_makes_a_network():
    from lab import names
    from lab.networks.net import Net

    net = Net(made("Tiny")(), (32, 32, 3), names.build("heads", "linear"), 4)
    assert [r["stride"] for r in net.stages] == [2, 4, None]


def test_the_example_data_set_is_one():
    from lab.inputs.data import checked

    assert len(checked(made("Noise")().load(None)).train) == 30


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_and_pictures_exist(target):
    assert (ROOT / target).exists()


def test_every_flag_shown_exists():
    from lab.report.__main__ import main  # noqa: F401  (the module that has --check)
    from lab.runs import arguments

    known = set(re.findall(r"--[a-z-]+", arguments.parser("lab.run", "").format_help())) | {
        "--check",
        "--runs",
        "--to",
        "--dry-run",
    }
    known |= {"--csv", "--submission", "--id", "--to-dir", "--overlay", "--best", "--experiment", "--mean"}
    known |= {"--on", "--within", "--gallery", "--list", "--page", "--svg", "--track", "--tensorboard"}
    known |= {"--where", "--retry-failed"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) <= known


def test_nothing_of_a_machine_is_in_the_project():
    import subprocess

    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not files:
        pytest.skip("not a checkout")
    for name in files:
        if name.endswith((".py", ".md", ".json", ".toml", ".txt")):
            text = (ROOT / name).read_text()
            assert not re.search(rf"/({'|'.join(FOLDERS)})/", text), name
