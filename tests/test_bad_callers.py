"""Callers and parts that don't behave: each call goes on or ends in order, and somebody is told.

Everything is simulated but the call itself, on the clock that leaps.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tests.support.cli import voicepipe
from tests.support.scenes import PIPELINE, Microphone, Scene, ask
from voicepipe.api import RATE
from voicepipe.audio.wav import write_wav
from voicepipe.core.calls import NO_SESSION
from voicepipe.core.calls import Call as ProviderCall
from voicepipe.core.clock import VirtualLoop
from voicepipe.core.frames import AudioIn, Pcm, PlaybackStarted, SpeechStarted
from voicepipe.core.records import (
    CallerLevel,
    DeadAir,
    Failed,
    ProviderAttempt,
    StateChanged,
    TurnBegan,
    TurnEnded,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.providers.base import Speech, TtsProvider, Word
from voicepipe.providers.sim_tts import hum
from voicepipe.speech.policy import State
from voicepipe.transports.wav import OUTPUT_RATE, Clip, ScriptedCaller


def says(*clips: Clip) -> ScriptedCaller:
    return ScriptedCaller(clips, rate=RATE)


ANSWER = ("completed", "It will arrive on Friday.")


def test_the_scene_itself_is_a_call_that_goes_well(tmp_path: Path) -> None:
    scene = Scene(tmp_path, says(ask(), ask()))
    assert scene.turns == [ANSWER, ANSWER]
    assert scene.says("Friday.")
    assert not scene.says("broke.")
    scene.check()


# ── callers ──────────────────────────────────────────────────────────────────────────────────────

LONG = " ".join(f"word{number}" for number in range(150))
"""A minute of speech."""


def test_a_caller_who_never_stops_is_answered_all_the_same(tmp_path: Path) -> None:
    kept: list[int] = []

    def count() -> None:
        gc.collect()
        kept.append(sum(type(thing) is AudioIn for thing in gc.get_objects()))

    at = {0: count, 20 * SECOND: count, 58 * SECOND: count}
    scene = Scene(tmp_path, says(ask(LONG)), turn={"max_speech": "20s"}, at=at)
    (began,) = scene.of(TurnBegan)
    (onset,) = {event.onset_ns for event in scene.of(SpeechStarted)}
    assert began.at_ns - onset == pytest.approx(20 * SECOND, abs=3 * SECOND)
    words = began.user.split()
    assert words == LONG.split()[: len(words)]
    assert 45 <= len(words) <= 60, "as far as it was understood by then"
    assert scene.turns == [ANSWER], "who never stops doesn't interrupt either"
    assert max(kept) - kept[0] < 3400, "a minute of audio and what is on its way, however long it takes"
    scene.check()


def test_after_the_endless_caller_has_stopped_the_call_goes_on(tmp_path: Path) -> None:
    scene = Scene(tmp_path, says(ask(LONG), ask()), turn={"max_speech": "20s"})
    assert scene.turns[0] == scene.turns[-1] == ANSWER
    assert scene.report.turns[-1].user == "Where is my order?"
    scene.check()


@pytest.mark.parametrize("noise_dbfs", [None, -60])
def test_a_caller_who_never_speaks_costs_nothing_and_the_log_tells_how_quiet_it_was(
    tmp_path: Path, noise_dbfs: int | None
) -> None:
    pcm: Pcm = np.zeros(60 * RATE, np.int16)
    if noise_dbfs is not None:
        level = 32_768 * 10 ** (noise_dbfs / 20)
        pcm = np.round(np.random.default_rng(1).standard_normal(pcm.size) * level).astype(np.int16)
    scene = Scene(tmp_path, says(Clip("silence", pcm, pcm.size)))
    assert scene.turns == []
    assert scene.of(SpeechStarted) == scene.of(StateChanged) == scene.of(Failed) == []
    assert scene.of(ProviderAttempt) == []
    (level_told,) = scene.of(CallerLevel)
    assert level_told.loudest_dbfs == pytest.approx(noise_dbfs or -96, abs=1.5)
    assert not scene.report.heard_speech


def louder(clip: Clip, factor: float) -> Clip:
    pcm = np.clip(np.round(clip.pcm * float(factor)), -32_768, 32_767).astype(np.int16)
    return Clip(clip.name, pcm, clip.end_of_speech, clip.captions)


def test_clipped_speech_is_answered_and_the_log_says_that_it_was_clipped(tmp_path: Path) -> None:
    scene = Scene(tmp_path, says(louder(ask(), 30)))
    assert scene.turns == [ANSWER]
    (level,) = scene.of(CallerLevel)
    assert level.clipped > 0.5
    scene.check()


def test_very_quiet_speech_is_not_heard_and_the_log_says_how_quiet_it_was(tmp_path: Path) -> None:
    scene = Scene(tmp_path, says(louder(ask(), 0.01)))
    assert scene.turns == []
    (level,) = scene.of(CallerLevel)
    assert level.loudest_dbfs == pytest.approx(-60, abs=3)


def test_whoever_gives_a_file_that_is_too_quiet_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    write_wav(tmp_path / "quiet.wav", louder(ask(), 0.01).pcm, RATE)
    options = ("--input", tmp_path / "quiet.wav", "--clock", "simulated")
    outcome = voicepipe(capsys, "run", tmp_path / "pipeline.yaml", *options)
    assert outcome.status == 3
    assert "warning: the caller's side was very quiet: −" in outcome.err
    assert "no speech was found in quiet.wav" in outcome.err


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────

HOUR = 3600 * SECOND


def leap() -> None:
    """The computer was asleep, and the clock on which the loop waits has gone on."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop._leapt_ns += HOUR


@pytest.mark.parametrize("leap_ms", [500, 1500, 2750, 2950, 3300, 4000, 8000])
def test_a_clock_that_leaps_by_an_hour_ends_no_call(tmp_path: Path, leap_ms: int) -> None:
    """In silence, in speech, in the pause after it, while the reply is prepared, and while it is heard."""
    caller = Microphone(1.0, ask(), 10.0, ask(), 10.0)
    scene = Scene(tmp_path, caller, at={leap_ms * MS: leap})
    assert scene.turns, "the caller was answered"
    assert scene.turns[-1] == ANSWER, "and is understood after the leap as before"
    assert all(status in ("completed", "failed", "interrupted") for status, _ in scene.turns)
    scene.check()


# ── replies ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reply", ["🙂", "…", " ", "**", "<br>"])
def test_a_reply_without_any_speakable_character_is_explained_to_the_caller(
    tmp_path: Path, reply: str
) -> None:
    llm = {"use": "sim", "replies": [reply, "It will arrive on Friday."]}
    scene = Scene(tmp_path, says(ask(), ask()), llm=llm)
    assert scene.turns == [("failed", ""), ("completed", "Something broke."), ANSWER]
    assert "nothing to be heard" in scene.report.failures[0]
    assert scene.says("broke.")
    scene.check()


class Hoarse(TtsProvider):
    """A voice that works when the pipeline starts, and gives only ``blocks`` in a call."""

    name: ClassVar[str] = "hoarse"
    blocks: ClassVar[Sequence[Pcm]] = ()
    rate = OUTPUT_RATE

    async def synthesize(self, call: ProviderCall, text: str) -> AsyncIterator[Speech | Word]:
        sound = [hum(word, round(self.rate / 2.5), self.rate) for word in text.split()]
        for pcm in sound if call.session == NO_SESSION else self.blocks:
            yield Speech(pcm=pcm)


class Silent(Hoarse):
    blocks = (np.zeros(OUTPUT_RATE, np.int16),)


class Empty(Hoarse):
    blocks = (np.zeros(0, np.int16),) * 3


class Mute(Hoarse):
    """Never makes a sound."""

    async def synthesize(self, call: ProviderCall, text: str) -> AsyncIterator[Speech | Word]:
        for pcm in self.blocks:
            yield Speech(pcm=pcm)


@pytest.mark.parametrize("voice", [Hoarse, Silent, Empty])
def test_a_voice_that_yields_no_audio_is_explained_to_the_caller(tmp_path: Path, voice: type[Hoarse]) -> None:
    scene = Scene(tmp_path, says(ask(), ask()), tts={"use": f"{__name__}:{voice.__name__}"})
    assert scene.turns == [("failed", ""), ("completed", "Something broke.")] * 2
    assert scene.report.failures == ["tts gave nothing to be heard"] * 2
    assert scene.says("broke.")
    assert len(scene.report.unanswered) == 2
    scene.check()


def test_a_voice_that_never_makes_a_sound_leaves_a_log_that_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path, says(ask(), ask()), tts={"use": f"{__name__}:Mute"})
    assert not scene.played.any()
    assert not scene.of(PlaybackStarted)
    assert [status for status, _ in scene.turns].count("failed") == 2
    assert scene.report.failures == ["tts gave nothing to be heard"] * 2
    scene.check()


def test_a_model_that_never_answers_is_waited_for_aloud_and_then_given_up(tmp_path: Path) -> None:
    llm = {"use": "sim", "fail": {"kind": "hang"}}
    scene = Scene(tmp_path, says(ask()), llm=llm)
    assert scene.says("on."), "the caller is asked for patience"
    assert scene.says("broke.")
    silent = [event.silent_ns for event in scene.of(DeadAir)]
    assert silent
    assert max(silent) <= 4 * SECOND + 100 * MS
    assert {event.stage for event in scene.of(DeadAir)} == {"llm"}
    assert scene.of(TurnEnded)[0].status == "failed"
    assert State(scene.of(StateChanged)[-1].state) is State.IDLE
    scene.check()
