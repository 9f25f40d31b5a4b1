from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.clauses import COMPLETE, SELDOM
from voicepipe.speech.finished import finished


@pytest.mark.parametrize("text", ["uh-huh, right", "oh really", "okay, makes sense"])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "en") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["stop right now", "okay hold on", "that's enough"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "en") is Said.SAFETY


@pytest.mark.parametrize("text", ["yes please", "stop the music", "don't stop"])
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "en") is Said.WORDS


@pytest.mark.parametrize(
    "text", ["turn on the kitchen lights", "what time do you close", "my order hasn't arrived", "yes please"]
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text, language="en") >= COMPLETE


@pytest.mark.parametrize("text", ["turn on the", "what time do", "my order", "i'd like to"])
def test_a_beginning_is_not(text: str) -> None:
    assert finished(text, language="en") <= SELDOM
