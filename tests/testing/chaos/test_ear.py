"""What the caller heard, from the events and the loudspeaker's track."""

from __future__ import annotations

import numpy as np

from voicepipe.core.frames import Heard, Pcm, Segment
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.testing.chaos.ear import replies_over, said, silences

RATE = 1000


def track(*parts: tuple[bool, float]) -> Pcm:
    """``(loud, seconds)`` one after the other."""
    return np.concatenate([np.full(round(s * RATE), 8000 if loud else 0, np.int16) for loud, s in parts])


def heard(turn: int, text: str, *, at_s: float, share: float = 1.0, history: bool = True) -> tuple[int, Heard]:
    segment = Segment(turn=turn, index=0, text=text, rate=RATE, in_history=history, samples=1000)
    frame = Heard(turn=turn, segment=segment, samples=round(share * 1000), final=False, at_ns=0)
    return round(at_s * SECOND), frame


def test_the_first_sound_counts_from_the_end_of_the_callers_speech() -> None:
    played = track((True, 1), (False, 2), (True, 1))
    assert silences(played, RATE, 1 * SECOND, 4 * SECOND) == (2 * SECOND, 2 * SECOND)


def test_a_silence_between_two_sounds_may_be_the_longest() -> None:
    played = track((False, 0.5), (True, 0.5), (False, 3), (True, 1))
    assert silences(played, RATE, 0, 5 * SECOND) == (SECOND // 2, 3 * SECOND)


def test_a_silence_before_the_end_counts_as_one_between_sounds_does() -> None:
    played = track((True, 1), (False, 4))
    assert silences(played, RATE, 0, 5 * SECOND) == (0, 4 * SECOND)


def test_who_hears_nothing_hears_no_first_sound() -> None:
    assert silences(track((False, 3)), RATE, 0, 3 * SECOND) == (None, 3 * SECOND)


def test_words_are_told_apart_by_what_they_are() -> None:
    notices = {"wait": "One moment.", "failed": "Sorry."}
    events = [
        heard(1, "Before.", at_s=0.5),
        heard(2, "One moment.", at_s=2, history=False),
        heard(2, "Let me look.", at_s=2.5, history=False),
        heard(3, "It is noon.", at_s=3),
        heard(4, "Sorry.", at_s=4, history=False),
    ]
    kinds = [(one.kind, one.text) for one in said(events, SECOND, notices)]
    assert kinds == [
        ("meanwhile", "Let me look."),  # of the same segment as the notice before, which it replaces
        ("reply", "It is noon."),
        ("failed", "Sorry."),
    ]


def test_of_words_that_were_cut_off_only_the_beginning_was_heard() -> None:
    (words,) = said([heard(2, "one two three four", at_s=1, share=0.5)], 0, {})
    assert not words.whole
    assert words.text.startswith(words.heard)


def test_the_last_report_of_a_segment_counts() -> None:
    (words,) = said([heard(2, "one two", at_s=1, share=0.4), heard(2, "one two", at_s=2)], 0, {})
    assert words.whole


def test_replies_are_over_when_the_last_of_them_has_ended() -> None:
    def ended(turn: int, at_s: int) -> tuple[int, TurnEnded]:
        return at_s * SECOND, TurnEnded(at_ns=0, turn=turn, status="completed", said="", heard="")

    assert replies_over([ended(1, 1), ended(2, 5), ended(3, 7)], 2 * SECOND) == 7 * SECOND
    assert replies_over([ended(1, 1)], 2 * SECOND) is None
