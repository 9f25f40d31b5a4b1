"""``record:`` in whole calls: the folder of a call, what is masked in it, and what can be heard."""

from __future__ import annotations

import json
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.sound import FakeSound, Hardware
from tests.support.tones import tone
from voicepipe.api import RATE, Call, Pipeline
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Text
from voicepipe.core.io import CallEnds
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import NotKeptError, SetupError
from voicepipe.observe.kept_call import kept_calls, read_call
from voicepipe.observe.log import EventLog
from voicepipe.observe.log_reader import read_log
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.transports.conversation import ConversationCall, Utterance
from voicepipe.transports.local import LocalCall
from voicepipe.transports.spoken import noise, with_words
from voicepipe.transports.wav import Typed, WavCall

VISA = "4111 1111 1111 1111"
PIPELINE = """\
voicepipe: 1
agent: {{greeting: Hello.}}
stages:
  vad: energy
  stt: sim
  llm: {{use: sim, replies: [{reply}]}}
  tts: {{use: sim, speed: 20}}
record: {record}
"""
PLAIN = "It will take some time to find that out"

Make = Callable[..., Pipeline]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(record: str = "{dir: calls}", reply: str = PLAIN) -> Pipeline:
        path = tmp_path / "pipeline.yaml"
        path.write_text(PIPELINE.format(record=record, reply=json.dumps(reply) if reply[0] != "{" else reply))
        return Pipeline.from_yaml(path)

    return made


def spoken(*lines: str) -> list[Utterance]:
    return [Utterance(with_words(noise(1500 * MS, RATE), line, RATE)) for line in lines]


def hold(pipe: Pipeline, *lines: str, output: Path | None = None, **options: Any) -> Any:
    """Speak ``lines``, each after the reply to the one before."""
    calls: list[Call] = []

    def open_ends(clock: Clock) -> CallEnds:
        ends = ConversationCall(clock, spoken(*lines), rate=RATE, recording=output)
        calls[0].observe(ends.caller)
        return ends

    return run_on("simulated", pipe.hold(open_ends, on_call=calls.append, **options))


def folder_of(tmp_path: Path) -> Path:
    (folder,) = kept_calls(tmp_path / "calls")
    return folder


def test_a_call_leaves_a_folder_with_its_events_its_audio_and_its_report(make: Make, tmp_path: Path) -> None:
    report = hold(make(), "when does it open", output=tmp_path / "out.wav", events=tmp_path / "e.jsonl")
    folder = folder_of(tmp_path)
    assert sorted(os.listdir(folder)) == ["audio.wav", "call.json", "events.jsonl"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert (folder / "events.jsonl").read_bytes() == (tmp_path / "e.jsonl").read_bytes()
    kept = json.loads((folder / "call.json").read_text())
    recording = kept.pop("recording")
    assert kept == report.to_dict()
    assert (recording["format"], recording["problems"], recording["redacted"]) == (1, [], [])
    assert recording["audio"]["rate"] == 24_000


def test_the_recording_is_what_the_loudspeaker_and_the_microphone_heard(make: Make, tmp_path: Path) -> None:
    hold(make(), "when does it open", "and on sunday", output=tmp_path / "out.wav")
    path = folder_of(tmp_path) / "audio.wav"
    for channel in (0, 1):
        ours = read_wav(path, channel=channel).pcm
        theirs = read_wav(tmp_path / "out.wav", channel=channel).pcm
        late = 24 if channel == 0 else 0  # theirs has the filter's delay, 1 ms
        size = min(ours.size, theirs.size) - late
        np.testing.assert_array_equal(ours[:size], theirs[late : size + late])
        assert np.abs(ours.astype(int)).max() > 1000
        assert abs(ours.size - theirs.size) < 24_000


def test_a_call_by_microphone_and_loudspeaker_is_recorded_as_well(make: Make, tmp_path: Path) -> None:
    sound = FakeSound()
    speech = [np.zeros(320, np.int16)] * 150 + list(tone(300, RATE, 1.0).reshape(-1, 320))

    def ends(clock: Clock) -> LocalCall:
        call = LocalCall(clock, rate=RATE, recording=tmp_path / "out.wav", sound=sound)
        Hardware(sound, clock, speech)
        return call

    def begin(call: Call) -> None:
        call.clock.call_at(9 * SECOND, lambda: call.hang_up("enough"))

    run_on("simulated", make().hold(ends, on_call=begin))
    ours, theirs = folder_of(tmp_path) / "audio.wav", tmp_path / "out.wav"
    for channel in (0, 1):
        sounding = [
            np.flatnonzero(np.abs(wav.pcm.astype(int)) > 50) / wav.rate
            for wav in (read_wav(path, channel=channel) for path in (ours, theirs))
        ]
        first, last = zip(*((places[0], places[-1]) for places in sounding), strict=True)
        assert first[0] == pytest.approx(first[1], abs=0.05), "as near as a sound card's latency"
        assert last[0] == pytest.approx(last[1], abs=0.05)


def test_a_recorded_call_tells_where_the_caller_spoke_in_its_audio(make: Make, tmp_path: Path) -> None:
    hold(make(), "when does it open", "and on sunday")
    call = read_call(folder_of(tmp_path))
    assert [one.text for one in call.utterances] == ["when does it open", "and on sunday"]
    assert [turn.user for turn in call.turns] == ["", "when does it open", "and on sunday"]
    assert call.turns[1].said == call.turns[1].heard == PLAIN
    assert call.audio is not None
    caller = np.abs(read_wav(call.audio, channel=0).pcm.astype(int))
    for one in call.utterances:
        assert one.end_ns is not None
        start, end = (at * 24_000 // 10**9 for at in (one.start_ns, one.end_ns))
        assert caller[start:end].max() > 1000
        assert caller[end + 2400 : end + 7200].max() == 0


def test_without_audio_and_of_typed_calls_there_is_no_less(make: Make, tmp_path: Path) -> None:
    hold(make("{dir: calls, audio: none}"), "hello there")
    folder = folder_of(tmp_path)
    assert sorted(os.listdir(folder)) == ["call.json", "events.jsonl"]
    assert json.loads((folder / "call.json").read_text())["recording"]["audio"] is None
    assert read_call(folder).audio is None


def test_nothing_is_left_by_default_nor_of_a_rehearsal_nor_of_a_call_that_never_began(
    make: Make, tmp_path: Path
) -> None:
    async def never(pipe: Pipeline) -> None:
        async with pipe.session():
            pass

    hold(make("{}"), "hello")
    hold(Pipeline(make().loaded.rehearsed()), "hello")
    assert not (tmp_path / "calls").exists()
    run_on("simulated", never(make()))
    assert os.listdir(tmp_path / "calls") == []


def test_a_folder_that_can_not_be_made_is_told_before_the_call(make: Make, tmp_path: Path) -> None:
    (tmp_path / "calls").touch()
    with pytest.raises(SetupError, match="the call can't be recorded in"):
        hold(make(), "hello")


def test_old_recordings_are_deleted_when_a_call_begins(make: Make, tmp_path: Path) -> None:
    hold(make(), "hello")
    old = folder_of(tmp_path).rename(tmp_path / "calls" / "20200101T000000Z-old")
    os.utime(old / "events.jsonl", (0, 0))
    hold(make("{dir: calls, keep: 30d}"), "hello")
    assert not old.exists()
    assert len(kept_calls(tmp_path / "calls")) == 1


# ── what nobody may read ─────────────────────────────────────────────────────────────────────────


PAYING = f'{{call: {{pay: {{card: "{VISA}"}}}}, say: "Card {VISA} is charged."}}'
MASKED = "{dir: calls, redact: [card, phone]}"


def pay(card: str) -> dict[str, str]:
    """Charge a card."""
    raise AssertionError("a stub answers")


def test_a_number_is_in_nothing_that_is_written_down_and_the_call_had_it(make: Make, tmp_path: Path) -> None:
    events: list[Any] = []
    pipe = make(MASKED, PAYING)
    report = run_on("simulated", pay_by_voice(pipe, tmp_path, events))
    folder = folder_of(tmp_path)
    texts = [
        path.read_text() for path in (folder / "events.jsonl", folder / "call.json", tmp_path / "e.jsonl")
    ]
    for text in (*texts, json.dumps(report.to_dict())):
        assert "4111" not in text
        assert "1111" not in text
        assert "[card]" in text
    turn = report.turns[-1]
    assert (turn.user, turn.agent) == (f"it is {VISA}", f"Card {VISA} is charged.")
    assert turn.tool_calls[0].arguments == {"card": VISA}
    assert any(isinstance(event, Text) and "4111" in event.text for event in events)
    assert report.to_dict()["turns"][-1]["tool_calls"] == [
        {"name": "pay", "arguments": {"card": "[card]"}, "result": {"paid": "[card]"}}
    ]
    assert report.written.turns[-1].heard == "Card [card] is charged."


async def pay_by_voice(pipe: Pipeline, tmp_path: Path, events: list[Any]) -> Any:
    stubs = Stubs({"pay": {"paid": VISA}})
    async with pipe.session(tools=[pay], tool_mode=stubs) as call:
        log = EventLog(tmp_path / "e.jsonl", session="s", clock="simulated")
        call.observe(log, redacted=True)
        ends = ConversationCall(call.clock, spoken("hello there", f"it is {VISA}"), rate=RATE)
        call.observe(ends.caller)
        async for _, event in call.run(ends.caller, ends.output):
            events.append(event)
        log.close()
    return call.report


def test_where_a_number_was_said_both_sides_are_silent(make: Make, tmp_path: Path) -> None:
    run_on("simulated", pay_by_voice(make(MASKED, PAYING), tmp_path, []))
    call = read_call(folder_of(tmp_path))
    assert call.audio is not None
    left, right = (np.abs(read_wav(call.audio, channel=side).pcm.astype(int)) for side in (0, 1))
    first, second = call.utterances
    assert loudest(left, first) > 1000
    assert loudest(left, second) == 0
    greeting, answer, paid = call.turns
    assert [span(right, turn.audible_ns, turn.ended_ns) > 1000 for turn in (greeting, answer)] == [
        True,
        False,
    ]
    assert span(right, paid.audible_ns, paid.ended_ns) == 0
    kept = json.loads((call.folder / "call.json").read_text())["recording"]
    assert len(kept["audio"]["silenced_ms"]) >= 2
    assert kept["redacted"] == ["card", "phone"]


def loudest(side: Any, utterance: Any) -> int:
    return span(side, utterance.start_ns, utterance.end_ns)


def span(side: Any, start_ns: int, end_ns: int) -> int:
    start, end = (at * 24_000 // 10**9 for at in (start_ns, end_ns))
    return int(side[start:end].max())


def test_the_money_of_a_call_does_not_depend_on_what_is_masked(make: Make, tmp_path: Path) -> None:
    plain, masked = (hold(make(record, f"Card {VISA}"), f"it is {VISA}") for record in ("{}", MASKED))
    for key in ("usage", "wasted", "cost"):
        assert masked.to_dict()[key] == plain.to_dict()[key]


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_a_full_disk_is_told_after_the_call_which_it_does_not_end(make: Make, tmp_path: Path) -> None:
    pipe = make()
    calls: list[Call] = []

    def open_ends(clock: Clock) -> CallEnds:
        return WavCall(clock, [Typed("hello"), Typed("bye")], rate=RATE)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(NotKeptError, match="File too large") as failed:
            run_on("simulated", pipe.hold(open_ends, on_call=calls.append))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "the call was held, but not all of it could be kept" in str(failed.value)
    assert [turn.heard for turn in calls[0].report.turns] == ["Hello.", PLAIN, PLAIN]


def test_a_log_that_was_masked_can_be_replayed(make: Make, tmp_path: Path) -> None:
    report = hold(make(MASKED, f"Card {VISA}"), f"it is {VISA}")
    log = read_log(folder_of(tmp_path) / "events.jsonl")
    again = type(report)(session=report.session, clock=report.clock)
    for at_ns, event in log.replay():
        again(at_ns, event)
    told, expected = again.to_dict()["turns"], report.to_dict()["turns"]
    assert [turn["user"] for turn in told] == [turn["user"] for turn in expected] == ["", "it is [card]"]
    assert [turn["latency_ms"] for turn in told] == [turn["latency_ms"] for turn in expected]
