from __future__ import annotations

import multiprocessing
import signal
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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells there which are blocked")
def test_ctrl_c_is_not_for_the_workers_also_while_they_begin() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with Workers(plan([variant("a")], conversations(names=[TIME])), 2) as workers:
        blocked = [_blocked(workers._new().process.pid) for _ in range(2)]
    assert blocked == [True, True]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def _blocked(process: int | None) -> bool:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigBlk:"))
    return bool(mask >> (signal.SIGINT - 1) & 1)


def test_a_recording_that_cannot_be_written_ends_it_and_leaves_no_process_behind(tmp_path: Path) -> None:
    of = plan([variant("a")], conversations(names=[TIME]), 3)
    with Workers(of, 1) as workers:
        with pytest.raises(SetupError, match="gone"):
            list(workers.hold(of.runs, lambda run: tmp_path / "gone" / "a.wav"))
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []
