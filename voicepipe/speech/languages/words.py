"""What is written down of a language: the small closed classes of words that turns are told by."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?")
_DRAWN_OUT = re.compile(r"(\w)\1{2,}")


def plain_words(text: str) -> list[str]:
    """``"Mm-hmm, that’s RIGHT!"`` → ``mm hmm thats right``: what recognisers spell the same in the end.

    Small letters without accents, apostrophes and punctuation; a letter that is drawn out is written once.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).replace("’", "'")
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    words = [word.replace("'", "") for word in _WORD.findall(text)]
    return [_DRAWN_OUT.sub(r"\1", word) for word in words]


def phrases(text: str) -> frozenset[tuple[str, ...]]:
    """The phrases of ``text``, which stand one or several to a line and are parted by commas."""
    every = (tuple(plain_words(phrase)) for line in text.splitlines() for phrase in line.split(","))
    return frozenset(phrase for phrase in every if phrase)


def word_set(text: str) -> frozenset[str]:
    """The words of ``text``, as ``plain_words`` gives them."""
    return frozenset(plain_words(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What is said to somebody who is speaking. Each phrase is a tuple of ``plain_words``."""

    backchannels: frozenset[tuple[str, ...]]
    """ "I am listening, go on": a sequence of these takes no turn."""
    refusals: frozenset[tuple[str, ...]]
    """What would be a backchannel by its parts, but means something, such as "uh-uh"."""
    safety: frozenset[tuple[str, ...]]
    """Falling silent is all that is wanted, also where more words follow or went before."""
    safety_alone: frozenset[tuple[str, ...]]
    """Likewise, but with ``softeners`` and backchannels only: "enough" yes, "fair enough" no."""
    softeners: frozenset[tuple[str, ...]]
    objects: frozenset[str]
    """Words after "stop" that make it a command about something else: "stop the timer"."""
    negations: frozenset[str]
    """Words before "stop" that make it something else: "don't stop"."""


_SPOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?")


def spoken_words(text: str) -> list[str]:
    """``"I’d like TWO, please."`` → ``i'd like two please``: small letters, accents and apostrophes kept."""
    return _SPOKEN.findall(unicodedata.normalize("NFC", text.casefold()).replace("’", "'"))


def spoken(text: str) -> frozenset[str]:
    """The words of ``text``, as ``spoken_words`` gives them."""
    return frozenset(spoken_words(text))


def spoken_phrases(text: str) -> frozenset[tuple[str, ...]]:
    """The phrases of ``text``, which are parted by commas or lines, as tuples of ``spoken_words``."""
    return frozenset(tuple(spoken_words(phrase)) for phrase in re.split(r"[,\n]", text) if phrase.strip())


def numbered(text: str) -> dict[str, int]:
    """``"phone mobile: 7, pin: 4"`` → ``{"phone": 7, "mobile": 7, "pin": 4}``."""
    groups = (group.split(":") for group in text.split(","))
    return {word: int(value) for names, value in groups for word in spoken_words(names)}


_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The classes of words that tell whether a sentence may end here. Words as ``spoken_words`` gives them.

    A class that a language doesn't need, or that nobody has written down yet, is empty: the rules that
    are made of it then never apply.
    """

    # ── a turn by its first or its only words ──
    fillers: frozenset[str]
    """ "um": the speaker is looking for words."""
    openers: frozenset[str]
    """ "well", "actually": more is to come, if nothing stands before them."""
    replies: frozenset[str]
    """ "yes", "okay": a turn by themselves, and often the first word of a longer one."""
    polite: frozenset[str]
    """ "please": says that the rest has been said, if it has been."""
    answers: frozenset[tuple[str, ...]] = frozenset()
    """Complete, although a rule would say that they aren't."""
    closers: frozenset[str] = _NONE
    """ "today", "again": mostly the last word."""

    # ── words that no sentence ends in ──
    determiners: frozenset[str]
    """ "the", "my": a noun is to come."""
    conjunctions: frozenset[str]
    """ "and", "because": a phrase or a clause is to come."""
    dangling: frozenset[str]
    """Others: "very", "mr", "i'm"."""
    prepositions: frozenset[str]
    """They end a sentence only where their noun went to its front: "who is it for"."""
    particles: frozenset[str] = _NONE
    """What belongs to a verb and may stand last: "turn it off"."""
    particle_verbs: frozenset[str] = _NONE
    """The verbs that it belongs to."""

    # ── clauses ──
    subjects: frozenset[str]
    """ "i", "they": always subjects, so that a verb is to come."""
    pronouns: frozenset[str] = _NONE
    """ "it", "you": subjects or objects."""
    that: frozenset[str] = _NONE
    recipients: frozenset[str] = _NONE
    """ "me", "them"."""
    contracted: frozenset[str] = _NONE
    """ "it's": a subject and its verb in one."""
    be: frozenset[str] = _NONE
    auxiliaries: frozenset[str] = _NONE
    """ "do", "can", "would": a verb is to come. Not the forms of "be"."""
    verb_last: frozenset[str] = _NONE
    """Auxiliaries whose verb stands at the end of the clause, as German "können" and Dutch "kunt"."""
    infinitive_endings: tuple[str, ...] = ()
    questions: frozenset[str]
    """ "what", "how"."""
    object_questions: frozenset[str] = _NONE
    """Those that take the place of an object: "what", "who"."""
    infinitive: frozenset[str] = _NONE
    """ "to", before a verb."""
    subordinators: frozenset[str] = _NONE
    """ "if", "when": who begins with one of these owes a second clause."""

    # ── verbs, in all their forms ──
    transitives: frozenset[str] = _NONE
    """They end a sentence only where their object went to its front."""
    optionals: frozenset[str] = _NONE
    """Their object mostly follows: "cancel", "order"."""
    intransitives: frozenset[str] = _NONE
    clausals: frozenset[str] = _NONE
    """A clause follows them: "think", "wonder"."""
    givers: frozenset[str] = _NONE
    """To whom isn't all: "tell me"."""
    movers: frozenset[str] = _NONE
    """What isn't all: "put it"."""
    any_verb: frozenset[str] = _NONE
    """Those and others that are common."""
    verb_endings: tuple[str, ...] = ()
    """What an unknown word ends in that is likely a verb."""
    adjectives: frozenset[str] = _NONE
    """Those that stand before a noun: "another large"."""

    # ── numbers ──
    numerals: dict[str, int]
    """ "seven", "twenty", and their values."""
    clock: frozenset[str] = _NONE
    """Words after which a number needs no noun: "at ten"."""
    number_nouns: dict[str, int]
    """ "phone", "pin": how many figures such a number has at least."""
    bare_number_nouns: frozenset[str]
    """Those that stand for the number itself: "number", "pin"."""
    figures: frozenset[str]
    """ "digits": "the last four digits"."""
    months: frozenset[str]
    dots: frozenset[str]
    """How "." is said in an address."""

    # ── questions of the agent ──
    helping: frozenset[str]
    """Words of "how can I help you?", which asks for a sentence, not for a thing."""
    reasons: frozenset[str]
    """ "why", "when": "because it broke" is an answer."""
    wishes: frozenset[str]
    """Words that ask without a question mark: "tell me your order number"."""
    birth: frozenset[str]
    """ "born": of a date, the year is wanted as well."""
    mail: frozenset[str]
