from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tests.support.plans import conversations, plan, variant
from voicepipe.compare.desk import simulate
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Plan, Run
from voicepipe.compare.workers import Workers
from voicepipe.errors import SetupError

TIME = "the time comes from the tool"
ORDER = "a question is answered within a second"
SPREAD = ["stages.llm.first_token={p50: 200ms, p99: 900ms}"]


def nowhere(run: Run) -> Path | None:
    return None


def the_same(call: MeasuredCall) -> MeasuredCall:
    """Without what differs from one time to the next."""
    return call.model_copy(update={"began": "", "load": 0.0})


def hold(of: Plan, count: int = 2) -> list[tuple[Run, MeasuredCall]]:
    with Workers(of, count) as workers:
        return list(workers.hold(of.runs, nowhere))


def test_several_processes_measure_what_one_does_though_one_of_them_dies() -> None:
    mortal = variant("mortal", overrides=["stages.llm=tests.support.dying:Dying"])
    of = plan([variant("a", overrides=SPREAD), mortal], conversations(names=[ORDER, TIME]))
    found = {id(run): call for run, call in hold(of)}
    assert len(found) == len(of.runs) == 4
    for run in of.runs:
        call = found[id(run)]
        if run.variant is mortal and run.call.name == TIME:
            assert call.error == "the process that held it ended with status 9"
            assert (call.variant, call.call, call.repetition) == ("mortal", TIME, run.repetition)
        else:
            assert call.error is None
            assert the_same(call) == the_same(simulate(run, "stubs", None))
    assert multiprocessing.active_children() == []


def test_a_recording_that_cannot_be_written_ends_it_and_leaves_no_process_behind(tmp_path: Path) -> None:
    of = plan([variant("a")], conversations(names=[TIME]), 3)
    with Workers(of, 1) as workers:
        with pytest.raises(SetupError, match="gone"):
            list(workers.hold(of.runs, lambda run: tmp_path / "gone" / "a.wav"))
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []
