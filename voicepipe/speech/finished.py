"""How finished an utterance is, by its words and by its melody: 0 (goes on) to 1 (is over). Pure.

A few general rules look at the last words, since that is where people hesitate: after a word that opens
something ("the", "to", "because"), after a verb whose object is missing ("can you tell"), inside a number,
before a noun ("the same"). All else may be the end of a sentence as well as its middle, and counts as done: a
wait that suits both there would be a long one for everybody.
"""

from __future__ import annotations

import re
from functools import lru_cache

from voicepipe.core.frames import UNRECOGNISED, Prosody
from voicepipe.speech.phrases import must_go_on

NOTHING_KNOWN = 0.45
"""Before there are words: longer than most pauses inside a sentence, shorter than for what is unfinished."""

DANGLING, OPEN, DOUBTFUL, DONE, SURE = 0.1, 0.3, 0.5, 0.85, 0.95
"""What must go on; what most often does; what may as well; what need not; what says that it is over."""

FALL = -25.0
"""Semitones a second of the last voiced stretch, from which a voice comes to rest."""

MELODY = 0.1
"""How much that counts: the words tell more."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CONTRACTED = re.compile(r"'(?:m|re|ve|ll|d)$")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FILLERS = _set("um uh er erm hmm äh ähm euh eh este ehm hm")

_SEPARABLE = {
    "de": _set("an auf aus ab ein zu mit vor nach los weg zurück"),
    "nl": _set("aan op uit af in mee terug"),
}
"""Prepositions that are the second half of a verb as well: "mach das Licht an"."""

# English. What is missing here is missing in other languages, too: there only `must_go_on` is known.
_PARTICLES = _set("in on off up out down over back away around through about outside inside")
"""End a sentence if something stands before them that they belong to: "turn it on"."""
_QUESTION = _set("what which who whom whose where when why how")
_AUXILIARY = _set(
    """am is are was were be been do does did can cannot could will would shall should may might must have
    has had"""
)
_BE = _set("am is are was were")
_SUBJECT = _set("i you he she it we they that this there")
_RECEIVER = _set("me us him her them you")
_ANSWER = _set("yes no yeah yep nope sure okay ok right well")
_ALONE = _set(
    """thanks hello hi hey goodbye bye stop help cancel continue repeat again tomorrow today tonight now
    later monday tuesday wednesday thursday friday saturday sunday morning afternoon evening"""
)
"""Single words that are a whole turn."""
_BEFORE_VERB = _set("to can could will would please you i we they don't didn't not and just never let's")
_TRANSITIVE = _set(
    """set turn tell send show give put make find read play get take check change order book add open close
    call remind move bring let buy pay see know want need switch track ask say told sent gave opened
    found bought tried try think thought mean meant called took got made cancel return reset transfer
    lost confirm hear speak talk look wait hope like prefer use reach contact schedule rather"""
)
_VERB = _TRANSITIVE | _set(
    "thank go goes went stop start help work works arrive arrived come came repeat leave"
)
_GIVE = _set("tell send show give bring let remind ask call get buy read make")
_NEEDS_NOUN = _set(
    """same other next last first second third new old whole entire another every each both either our own
    left right big small red blue green black white main several few different some any no much many
    these those mister mr mrs miss doctor dr saint"""
)
_ADVERB = _set("already really actually also still always just even only quite rather very too so then maybe")
_NUMBERS = _set(
    """zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
    thousand point"""
)
_CLOCK = _set("at after before until by till around about past number")
_ASKS_NUMBER = _set("number code digits date birthday phone zip postcode reference account pin year amount")
_LONG_NUMBER = 4
"""Digits from which a number that was asked for may be complete."""
_SUBORDINATE = _set("if unless because although while whether since")
_OPENS_CLAUSE = _SUBORDINATE | _QUESTION | _set("and but or so that until than as")
_SHORT = 3
"""Words of a beginning: what is longer and has no verb has one that the lists don't know."""


def finished(text: str, *, language: str = "en", prosody: Prosody | None = None, asked: str = "") -> float:
    """The more finished, the higher. ``text``: the words so far; ``asked``: the agent's last words."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    if text == UNRECOGNISED or not words:
        return NOTHING_KNOWN
    base = language.casefold().replace("_", "-").partition("-")[0]
    done = _by_mark(text)
    if done is None:
        done = _by_words(words, base, asked.lower())
    return min(1.0, max(0.0, done + _by_melody(prosody)))


def _by_mark(text: str) -> float | None:
    """Recognisers that punctuate know more than the words: but a full stop is put after everything."""
    if text.rstrip().endswith(("?", "!", "？", "！")):
        return SURE
    return DANGLING if text.rstrip().endswith((",", "…", "...", "-", "、", "，")) else None


def _by_words(words: list[str], language: str, asked: str) -> float:
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _FILLERS:
        return DANGLING
    if asked and _asks_for_number(asked) and _is_number(last):
        return DONE if _digits(words) >= _LONG_NUMBER else OPEN
    if language == "en":
        return _by_english(words, last, before, asked)
    if last in _SEPARABLE.get(language, ()) and len(words) > 1:
        return DOUBTFUL
    return DANGLING if last in _dangling(language) else DONE


@lru_cache(maxsize=16)
def _dangling(language: str) -> frozenset[str]:
    return must_go_on(language)


def _by_english(words: list[str], last: str, before: str, asked: str) -> float:
    answer = asked.rstrip().endswith("?")
    if len(words) == 1 and last not in _dangling("en") and not _CONTRACTED.search(last):
        return DONE if last in _ALONE or answer else DOUBTFUL if last in _ANSWER else OPEN
    if "thank" in words[-4:] and last in ("you", "much", "again"):
        return DONE
    if last == "one" and (before in _NEEDS_NOUN or before in ("the", "that", "this", "which")):
        return DONE
    if last in _PARTICLES and before not in _dangling("en"):
        return DONE if last == "away" else DOUBTFUL
    if last in _AUXILIARY and before in _SUBJECT and (answer or words[0] in _ANSWER):
        return DONE  # "yes i do"
    if words[0] in _QUESTION and _ends_question(words, last, before):
        return DONE
    if last in _BE and before not in _SUBJECT and not _QUESTION.isdisjoint(words[1:-2]):
        return DONE  # "tell me where my order is"
    if last == "you" and len(words) >= 3 and before not in _dangling("en") | _OPENS_CLAUSE:
        return DONE  # "i can't hear you"
    if last in _dangling("en") or last in _ADVERB or last in _AUXILIARY or _CONTRACTED.search(last):
        return DANGLING
    if last in _SUBJECT and (before in _OPENS_CLAUSE or (before in _AUXILIARY and len(words) == 2)):
        return DANGLING  # "when it", "is there"
    return min(_by_last_words(words, last, before), _by_whole(words, answer))


def _ends_question(words: list[str], last: str, before: str) -> bool:
    """ "Who are you", "where is it", "what can you do"."""
    if last == "do":
        return len(words) >= 4 and before in _SUBJECT
    return len(words) == 3 and before in _BE and last in _SUBJECT


def _by_last_words(words: list[str], last: str, before: str) -> float:
    if last in _NEEDS_NOUN:
        return DONE if before in _AUXILIARY or before in _ADVERB else OPEN  # "too small"
    if last in _TRANSITIVE and before in _BEFORE_VERB and words[0] not in _QUESTION:
        return OPEN  # but "what did you say"
    if last in _RECEIVER and before in _GIVE:
        return OPEN
    if _is_number(last):
        return DONE if before in _CLOCK or _is_number(before) else DOUBTFUL
    return DONE


def _by_whole(words: list[str], answer: bool) -> float:
    """A short one without a verb, or one whose main clause is still to come, isn't a sentence yet."""
    if answer:
        return DONE
    verb = any(word in _AUXILIARY or word in _VERB or "'" in word or word.endswith("ed") for word in words)
    if words[0] in _QUESTION and not verb:
        return DONE if "about" in words else OPEN
    if not verb:
        return OPEN if words[0] in _dangling("en") and len(words) <= _SHORT else DOUBTFUL  # "my new card"
    return DOUBTFUL if words[0] in _SUBORDINATE else DONE


def _asks_for_number(asked: str) -> bool:
    return not _ASKS_NUMBER.isdisjoint(_WORD.findall(asked))


def _is_number(word: str) -> bool:
    return word in _NUMBERS or word.isdigit()


def _digits(words: list[str]) -> int:
    return sum(len(word) if word.isdigit() else 1 for word in words if _is_number(word))


def _by_melody(prosody: Prosody | None) -> float:
    if prosody is None or prosody.pitch_slope is None:
        return 0.0
    return MELODY if prosody.pitch_slope <= FALL else 0.0
