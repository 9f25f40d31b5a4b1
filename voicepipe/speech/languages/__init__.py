"""What is known of each language. A tag counts by its first part: ``de-AT`` is German."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from voicepipe.speech.languages.words import Grammar, Listening, phrases

_EVERYWHERE = Listening(
    backchannels=phrases(
        """
        m, mm, mhm, mmhm, hm, hmm, mm hm, mm hmm, m hm, hm hm, uh huh, uhhuh, um hum, umhum, aha, haha
        ha ha, hehe, he he, ok, okay, oke, okey, k, wow
        """
    ),
    refusals=phrases("uh uh, uhuh"),
    safety=phrases("stop, stop stop"),
    safety_alone=frozenset(),
    softeners=frozenset(),
    objects=frozenset(),
    negations=frozenset(),
)
"""Understood whatever the language is."""

KNOWN = ("de", "en", "es", "fr", "it", "nl", "pt")
"""Each has a module here, which is imported when the language is spoken."""


def base_of(language: str) -> str:
    """``"pt-BR"``, ``"pt_BR"`` → ``"pt"``."""
    return language.replace("_", "-").partition("-")[0].casefold()


def listening(language: str) -> Listening:
    """What is said in ``language`` to somebody who speaks; of an unknown one, what is said in all of them."""
    base = base_of(language)
    if base not in KNOWN:
        return _EVERYWHERE
    own: Listening = import_module(f"{__name__}.{base}").LISTENING
    return replace(
        own,
        backchannels=own.backchannels | _EVERYWHERE.backchannels,
        refusals=own.refusals | _EVERYWHERE.refusals,
        safety=own.safety | _EVERYWHERE.safety,
    )


def grammar(language: str) -> Grammar | None:
    """The classes of words of ``language``; None for one that nobody has written down."""
    base = base_of(language)
    if base not in KNOWN:
        return None
    own: Grammar = import_module(f"{__name__}.{base}").GRAMMAR
    return own
