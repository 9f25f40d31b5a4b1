"""What the caller heard, from the events and the loudspeaker's track."""

from __future__ import annotations

import numpy as np
import pytest

from voicepipe.core.frames import Heard, Pcm, Segment
from voicepipe.core.records import TurnEnded, TurnStatus
from voicepipe.core.units import SECOND
from voicepipe.testing.chaos.ear import Words, replies_over, said, silences

RATE = 1000


def track(*parts: tuple[bool, float]) -> Pcm:
    """``(loud, seconds)`` one after the other."""
    return np.concatenate([np.full(round(s * RATE), 8000 if loud else 0, np.int16) for loud, s in parts])


def heard(
    turn: int, text: str, *, at_s: float, share: float = 1.0, history: bool = True, index: int = 0
) -> tuple[int, Heard]:
    segment = Segment(turn=turn, index=index, text=text, rate=RATE, in_history=history, samples=1000)
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


def ended(turn: int, *, at_s: float, status: TurnStatus = "completed") -> tuple[int, TurnEnded]:
    return round(at_s * SECOND), TurnEnded(at_ns=0, turn=turn, status=status, said="", heard="")


def test_words_are_told_apart_by_what_they_are() -> None:
    notices = {"wait": "One moment.", "failed": "Sorry."}
    events = [
        heard(1, "Before.", at_s=0.5),
        heard(2, "One moment.", at_s=2, history=False),
        heard(3, "Let me look.", at_s=2.5, history=False),
        heard(3, "It is noon.", at_s=3, index=1),
        ended(3, at_s=3),
        heard(4, "Sorry.", at_s=4, history=False),
    ]
    assert said(events, SECOND, notices, "") == [
        Words("wait", "One moment.", True),
        Words("meanwhile", "Let me look.", True),
        Words("reply", "It is noon.", True),
        Words("failed", "Sorry.", True),
    ]


def test_of_words_that_were_cut_off_only_the_beginning_was_heard() -> None:
    (words,) = said([heard(2, "one two three four", at_s=1, share=0.5, history=False)], 0, {}, "")
    assert not words.whole
    assert "one two three four".startswith(words.heard)


def test_the_last_report_of_a_segment_counts() -> None:
    events = [heard(2, "one two", at_s=1, share=0.4), heard(2, "one two", at_s=2), ended(2, at_s=2)]
    assert said(events, 0, {}, "") == [Words("reply", "one two", True)]


def test_the_segments_of_a_reply_are_one() -> None:
    events = [heard(2, "It is noon,", at_s=1), heard(2, " and hot.", at_s=2, index=1), ended(2, at_s=2)]
    assert said(events, 0, {}, "") == [Words("reply", "It is noon, and hot.", True)]


def test_a_reply_that_failed_isnt_whole_though_all_of_what_there_was_was_heard() -> None:
    events = [heard(2, "It is noon,", at_s=1), ended(2, at_s=1, status="failed")]
    assert said(events, 0, {}, "") == [Words("reply", "It is noon,", False)]


@pytest.mark.parametrize(("text", "whole"), [("It is", False), ("It is noon.", True), ("No idea.", True)])
def test_a_reply_that_is_a_beginning_of_the_answer_isnt_whole(text: str, whole: bool) -> None:
    (words,) = said([heard(2, text, at_s=1), ended(2, at_s=1)], 0, {}, "It is noon.")
    assert words.whole is whole


def test_replies_are_over_when_the_last_of_them_has_ended() -> None:
    assert replies_over([ended(1, at_s=1), ended(2, at_s=5), ended(3, at_s=7)], 2 * SECOND) == 7 * SECOND
    assert replies_over([ended(1, at_s=1)], 2 * SECOND) is None
