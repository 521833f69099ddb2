"""The commands, end to end: real runs of a tiny network in child processes, and every refusal."""

import dataclasses
import io
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from importlib import import_module

import numpy as np
import pytest
from conftest import QUICK_XLA, ROOT, TINY, photos
from PIL import Image

from lab import command, report, run
from lab.errors import BadInput
from lab.records import predictions, store
from lab.runs import arguments
from lab.runs.process import environment_of_child
from lab.runs.spec import Ensemble, Run

COMMANDS = [
    "lab",
    "lab.run",
    "lab.report",
    "lab.predict",
    "lab.ensemble",
    "lab.data",
    "lab.doctor",
    "lab.rank",
    "lab.export",
    "lab.download",
    "lab.strategies",
    "lab.backbones",
    "lab.datasets",
    "lab.heads",
    "lab.losses",
]


def lab(*words, module="lab.run", **environment):
    """What a command gives and says; in a process of its own where it wants another environment."""
    if not environment:
        with chdir(ROOT), redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as error:
            try:
                code = command.call(import_module(module).main, list(words))
            except SystemExit as end:  # of --help
                code = end.code
        return subprocess.CompletedProcess(words, code, out.getvalue(), error.getvalue())
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def under(backend):
    """What `lab` takes so that it runs on this backend."""
    return {} if backend == "tensorflow" else {"KERAS_BACKEND": backend, **QUICK_XLA}


def test_a_matrix_trains_records_survives_a_failure_and_is_not_done_twice(tmp_path):
    words = [
        *TINY,
        "--strategy",
        "scratch",
        "--learning-rate",
        "0.01,100",
        "--augment",
        "none",
        "--out",
        str(tmp_path),
    ]
    first = lab(*words)
    assert first.returncode == 1, first.stderr
    assert "run 2 of 2" in first.stdout and "the loss became" in first.stdout
    records = store.read(tmp_path)
    assert sorted(r["status"] for r in records) == ["done", "failed"]
    failed = [r for r in records if r["status"] == "failed"]
    assert failed and all("try a --learning-rate below" in r["error"] for r in failed)
    readme = (tmp_path / "README.md").read_text()
    assert "| [digits (limit 60)](results/quickstart/README.md#on-digits-limit-60) " in readme and "| failed" in readme
    assert report.stale(tmp_path) == []
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "results").glob("*/*.json")}
    again = lab(*words)
    assert "1 of 2 runs are done already" in again.stdout
    done = {r["name"] for r in records if r["status"] == "done"}
    assert all(p.stat().st_mtime_ns == t for p, t in times.items() if p.stem in done)


def test_a_record_holds_what_a_result_depends_on(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    record = store.read(tmp_path)[0]
    assert store.is_sealed(record) and record["status"] == "done"
    assert record["choices"]["limit"] == 60 and record["choices"]["seed"] == 0
    assert set(record["environment"]["versions"]) >= {"keras", "tensorflow", "numpy"}
    assert record["environment"]["backend"] and record["environment"]["device"]
    assert record["environment"]["onednn"]  # unless the user says TF_ENABLE_ONEDNN_OPTS=0
    for split in ("train", "val", "test"):
        assert record[split]["examples"] == 60 == record["data"]["splits"][split]["examples"]
        assert set(record[split]) >= {"accuracy", "loss", "top5", "macro_f1", "per_class"}
    cost = record["cost"]
    assert all(cost[k] > 0 for k in ("train_seconds", "inference_ms_per_image", "peak_memory_mb", "file_mb"))
    assert record["net"]["trained"] == record["net"]["parameters"]  # no batch norm in this one
    assert [s["step"] for s in record["steps"]] == ["warm-up", "finetune", "recalibrate"]
    assert all(row["frozen_digest"] for row in record["steps"][0]["moved"][:-1])
    kept = np.load(tmp_path / "results" / "quickstart" / f"{record['name']}.test.npz", allow_pickle=False)
    assert (kept["labels"] == kept["predicted"]).mean() == record["test"]["accuracy"]
    assert -np.log(kept["p_true"]).mean() == pytest.approx(record["test"]["loss"], rel=1e-4)
    labels, everything = predictions.read(tmp_path, record, "test")
    assert everything.shape == (60, 10) and (labels == kept["labels"]).all()
    assert len(predictions.read(tmp_path, record, "train")[0]) == 60
    text = json.dumps(record)
    assert str(trained) not in text and str(ROOT) not in text

    # and the run is a source for another: task A to task B
    second = lab(
        *TINY[:2], "--weights", f"run:{record['name']}", *TINY[4:], "--strategy", "extract", "--out", str(tmp_path)
    )
    assert second.returncode == 0, second.stdout + second.stderr
    child = next(r for r in store.read(tmp_path) if r["choices"]["strategy"] == "extract")
    assert child["choices"]["weights_digest"] == record["digest"]


def test_weights_that_cannot_be_had_are_recorded_as_unavailable_and_never_random(tmp_path):
    nowhere = {
        "KERAS_HOME": str(tmp_path / "keras"),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    words = ["--backbone", "MobileNetV2(alpha=0.35)", "--dataset", "digits", "--size", "32", "--limit", "20"]
    done = lab(*words, "--out", str(tmp_path), **nowhere)
    assert done.returncode == 1
    (record,) = store.read(tmp_path)
    assert record["status"] == "unavailable" and "pass --weights FILE.h5" in record["error"] and "test" not in record
    assert "unavailable" in (tmp_path / "README.md").read_text()


def test_a_dry_run_says_what_a_run_would_take_and_records_nothing(tmp_path):
    done = lab(*TINY, "--strategy", "finetune,extract", "--seeds", "2", "--dry-run", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    table = done.stdout
    assert "hours" in table and "memory MB" in table and "together" in table
    assert "run 2 of 2" in table and "of 4" not in table  # seeds cost the same
    rows = [line.split("  ") for line in table.splitlines() if "seed" in line and "run " not in line]
    assert len(rows) == 4 and rows[0][1:] == rows[1][1:] != rows[2][1:]
    assert store.read(tmp_path) == [] and not list((tmp_path / "results").rglob("*.npy"))


def test_a_written_experiment_runs_and_flags_replace_what_it_says(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from lab.runs.spec import matrix\nRUNS = matrix(strategy='scratch', seeds=2)\n")
    name, runs, _ = arguments.written(str(file), {"epochs": [3]}, None)
    assert name == "mine" and [(r.strategy, r.epochs, r.seed) for r in runs] == [("scratch", 3, 0), ("scratch", 3, 1)]
    assert [r.seed for r in arguments.written(str(file), {}, "5,")[1]] == [5]
    with file.open("a") as end:
        end.write("from lab.runs.spec import Ensemble\nENSEMBLES = [Ensemble(tuple(RUNS), 'arithmetic')]\n")
    _, runs, (joint,) = arguments.written(str(file), {"epochs": [3]}, None)
    assert joint.members == tuple(runs) and joint.mean == "arithmetic"
    assert arguments.written(str(file), {}, "1")[2] == []  # one of its members is not asked for
    for members, mean, said in ((runs[:1], "geometric", "two runs or more"), (runs, "harmonic", "geometric or arith")):
        with pytest.raises(BadInput, match=said):
            Ensemble(tuple(members), mean)


@pytest.mark.parametrize("path", sorted(ROOT.glob("experiments/*.py")), ids=lambda p: p.stem)
def test_every_experiment_says_its_question_and_its_command(path):
    import ast

    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text.split("\n")[0].endswith(("?", ".")) and f"experiments/{path.name}" in text
    if "RUNS" in path.read_text():
        assert arguments.written(str(path), {}, None)[1]


def test_ctrl_c_leaves_the_best_weights_so_far_and_the_same_command_goes_on(tmp_path):
    words = [*TINY[:-1], "400", "--strategy", "scratch", "--out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "lab.run", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if "epoch 3/" in line:
            break
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=150)
    assert process.returncode == 130 and "the same command goes on" in error
    (record,) = store.read(tmp_path)
    assert record["status"] == "interrupted" and "test" not in record and store.is_sealed(record)
    (step,) = record["steps"]
    assert step["interrupted"] and 3 <= len(step["history"]) < 400
    best = max(step["history"], key=lambda e: (e["val_accuracy"], e["epoch"]))
    assert step["kept_epoch"] == best["epoch"]
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    guess = lab(record["name"], str(tmp_path / "x.png"), "--out", str(tmp_path), module="lab.predict")
    assert guess.returncode == 0 and "was interrupted" in guess.stderr and "x.png: " in guess.stdout
    assert lab(record["name"], record["name"], "--out", str(tmp_path), module="lab.ensemble").returncode == 2
    assert lab(*TINY, "--strategy", "scratch", "--out", str(tmp_path)).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strategy", "finetunee"], "did you mean finetune"),
        (["--backbone", "ResNet5"], "did you mean ResNet50"),
        (["--head", "mlp(x)"], "not a name"),
        (["--dataset", "sings"], "did you mean signs"),
        (["--backbone", "InceptionV3", "--weights", "none", "--size", "32"], "75 px and more"),
        (["--epochs", "-1"], "--epochs must be from 1"),
        (["--epochs", "many"], "--epochs takes a whole number"),
        (["--learning-rate", "nan"], "--learning-rate must be"),
        (["--seeds", "0"], "--seeds takes how many"),
        (["--seeds", "a"], "--seeds takes how many"),
        (["--budget", "1h"], "2000steps or 120s"),
        (["--weights", "x.h5"], "no such weights file"),
        (["--weights", "x.pkl"], "--weights takes"),
        (["experiments/none.py"], "no such experiment"),
        (["README.md"], "no such experiment"),
        (["--dataset", "gtsrb", "--data-dir", "/no/such"], "no such folder or archive"),
        (["--strategy", ""], "--strategy is empty"),
        (["--bogus", "3"], "unrecognized arguments: --bogus; `python -m lab.run --help`"),
        (["--backbone", "MobileNetV2(alpha=1e9)"], "alpha must be from 0.05"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_and_writes_nothing(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert command.call(run.main, [*words, "--out", str(tmp_path / "out")]) == 2
    out, error = capsys.readouterr()
    assert said in error and error.count("\n") == 1 and "Traceback" not in error and out == ""
    assert not list((tmp_path / "out").rglob("*"))


@pytest.mark.parametrize(("text", "said"), [
    ("RUNS = [", "e.py does not run: SyntaxError"), ("1 / 0", "e.py does not run: ZeroDivisionError"),
    ("import nowhere_at_all", "e.py imports nowhere_at_all, which is not there"),
    ("from lab import matrix\nRUNS = matrix(strategy='nothing')\n", "unknown strategy"),
])  # fmt: skip
def test_an_experiment_that_does_not_run_is_one_line(text, said, tmp_path, capsys):
    (tmp_path / "e.py").write_text(text)
    assert command.call(run.main, [str(tmp_path / "e.py"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not list((tmp_path / "out").rglob("*"))


def test_what_only_the_network_can_tell_is_refused_just_the_same(tmp_path):
    from test_weights import backbone_model, write_applications_layout

    write_applications_layout(backbone_model("cnn10(width=5)"), tmp_path / "other.h5")
    words = ["--backbone", "cnn10(width=4)", "--weights", str(tmp_path / "other.h5"), "--dataset", "digits"]
    done = lab(*words, "--out", str(tmp_path / "out"))
    assert done.returncode == 2 and "refused: other.h5 does not fit cnn10(width=4)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((tmp_path / "out").glob("results/*/*.json"))


def test_a_results_folder_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "results").write_text("in the way")
    assert command.call(run.main, ["--out", str(tmp_path)]) == 2
    assert "cannot write to" in capsys.readouterr().err
    assert command.call(run.main, ["--out", str(tmp_path / "results")]) == 2


def test_debug_shows_the_traceback(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert command.call(run.main, ["--strategy", "x", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("module", COMMANDS)
def test_help_answers_without_keras(module):
    heavy = "{'keras', 'tensorflow', 'jax', 'pandas', 'matplotlib', 'sklearn'}"
    code = (
        "import runpy, sys\n"
        "sys.argv = ['-m', '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "usage: python -m" in done.stdout


def test_lab_lists_every_command(capsys):
    assert command.call(import_module("lab.__main__").dispatched, []) == 0
    listed = capsys.readouterr().out
    for module in COMMANDS[1:]:
        assert f"  {module} " in listed


def test_the_help_has_groups_and_the_ten_most_used_options_come_first():
    fields = {"--" + f.name.replace("_", "-"): f.metadata["group"] for f in dataclasses.fields(Run) if f.name != "seed"}
    made = arguments.parser("lab.run", "")
    assert list(made.groups) == ["most used", "what to learn", "how to transfer", "how to train", "bookkeeping"]
    assert set(fields.values()) == set(made.groups) - {"most used"}
    text = lab("--help").stdout
    begins = [text.index(f"\n{title}:\n") for title in made.groups]
    assert begins == sorted(begins)
    shown = {
        title: re.findall(r"^  (?:-h, )?(--[a-z-]+)", text[begin:end], re.MULTILINE)
        for title, begin, end in zip(made.groups, begins, [*begins[1:], len(text)], strict=True)
    }
    often = shown.pop("most used")
    assert len(often) == 10 and {"--dataset", "--strategy", "--backbone", "--epochs", "--seeds"} < set(often)
    assert [f for some in shown.values() for f in some if f in often] == []
    assert {f: title for title, some in shown.items() for f in some if f in fields} == {
        f: group for f, group in fields.items() if f not in often
    }
    others = {"--help", "--debug", "--out", "--dry-run", "--track", "--tensorboard", "--retry-failed"}
    assert set(shown["bookkeeping"]) - set(fields) == others
    assert re.search(r"^  -?[a-z-]+$|^options:", text, re.MULTILINE) is None  # none stands outside


def test_the_recorded_command_names_no_folder_of_this_machine(tmp_path):
    argv = ["--dataset", str(tmp_path), "--weights", "run:x/y", "--group", r"a/(\d+)", "--skip-corrupt"]
    assert (
        arguments.portable(argv)
        == rf"python -m lab.run --dataset {tmp_path.name} --weights run:x/y --group 'a/(\d+)' --skip-corrupt"
    )
    argv = ["experiments/gtsrb.py", "--data-dir", "/a/b/c.zip", "--out", "/d", "--head", "mlp(1, 2)"]
    assert arguments.portable(argv) == "python -m lab.run experiments/gtsrb.py --data-dir c.zip --head 'mlp(1, 2)'"
    (tmp_path / "own.py").write_text("RUNS = []\n")
    assert arguments.portable([str(tmp_path / "own.py"), "--seeds", "2"]) == "python -m lab.run own.py --seeds 2"


def test_comma_lists_do_not_split_brackets():
    assert arguments.split_commas("mlp(1,2), linear ,f([1,2],'a')") == ["mlp(1,2)", "linear", "f([1,2],'a')"]


def test_jax_trains_without_tensorflow(tmp_path):
    """The same run under the other backend, where TensorFlow cannot even be imported."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "tensorflow.py").write_text("raise ImportError('not here')\n")
    began = time.time()
    words = [*TINY, "--strategy", "finetune,extract", "--backbone", "cnn10(width=4)", "--contrast", "standardize"]
    words += ["--ema", "0.9", "--label-smoothing", "0.1", "--schedule", "onecycle", "--watch", "test"]
    done = lab(*words, "--out", str(tmp_path), KERAS_BACKEND="jax", PYTHONPATH=str(blocked), **QUICK_XLA)
    assert done.returncode == 0, done.stdout + done.stderr
    records = store.read(tmp_path)
    assert [r["environment"]["backend"] for r in records] == ["jax", "jax"]
    finetune = next(r for r in records if r["choices"]["strategy"] == "finetune")
    assert "score_after" in finetune["steps"][-1]  # the statistics were re-estimated
    assert all(r["cost"]["train_seconds"] < time.time() - began for r in records)


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.slow)])
def test_own_images_train_with_every_choice_of_theirs(tmp_path, backend):
    pets = enumerate(("cat", "dog, wet", "odd"))
    tree = {f"{c}/scene{i // 3}_{i}.png": n for n, c in pets for i in range(24 - 6 * n)}
    folder = photos(tmp_path / "pets", tree)
    (folder / "cat/scene9_99.png").write_bytes(b"no image")
    flags = f"--dataset {folder} --backbone cnn10(width=4,norm='none') --weights none --size 16 --strategy scratch"
    flags += " --group scene(\\d+)_ --drop-classes odd --skip-corrupt --balance sampling --epochs 4 --patience 1"
    flags += f" --learning-rate auto --image-cache none --out {tmp_path}"
    done = lab(*flags.split(" "), **under(backend))
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = store.read(tmp_path)
    data, (phase, *_) = record["data"], record["steps"]
    assert data["classes"] == ["cat", "dog, wet"] and list(data["left_out"]) == ["cat/scene9_99.png"]
    assert sum(s["examples"] for s in data["splits"].values()) == 42
    assert 1e-6 < record["found"]["learning_rate"] < 1
    scores = [e["val_accuracy"] for e in phase["history"]]
    since = len(scores) - 1 - int(np.argmax(scores))
    assert phase["steps"] == phase["history"][-1]["steps"] and (len(scores) == 4 or since == 1)
    assert "| [pets](results/quickstart/README.md#on-pets) " in (tmp_path / "README.md").read_text()
    assert str(tmp_path) not in next(tmp_path.glob("results/*/*.json")).read_text()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_twice(tmp_path):
    """MobileNetV2, whose gradients are sums of many branches; in processes of their own."""
    words = ["--strategy", "scratch", "--backbone", "MobileNetV2(alpha=0.35)", "--dataset", "signs"]
    words += ["--size", "64", "--batch-size", "128", "--budget", "12steps"]
    digests = set()
    for k in range(2):
        assert lab(*words, "--out", str(tmp_path / str(k))).returncode == 0
        (record,) = store.read(tmp_path / str(k))
        digests.add(record["net"]["weights_digest"])
    assert len(digests) == 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's malloc that is told")
def test_a_run_does_not_have_its_memory_mapped_anew_at_each_step():
    made = "import resource\nfor _ in range(20):\n    b'x' * (1 << 25)\nprint(resource.getrusage(0).ru_minflt)"

    def faults(environment):
        done = subprocess.run([sys.executable, "-c", made], env=environment, capture_output=True, text=True, check=True)
        return int(done.stdout)

    pages = (1 << 25) // os.sysconf("SC_PAGESIZE")
    assert faults(environment_of_child()) < faults(dict(os.environ)) - 10 * pages
