from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.happenings import Story
from voicepipe.core.frames import SpeechStopped, Transcript
from voicepipe.core.units import MS
from voicepipe.errors import LogError
from voicepipe.observe.kept_call import kept_calls, read_call
from voicepipe.observe.log import EventLog


def spoken(story: Story, start_ms: int, end_ms: int, text: str, position: int) -> Story:
    story.speech(start_ms, position)
    stopped = SpeechStopped(position=position + 99, offset_ns=end_ms * MS, at_ns=(end_ms + 300) * MS)
    story.add(end_ms + 300, stopped)
    words = Transcript(utterance=position, revision=1, text=text, final=True, at_ns=(end_ms + 400) * MS)
    return story.add(end_ms + 400, words)


def kept(folder: Path, story: Story) -> Path:
    folder.mkdir()
    log = EventLog(folder / "events.jsonl", session="s", clock="real")
    story.play(log)
    log.close()
    return folder


def test_what_the_caller_said_is_found_with_its_times_and_words(tmp_path: Path) -> None:
    story = spoken(Story(), 100, 900, "hello", 16_000)
    spoken(story, 2000, 2200, "uh-huh", 32_000).ignored(2700, position=32_000)
    story.typed(3000, "bye").speech(3500, 56_000)
    found = read_call(kept(tmp_path / "one", story)).utterances
    assert [(one.start_ns, one.end_ns, one.text) for one in found] == [
        (100 * MS, 900 * MS, "hello"),
        (2000 * MS, 2200 * MS, "uh-huh"),
        (3000 * MS, 3000 * MS, "bye"),
        (3500 * MS, None, ""),
    ]
    assert [one.ignored for one in found] == [False, True, False, False]
    assert [one.typed for one in found] == [False, False, True, False]
    assert [one.position for one in found] == [16_000, 32_000, -1, 56_000]


def test_turns_come_with_what_was_said_heard_and_done(tmp_path: Path) -> None:
    story = Story().draft(800, user="when").tool(850).draft(900, turn=2).end(950, turn=2, status="discarded")
    story.begin(1000, user="when?").told(1300, "on monday").audible(1500)
    story.end(2000, status="interrupted", said="On Monday.", heard="On").begin(3000, turn=3, user="ok")
    call = read_call(kept(tmp_path / "one", story))
    first, second = call.turns
    assert (first.user, first.said, first.heard, first.status) == ("when?", "On Monday.", "On", "interrupted")
    assert (first.began_ns, first.audible_ns, first.ended_ns) == (1000 * MS, 1500 * MS, 2000 * MS)
    assert [(one.name, one.arguments, one.result, one.took_ns) for one in call.tools] == [
        ("find", {"day": "mon"}, "on monday", 450 * MS)
    ]
    assert (second.user, second.status, second.ended_ns, second.audible_ns) == ("ok", None, None, None)


def test_a_tool_that_had_not_answered_at_the_end_of_the_log_has_no_result(tmp_path: Path) -> None:
    call = read_call(kept(tmp_path / "one", Story().begin(1).tool(2)))
    assert [tool.result for tool in call.turns[0].tools] == [None]
    assert list(call.tools) == []


def test_recorded_calls_are_found_oldest_first_and_a_folder_of_one_is_itself(tmp_path: Path) -> None:
    for name in ("20261123T100000Z-b", "20261122T100000Z-a"):
        kept(tmp_path / name, Story().begin(1))
    (tmp_path / "other").mkdir()
    assert [path.name for path in kept_calls(tmp_path)] == ["20261122T100000Z-a", "20261123T100000Z-b"]
    assert kept_calls(tmp_path / "20261122T100000Z-a") == [tmp_path / "20261122T100000Z-a"]
    call = read_call(tmp_path / "20261122T100000Z-a")
    assert (call.name, call.audio) == ("20261122T100000Z-a", None)
    (call.folder / "audio.wav").touch()
    assert read_call(call.folder).audio == call.folder / "audio.wav"


def test_a_folder_without_a_log_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"no events\.jsonl was found"):
        read_call(tmp_path)
