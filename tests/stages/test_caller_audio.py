from __future__ import annotations

import numpy as np

from voicepipe.core.frames import AudioIn
from voicepipe.core.units import SECOND
from voicepipe.stages.caller_audio import LONGEST, RING, CallerAudio

RATE = 16_000
FRAME = RATE // 50


def push(audio: CallerAudio, frames: range) -> None:
    for number in frames:
        audio.push(AudioIn(pcm=np.zeros(FRAME, np.int16), position=number * FRAME, rate=RATE))


def test_an_utterance_begins_with_what_was_said_before_its_onset_was_known() -> None:
    audio = CallerAudio()
    push(audio, range(20))
    utterance = audio.begin(15 * FRAME, 12 * FRAME + 5)
    push(audio, range(20, 22))
    assert [position // FRAME for position, _, _ in utterance.frames.since(0)] == list(range(12, 22))


def test_what_comes_after_its_end_does_not_belong_to_it() -> None:
    audio = CallerAudio()
    utterance = audio.begin(0, 0)
    push(audio, range(3))
    assert audio.end() is utterance
    push(audio, range(3, 9))
    assert len(utterance.frames) == 3
    assert audio.end() is None


def test_a_long_silence_and_an_endless_utterance_are_bounded() -> None:
    audio = CallerAudio()
    push(audio, range(50 * 70))
    assert len(audio.since(0)) <= RING * 50 // SECOND + 1
    utterance = audio.begin(0, 0)
    push(audio, range(50 * 70, 50 * 140))
    assert len(utterance.frames) <= LONGEST * 50 // SECOND + 1
    assert utterance.frames.since(0)[-1][0] == (50 * 140 - 1) * FRAME
