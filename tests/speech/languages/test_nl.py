from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify


@pytest.mark.parametrize("text", ["ja, precies", "oké, is goed", "ik snap het", "oh echt"])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "nl") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["hou op", "wacht even", "stop alsjeblieft", "genoeg"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "nl") is Said.SAFETY


@pytest.mark.parametrize("text", ["ja maar", "nee", "stop de muziek", "niet genoeg"])
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "nl") is Said.WORDS
