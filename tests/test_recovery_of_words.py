"""Whole calls in which the recogniser fails: the caller's words survive it, or they are told so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.support.call import PLAIN, RATE, Held, hear_captions
from tests.support.stages import FakeStt
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Heard, Pcm, PlaybackStarted, SpeechStopped
from voicepipe.core.records import Failed, ProviderSwitched, TurnBegan, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.speech.notices import NAMES
from voicepipe.stages.base import Agent, ReplaceableConfig
from voicepipe.stages.stt import Stt

GONE = ProviderError("gone", provider="stt", kind="connection", retryable=True)
NOTICES = {name: SpokenNotice(name, RATE, np.full(RATE, 4000, np.int16)) for name in NAMES}


def recogniser(*moods: str) -> FakeStt:
    """One mood a call: ``breaks`` while the caller speaks, ``fails`` after the pause, ``hangs`` there."""
    left = list(moods)

    async def hear(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        mood, blocks = left.pop(0) if left else "", 0
        async for _ in audio:
            blocks += 1
            if mood == "breaks" and blocks == 20:
                raise GONE
        if mood == "fails":
            raise GONE
        if mood == "hangs":
            await asyncio.Event().wait()
        await call.clock.sleep(100 * MS)
        yield Hypothesis(text=" ".join(call.captions), final=True)

    return FakeStt(hear, captions=True)


class Scene:
    """One question of a second, heard by ``stt``, and by ``fallback`` if it must."""

    def __init__(self, stt: FakeStt, fallback: FakeStt | None = None, **keys: Any) -> None:
        self._stt = Stt(ReplaceableConfig.model_validate(keys), stt, Agent())
        self._fallbacks = {"stt": fallback} if fallback else {}
        run_on("simulated", self._hold())

    async def _hold(self) -> None:
        self.held = Held(
            ["It left."],
            stages={"stt": self._stt},
            turn=PLAIN,
            notices=NOTICES,
            fallbacks=self._fallbacks,
        )
        await self.held.call(lambda caller: caller.ask("where is my order"))

    @property
    def asked(self) -> list[str]:
        return [turn.user for turn in self.held.of(TurnBegan) if turn.user]

    @property
    def heard(self) -> list[str]:
        """The spoken pieces of which anything left the loudspeaker, notices by their names."""
        pieces = [event.segment for event in self.held.of(Heard) if event.segment and event.samples]
        return list(dict.fromkeys(piece.text for piece in pieces))

    @property
    def waited_ms(self) -> int:
        """From the caller's pause to the first sound."""
        (stopped,) = self.held.of(SpeechStopped)
        return (self.held.of(PlaybackStarted)[0].at_ns - stopped.offset_ns) // MS


def test_a_connection_that_breaks_in_the_middle_of_a_sentence_costs_no_word() -> None:
    scene = Scene(recogniser("breaks"))
    assert scene.asked == ["where is my order"]
    assert scene.heard == ["It left."]
    assert scene.waited_ms == Scene(recogniser()).waited_ms, "nor any time"


def test_one_that_breaks_twice_and_fails_once_costs_a_moment() -> None:
    scene = Scene(recogniser("breaks", "fails"))
    assert scene.asked == ["where is my order"]
    assert scene.waited_ms < 1500


@pytest.mark.parametrize("mood", ["breaks", "fails"])
def test_a_fallback_hears_the_whole_sentence(mood: str) -> None:
    scene = Scene(recogniser(*[mood] * 9), FakeStt(hear_captions, captions=True))
    assert scene.asked == ["where is my order"]
    assert scene.heard == ["It left."]
    (switch,) = scene.held.of(ProviderSwitched)
    assert (switch.turn, switch.slot) == (None, "stt")


def test_a_recogniser_that_hangs_is_replaced_and_the_caller_is_asked_for_patience() -> None:
    scene = Scene(recogniser("hangs"), FakeStt(hear_captions, captions=True), timeout={"first": "2s"})
    assert scene.asked == ["where is my order"]
    assert scene.heard == ["wait", "It left."]
    assert 2000 <= scene.waited_ms <= 2200
    assert [turn.status for turn in scene.held.of(TurnEnded)] == ["interrupted", "completed"]
    history = scene.held.session.conversation.history
    assert [message.text for message in history] == ["where is my order", "It left."]


def test_words_that_are_lost_for_good_are_asked_for_again() -> None:
    scene = Scene(recogniser(*["fails"] * 9))
    assert scene.asked == []
    assert scene.heard == ["not_heard"]
    assert scene.waited_ms < 2500
    assert [failed.stage for failed in scene.held.of(Failed)] == ["stt"]


def test_a_recogniser_that_hangs_for_ever_leaves_nobody_in_silence() -> None:
    scene = Scene(recogniser(*["hangs"] * 9))
    assert "not_heard" in scene.heard
    assert scene.waited_ms <= 4 * SECOND // MS
