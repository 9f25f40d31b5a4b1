from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.happenings import Story
from voicepipe.audio.wav import read_wav
from voicepipe.config.record import RecordConfig
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, SpeechStopped, Transcript
from voicepipe.core.records import TurnBegan, TurnEnded, TurnReworded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import NotKeptError
from voicepipe.observe.call_folder import make_folder
from voicepipe.observe.log import EventLog
from voicepipe.observe.recorder import Recorder
from voicepipe.observe.report import CallReport
from voicepipe.runtime.workers import make_workers
from voicepipe.transports.paced import PacedOutput

RATE = 8_000
NOW = datetime(2026, 11, 23, 16, 2, 15, tzinfo=UTC)


def recorder(folder: Path, **options: Any) -> Recorder:
    # validated options come from a pipeline file only, where a duration has a unit
    record = RecordConfig.model_construct(
        **{"dir": folder, "audio": None, "keep": None, "redact": (), **options}
    )
    return Recorder(record, session="s", clock="simulated", pipeline="p", at=NOW)


def held(one: Recorder, story: Story, hidden: dict[int, Any] | None = None, seconds: int = 10) -> Path:
    """A call of so many seconds in which both sides make a noise throughout, and ``story`` happens.

    ``hidden``: what is masked, by the time in milliseconds.
    """
    what: list[tuple[int, bool, Any]] = [(at_ns, False, event) for at_ns, event in story.events]
    what += [(ms * MS, True, event) for ms, event in (hidden or {}).items()]

    async def hold() -> None:
        clock = Clock()
        workers = make_workers(clock)
        output = one.listen(PacedOutput(clock, RATE), clock)
        block = np.full(RATE // 50, 1000, np.int16)
        left = sorted(what, key=lambda entry: (entry[0], not entry[1]))
        for number in range(seconds * 50):
            await output.write(block)
            await clock.sleep_until((number + 1) * 20 * MS)
            one.hear(AudioIn(pcm=block, position=number * block.size, rate=RATE))
            while left and left[0][0] <= clock.now():
                at_ns, private, event = left.pop(0)
                if private:
                    one.hide(event)
                else:
                    one(at_ns, event)
        one(clock.now(), TurnEnded(at_ns=clock.now(), turn=99, status="completed", said="", heard=""))
        await one.end(CallReport(session="s", clock="simulated"), workers)

    run_on("simulated", hold())
    return one.folder


def silent_ms(folder: Path) -> list[tuple[int, int]]:
    """The silent stretches, which are those of both sides."""
    left, right = (read_wav(folder / "audio.wav", channel=side).pcm == 0 for side in (0, 1))
    np.testing.assert_array_equal(left, right)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], left.astype(int), [0])))) * 1000 // RATE
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def said(story: Story, start_ms: int, end_ms: int, position: int) -> Story:
    story.speech(start_ms, position)
    return story.add(end_ms, SpeechStopped(position=0, offset_ns=end_ms * MS, at_ns=end_ms * MS))


def words(position: int) -> Transcript:
    return Transcript(utterance=position, revision=0, text="", final=True, at_ns=0)


def began(turn: int) -> TurnBegan:
    return TurnBegan(at_ns=0, turn=turn, user="", end_of_speech_ns=None, wait_over_ns=None)


def over(turn: int) -> TurnEnded:
    return TurnEnded(at_ns=0, turn=turn, status="completed", said="", heard="")


def test_nothing_is_silent_of_a_call_in_which_nothing_is_masked(tmp_path: Path) -> None:
    folder = held(recorder(tmp_path), said(Story(), 1000, 2000, 1).begin(2500).audible(3000).end(4000))
    assert silent_ms(folder) == []
    assert json.loads((folder / "call.json").read_text())["recording"] == {
        "format": 1,
        "pipeline": "p",
        "began": "2026-11-23T16:02:15.000+00:00",
        "redacted": [],
        "audio": {"file": "audio.wav", "rate": RATE, "seconds": 10.0, "silenced_ms": []},
        "problems": [],
    }


def test_an_utterance_with_something_private_is_silenced(tmp_path: Path) -> None:
    story = said(said(Story(), 1000, 2000, 1), 3000, 4000, 2)
    assert silent_ms(held(recorder(tmp_path), story, {4500: words(2)})) == [(2700, 4300)]


def test_what_a_private_turn_is_made_of_is_silenced_and_not_what_was_said_before(tmp_path: Path) -> None:
    story = said(Story(), 500, 1000, 1).begin(1500)
    said(said(story, 3000, 4000, 2), 5000, 6000, 3).begin(6500, turn=2)
    assert silent_ms(held(recorder(tmp_path), story, {6500: began(2)})) == [(2700, 4300), (4700, 6300)]


def test_words_of_a_turn_that_come_late_silence_it_as_well(tmp_path: Path) -> None:
    story = said(Story(), 1000, 2000, 1).begin(2500)
    late = TurnReworded(at_ns=0, turn=1, user="")
    assert silent_ms(held(recorder(tmp_path), story, {4000: late})) == [(700, 2300)]


def test_a_private_reply_is_silenced_from_its_first_sound_to_its_end(tmp_path: Path) -> None:
    story = (
        Story().begin(500).audible(1000).end(3000).begin(4000, turn=2).audible(5000, turn=2).end(6000, turn=2)
    )
    assert silent_ms(held(recorder(tmp_path), story, {3000: over(1)})) == [(700, 3300)]


def test_what_is_not_over_when_the_call_ends_is_silenced_up_to_there(tmp_path: Path) -> None:
    story = said(Story(), 1000, 1500, 1).begin(2000).audible(8000)
    assert silent_ms(held(recorder(tmp_path), story, {8500: over(1)})) == [(7700, 10_000)]
    open_ended = said(Story(), 2000, 5000, 1).speech(9000, 2)
    masked = {4000: words(1), 9500: words(2)}
    assert silent_ms(held(recorder(tmp_path), open_ended, masked)) == [(1700, 5300), (8700, 10_000)]


def test_old_recordings_go_when_the_call_begins_and_one_that_can_not_go_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, stuck = (make_folder(tmp_path, name, NOW - timedelta(days=40)) for name in ("old", "stuck"))
    for folder in (old, stuck):
        EventLog(folder / "events.jsonl", session="old", clock="real").close()
        os.utime(folder / "events.jsonl", (0, 0))
    rmdir = os.rmdir

    def busy(path: Path) -> None:
        if path == stuck:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        rmdir(path)

    monkeypatch.setattr(os, "rmdir", busy)

    async def hold() -> None:
        one = recorder(tmp_path, audio="none", keep=30 * 86_400 * SECOND)
        workers = make_workers(Clock())
        await one.run(workers)
        one(1, over(1))
        await one.end(CallReport(session="s", clock="simulated"), workers)

    with pytest.raises(NotKeptError, match=r"the old recording .*stuck can't be deleted"):
        run_on("simulated", hold())
    assert not old.exists()


def test_what_can_not_be_kept_is_told_in_one_error_at_the_end(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    one.folder.rename(tmp_path / "moved")
    with pytest.raises(NotKeptError, match=r"audio\.wav: can't be made.*; .*call\.json can't be written"):
        held(one, Story().begin(100), seconds=2)
    assert (tmp_path / "moved" / "events.jsonl").stat().st_size > 100
