from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.plans import SIM, conversations, variant
from voicepipe.api import RATE
from voicepipe.compare.desk import simulate
from voicepipe.compare.measure import measured
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.one_call import Held
from voicepipe.compare.plan import Run, Scripted
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.spoken import spoken
from voicepipe.transports.wav import Clip

TIME = "the time comes from the tool"
GOES_ON = "somebody who goes on gets one answer to all of it, and the draft was waste"
INTERRUPTED = "an interruption is answered, and the history keeps what was heard"


@cache
def every() -> dict[str, Scripted]:
    return {call.name: call for call in conversations()}


def held(call: Scripted | str, *overrides: str, path: Path = SIM, recording: Path | None = None) -> Any:
    script = every()[call] if isinstance(call, str) else call
    return simulate(Run(variant("a", path, overrides), script, 0), "stubs", recording)


@pytest.mark.parametrize("name", [TIME, INTERRUPTED, GOES_ON, "a question is answered within a second"])
@pytest.mark.parametrize("speculate", ["[stt, llm, tts]", "[]"])
def test_the_waterfall_of_each_turn_sums_to_its_latency(name: str, speculate: str) -> None:
    call = held(name, f"stages.turn.speculate={speculate}", "stages.llm.first_token={p50: 200ms, p99: 900ms}")
    for turn in call.turns:
        spent = sum(part.duration_ns for part in turn.waterfall)
        if turn.voice_to_voice_ns is not None:
            assert spent == turn.voice_to_voice_ns
            assert turn.waterfall[0].start_ns == turn.start_ns
        for before, after in zip(turn.waterfall, turn.waterfall[1:], strict=False):
            assert before.start_ns + before.duration_ns == after.start_ns


def test_a_turn_tells_what_was_said_and_done_and_when() -> None:
    (turn,) = held(TIME).turns
    assert turn.user == "What time is it, please?"
    assert turn.agent == turn.heard == "It is 12:30 o'clock, universal time."
    assert (turn.status, turn.answered, turn.spoken, turn.estimated) == ("completed", True, True, False)
    (tool,) = turn.tools
    assert (tool.name, tool.arguments, tool.error) == ("current_time", {"time_zone": "UTC"}, False)
    assert tool.result == '{"time":"12:30"}'
    assert turn.in_recording_ns is None


def test_a_typed_turn_has_no_latency() -> None:
    call = held("a question that is typed into the reply replaces it")
    assert [turn.spoken for turn in call.turns] == [True, False]
    assert call.turns[1].voice_to_voice_ns is None
    assert (call.interruptions, call.honoured) == (1, 1)


def test_the_latency_is_found_in_the_recording_as_well(tmp_path: Path) -> None:
    call = held(INTERRUPTED, recording=tmp_path / "a.wav")
    assert call.audio == "a.wav"
    assert len(call.turns) == 2
    for turn in call.turns:
        assert turn.in_recording_ns == pytest.approx(turn.voice_to_voice_ns, abs=20 * MS)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        (INTERRUPTED, (1, 1, 0, 0)),
        ("""an "uh-huh" makes the agent pause, and it goes on""", (0, 0, 1, 1)),
        ("a cough has no words, and the agent goes on", (0, 0, 1, 1)),
        (TIME, (0, 0, 0, 0)),
    ],
)
def test_interruptions_and_backchannels_are_counted(name: str, counts: tuple[int, ...]) -> None:
    call = held(name)
    assert (call.interruptions, call.honoured, call.backchannels, call.ignored) == counts
    assert len(call.silences_ns) == call.honoured


def hesitant() -> Scripted:
    """Somebody who says "Where is", and after a pause "my order?"; all of it is one clip."""
    first, second = (spoken(words, "en", RATE, by_espeak=False) for words in ("Where is", "my order?"))
    before = np.concatenate((first.pcm[: first.pcm.size // 320 * 320], np.zeros(RATE // 4 // 320 * 320)))
    pcm = np.concatenate((before, second.pcm)).astype(np.int16)
    frames = before.size // 320
    captions = {**(first.captions or {}), **{at + frames: t for at, t in (second.captions or {}).items()}}
    clip = Clip("hesitant", pcm, pcm.size, captions)
    return Scripted("hesitant", "audio", [Utterance(clip)], SECOND, ("Where is my order?",))


def test_an_agent_that_answers_in_a_pause_cuts_in() -> None:
    patient = held(hesitant())
    hasty = held(
        hesitant(),
        "stages.turn={strategy: silence, min_silence: 100ms}",
        "stages.stt.final_after=10ms",
        "stages.llm.first_token=10ms",
        "stages.tts.first_audio=10ms",
    )
    assert [turn.user for turn in patient.turns] == ["Where is my order?"]
    assert (patient.cut_ins, patient.word_errors) == (0, 0)
    assert (hasty.cut_ins, hasty.word_errors) == (1, 0)


# ── success ──────────────────────────────────────────────────────────────────────────────────────


def test_a_call_passes_if_all_that_is_expected_was_met() -> None:
    assert held(TIME).passed is True


def test_a_call_that_misses_something_says_what() -> None:
    call = held(TIME, "stages.llm.replies=[Hello.]")
    assert call.passed is False
    assert call.missed[0] == "steps.1.expect.tool: expected a call of current_time, found no tool was called"


def test_of_a_call_without_a_test_nothing_is_expected() -> None:
    call = held(replace(every()[TIME], test=None, tool_results={"current_time": 1}))
    assert call.passed is None
    assert call.missed == ()


def test_a_call_that_could_not_be_held_to_its_end_is_not_judged() -> None:
    call = held(INTERRUPTED, "stages.llm=tests.support.dying:Faulty")
    assert call.error == "LookupError: the bug"
    assert call.passed is None
    assert call.turns[0].heard.startswith("I live")
    assert call.duration_ns > 0


def test_a_call_that_never_began_is_told_nevertheless() -> None:
    run = Run(variant("a"), every()[TIME], 3)
    call = measured(run, Held(None, "no line"), began="now", load=0.5, stubs=None)
    assert call == MeasuredCall(
        variant="a",
        call=TIME,
        repetition=3,
        clock="simulated",
        began="now",
        load=0.5,
        duration_ns=0,
        error="no line",
    )


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def test_words_are_held_against_what_was_said() -> None:
    call = held(TIME)
    assert (call.word_errors, call.words) == (0, 5)
    wrong = held(replace(every()[TIME], reference=("What time was it then?",)))
    assert (wrong.word_errors, wrong.words) == (2, 5)


def test_without_a_reference_there_is_no_error_rate() -> None:
    call = held(replace(every()[TIME], reference=(None,)))
    assert (call.word_errors, call.words) == (None, None)


def test_an_utterance_that_nobody_wrote_down_counts_neither_way() -> None:
    call = held(replace(every()[INTERRUPTED], reference=("Where is my order?", None)))
    assert (call.word_errors, call.words) == (0, 4)
    second = held(replace(every()[INTERRUPTED], reference=(None, "Thank you, that's all.")))
    assert (second.word_errors, second.words) == (1, 4)


def test_it_does_not_matter_that_two_utterances_were_heard_as_one() -> None:
    call = held("a pause inside a sentence doesn't end the turn")
    assert [turn.user for turn in call.turns] == ["Where is my order?"]
    assert (call.word_errors, call.words) == (0, 4)


# ── money ────────────────────────────────────────────────────────────────────────────────────────

PRICED = "cost: {machine_usd_hour: 0.36}\n"


def test_what_turns_cost_is_what_the_call_costs(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text(SIM.read_text(encoding="utf-8") + PRICED)
    call = held(INTERRUPTED, path=path)
    total = sum(item.cost for item in call.items)
    assert total > 0
    assert sum(turn.cost for turn in call.turns) <= total
    assert call.turns[0].wasted > 0
    assert sum(item.wasted for item in call.items) >= call.turns[0].wasted
    assert {(item.slot, item.unit) for item in call.items} >= {("tts", "characters"), ("llm", "machine_ms")}


def test_without_a_price_the_cost_is_unknown_and_not_nothing() -> None:
    assert any(item.unpriced for item in held(TIME).items)


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────


def test_values_of_the_environment_are_in_nothing_that_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter22")
    path = tmp_path / "sim.yaml"
    path.write_text(SIM.read_text(encoding="utf-8").replace("say: You're welcome.", 'say: "${env:TOKEN}"'))
    call = held(INTERRUPTED, path=path)
    assert call.turns[1].agent == "****"
    assert "****" in call.missed[0]
    assert "hunter22" not in call.model_dump_json()


def test_what_the_pipeline_masks_is_masked_in_what_is_kept_of_a_call() -> None:
    reply = "stages.llm.replies=[{call: {current_time: {time_zone: UTC}}, say: 'Card 4111 1111 1111 1111.'}]"
    plain, masked = (held(TIME, reply, f"record.redact={kinds}") for kinds in ("[]", "[card]"))
    assert [call.turns[0].agent for call in (plain, masked)] == ["Card 4111 1111 1111 1111.", "Card [card]."]
    assert "4111" in plain.model_dump_json()
    assert "1111" not in masked.model_dump_json()
    assert [call.items for call in (plain, masked)] == [plain.items, plain.items]
