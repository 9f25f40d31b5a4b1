"""What of a spoken segment was heard, in words, and where the word began that was being spoken.

By the voice's own word times where it gives them; else by the position in the segment's audio.
"""

from __future__ import annotations

from voicepipe.core.frames import FRAME_MS, Segment

TYPICAL_CHARACTERS_A_SECOND = 15
"""About 180 words a minute: the length of a chunk whose end the voice hasn't reached yet."""

FARTHEST_BACK_MS = 1000
"""A word is hardly ever longer. What is repeated beyond it is no reminder but a nuisance."""

LOOK_BACK_MS = 600
"""Where a voice tells no words: the span in which the gap before the current word is looked for."""

QUIET_DB = 6
"""Frames this little above the quietest one belong to the same gap."""

GAP_DB = 12
"""A gap between two words is quieter than the words around it by this much, at the least."""


def heard_text(segment: Segment, samples: int) -> str:
    """The words of ``segment`` of which at least the first half was heard.

    By the voice's own word times where it gives them, else in proportion to the length of the audio. While
    the voice is still at it, that length is estimated: not less than what it has made already.
    """
    if segment.samples is not None and samples >= segment.samples:
        return segment.text
    if samples <= 0:
        return ""
    if segment.words:
        heard_ms = (samples + segment.trimmed) * 1000 / segment.rate
        return " ".join(word.text for word in segment.words if (word.start_ms + word.end_ms) / 2 <= heard_ms)
    length = segment.samples
    if length is None:
        typical = len(segment.text) * segment.rate // TYPICAL_CHARACTERS_A_SECOND
        length = max(typical, segment.made, samples)
    words = segment.text.split()
    return " ".join(words[: round(len(words) * samples / length)])


def word_boundary(segment: Segment, samples: int) -> int:
    """Where the word begins that is being spoken when ``samples`` of ``segment`` have been played.

    A sample position at the segment's rate, from 0 to ``samples``, and at most ``FARTHEST_BACK_MS`` before
    it. Between two words it is ``samples`` itself. A voice that tells no words is cut at the quietest
    moment of the last ``LOOK_BACK_MS``.
    """
    samples = max(0, samples)
    earliest = max(0, samples - FARTHEST_BACK_MS * segment.rate // 1000)
    by_words = _begun_word(segment, samples)
    if by_words is not None and by_words >= earliest:
        return by_words
    return _last_gap(segment, samples)


def _begun_word(segment: Segment, samples: int) -> int | None:
    """By the voice's word times; None if it gave none for this place."""
    at_ms = (samples + segment.trimmed) * 1000 / segment.rate
    begun = [word for word in segment.words if word.start_ms <= at_ms]
    if not begun:
        return None
    if at_ms >= begun[-1].end_ms:
        return samples
    start = begun[-1].start_ms * segment.rate // 1000 - segment.trimmed
    return min(max(0, start), samples)


def _last_gap(segment: Segment, samples: int) -> int:
    """The end of the quietest moment in the last ``LOOK_BACK_MS``."""
    size = segment.rate * FRAME_MS // 1000
    current = samples // size
    first = max(0, current - LOOK_BACK_MS // FRAME_MS)
    levels = segment.levels[first : current + 1]
    if not levels:
        return samples
    quietest = min(levels)
    if first == 0 and quietest > max(levels) - GAP_DB:
        return 0  # no gap since the beginning
    last = max(index for index, level in enumerate(levels) if level <= quietest + QUIET_DB)
    return min((first + last + 1) * size, samples)
