"""Fused models whose answers aren't what their interface says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.contract_realtime import GoodConnection, RealtimeSubject, examine
from voicepipe.core.calls import Call
from voicepipe.core.frames import Word
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.realtime_base import CallerItem, ReplyAudio, ReplyText
from voicepipe.testing.contract import Broken, Promise, keep, promises_of

ITEM = CallerItem(item_id="item_1")
FINAL = Hypothesis(text="so", final=True)
LOUD = np.full(1600, 1000, np.int16)


@pytest.mark.parametrize("one", promises_of(RealtimeSubject()), ids=lambda one: one.name)
def test_a_fused_model_that_keeps_its_promises_passes(one: Promise) -> None:
    keep(one, RealtimeSubject())


def hearing(*events: Any) -> type[GoodConnection]:
    class Connection(GoodConnection):
        async def hear(self, call: Call) -> Any:
            for event in events:
                yield event

    return Connection


def replying(*events: Any) -> type[GoodConnection]:
    class Connection(GoodConnection):
        def reply(self, say: str | None) -> list[Any]:
            return list(events)

    return Connection


def text(words: Any = "So.", item_id: str = "item_2") -> ReplyText:
    return ReplyText(item_id=item_id, text=words)


def sound(pcm: Any = LOUD) -> ReplyAudio:
    return ReplyAudio(item_id="item_2", pcm=pcm)


@pytest.mark.parametrize(
    ("connection", "found"),
    [
        (hearing(FINAL), "Hypothesis.*, expected a CallerItem first"),
        (hearing(CallerItem(item_id=""), FINAL), "expected a CallerItem first"),
        (hearing(), "None, expected a CallerItem first"),
        (hearing(ITEM), "0 final hypotheses"),
        (hearing(ITEM, FINAL, FINAL), "2 final hypotheses"),
        (hearing(ITEM, FINAL, Hypothesis(text="s", final=False)), "a hypothesis after the final one"),
        (hearing(ITEM, ITEM, FINAL), "which is no Hypothesis"),
        (
            hearing(ITEM, Hypothesis(text="a", final=True, words=(Word(text="a", start_ms=9, end_ms=1),))),
            "a word that ends before it begins",
        ),
        (replying(), "a reply without words"),
        (replying(sound()), "a reply without words"),
        (replying(text()), "a reply without a sound"),
        (replying(text(), sound(LOUD * 0)), "a reply without a sound"),
        (replying(text(), sound(b"\x00")), "audio that is bytes"),
        (replying(text(item_id=""), sound()), "an event without an item"),
        (replying(text(), sound(), "so"), "'so', which is no part of a reply"),
    ],
)
def test_what_is_not_an_answer(connection: type[GoodConnection], found: str) -> None:
    with pytest.raises(Broken, match=found):
        examine("an_answer_is_what_the_interface_says", connection)


def test_rates_have_to_be_usual_ones() -> None:
    with pytest.raises(Broken, match=r"rates of \(16000, 3\)"):
        examine("an_answer_is_what_the_interface_says", GoodConnection, rate=3)


def test_words_for_no_audio() -> None:
    with pytest.raises(Broken, match=r"the final texts \['so'\] for no audio at all"):
        examine("empty_input_is_answered_with_nothing_or_refused", hearing(ITEM, FINAL))


def test_events_that_fail_although_nothing_has_happened() -> None:
    class Connection(GoodConnection):
        async def events(self) -> Any:
            async for event in super().events():
                yield event
            raise self.lost()

    with pytest.raises(Broken, match=r"ProviderError.* from events\(\), although the connection was closed"):
        examine("an_answer_is_what_the_interface_says", Connection)
