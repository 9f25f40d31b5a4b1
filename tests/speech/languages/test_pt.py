from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.clauses import COMPLETE, SELDOM
from voicepipe.speech.finished import finished


@pytest.mark.parametrize("text", ["uhum, entendi", "tá bom, beleza", "pois é", "com certeza"])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "pt") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["pare, por favor", "chega", "espera aí", "cala a boca"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "pt") is Said.SAFETY


@pytest.mark.parametrize("text", ["sim mas", "para amanhã", "não", "para o hotel"])
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "pt") is Said.WORDS


@pytest.mark.parametrize(
    "text", ["quero cancelar o meu pedido", "como está o tempo hoje", "acende a luz", "sim"]
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text, language="pt") >= COMPLETE


@pytest.mark.parametrize("text", ["quero", "tenho um problema com", "hum", "o meu"])
def test_a_beginning_is_not(text: str) -> None:
    assert finished(text, language="pt") <= SELDOM
