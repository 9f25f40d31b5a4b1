"""What the agent says when the pipeline can't answer: short texts in its own language.

They are the same in every call, are spoken once when the pipeline starts, and are never part of the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WAIT: Final = "wait"
"""The reply or a tool takes long."""

FAILED: Final = "failed"
"""The reply failed, or there were no words in it."""

NOT_HEARD: Final = "not_heard"
"""Somebody spoke, but the words never came."""

RECONNECTED: Final = "reconnected"
"""What had been lost is back, and it is the caller's turn."""

NAMES: Final = (WAIT, FAILED, NOT_HEARD, RECONNECTED)

BUILT_IN: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "en": (
        "One moment, please.",
        "Sorry, something went wrong. Please say that again.",
        "Sorry, I didn't catch that.",
        "I'm back. Please go on.",
    ),
    "de": (
        "Einen Moment, bitte.",
        "Entschuldigung, da ist etwas schiefgegangen. Bitte sagen Sie das noch einmal.",
        "Entschuldigung, das habe ich nicht verstanden.",
        "Ich bin wieder da. Bitte sprechen Sie weiter.",
    ),
    "es": (
        "Un momento, por favor.",
        "Perdone, algo ha salido mal. ¿Puede repetirlo, por favor?",
        "Perdone, no le he entendido.",
        "Ya estoy de vuelta. Continúe, por favor.",
    ),
    "fr": (
        "Un instant, s'il vous plaît.",
        "Excusez-moi, un problème est survenu. Pouvez-vous répéter, s'il vous plaît ?",
        "Excusez-moi, je n'ai pas bien entendu.",
        "Je suis de retour. Continuez, je vous en prie.",
    ),
    "it": (
        "Un momento, per favore.",
        "Mi scusi, qualcosa è andato storto. Può ripetere, per favore?",
        "Mi scusi, non ho capito.",
        "Sono di nuovo qui. Continui pure.",
    ),
    "pt": (
        "Um momento, por favor.",
        "Desculpe, houve um problema. Pode repetir, por favor?",
        "Desculpe, não entendi.",
        "Já estou de volta. Pode continuar.",
    ),
    "nl": (
        "Een ogenblik, alstublieft.",
        "Sorry, er ging iets mis. Kunt u dat nog een keer zeggen?",
        "Sorry, dat heb ik niet verstaan.",
        "Ik ben er weer. Gaat u verder.",
    ),
}
"""By the language's primary subtag, in the order of ``NAMES``."""

FALLBACK: Final = "en"
"""For other languages: a sentence in the wrong one tells more than silence does."""


def has_built_in(language: str) -> bool:
    """Whether there are texts of our own for the BCP 47 tag ``language``."""
    return _primary(language) in BUILT_IN


def notice_texts(language: str, own: Mapping[str, str | None]) -> dict[str, str]:
    """The notices of an agent by their names; ``own`` goes over ours, and an empty text switches one off."""
    built_in = BUILT_IN.get(_primary(language), BUILT_IN[FALLBACK])
    texts: dict[str, str] = {}
    for name, ours in zip(NAMES, built_in, strict=True):
        text = own.get(name)
        if text is None:
            text = ours
        if text.strip():
            texts[name] = text.strip()
    return texts


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()
