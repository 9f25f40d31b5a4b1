from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.clauses import COMPLETE, SELDOM
from voicepipe.speech.finished import finished


@pytest.mark.parametrize("text", ["d'accord", "Ah oui, je vois", "très bien", "ouais ouais"])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "fr") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["Arrêtez s'il vous plaît", "ça suffit", "silence", "stop"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "fr") is Said.SAFETY


@pytest.mark.parametrize("text", ["oui mais", "arrête la musique", "non", "c'est assez cher"])
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "fr") is Said.WORDS


@pytest.mark.parametrize(
    "text",
    [
        "je voudrais annuler ma commande",
        "quel temps fait-il demain",
        "allume la lumière",
        "oui",
        "où est mon colis",
    ],
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text, language="fr") >= COMPLETE


@pytest.mark.parametrize("text", ["je voudrais", "je cherche un", "euh", "j'ai un problème avec"])
def test_a_beginning_is_not(text: str) -> None:
    assert finished(text, language="fr") <= SELDOM
