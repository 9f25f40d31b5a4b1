from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.plans import SIM, conversations
from voicepipe.api import Call, Pipeline
from voicepipe.audio.wav import read_wav
from voicepipe.compare.one_call import TOO_DEAR, Held, Purse, hold_one, not_held
from voicepipe.config.load import load_pipeline
from voicepipe.core.clock import run_on
from voicepipe.errors import AudioError, SetupError
from voicepipe.speech.pricing import PICO
from voicepipe.transports.conversation import Item

TIME = "the time comes from the tool"
INTERRUPTED = "an interruption is answered, and the history keeps what was heard"


def held(name: str = TIME, *overrides: str, stubs: dict[str, Any] | None = None, **others: Any) -> Held:
    (call,) = conversations(names=[name])
    return hold(call.script, *overrides, stubs=stubs or {"current_time": {"time": "12:30"}}, **others)


def hold(script: Sequence[Item], *overrides: str, stubs: dict[str, Any] | None, **others: Any) -> Held:
    pipeline = Pipeline(load_pipeline(SIM, overrides=overrides))
    return run_on("simulated", hold_one(pipeline, script, vars={}, stubs=stubs, **others))


def test_it_gives_evidence_of_the_whole_call() -> None:
    found = held()
    assert found.error is None
    assert found.evidence is not None
    (turn,) = found.evidence.report.turns
    assert turn.heard == "It is 12:30 o'clock, universal time."
    assert found.evidence.remembered == {turn.turn: turn.heard}
    assert np.any(found.evidence.played)
    assert not_held(found.evidence, {"current_time": 0}) is None


def test_a_stage_that_breaks_is_the_calls_error_and_what_was_before_is_there() -> None:
    found = held(INTERRUPTED, "stages.llm=tests.support.dying:Faulty")
    assert found.error == "LookupError: the bug"
    assert found.evidence is not None
    assert str(found.evidence.report.turns[0].heard).startswith("I live")


def test_what_is_missing_here_is_raised() -> None:
    with pytest.raises(SetupError, match="nope"):
        held(TIME, "stages.tts=piper/nope")


def test_a_tool_without_a_stub_is_named() -> None:
    found = held(stubs={"other": 1})
    assert found.evidence is not None
    assert not_held(found.evidence, {"other": 1}) == (
        "'current_time' was called, and there is no stub: say in tool_results what it answers"
    )
    assert not_held(found.evidence, None) is None


def test_both_sides_are_recorded_and_the_evidence_is_the_same(tmp_path: Path) -> None:
    plain, recorded = held(), held(recording=tmp_path / "call.wav")
    assert plain.evidence is not None
    assert recorded.evidence is not None
    assert read_wav(tmp_path / "call.wav").channels == 2
    length = min(plain.evidence.played.size, recorded.evidence.played.size)
    assert np.array_equal(plain.evidence.played[:length], recorded.evidence.played[:length])
    assert not np.any(plain.evidence.played[length:])


def test_a_recording_that_cannot_be_made_is_raised(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        held(recording=tmp_path / "gone" / "call.wav")


def test_somebody_may_act_before_each_utterance() -> None:
    told: list[tuple[str, int]] = []

    def before(call: Call, number: int) -> None:
        told.append((call.clock.name, number))

    held("a pause inside a sentence doesn't end the turn", before=before)
    assert told == [("simulated", 0), ("simulated", 1)]


def test_a_call_is_broken_off_by_the_request_that_costs_more_than_is_left() -> None:
    price = "cost.prices={sim: {million_characters: 100}}"
    whole, cut, enough = (held(INTERRUPTED, price, purse=Purse(most)) for most in (None, PICO // 1000, PICO))
    assert (whole.error, enough.error) == (None, None)
    assert cut.error == TOO_DEAR
    assert whole.evidence is not None
    assert cut.evidence is not None
    assert len(cut.evidence.report.turns) < len(whole.evidence.report.turns)
