"""Downloads from a server of our own on this machine: ranges, breaks, wrong content, no server at all."""

import hashlib
import io
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from conftest import ROOT
from rich.console import Console

from lab import command, download, names
from lab.datasets.gtsrb import Gtsrb

CONTENT = np.random.default_rng(0).bytes(3_000_000)


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`; `cuts` are after how many bytes the next answers break off."""

    def do_GET(self):
        server, name = self.server, self.path.lstrip("/")
        asked = self.headers.get("Range")
        server.seen.append((name, asked))
        if server.status:
            self.send_response(server.status)
            self.send_header("Location", server.location)
            self.end_headers()
            return
        content = server.files[name]
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if start and start >= len(content):
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            shown = start + server.shift
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(content[start:] if cut is None else content[start : start + cut])

    def log_message(self, *_):
        pass


class Server(HTTPServer):
    def handle_error(self, *_):
        """A client that hangs up is what some tests are about."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.0)
    made = Server(("127.0.0.1", 0), Handler)
    made.files, made.ranges, made.cuts, made.seen = {"a.zip": CONTENT}, True, [], []
    made.status, made.location, made.shift = 0, "", 0
    made.url = f"http://127.0.0.1:{made.server_port}/"
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    publish(monkeypatch, made)
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def publish(monkeypatch, server):
    """Makes the server's files the archives of gtsrb."""
    archives = tuple((server.url + n, hashlib.md5(c).hexdigest()) for n, c in server.files.items())
    monkeypatch.setattr(Gtsrb, "archives", archives)


def get(folder, capsys, dataset="gtsrb"):
    """(exit code, output, error) of the command."""
    code = command.call(download.main, [dataset, "--to", str(folder)])
    return code, *capsys.readouterr()


def test_it_comes_whole_and_is_not_fetched_twice(server, tmp_path, capsys):
    folder = tmp_path / "new folder"
    code, out, _ = get(folder, capsys)
    assert code == 0 and (folder / "a.zip").read_bytes() == CONTENT
    assert f"--dataset gtsrb --data-dir '{folder}'" in out.splitlines()[-1] and "fetching a.zip of 3.0 MB" in out
    assert [p.name for p in folder.iterdir()] == ["a.zip"]
    code, out, _ = get(folder, capsys)
    assert code == 0 and len(server.seen) == 1 and "there already" in out and "--data-dir" in out


def test_a_broken_connection_goes_on_where_it_stopped(server, tmp_path, capsys):
    server.cuts = [1_000_000, 500_000, 0, 0, 300_000]
    code, out, _ = get(tmp_path, capsys)
    assert code == 0 and (tmp_path / "a.zip").read_bytes() == CONTENT
    starts = [asked for _, asked in server.seen]
    assert starts == [None, *(f"bytes={n}-" for n in [1_000_000, *[1_500_000] * 3, 1_800_000])]
    assert "the connection broke" in out and "from 1.8 MB on" in out


def test_a_part_of_an_earlier_day_is_used(server, tmp_path, capsys):
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:2_000_000])
    assert get(tmp_path, capsys)[0] == 0
    assert server.seen == [("a.zip", "bytes=2000000-")] and (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_whole_part_needs_no_server(server, tmp_path, capsys):
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    assert get(tmp_path, capsys)[0] == 0
    assert not server.seen and (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(server, tmp_path, capsys):
    server.ranges, server.cuts = False, [1_000_000]
    assert get(tmp_path, capsys)[0] == 0
    assert [asked for _, asked in server.seen] == [None, "bytes=1000000-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT + b"more", b"x" * len(CONTENT)])
def test_a_part_that_is_no_part_of_it_is_dropped(server, tmp_path, capsys, left):
    (tmp_path / "a.zip.part").write_bytes(left)
    assert get(tmp_path, capsys)[0] == 0
    assert len(server.seen) == 2 and (tmp_path / "a.zip").read_bytes() == CONTENT


def test_another_range_than_asked_for_is_not_appended(server, tmp_path, capsys):
    server.shift = 5
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:1000])
    assert get(tmp_path, capsys)[0] == 0
    assert server.seen[-1] == ("a.zip", None) and (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_wrong_archive_that_is_there_is_replaced(server, tmp_path, capsys):
    (tmp_path / "a.zip").write_bytes(b"half of it")
    assert get(tmp_path, capsys)[0] == 0
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_wrong_checksum_is_one_line_and_leaves_nothing(server, tmp_path, capsys):
    server.files["a.zip"] = CONTENT[:-1] + b"!"
    code, _, err = get(tmp_path, capsys)
    assert code == 3 and err.count("\n") == 1 and "has the checksum" in err and not list(tmp_path.iterdir())


def test_no_network_is_one_line_that_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.0)
    with HTTPServer(("127.0.0.1", 0), Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/a.zip"
    monkeypatch.setattr(Gtsrb, "archives", ((url, "0" * 32),))
    code, out, err = get(tmp_path, capsys)
    assert code == 3 and err.count("\n") == 1 and "Connection refused" in err and "give the same command again" in err
    assert out.count("the connection broke") == download.TRIES - 1


def test_a_server_that_always_breaks_off_is_given_up_and_its_part_is_kept(server, tmp_path, capsys):
    server.ranges, server.cuts = False, [1000] * 99
    code, _, err = get(tmp_path, capsys)
    assert code == 3 and "it ended after" in err
    assert (tmp_path / "a.zip.part").read_bytes() == CONTENT[:1000] and len(server.seen) == 1 + download.TRIES


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, download.TRIES)])
def test_an_answer_that_is_no_file_is_one_line(server, tmp_path, capsys, status, requests):
    server.status = status
    code, _, err = get(tmp_path, capsys)
    assert code == 3 and err.count("\n") == 1 and str(status) in err and len(server.seen) == requests


def test_only_https_is_fetched_from_elsewhere(server, monkeypatch, tmp_path, capsys):
    server.status, server.location = 302, "http://example.invalid/a.zip"
    code, _, err = get(tmp_path, capsys)
    assert code == 3 and "http://example.invalid/a.zip is not https" in err
    for url in ("http://example.invalid/a.zip", "file:///etc/passwd", "ftp://127.0.0.1/a.zip"):
        monkeypatch.setattr(Gtsrb, "archives", ((url, "0" * 32),))
        code, _, err = get(tmp_path, capsys)
        assert code == 3 and "is not https" in err


def test_ctrl_c_leaves_the_part_for_the_next_time(server, monkeypatch, tmp_path, capsys):
    def stop(show, have):
        if have > 1_000_000:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download.Show, "at", stop)
        code, _, err = get(tmp_path, capsys)
    kept = (tmp_path / "a.zip.part").read_bytes()
    assert code == 130 and err.count("\n") == 1 and 1_000_000 < len(kept) < len(CONTENT) and CONTENT.startswith(kept)
    assert get(tmp_path, capsys)[0] == 0
    assert server.seen[-1] == ("a.zip", f"bytes={len(kept)}-") and (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_disk_that_takes_no_more_is_one_line(server, tmp_path, capsys):
    (tmp_path / "a.zip.part").mkdir()
    code, _, err = get(tmp_path, capsys)
    assert code == 2 and err.count("\n") == 1 and "cannot write" in err and "--to" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["signs", "--to", "x"], "signs has no archives to fetch; these have: gtsrb"),
        (["nonsense", "--to", "x"], "unknown dataset"),
        (["gtsrb"], "--to"),
        (["gtsrb", "--to", str(ROOT / "README.md")], "choose another folder"),
    ],
)
def test_what_is_refused_is_one_line(argv, said, capsys):
    assert command.call(download.main, argv) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_plain_lines_say_how_far_and_how_long(server, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(download, "PLAIN", 0.0)
    out = get(tmp_path, capsys)[1]
    assert re.search(r"a\.zip: [\d.]+ MB of 3\.0 MB, about [\d.]+ \w+ left", out)
    assert "\x1b" not in out


def test_a_terminal_has_a_bar(server, monkeypatch, tmp_path, capsys):
    screen = io.StringIO()
    monkeypatch.setattr(download, "Console", partial(Console, file=screen, force_terminal=True, width=120))
    assert get(tmp_path, capsys)[0] == 0
    assert "━" in screen.getvalue() and "3.0/3.0 MB" in screen.getvalue()


def test_help_answers_without_keras():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['lab.download', '--help']\n"
        "try: runpy.run_module('lab.download', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'keras', 'tensorflow', 'jax', 'pandas', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "usage: python -m lab.download" in done.stdout


@pytest.mark.parametrize("name", names.listing("datasets"))
def test_the_declared_archives_are_https_with_a_checksum(name):
    for url, md5 in getattr(names.find("datasets", name), "archives", ()):
        assert re.fullmatch(r"https://[\w.-]+/[\w./-]+\.zip", url) and re.fullmatch(r"[0-9a-f]{32}", md5)


def test_what_was_downloaded_is_read(server, monkeypatch, tmp_path, capsys):
    from test_gtsrb import benchmark_archives

    server.files = benchmark_archives()
    publish(monkeypatch, server)
    server.cuts = [100]
    assert get(tmp_path, capsys)[0] == 0
    assert len(names.build("datasets", "gtsrb").load(str(tmp_path)).train) == 60
