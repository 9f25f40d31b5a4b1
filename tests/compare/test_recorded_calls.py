from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.happenings import Story
from voicepipe.api import RATE
from voicepipe.audio.wav import write_wav
from voicepipe.compare.recorded_calls import LEAD, TAIL, recorded_call
from voicepipe.core.frames import SpeechStopped, Transcript
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import AudioError, LogError
from voicepipe.observe.log import EventLog
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.spoken import noise
from voicepipe.transports.wav import Clip, Typed

REST_MS = 20_000


def said(story: Story, start_ms: int, end_ms: int, text: str) -> Story:
    position = start_ms * 16
    story.speech(start_ms, position)
    stopped = SpeechStopped(position=end_ms * 16, offset_ns=end_ms * MS, at_ns=(end_ms + 300) * MS)
    words = Transcript(utterance=position, revision=1, text=text, final=True, at_ns=(end_ms + 300) * MS)
    return story.add(end_ms + 300, stopped).add(end_ms + 300, words)


def replied(story: Story, turn: int, user: str, start_ms: int, end_ms: int, heard: str = "Well.") -> Story:
    story.begin(start_ms - 100, turn, user)
    story.audible(start_ms, turn)
    return story.end(end_ms, turn, said=heard, heard=heard)


def kept(folder: Path, story: Story, *, channels: int = 2, audio: bool = True) -> Path:
    """A recording in which the caller makes a noise all the time."""
    folder.mkdir()
    log = EventLog(folder / "events.jsonl", session="s", clock="real")
    for at_ns, event in sorted(story.events, key=lambda one: one[0]):
        log(at_ns, event)
    log.close()
    if audio:
        caller = noise(REST_MS * MS, 24_000).pcm
        both = np.stack((caller, np.zeros_like(caller)), axis=1)
        write_wav(folder / "audio.wav", both if channels == 2 else caller, 24_000)
    return folder


def two_turns() -> Story:
    story = said(Story(), 1000, 1500, "where is")
    said(story, 2000, 2600, "my order")
    replied(story, 1, "where is my order", 3500, 6000, "It is here.")
    return replied(said(story, 7000, 7800, "thank you"), 2, "thank you", 8500, 9000)


def utterances(folder: Path) -> list[Utterance]:
    script = recorded_call(folder, "free").script
    return [item for item in script if isinstance(item, Utterance)]


def length_ns(clip: Clip | Typed) -> int:
    assert isinstance(clip, Clip)
    return clip.pcm.size * SECOND // RATE


def test_what_belongs_to_one_turn_stays_together_with_its_pause(tmp_path: Path) -> None:
    first, second = utterances(kept(tmp_path / "call", two_turns()))
    assert length_ns(first.what) == pytest.approx(1600 * MS + LEAD + TAIL, abs=MS)
    assert length_ns(second.what) == pytest.approx(800 * MS + LEAD + TAIL, abs=MS)
    assert first.into_ns is second.into_ns is None


def test_words_that_were_recognised_are_there_for_simulated_ears_but_are_no_reference(tmp_path: Path) -> None:
    call = recorded_call(kept(tmp_path / "call", two_turns()), "free")
    first = call.script[0]
    assert isinstance(first, Utterance)
    assert isinstance(first.what, Clip)
    assert " ".join((first.what.captions or {}).values()) == "where is my order"
    assert call.reference == ()


def test_what_was_said_into_a_reply_is_said_as_long_after_its_first_sound(tmp_path: Path) -> None:
    story = replied(said(Story(), 1000, 1500, "where is it"), 1, "where is it", 3000, 9000)
    said(story, 4500, 4800, "uh-huh")
    said(story, 6000, 6500, "stop")
    _, backchannel, stop = utterances(kept(tmp_path / "call", story))
    assert backchannel.into_ns == 1500 * MS - LEAD
    assert stop.into_ns == 3000 * MS - LEAD
    assert backchannel.or_after
    assert stop.or_after


def test_what_was_typed_is_typed_again(tmp_path: Path) -> None:
    story = replied(said(Story(), 1000, 1500, "hello"), 1, "hello", 3000, 4000).typed(5000, "and now")
    said(story, 5200, 5600, "please")
    _, typed, spoken = utterances(kept(tmp_path / "call", story))
    assert typed.what == Typed("and now")
    assert isinstance(spoken.what, Clip)


def test_tools_answer_as_they_did_first_and_as_late(tmp_path: Path) -> None:
    story = two_turns()
    story.tool(3000).told(3250, "it").tool(3300, id="c2").told(3400, "no", id="c2")
    story.tool(3450, "pay", id="c3").told(3460, '{"error": "refused"}', "pay", id="c3", error=True)
    call = recorded_call(kept(tmp_path / "call", story), "free")
    assert call.tool_results == {
        "find": {"result": "it", "delay": "250ms"},
        "pay": {"error": "refused", "delay": "10ms"},
    }


def test_the_history_of_the_recording_is_what_was_heard_before_each_turn(tmp_path: Path) -> None:
    story = said(Story(), 1000, 1500, "where is it")
    story.begin(2000, 1, "where is it").tool(2100, "find").told(2200, "found", "find")
    story.audible(3000).end(4000, said="It is here and there.", heard="It is here")
    replied(said(story, 5000, 5500, "thanks"), 2, "thanks", 6500, 7000)
    folder = kept(tmp_path / "call", story)
    assert recorded_call(folder, "free").remembered == ()
    first, second = recorded_call(folder, "recorded").remembered
    assert first == ()
    assert [(one["role"], one["text"]) for one in second] == [
        ("user", "where is it"),
        ("assistant", ""),
        ("tool", "found"),
        ("assistant", "It is here"),
    ]
    assert second[1]["tool_calls"] == [{"id": "c1", "name": "find", "arguments": '{"day": "mon"}'}]
    assert second[2]["tool_call_id"] == "c1"


def test_words_that_somebody_wrote_down_are_the_reference_a_line_for_each_turn(tmp_path: Path) -> None:
    folder = kept(tmp_path / "call", two_turns())
    (folder / "reference.txt").write_text("where is my order\n\nthank you\n")
    assert recorded_call(folder, "free").reference == ("where is my order", "thank you")
    (folder / "reference.txt").write_text("where is my order\n")
    with pytest.raises(AudioError, match="found 1 lines, expected 2"):
        recorded_call(folder, "free")


def test_speech_that_the_log_never_ends_goes_on_to_the_end_of_the_recording(tmp_path: Path) -> None:
    (only,) = utterances(kept(tmp_path / "call", Story().speech(19_000, 19_000 * 16)))
    assert length_ns(only.what) == pytest.approx(1000 * MS + LEAD, abs=MS)


def test_a_call_that_nobody_can_say_again_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"no audio\.wav was found"):
        recorded_call(kept(tmp_path / "mute", two_turns(), audio=False), "free")
    with pytest.raises(AudioError, match="found 1 channel, expected 2"):
        recorded_call(kept(tmp_path / "mono", two_turns(), channels=1), "free")
    with pytest.raises(AudioError, match="the caller said nothing"):
        recorded_call(kept(tmp_path / "silent", Story()), "free")
    late = said(Story(), REST_MS + 1000, REST_MS + 2000, "late")
    with pytest.raises(AudioError, match=r"speech at 21\.0 s, and the recording holds none there"):
        recorded_call(kept(tmp_path / "late", late), "free")
    with pytest.raises(LogError, match=r"no events\.jsonl"):
        recorded_call(tmp_path, "free")


def test_a_typed_call_needs_no_audio(tmp_path: Path) -> None:
    folder = kept(tmp_path / "call", Story().typed(1000, "hello"), audio=False)
    assert [one.what for one in utterances(folder)] == [Typed("hello")]


def test_a_log_that_was_cut_off_is_told_with_its_line(tmp_path: Path) -> None:
    folder, told = kept(tmp_path / "call", two_turns()), []
    log = folder / "events.jsonl"
    recorded_call(folder, "free", told.append)
    assert told == []
    log.write_bytes(log.read_bytes()[:-9])
    lines = len(log.read_bytes().splitlines())
    recorded_call(folder, "free", told.append)
    assert told == [f"{log}: its last line, {lines}, is cut off: the process that wrote it was killed"]
