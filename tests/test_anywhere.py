"""The lab where there is no checkout of it: as a console's command, in a folder of the user's."""

import os
import shutil
import subprocess
import sys
import venv
from importlib import import_module

import pytest
from conftest import ROOT, TINY
from test_run import COMMANDS

from lab import __main__ as lab
from lab import command, environment
from lab.records import store

MARKED = "# Mine\n\nwords\n\n[comment]: # (result_table_start)\n[comment]: # (result_table_end)\n\nmore words"
UNMARKED = b"# Mine\r\n\r\n| a | table |\n \xc3\xa9, no newline"  # not a byte of it may change
ONE = ["--strategy", "scratch", "--checks", "none"]


def copied(folder):
    """The files of this checkout that are, or would be, committed, in a new folder."""
    words = [
        "git",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "lab",
        "*.toml",
        "*.txt",
        "*.md",
        "setup.py",
    ]
    done = subprocess.run([*words, "LICENSE"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = sorted({p for p in done.stdout.split("\0") if (ROOT / p).is_file()})
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return paths


def tried(program, folder, **environment):
    """Has the program, what `lab` is there, do a run in a folder with a README; returns how to ask for more."""

    def ask(*words):
        where = {"cwd": folder, "capture_output": True, "text": True, "env": {**os.environ, **environment}}
        return subprocess.run([*program, *words], **where)

    folder.mkdir()
    (folder / "README.md").write_text(MARKED)
    (folder / "csv.py").write_text("raise ImportError('not this one')\n")  # a run is not to import it
    done = ask("run", *TINY, *ONE)
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = store.read(folder)
    text = (folder / "README.md").read_text()
    assert text.startswith("# Mine\n\nwords\n\n[comment]") and text.endswith("(result_table_end)\n\nmore words")
    assert f"{record['test']['accuracy']:.3f}" in text and "| [digits (limit 60)](" in text
    assert {p.name for p in folder.iterdir()} == {"README.md", "csv.py", "results", "img"}
    assert list((folder / "results" / "quickstart" / "img").glob("*.png"))
    assert record["command"].startswith("python -m lab.run --backbone")
    assert record["environment"]["commit"] is None and not record["environment"]["dirty"]
    assert ask("report", "--check").stdout.endswith("agree\n")

    (folder / "README.md").write_bytes(UNMARKED)
    assert "was left as it is" in ask("report").stdout
    assert (folder / "README.md").read_bytes() == UNMARKED
    return ask


def test_a_copy_without_checkout_works_in_a_folder_of_the_users(tmp_path):
    """As installed: lab/ lies among packages, in a repository that is not the lab's."""
    site = tmp_path / "site"
    for path in copied(tmp_path / "source"):
        if path.startswith("lab/"):
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "source" / path).rename(site / path)
    shutil.rmtree(tmp_path / "source")
    who = ["-c", "user.name=x", "-c", "user.email=x@y"]
    for words in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    program = [sys.executable, "-P", "-c", "import sys; from lab.__main__ import main; sys.exit(main())"]
    ask = tried(program, tmp_path / "mine", PYTHONPATH=str(site))
    assert "signs" in ask("datasets").stdout


@pytest.mark.slow
@pytest.mark.net
def test_pip_installs_all_that_it_takes(tmp_path):
    """Minutes: an empty environment, `pip install .` of a clean copy, and then nothing of the copy is left."""
    source, there = tmp_path / "source", tmp_path / "environment"
    paths = copied(source)
    left = source / "build" / "lib" / "lab" / "heads" / "of_before.py"  # by the build of an earlier commit
    left.parent.mkdir(parents=True)
    left.touch()
    venv.create(there, with_pip=True)
    programs = there / ("Scripts" if sys.platform == "win32" else "bin")
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([programs / "pip", "install", "-q", "."], cwd=source, check=True, env=clean)
    shutil.rmtree(source)
    (site,) = there.rglob("site-packages")
    installed = {p.relative_to(site).as_posix() for p in (site / "lab").rglob("*.*") if p.suffix != ".pyc"}
    assert installed == {p for p in paths if p.startswith("lab/")}
    ask = tried([programs / "lab"], tmp_path / "mine", PYTHONPATH="")
    assert ask("--help").stdout.startswith("usage: lab ")
    assert ask("run", "--help").stdout.startswith("usage: lab run ")
    by_module = subprocess.run([programs / "python", "-m", "lab.run", "--help"], capture_output=True, text=True)
    assert by_module.stdout.startswith("usage: python -m lab.run ")
    quick = ask("run", "--strategy", "extract", "--epochs", "1", "--limit", "43")  # the embedded data and source
    assert quick.returncode == 0, quick.stdout + quick.stderr
    assert "cnn10 from source" in quick.stdout


def test_the_commands_are_the_modules():
    assert {f"lab.{name}" for name in lab.commands()} >= set(COMMANDS[1:])
    for name in lab.commands():
        assert callable(import_module(lab.module_of(name)).main)
    assert "child" not in lab.commands() and "names" not in lab.commands()


def test_one_program_does_every_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/lab", "heads"])
    assert lab.main() == 0 and "linear" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["lab"])
    assert lab.main() == 0
    out = capsys.readouterr().out
    assert out.startswith("lab COMMAND --help") and "\n  lab run " in out and "python -m" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu", "--strategy", "x"], "no such command: rnu; did you mean run"),
        (["zzzz"], "no such command: zzzz; `python -m lab` lists them all"),
        (["child"], "no such command: child"),
        (["../run"], "no such command: ../run"),
        (["run", "--bogus"], "unrecognized arguments: --bogus; `python -m lab.run --help`"),
        (["--bogus"], "unrecognized arguments: --bogus; `python -m lab --help`"),
    ],
)
def test_what_is_no_command_is_refused_in_one_line(words, said, capsys):
    assert command.call(lab.dispatched, words) == 2
    out, error = capsys.readouterr()
    assert said in error and error.count("\n") == 1 and out == ""


@pytest.mark.parametrize(
    ("program", "module", "shown"),
    [
        ("/x/bin/lab", "lab.data convert", "lab data convert"),
        ("/x/lab/run.py", "lab.run", "python -m lab.run"),
        ("/x/lab/__main__.py", "lab.run", "python -m lab.run"),
        ("/x/bin/lab", "lab", "lab"),
        ("lab.losses", "lab.losses", "python -m lab.losses"),
    ],
)
def test_help_shows_what_was_typed(program, module, shown, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    assert command.called(module) == shown
    assert command.parser(module, "").format_help().startswith(f"usage: {shown} ")


def test_the_commit_is_the_one_that_pip_was_told(monkeypatch):
    class Installed:
        text = None

        def read_text(self, name):
            return self.text if name == "direct_url.json" else None

    installed = Installed()
    monkeypatch.setattr(environment, "distribution", lambda name: installed)
    assert environment._installed_commit() is None
    installed.text = '{"url": "file:///x", "dir_info": {}}'
    assert environment._installed_commit() is None
    installed.text = '{"url": "https://x/y", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'
    assert environment._installed_commit() == "abc"


def test_a_package_is_named_in_the_version_that_is_tested():
    pinned = environment.pins()
    assert environment.pip_install("keras", "a-b") == f"pip install a-b keras=={pinned['keras']}"
