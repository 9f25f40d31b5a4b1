"""Tokens of a language model → chunks that a voice can speak.

No look-ahead: a sentence is released at its own full stop, not at the first letter of the next one,
wherever the text so far leaves no doubt. Doubt is about the dot (``5 p.m.``, ``3.``, ``Dr.``,
``write to ann.``), about a number's comma or colon (``1,250``, ``9:30``), and about a quote or a bracket
that is still open; then the next characters decide, and ``flush`` decides what is left.

Only the mark behind an ordinary word is believed when the text ends there. Should the dot turn out to be
the beginning of ``...`` or ``.com``, the cut has been made. The tokenisers of language models keep such a
dot together with what follows (" see", "...", ".com"), so that the chunker sees both at once. Hence the
chunks don't depend on how the text was split into tokens, as long as no token ends between a mark and a
character that follows it without a space.

The first chunk of a reply is released as early as it can be spoken: a whole sentence, however short
("Yes."), else three words or more, up to a clause's mark or to a word that opens a phrase (see
``speech.phrases``). A phrase is cut only to gain time: where a mark would release something, the text isn't
cut before it. So here, and only here, it does matter how the text comes: "Sure, I can help you." that comes
at once is one chunk, word by word it is "Sure, I can help" and "you."; and a token that ends within a word
whose beginning is an article or a pronoun ("the", "n") may be taken for that. In the other languages the
first chunk ends with a mark, and nothing depends on tokens.

The abbreviations are English. A word that is missing from the lists costs a pause too many; a word too
many in them only makes a chunk longer.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from voicepipe.speech.phrases import FIRST_WORDS, Phrases, count_words

Mode = Literal["clause", "sentence"]

CHUNK_LIMIT = 240
"""Characters. At 15 a second this is 16 s of speech, more than any sentence that is meant to be heard."""

LATER_CLAUSE = 24
"""Letters of every further clause with ``then="clause"``. Something is being heard already, so nothing is
gained by speaking "apples, pears and plums" one by one, and the melody is lost."""

_MARK = re.compile(r"[.!?…。！？｡؟۔।॥։]+|[,;:，；：、،؛—–]|\n")
_CLAUSE_MARKS = frozenset(",;:，；：、،؛—–")
_NEEDS_NO_SPACE = frozenset("，；：、—")
_OPENERS = "([{<\"'“‘«„「『（【*_"
_CLOSERS = frozenset(")]}'”’»」』）】")
_OPENING = "([{“«「『（【"
_CLOSING = ")]}”»」』）】"
_ADDRESS = re.compile(r"://|@|\w[./]\w")
_LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ADDRESS_FOLLOWS = _words(
    "at to from see visit contact mail email e-mail address website site web url domain link"
)
_NEVER_LAST = _words(
    """Dr Mr Mrs Ms Mx Prof Rev Hon Gen Col Capt Lt Sgt Sen Rep Gov Messrs Mme Mlle
    e.g E.g i.e I.e eg ie vs cf ca approx al"""
)
_BEFORE_NUMBER = _words("No no Nos nos Nr nr Art art Fig fig Sec sec Vol vol Ext ext Apt apt pp")
_MAY_BE_LAST = _words(
    """etc Inc Ltd Co Corp Jr Sr St Ave Blvd Rd Mt Ft Dept dept Est Tel tel min max hr hrs oz lb lbs ft
    Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Ph.D"""
)
_LETTERS_WITH_DOTS = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
_LETTERS = re.compile(r"[^\W\d_]+")
# After "p.m.", "U.S." or "..." a capital may be a name as well as a beginning; these words are no names.
# "I" is missing since it always has a capital.
_BEGINNINGS = _words(
    """A After All Also An And Another Any Anything Are As At Be Because Before But By Can Could Did Do Does
    Either Everything For From Great Have He Hello Here How However If In Is It Its Just Let Maybe My No
    Not Now Of Okay On Once One Or Our Please She Shall Should Since So Sorry Sure Thank Thanks That The
    Their Then There These They This Those To Until Was We Well Were What When Where Which While Who Why
    Will With Would Yes You Your"""
)

_WAIT = -1
_NO = 0


def has_words(text: str) -> bool:
    """Whether there is anything to pronounce. espeak reads a lone "!" out as "exclamation mark"."""
    return any(character.isalnum() for character in text)


class Chunk(NamedTuple):
    """``goes_on``: the sentence goes on in the next chunk, although no mark at the end says so."""

    text: str
    goes_on: bool

    @property
    def to_speak(self) -> str:
        """As a voice has to be given it: not with the fall and the pause that end a sentence.

        espeak lets "Sure, I can help" fall from 102 to 75 Hz, just as with a full stop; with a comma it
        rises from 80 to 106, as it does within a sentence. No voice pauses at the end of what it is given.
        """
        return f"{self.text}," if self.goes_on and self.text[-1].isalnum() else self.text


class Chunker:
    """Cuts one reply after another. ``first`` and ``then`` say where the first chunk and the others may end.

    ``language`` (BCP 47) tells which words open a phrase.

    The chunks of a reply, joined, are its text, but for white space at the cuts. None is longer than
    ``CHUNK_LIMIT``. A chunk without a word (see ``has_words``) can only come from ``flush`` or out of
    hundreds of signs in a row.
    """

    def __init__(self, first: Mode = "clause", then: Mode = "sentence", *, language: str = "en") -> None:
        self._first = first
        self._then = then
        self._phrases = Phrases(language)
        self._begin_reply()

    def push(self, token: str) -> list[Chunk]:
        """Take the next piece of text, of any length; returns what can be spoken now, mostly nothing."""
        self._text += token
        return self._cut_all(final=False)

    def flush(self) -> list[Chunk]:
        """The reply is complete: returns what is left of it. The next ``push`` begins a new one."""
        chunks = self._cut_all(final=True)
        if self._text.strip():
            chunks.append(Chunk(self._text.strip(), goes_on=False))
        self._begin_reply()
        return chunks

    def _begin_reply(self) -> None:
        self._text = ""  # not released yet
        self._is_first = True
        self._line_start = True  # self._text begins a line
        self._scanned = 0  # the marks before this place are no boundaries

    def _cut_all(self, *, final: bool) -> list[Chunk]:
        chunks: list[Chunk] = []
        while True:
            self._strip()
            end = self._cut_at_mark(final=final)
            goes_on = not end
            end = end or self._cut_without_mark(final=final)
            if not end:
                return chunks
            chunks.append(Chunk(self._text[:end].rstrip(), goes_on))
            self._text = self._text[end:]
            self._is_first = False
            self._line_start = False
            self._scanned = 0

    def _strip(self) -> None:
        if self._text[:1].isspace():
            stripped = self._text.lstrip()
            self._line_start = self._line_start or "\n" in self._text[: -len(stripped) or None]
            self._text = stripped

    def _cut_at_mark(self, *, final: bool) -> int:
        """Where the next chunk ends with a mark, or 0 if that isn't known yet."""
        # Nothing beyond the limit is looked at, so that a long token is cut like many short ones.
        window = self._text[:CHUNK_LIMIT]
        final = final and len(self._text) < CHUNK_LIMIT
        while mark := _MARK.search(window, self._scanned):
            end = self._judge(window, mark, final=final)
            if end > 0:
                return end
            if end == _WAIT:
                self._scanned = mark.start()
                return 0
            self._scanned = mark.end()
        self._scanned = len(window)
        return 0

    def _cut_without_mark(self, *, final: bool) -> int:
        """Where a chunk has to end without one: at the limit, or the first for the sake of time; else 0."""
        if len(self._text) >= CHUNK_LIMIT:
            return _last_resort(self._text[:CHUNK_LIMIT])
        if final or not self._is_first or self._first != "clause":
            return 0
        ends = self._phrases.breaks(self._text, self._scanned)
        return next((end for end in ends if not _is_open(self._text[:end])), 0)

    def _judge(self, window: str, mark: re.Match[str], *, final: bool) -> int:
        """Where a chunk ends that ends with this mark, ``_NO``, or ``_WAIT`` for more text."""
        if mark[0] == "\n":
            return mark.start() if has_words(window[: mark.start()]) else _NO
        if mark[0] in _CLAUSE_MARKS:
            mode = self._first if self._is_first else self._then
            return self._judge_clause(window, mark, final=final) if mode == "clause" else _NO
        end = _after_closers(window, mark.end())
        if not has_words(window[:end]):
            return _NO
        at_end = end == len(window)
        if at_end and (final or _is_open(window)):
            return end if final else _WAIT
        if mark[0] == ".":
            return self._judge_dot(window, mark.start(), end, final=final)
        if set(mark[0]) <= {".", "…"}:
            return _WAIT if at_end else _before_beginning(window, end, final=final)
        if mark[0].isascii() and _ADDRESS.search(_word(window, mark.start())):
            return _WAIT if at_end else end if window[end].isspace() else _NO
        return _NO if not at_end and window[end] in _CLAUSE_MARKS else end

    def _judge_dot(self, window: str, dot: int, end: int, *, final: bool) -> int:
        word = _word(window, dot)
        if end == len(window):
            return _WAIT if _may_go_on(window, dot, word) else end
        if not window[end].isspace() or word in _NEVER_LAST:
            return _NO
        if self._line_start and window[:dot] == word and (word.isdigit() or len(word) == 1):
            return _NO  # "1. Eggs"
        if word in _BEFORE_NUMBER:
            following = window[end:].lstrip()[:1]
            if not following:
                return end if final else _WAIT
            return _NO if following.isdigit() or following == "#" else end
        if word in _MAY_BE_LAST or _LETTERS_WITH_DOTS.fullmatch(word):
            return _before_beginning(window, end, final=final)
        return end

    def _judge_clause(self, window: str, mark: re.Match[str], *, final: bool) -> int:
        sign, before = mark[0], window[: mark.start()]
        if sign == "–" and not before[-1:].isspace():
            return _NO  # 9–17
        end = _after_closers(window, mark.end())
        if end == len(window):
            word = _word(window, mark.start())
            doubtful = word[-1:].isdigit() or _ADDRESS.search(word) or word.casefold() in _LINK_SCHEMES
            if final or doubtful or _is_open(window):
                return _NO if final else _WAIT
        elif not window[end].isspace() and sign not in _NEEDS_NO_SPACE:
            return _NO
        if self._is_first:
            return end if count_words(before) >= FIRST_WORDS else _NO
        return end if sum(character.isalnum() for character in before) >= LATER_CLAUSE else _NO


def _word(window: str, end: int) -> str:
    """The word that ends at ``end``, without what opens in front of it."""
    words = window[:end].split()
    return words[-1].lstrip(_OPENERS) if words and not window[end - 1].isspace() else ""


def _after_closers(window: str, end: int) -> int:
    """Past the quotes and brackets that close behind a mark."""
    while end < len(window) and (
        window[end] in _CLOSERS or (window[end] == '"' and window.count('"', 0, end) % 2 == 1)
    ):
        end += 1
    return end


def _is_open(window: str) -> bool:
    """Whether a quote or a bracket may still close behind the mark at the end."""
    return window.count('"') % 2 == 1 or any(
        window.count(opening) > window.count(closing)
        for opening, closing in zip(_OPENING, _CLOSING, strict=True)
    )


def _may_go_on(window: str, dot: int, word: str) -> bool:
    """Whether a dot behind ``word`` may be anything but a full stop."""
    if len(word) < 2 or not word.translate({ord(sign): None for sign in "'’-"}).isalpha():
        return True  # an initial, 3.14, U.S., ann@example.com
    if word in _NEVER_LAST or word in _BEFORE_NUMBER or word in _MAY_BE_LAST:
        return True
    before = window[:dot].split()[-3:-1]
    # "Wait...", "Booking.com", and an address that somebody is sent to.
    return not before or any(other.casefold().strip(",:;") in _ADDRESS_FOLLOWS for other in before)


def _before_beginning(window: str, end: int, *, final: bool) -> int:
    """``end`` if the next word can only begin a sentence: behind "p.m.", "U.S." and "..."."""
    if end == len(window):
        return end if final else _WAIT
    following = window[end:].lstrip()
    space = window[end : len(window) - len(following)]
    if not space or "\n" in space:
        return _NO  # a new line is a boundary of its own
    if not following:
        return end if final else _WAIT
    if not following[0].isupper():
        return _NO
    word = _LETTERS.match(following)
    if word is None or (word.end() == len(following) and not final):
        return _NO if word is None else _WAIT
    return end if word[0] in _BEGINNINGS else _NO


def _last_resort(window: str) -> int:
    """Where to cut text without a boundary: at its last clause, else at its last space, else anywhere."""
    clauses = [match.end() - 1 for match in re.finditer(r"[,;:–—]\s", window)]
    if clauses and clauses[-1] > len(window) // 3:
        return clauses[-1]
    spaces = [match.start() for match in re.finditer(r"\s", window)]
    return spaces[-1] if spaces and spaces[-1] > 0 else len(window)
