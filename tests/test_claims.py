"""Sentences of README.md that are marked as claims: --check fails when one is no longer true, or is a tie."""

from importlib import import_module

import pytest
from conftest import recorded_run

from lab import command, report
from lab.records import store
from lab.report import claims

main = import_module("lab.report.__main__").main
TEXT = "# Mine\n\nOur way is best <!-- claim: {} -->.\n\n[comment]: # (result_table_start)\n"
TEXT += "[comment]: # (result_table_end)\n"


def against(tested, claim):
    (tested / "README.md").write_text(TEXT.format(claim))
    return claims.wrong(tested, store.read(tested))


@pytest.mark.parametrize(
    "claim",
    ["finetune > scratch", "finetune > scratch on x d", "finetune ~ lpft", "lpft > knn on size=32\n backbone=cnn10"],
)
def test_what_the_records_say_is_no_difference(tested, claim):
    assert against(tested, claim) == []


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("scratch > finetune", "it is the other way round: finetune is +60.0 points above scratch"),
        ("lpft > finetune", "they cannot be told apart: lpft is +1.7 points above finetune"),
        ("knn ~ scratch", "they can be told apart: knn is"),
        ("finetune > nothing", "no finished run has nothing"),
        ("finetune > scratch on mars", "no finished run is on mars"),
        ("finetune is best", "a claim reads A > B, or A ~ B"),
    ],
)
def test_what_they_do_not_say_is_one_line_with_what_they_do(tested, claim, said):
    (line,) = against(tested, claim)
    assert line.startswith(f"README.md line 3 claims {claim}: ") and said in line


def test_one_seed_is_not_enough(tmp_path):
    recorded_run(tmp_path, "finetune", 0, 3)
    recorded_run(tmp_path, "scratch", 0, 50)
    assert "one seed each is not enough" in against(tmp_path, "finetune > scratch")[0]


def test_a_claim_is_wrong_as_soon_as_one_comparison_is(tested):
    for seed in range(3):
        recorded_run(tested, "finetune", seed, 31 + seed, experiment="y")
        recorded_run(tested, "scratch", seed, 30 - seed, experiment="y", weights="none")
    assert len(against(tested, "finetune > scratch")) == 1 and against(tested, "finetune > scratch on x") == []


def test_check_fails_and_a_rebuild_says_so(tested, capsys):
    (tested / "README.md").write_text(TEXT.format("scratch > finetune"))
    said = []
    report.rebuild(tested, said.append)
    assert "the other way round" in said[-1]
    assert command.call(main, ["--check", "--out", str(tested)]) == 1
    assert "the other way round" in capsys.readouterr().out
    (tested / "README.md").write_text(
        (tested / "README.md").read_text().replace("scratch > finetune", "finetune > scratch")
    )
    assert command.call(main, ["--check", "--out", str(tested)]) == 0


def test_what_is_code_claims_nothing(tested):
    text = "It reads `<!-- claim: a > b -->`.\n\n```\n<!-- claim: b > c -->\n```\n\n<!-- claim: knn > lpft -->\n"
    (tested / "README.md").write_text(text)
    (line,) = claims.wrong(tested, store.read(tested))
    assert line.startswith("README.md line 7 claims knn > lpft")
