from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.clauses import COMPLETE, SELDOM
from voicepipe.speech.finished import finished


@pytest.mark.parametrize("text", ["ja, precies", "oké, is goed", "ik snap het", "oh echt"])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "nl") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["hou op", "wacht even", "stop alsjeblieft", "genoeg"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "nl") is Said.SAFETY


@pytest.mark.parametrize("text", ["ja maar", "nee", "stop de muziek", "niet genoeg"])
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "nl") is Said.WORDS


@pytest.mark.parametrize(
    "text", ["ik wil mijn bestelling annuleren", "doe het licht aan", "kunt u mij helpen", "ja"]
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text, language="nl") >= COMPLETE


@pytest.mark.parametrize("text", ["ik wil", "kunt u het licht", "en dan de", "eh", "ik heb een probleem met"])
def test_a_beginning_is_not(text: str) -> None:
    assert finished(text, language="nl") <= SELDOM
