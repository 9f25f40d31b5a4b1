from __future__ import annotations

import pytest

from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.clauses import COMPLETE, SELDOM
from voicepipe.speech.finished import finished


@pytest.mark.parametrize("text", ["sì sì, ho capito", "va bene", "certo, perfetto", "eh già"])
def test_listening_takes_no_turn(text: str) -> None:
    assert classify(text, "it") is Said.BACKCHANNEL


@pytest.mark.parametrize("text", ["basta", "stai zitto per favore", "un attimo", "si fermi"])
def test_being_told_to_be_silent_is_understood(text: str) -> None:
    assert classify(text, "it") is Said.SAFETY


@pytest.mark.parametrize("text", ["sì ma", "non va bene", "no", "basta con la musica"])
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text, "it") is Said.WORDS


@pytest.mark.parametrize(
    "text", ["vorrei annullare il mio ordine", "che tempo fa domani", "accendi la luce", "sì"]
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text, language="it") >= COMPLETE


@pytest.mark.parametrize("text", ["vorrei", "ho un problema con", "ehm", "il mio"])
def test_a_beginning_is_not(text: str) -> None:
    assert finished(text, language="it") <= SELDOM
