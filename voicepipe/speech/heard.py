"""What of a spoken segment was heard, in words, and where the word began that was being spoken.

By the voice's own word times where it gives them. Else the words are laid along the segment's audio by their
spoken lengths (see ``speech.lengths``), with silence left out and the marks of the text in its pauses.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from voicepipe.core.frames import FRAME_MS, Segment
from voicepipe.speech.lengths import spoken_letters

TYPICAL_PACE = 76.0
"""Milliseconds a letter of ``spoken_letters``: espeak at its 175 words a minute."""

QUIET_BELOW_PEAK_DB = 35
"""What is this much quieter than the segment's loudest 20 ms is silence. Chosen among 25 to 40 with espeak;
a voice that breathes in its pauses breathes more loudly than this, and is then taken to speak throughout."""

PAUSE_FRAMES = 4
"""80 ms. Shorter silences are the closures of "p", "t" and "k"."""

KEPT = 0.9
"""Of what was learned of a voice's pace, what remains when something new is: ten segments count."""

PRIOR = 20.0
"""Letters that an expected pace counts for, against what is known of the voice or the segment itself."""

UNMATCHED_PAUSE, UNMATCHED_MARK = 8.0, 5.0
"""How far, in letters, a pause and a mark may lie apart by the lengths of words before it is likelier that
they have nothing to do with each other; not every comma is a pause, and pauses are mostly at marks."""

_Point = tuple[float, float]
"""A place in the audio, in audible frames from its beginning, and one in the text, in spoken letters."""

FARTHEST_BACK_MS = 1000
"""A word is hardly ever longer. What is repeated beyond it is no reminder but a nuisance."""

LOOK_BACK_MS = 600
"""Where a voice tells no words: the span in which the gap before the current word is looked for."""

DB_A_FRAME = 5.0
"""What a gap has to be quieter by, if it is 20 ms farther from where the word is expected to begin. Chosen
among 0 to 15 with espeak: the beginnings found are then within 61 ms of true ones in three of four cases."""

SILENCE = -60.0
"""dBFS before the beginning of a segment."""


def heard_text(segment: Segment, samples: int) -> str:
    """The words of ``segment`` of which at least the first half was heard; wholly heard, its text as it is.

    ``samples`` at the segment's rate. Without word times, and while the voice is still at it, the length of
    the whole is taken from ``segment.pace``.
    """
    if segment.samples is not None and samples >= segment.samples:
        return segment.text
    if samples <= 0:
        return ""
    if segment.words:
        heard_ms = (samples + segment.trimmed) * 1000 / segment.rate
        heard = [word.text for word in segment.words if (word.start_ms + word.end_ms) / 2 <= heard_ms]
        return _beginning(segment.text, " ".join(heard))
    layout = _Layout(segment, samples)
    return " ".join(layout.words[: layout.heard()])


def _beginning(text: str, heard: str) -> str:
    """``heard`` as ``text`` writes it, without a mark that only the voice was given at the end."""
    return heard[: len(text)] if heard.startswith(text) else heard


class Pace:
    """How fast a voice is, in milliseconds a letter of ``spoken_letters``: learned from what it has said."""

    def __init__(self) -> None:
        self._letters, self._ms = PRIOR, PRIOR * TYPICAL_PACE

    @property
    def value(self) -> float:
        return self._ms / self._letters

    def learn(self, segment: Segment) -> None:
        """``segment`` is complete. The latest counts most."""
        letters = sum(map(spoken_letters, segment.text.split()))
        ms = len(_Audible(segment.levels).frames) * FRAME_MS
        self._letters = self._letters * KEPT + letters
        self._ms = self._ms * KEPT + ms


class _Audible:
    """The frames of a segment that aren't silence, and where the pauses are between them."""

    def __init__(self, levels: Sequence[int]) -> None:
        limit = max(levels, default=0) - QUIET_BELOW_PEAK_DB
        self.frames: list[int] = []
        self.pauses: list[int] = []
        """Each as the number of audible frames before it."""
        quiet: list[int] = []
        for index, level in enumerate(levels):
            if level <= limit:
                quiet.append(index)
                continue
            self._end_quiet(quiet)
            self.frames.append(index)
        if len(quiet) < PAUSE_FRAMES:
            self.frames += quiet

    def _end_quiet(self, quiet: list[int]) -> None:
        if len(quiet) < PAUSE_FRAMES:
            self.frames += quiet
        elif self.frames:
            self.pauses.append(len(self.frames))
        quiet.clear()

    def until(self, frame: float) -> float:
        """How many audible frames there are before ``frame``, a place that may be within one."""
        before = bisect_right(self.frames, int(frame))
        if before and self.frames[before - 1] == int(frame):
            return before - 1 + frame % 1
        return float(before)


class _Layout:
    """The words of a segment laid along its audio."""

    def __init__(self, segment: Segment, samples: int) -> None:
        """``samples`` (more than none) have been played."""
        self.words = segment.text.split()
        self._lengths = [spoken_letters(word) for word in self.words]
        self._ends = list(accumulate(self._lengths))
        self._audible = audible = _Audible(segment.levels)
        total = self._ends[-1] if self._ends else 0.0
        frame = samples * 1000 / (segment.rate * FRAME_MS)
        if segment.levels:
            place, made = audible.until(frame), float(len(audible.frames))
        else:  # what is silence isn't known
            place, made = frame, max(segment.made, segment.samples or samples) / samples * frame
        whole = made if segment.samples is not None else max(made, total * segment.pace / FRAME_MS)
        marks = [
            end for word, end in zip(self.words, self._ends[:-1], strict=False) if not word[-1].isalnum()
        ]
        self._points = [(0.0, 0.0), *_anchors(audible.pauses, marks, total / whole if whole else 0.0)]
        if segment.samples is None:
            frames, said = self._points[-1]
            pace = (frames + PRIOR * segment.pace / FRAME_MS) / (said + PRIOR)
            whole = max(made, frames + (total - said) * pace)
        self._points.append((whole, total))
        self._letters = _between(self._points, place)

    def heard(self) -> int:
        """How many words have been heard to their middles."""
        ends = zip(self._ends, self._lengths, strict=True)
        return sum(end - length / 2 <= self._letters for end, length in ends)

    def word_start(self) -> int:
        """The frame in which the word begins that is being spoken."""
        start = max((end for end in self._ends if end <= self._letters), default=0.0)
        place = _between([(letters, frames) for frames, letters in self._points], start)
        frames = self._audible.frames
        return frames[min(int(place), len(frames) - 1)] if frames else 0


def _between(points: Sequence[_Point], place: float) -> float:
    """The polygon through ``points`` at ``place``."""
    for (left, low), (right, high) in pairwise(points):
        if place <= right and right > left:
            return low + (high - low) * (place - left) / (right - left)
    return points[-1][1]


def _anchors(pauses: Sequence[int], marks: Sequence[float], scale: float) -> tuple[_Point, ...]:
    """Which pause is at which mark, in their order: by dynamic programming, with the least distance in all.

    ``scale``: letters an audible frame.
    """
    # best[j]: of the pauses so far and the first j marks, the cost and the pairs.
    best: list[tuple[float, tuple[_Point, ...]]] = [(j * UNMATCHED_MARK, ()) for j in range(len(marks) + 1)]
    for pause in pauses:
        row = [(best[0][0] + UNMATCHED_PAUSE, best[0][1])]
        for j, mark in enumerate(marks):
            row.append(
                min(
                    (best[j][0] + abs(pause * scale - mark), (*best[j][1], (float(pause), mark))),
                    (best[j + 1][0] + UNMATCHED_PAUSE, best[j + 1][1]),
                    (row[j][0] + UNMATCHED_MARK, row[j][1]),
                )
            )
        best = row
    return best[-1][1]


def word_boundary(segment: Segment, samples: int) -> int:
    """Where the word begins that is being spoken when ``samples`` of ``segment`` have been played.

    A sample position at the segment's rate, from 0 to ``samples``, and at most ``FARTHEST_BACK_MS`` before
    it. Between two words it is ``samples`` itself. Of a voice that tells no words it is the end of a quiet
    moment in the last ``LOOK_BACK_MS``.
    """
    samples = max(0, samples)
    earliest = max(0, samples - FARTHEST_BACK_MS * segment.rate // 1000)
    by_words = _begun_word(segment, samples)
    if by_words is not None and by_words >= earliest:
        return by_words
    return max(earliest, _last_gap(segment, samples))


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
    """The end of the quietest moment in the last ``LOOK_BACK_MS`` near where the word should have begun."""
    size = segment.rate * FRAME_MS // 1000
    current = min(samples // size, len(segment.levels) - 1)
    if samples <= 0 or current < 0:
        return samples
    levels = segment.levels
    if levels[current] <= max(levels) - QUIET_BELOW_PEAK_DB:
        return samples
    likely = _Layout(segment, samples).word_start()
    first = max(0, current - LOOK_BACK_MS // FRAME_MS)

    def unlikeliness(frame: int) -> float:
        level = levels[frame - 1] if frame else SILENCE
        return level + DB_A_FRAME * abs(frame - likely)

    best = min(range(first, current + 1), key=unlikeliness)
    return min(best * size, samples)
