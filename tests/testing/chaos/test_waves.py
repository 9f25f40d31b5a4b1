"""Waves of calls, and whether the computer keeps up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.cli import SIM
from voicepipe.config.load import load_pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import MS
from voicepipe.testing.chaos.call import Cell
from voicepipe.testing.chaos.waves import LOOK_EVERY, Lag, cells_of, hold_all
from voicepipe.transports.wav import Clip


def test_each_stage_meets_each_fault() -> None:
    assert cells_of(["llm", "tts"], ["429", "nan"]) == [
        Cell("llm", "429"),
        Cell("llm", "nan"),
        Cell("tts", "429"),
        Cell("tts", "nan"),
    ]


def test_a_loop_that_is_kept_busy_is_late_by_as_much() -> None:
    async def main(busy_ns: int) -> int:
        clock = Clock()
        lag = Lag(clock)
        await clock.sleep(100 * MS)
        until = clock.now() + busy_ns
        while clock.now() < until:
            pass
        await clock.sleep(0)
        await clock.sleep(LOOK_EVERY)
        return lag.stop()

    assert run_on("simulated", main(0)) == 0
    assert run_on("charged", main(200 * MS)) >= 150 * MS


def test_calls_are_held_in_waves_and_told_in_their_order(tmp_path: Path) -> None:
    """Of a caller who isn't heard, so that they are short: nothing is struck before they are answered."""
    pytest.importorskip("openai", reason="needs the extra 'local'")
    (tmp_path / "sim.yaml").write_text(SIM.replace("vad: sim", "vad: energy"))
    quiet = Clip("quiet", np.ones(3200, np.int16), 3200, {})
    told: list[str] = []
    cells = cells_of(["llm"], ["500", "refuse"])
    loaded = load_pipeline(tmp_path / "sim.yaml")
    held = run_on("real", hold_all(loaded, cells, quiet, at_once=1, tell=told.append))
    assert [outcome.cell for outcome in held.outcomes] == cells
    for outcome in held.outcomes:
        assert outcome.problems == ["the call went wrong before anything was struck"]
    assert told[:2] == ["calls 1 to 1 of 2", "calls 2 to 2 of 2"]
