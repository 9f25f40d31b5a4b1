from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify


@pytest.mark.parametrize("text", ["Ja, genau.", "Ach so, verstehe", "alles klar, gut", "Mhm, ja."])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "de") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["Stopp bitte", "halt bitte", "hören Sie auf", "okay, das reicht"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "de") is Said.SAFETY


@pytest.mark.parametrize(
    "text", ["ja aber", "nein", "das ist halt so", "gut, dann am Montag", "nicht aufhören", "danke"]
)
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "de") is Said.WORDS
