from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.clauses import COMPLETE, SELDOM
from voicepipe.speech.finished import finished


@pytest.mark.parametrize("text", ["Sí, claro", "ya veo", "vale, muy bien", "Ajá."])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "es") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["para, por favor", "¡Basta!", "no, espere un momento", "silencio"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "es") is Said.SAFETY


@pytest.mark.parametrize("text", ["no", "sí pero", "para mañana", "no pares", "claro que no"])
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "es") is Said.WORDS


@pytest.mark.parametrize(
    "text", ["quiero cancelar mi pedido", "qué tiempo hace mañana", "enciende la luz", "sí", "necesito ayuda"]
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text, language="es") >= COMPLETE


@pytest.mark.parametrize(
    "text", ["quiero", "necesito un", "me gustaría", "mi pedido y", "eh", "tengo una cita con"]
)
def test_a_beginning_is_not(text: str) -> None:
    assert finished(text, language="es") <= SELDOM
