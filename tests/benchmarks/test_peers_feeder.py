"""What all systems are measured with: the clip and its room, the ear, and the callers' process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from benchmarks.mocks import FIRST_SENTENCE, REPLY, TOKENS
from benchmarks.peers.feeder import BEGIN, FIRST, LAST, MORE, ROOM, SAY, Arrived, Voice, read
from benchmarks.peers.harness import Ear, Mocks, Windows
from benchmarks.peers.sounds import (
    AUDIBLE_DBFS,
    FRAME,
    FRAME_S,
    HUM_HZ,
    OUTPUT_RATE,
    RATE,
    Clip,
    audible,
    hum,
    room,
)
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.wav import write_wav

MOCKS = Mocks(
    reply=REPLY,
    stt_final=0.1,
    llm_first=0.2,
    llm_token=0.02,
    tts_first=0.08,
    words_per_second=2.5,
    tts_speed=10,
    tts_block=0.1,
)


def test_the_mocks_are_those_of_our_own_benchmarks() -> None:
    assert MOCKS.tokens == TOKENS
    assert MOCKS.until_audio(FIRST_SENTENCE) == pytest.approx(0.5)
    assert MOCKS.seconds("two words") == pytest.approx(0.8)


def test_the_voice_is_as_loud_and_as_long_as_it_is_to_be() -> None:
    assert rms_dbfs(hum(0.5)) == pytest.approx(-18, abs=0.1)
    assert hum(0.5).size == OUTPUT_RATE // 2


def test_the_voice_has_no_seam_and_is_not_computed_anew_for_each_sentence() -> None:
    at = np.arange(OUTPUT_RATE) / OUTPUT_RATE
    whole = np.asarray(np.sin(2 * np.pi * HUM_HZ * at) * 32768 * 10 ** (-15 / 20), np.int16)
    assert np.abs(hum(1.0).astype(int) - whole).max() <= 1
    assert OUTPUT_RATE % HUM_HZ == 0


def test_the_room_is_quiet_but_not_silent() -> None:
    assert rms_dbfs(np.concatenate(room())) == pytest.approx(-60, abs=0.5)
    assert not audible(room()[0])


@pytest.mark.parametrize(("dbfs", "heard"), [(AUDIBLE_DBFS - 1, False), (AUDIBLE_DBFS + 1, True)])
def test_audible_is_what_is_above_the_threshold(dbfs: float, heard: bool) -> None:
    pcm = np.full(480, round(32768 * 10 ** (dbfs / 20)), np.int16)
    assert audible(pcm) is heard


def test_nothing_is_not_audible() -> None:
    assert not audible(np.zeros(0, np.int16))


def test_a_clip_keeps_its_length_although_its_last_frame_is_filled_up(tmp_path: Path) -> None:
    write_wav(tmp_path / "clip.wav", np.full(3 * FRAME + 16, 1000, np.int16), RATE)
    clip = Clip.read(str(tmp_path / "clip.wav"), "hello")
    assert [frame.size for frame in clip.frames] == [FRAME] * 4
    assert clip.seconds == (3 * FRAME + 16) / RATE


def test_blocks_that_follow_each_other_are_one_reply() -> None:
    ear = Ear()
    for number in range(3):
        ear.write(5.0, 5.0 + number, hum(1.0))
    assert [(one.handed, one.end) for one in ear.stretches] == [(5.0, 8.0)]


def test_silence_before_the_voice_is_not_its_beginning() -> None:
    ear = Ear()
    ear.write(5.0, 5.0, np.zeros(OUTPUT_RATE, np.int16))
    ear.write(5.1, 6.0, hum(1.0))
    first = ear.since(0.0)
    assert first is not None
    assert first.handed == 5.1


def test_a_reply_that_is_cut_ends_there_and_the_next_one_is_another() -> None:
    ear = Ear()
    ear.write(5.0, 5.0, hum(3.0))
    ear.cut(6.0)
    ear.write(6.5, 6.5, hum(1.0))
    assert [(one.handed, one.end) for one in ear.stretches] == [(5.0, 6.0), (6.5, 7.5)]
    assert ear.during(5.5) is ear.stretches[0]
    assert ear.since(6.2) is ear.stretches[1]
    assert ear.during(6.2) is None


def test_a_cut_after_its_end_makes_a_reply_no_longer() -> None:
    ear = Ear()
    ear.write(5.0, 5.0, hum(1.0))
    ear.cut(9.0)
    assert ear.stretches[0].end == 6.0


# ── the callers' process ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def line() -> Iterator[tuple[Voice, socket.socket]]:
    """A voice with a clip of three frames, and the other end of its line."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    frames = [np.full(FRAME, number, np.int16) for number in (1, 2, 3)]
    with theirs, ours:
        theirs.setblocking(False)
        ours.setblocking(False)
        yield Voice(theirs, 0, Clip(frames, "hello", 0.06), room()), ours


def _arrived(voice: Voice, end: socket.socket, count: int) -> list[Arrived]:
    found = []
    for _ in range(count):
        voice.send()
        found.append(read(end.recv(4096)))
    return found


def test_a_caller_is_heard_from_when_it_is_asked_to_begin(line: tuple[Voice, socket.socket]) -> None:
    voice, end = line
    end.send(BEGIN)
    voice.told(100.0)
    frames = _arrived(voice, end, 3)
    assert [one.number for one in frames] == [1, 2, 3]
    assert 100.0 + FRAME_S <= frames[0].due < 100.0 + 2 * FRAME_S
    assert np.diff([one.due for one in frames]) == pytest.approx([FRAME_S, FRAME_S])
    assert {one.kind for one in frames} == {ROOM}


def test_callers_are_not_in_step(line: tuple[Voice, socket.socket]) -> None:
    voice, end = line
    phases = set()
    for number in range(5):
        voice.number = number
        end.send(BEGIN)
        voice.told(0.0)
        phases.add(voice.due())
    assert len(phases) == 5


def test_an_utterance_comes_next_and_its_ends_are_marked(line: tuple[Voice, socket.socket]) -> None:
    voice, end = line
    end.send(BEGIN)
    voice.told(0.0)
    _arrived(voice, end, 1)
    end.send(SAY)
    voice.told(0.0)
    frames = _arrived(voice, end, 4)
    assert [one.kind for one in frames] == [FIRST, MORE, LAST, ROOM]
    assert frames[1].pcm == np.full(FRAME, 2, np.int16).tobytes()


def test_what_nobody_reads_is_lost_and_the_numbers_tell_it(line: tuple[Voice, socket.socket]) -> None:
    voice, end = line
    end.send(BEGIN)
    voice.told(0.0)
    for _ in range(2000):
        voice.send()
    unread = []
    with suppress(BlockingIOError):
        while True:
            unread.append(read(end.recv(4096)).number)
    assert unread == list(range(1, len(unread) + 1))
    assert len(unread) < 2000
    assert _arrived(voice, end, 1)[0].number == 2001


def test_a_caller_whose_call_is_over_is_gone(line: tuple[Voice, socket.socket]) -> None:
    voice, end = line
    end.close()
    with pytest.raises(ConnectionError):
        voice.told(0.0)


def test_a_window_is_late_from_the_frame_that_completes_it() -> None:
    windows = Windows()
    for number in range(4):  # 1280 samples: the second frame completes a window, and the fourth one another
        windows.came(FRAME, 0.02 * number)
    windows.done(0.025)
    windows.done(0.065)
    assert windows.late == pytest.approx([0.005, 0.005])


def test_a_window_that_a_gate_answered_at_once_is_neither_late_nor_in_time() -> None:
    windows = Windows()
    for number in range(4):
        windows.came(FRAME, 0.02 * number)
    windows.done(0.021, counts=False)
    windows.done(0.065)
    assert windows.late == pytest.approx([0.005])


def test_a_window_that_is_never_judged_is_late_until_the_end() -> None:
    windows = Windows()
    windows.came(FRAME, 0.0)
    windows.came(FRAME, 0.02)
    windows.over(9.0)
    windows.over(10.0)
    assert windows.late == pytest.approx([8.98])


def test_a_result_without_a_window_counts_for_nothing() -> None:
    windows = Windows()
    windows.done(1.0)
    assert windows.late == []
