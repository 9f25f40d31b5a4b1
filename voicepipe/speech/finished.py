"""How finished an utterance is, by its words and by its melody: 0 (goes on) to 1 (is over). Pure."""

from __future__ import annotations

import re

from voicepipe.core.frames import UNRECOGNISED, Prosody

NOTHING_KNOWN = 0.45
"""Before there are words: longer than most pauses inside a sentence, shorter than for what is unfinished."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_DANGLING = frozenset(
    _WORD.findall(
        "the a an my your our their its every and or but because if than of to for with from at into about "
        "i'm i'd i'll i've you're we're they're he's she's it's there's um uh er very is are was were can "
        "could would will should do does did i you're he she we they want need like get have please"
    )
)


def finished(text: str, *, language: str = "en", prosody: Prosody | None = None, asked: str = "") -> float:
    """The more finished, the higher. ``text``: the words so far; ``asked``: the agent's last words."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    if text == UNRECOGNISED or not words:
        return NOTHING_KNOWN
    return 0.1 if words[-1] in _DANGLING else 0.85
