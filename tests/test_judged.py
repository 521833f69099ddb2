"""Verdicts that are kept: read again as they were, and reached anew when anything that they depend on is another."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import LABELS

from lab.comparison import kept_verdicts, paired
from lab.comparison.contestants import contests
from lab.records import store


@pytest.fixture
def counted(monkeypatch):
    """The numbers of contests that were judged, of each call that had any."""
    found, judge = [], kept_verdicts.verdict.judge

    def counting(root, some, draws):
        found.extend([len(some)] if some else [])
        return judge(root, some, draws)

    monkeypatch.setattr(kept_verdicts.verdict, "judge", counting)
    return found


def asked(root, **choices):
    return [replace(c, **choices) for c in contests(store.read(root))]


def kept(root):
    return sorted(store.cache(root, "verdicts").iterdir())


def test_a_verdict_is_reached_once_and_then_read_as_it_was(tested, counted):
    first = kept_verdicts.judge(tested, asked(tested), 300)
    assert kept_verdicts.judge(tested, asked(tested), 300) == first and counted == [1]
    assert isinstance(first[0].pairs[0].difference.seeds, tuple) and list(first[0].reached["lpft"]) == [0, 1, 2]


def _another_prediction(root):
    path = next((root / "results" / "x").glob("*scratch*s1*.npz"))
    with np.load(path) as file:
        np.savez(path, labels=LABELS, predicted=np.where(file["predicted"] == LABELS, LABELS, (LABELS + 2) % 4))


def _another_figure(root):
    record = store.read(root)[0]
    record["test"]["loss"] = 9.0
    store.write(root, record)


@pytest.mark.parametrize("change", [_another_prediction, _another_figure])
def test_what_a_run_did_is_judged_anew_when_it_is_another(tested, counted, change):
    kept_verdicts.judge(tested, asked(tested), 300)
    change(tested)
    kept_verdicts.judge(tested, asked(tested), 300)
    assert counted == [1, 1] and len(kept(tested)) == 2


def test_another_question_or_another_judge_is_another_verdict(tested, counted, monkeypatch):
    found = [kept_verdicts.judge(tested, asked(tested), 300), kept_verdicts.judge(tested, asked(tested), 200)]
    (against,) = kept_verdicts.judge(tested, asked(tested, base="scratch"), 300)
    assert len(against.pairs) == 3 and found[0][0].pairs != found[1][0].pairs
    monkeypatch.setattr(kept_verdicts, "_judges", lambda: ["of another version"])
    kept_verdicts.judge(tested, asked(tested), 300)
    assert counted == [1, 1, 1, 1] and len(kept(tested)) == 4


def _edit(path):
    content = json.loads(path.read_text())
    content["verdict"]["pairs"][0]["p"] = 0.9
    path.write_text(json.dumps(content))


def _another_form(path):
    content = json.loads(path.read_text())
    del content["verdict"]["noise"]
    path.write_text(json.dumps(store.seal(content)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.write_bytes(p.read_bytes()[:-40]), lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"\xff{"),
        lambda p: p.write_text("null"), lambda p: p.write_text("[" * 100_000), _edit, _another_form,
        lambda p: p.write_bytes(next(q for q in kept(p.parents[3]) if q != p).read_bytes()),  # of another contest
    ],
)  # fmt: skip
def test_a_file_that_is_damaged_edited_or_anothers_is_not_believed(tested, counted, spoil):
    first = kept_verdicts.judge(tested, asked(tested), 300)
    (path,) = kept(tested)
    content = path.read_bytes()
    kept_verdicts.judge(tested, asked(tested, base="scratch"), 300)
    spoil(path)
    assert kept_verdicts.judge(tested, asked(tested), 300) == first and counted == [1, 1, 1]
    assert path.read_bytes() == content  # mended


def test_where_nothing_can_be_kept_it_is_judged_every_time(tested, counted):
    store.cache(tested, "verdicts").parent.mkdir(exist_ok=True)
    store.cache(tested, "verdicts").write_text("a file, and no folder")
    first = kept_verdicts.judge(tested, asked(tested), 300)
    assert kept_verdicts.judge(tested, asked(tested), 300) == first and counted == [1, 1]


def test_the_oldest_verdicts_make_room(tested, monkeypatch):
    monkeypatch.setattr(kept_verdicts, "MOST", 2)
    for draws in (100, 200, 300):
        kept_verdicts.judge(tested, asked(tested), draws)
    assert len(kept(tested)) == 2


def test_resamples_are_drawn_once_for_all_contests_of_as_many_examples(tested, monkeypatch):
    found, draw = [], paired.resampled
    monkeypatch.setattr(paired, "resampled", lambda some, draws: found.append(len(some)) or draw(some, draws))
    alone = [kept_verdicts.judge(tested, [c], 300)[0] for c in (*asked(tested), *asked(tested, base="scratch"))]
    for path in kept(tested):
        path.unlink()
    found.clear()
    assert (
        kept_verdicts.judge(tested, [*asked(tested), *asked(tested, base="scratch")], 300) == alone and len(found) == 1
    )
