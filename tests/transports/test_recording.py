from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from tests.support.tones import tone
from voicepipe.audio.track import Track
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS
from voicepipe.transports.recording import Recording

RATE = 16_000


def block(size: int, value: int = 1) -> Pcm:
    return np.full(size, value, np.int16)


def test_the_file_has_the_caller_left_and_the_agent_right_at_the_agents_rate(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    track = Track(48_000)
    recording = Recording(path, caller_rate=RATE, agent=track)
    recording.begin(10 * MS)
    track.add(960, block(480, 7))  # 20 ms after the time line's beginning: 10 ms into the recording
    caller = tone(440, RATE, 0.1)
    for start in range(0, len(caller), 320):
        recording.add_caller(caller[start : start + 320])
    recording.close()
    recording.close()
    left, right = np.frombuffer(path.read_bytes()[44:], "<i2").reshape(-1, 2).T
    assert len(left) == 4800
    assert left.any()
    assert np.flatnonzero(right).tolist() == list(range(480, 960))


def test_a_recording_that_was_never_closed_holds_all_but_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "killed.wav"
    recording = Recording(path, caller_rate=RATE, agent=Track(RATE))
    for _ in range(175):  # 3.5 s
        recording.add_caller(block(320))
    with wave.open(str(path)) as left:
        assert left.getnframes() == 3 * RATE
    recording.close()
