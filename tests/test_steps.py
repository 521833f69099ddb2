"""Strategies driven by hand: a plan is checked without a network."""

import pytest

from lab import names
from lab.steps import Adapt, Part, Parts, Phase, Recalibrate, Result, Selection

PARTS = Parts(
    (
        Part("stage1", "constant", False, 3),
        Part("stage1", "kernel", False, 27),
        Part("stage1", "scale", False, 8),
        Part("stage1", "statistics", False, 8),
        Part("stage2", "kernel", False, 90),
        Part("stage2", "bias", False, 9),
        Part("head", "kernel", True, 40),
        Part("head", "bias", True, 4),
    ),
    ("stage1", "stage2", "head"),
)


def test_selections_leave_constants_out_and_partition_the_rest():
    assert PARTS.all == {1, 2, 3, 4, 5, 6, 7}
    assert PARTS.source | PARTS.new == PARTS.all
    assert not PARTS.source & PARTS.new
    assert PARTS.new == PARTS.stage("head") == {6, 7}
    assert PARTS.kind("scale", "statistics") == {2, 3}
    assert isinstance(PARTS.all - PARTS.new & PARTS.stage("stage1"), Selection)


@pytest.mark.parametrize("name", names.listing("strategies"))
def test_a_plan_spends_at_most_its_budget_and_selects_something(name):
    plan = names.build("strategies", name).steps(PARTS)
    result, steps = None, []
    while True:
        try:
            step = plan.send(result)
        except StopIteration:
            break
        steps.append(step)
        result = Result(step.name, len(steps) / 10, parts=PARTS if isinstance(step, Adapt) else None)
    shares = [s.share for s in steps if isinstance(s, Phase)]
    assert sum(shares) <= 1 + 1e-9
    assert all(s.select for s in steps if isinstance(s, Phase | Recalibrate))
    assert bool(shares) == names.build("strategies", name).trains


def test_finetune_warms_the_new_parts_then_trains_everything():
    plan = names.build("strategies", "finetune(warmup=0.25)").steps(PARTS)
    first = next(plan)
    second = plan.send(Result("warm-up", 0.1))
    third = plan.send(Result("finetune", 0.2))
    assert (first.select, first.share) == (PARTS.new, 0.25)
    assert (second.select, second.share) == (PARTS.all, 0.75)
    assert third.select == PARTS.all and isinstance(third, Recalibrate)
