from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.clauses import COMPLETE, SELDOM
from voicepipe.speech.finished import finished


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


@pytest.mark.parametrize(
    "text",
    [
        "ich möchte einen termin vereinbaren",
        "wie wird das wetter morgen",
        "machen sie bitte das licht an",
        "rufen sie mich an",
        "können sie mir helfen",
        "ja",
        "wo ist meine bestellung",
    ],
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text, language="de") >= COMPLETE


@pytest.mark.parametrize(
    "text",
    [
        "ich möchte",
        "ich hätte gern einen",
        "können sie das licht",
        "ich brauche ein taxi für",
        "äh",
        "ich glaube dass",
    ],
)
def test_a_beginning_is_not(text: str) -> None:
    assert finished(text, language="de") <= SELDOM
