from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stages import counted
from voicepipe.core.frames import Pcm, Segment, Word
from voicepipe.core.units import SECOND
from voicepipe.runtime.tape import KEPT, Tape

RATE = 16_000
BLOCK = RATE // 50


def segment(index: int = 0, *, rate: int = RATE, words: tuple[Word, ...] = ()) -> Segment:
    return Segment(turn=1, index=index, text="words", rate=rate, words=list(words))


def tape_of(*lengths: int) -> tuple[Tape, list[Segment]]:
    """Segments of so many samples, in which each sample tells its position on the tape."""
    tape, segments, position = Tape(RATE), [], 0
    for index, length in enumerate(lengths):
        segments.append(segment(index))
        tape.begin(segments[-1])
        for start in range(0, length, BLOCK):
            size = min(BLOCK, length - start)
            tape.add(counted(size, position))
            position += size
        segments[-1].samples = length
    return tape, segments


def play(tape: Tape, samples: int | None = None) -> Pcm:
    """The next blocks, ``samples`` of them or a little more, or all."""
    played = [np.zeros(0, np.int16)]
    while tape.waiting and (samples is None or sum(map(len, played)) < samples):
        played.append(tape.next())
    return np.concatenate(played)


def test_what_was_put_on_it_is_played_in_order() -> None:
    tape, _ = tape_of(1000, 700)
    assert np.array_equal(play(tape), counted(1700))
    assert (tape.cursor, tape.waiting) == (1700, False)


def test_after_a_rewind_exactly_what_follows_the_position_is_played_again() -> None:
    tape, _ = tape_of(4000)
    play(tape, 3000)
    tape.rewind(1234)
    assert tape.cursor == 1234
    assert np.array_equal(play(tape), counted(4000 - 1234, 1234))


def test_a_rewind_to_the_cursor_or_beyond_changes_nothing() -> None:
    tape, _ = tape_of(4000)
    played = len(play(tape, 2000))
    for position in (played, played + 500):
        tape.rewind(position)
        assert tape.cursor == played
    assert np.array_equal(play(tape), counted(4000 - played, played))


def test_no_more_is_kept_than_may_be_played_again() -> None:
    kept = KEPT * RATE // SECOND
    tape, _ = tape_of(3 * kept)
    play(tape)
    tape.rewind(0)
    assert 2 * kept - BLOCK <= tape.cursor <= 2 * kept
    assert np.array_equal(play(tape), counted(3 * kept - 2 * kept, 2 * kept)[-kept:])


def test_a_cleared_tape_begins_anew() -> None:
    tape, _ = tape_of(1000)
    play(tape)
    tape.clear()
    assert (tape.cursor, tape.waiting, tape.segment(), tape.last_segment()) == (0, False, None, None)
    assert list(tape.heard(1000)) == []


def test_the_segment_at_the_cursor_is_known_and_the_one_that_is_written_to() -> None:
    tape, (first, second) = tape_of(640, 640)
    assert (tape.segment(), tape.last_segment()) == (first, second)
    play(tape, 640)
    assert tape.segment() is second


# ── words ────────────────────────────────────────────────────────────────────────────────────────

TELLING = (
    Word(text="one", start_ms=0, end_ms=300),
    Word(text="two", start_ms=300, end_ms=600),
    Word(text="three", start_ms=600, end_ms=1000),
)


def spoken(rate: int = RATE) -> Tape:
    """Half a second of something else, and a segment of three words at ``rate``."""
    tape = Tape(RATE)
    tape.begin(segment(0))
    tape.add(np.zeros(RATE // 2, np.int16))
    words = segment(1, rate=rate, words=TELLING)
    words.samples = words.made = rate
    tape.begin(words)
    tape.add(np.zeros(RATE, np.int16))
    return tape


def test_the_word_that_is_being_spoken_is_found_whatever_the_voice_s_rate() -> None:
    for rate in (8_000, RATE, 22_050, 24_000):
        start = spoken(rate).word_start((500 + 450) * RATE // 1000)
        assert abs(start - (500 + 300) * RATE // 1000) <= 1


def test_a_word_never_begins_before_its_segment() -> None:
    assert spoken().word_start(510 * RATE // 1000) == RATE // 2


def test_where_nothing_has_been_written_no_word_is_looked_for() -> None:
    assert Tape(RATE).word_start(77) == 77


# ── what was heard ───────────────────────────────────────────────────────────────────────────────


def told(tape: Tape, position: int) -> list[tuple[int, int]]:
    return [(one.index, samples) for one, samples in tape.heard(position)]


def test_each_segment_is_told_when_it_has_gone_on_and_not_twice() -> None:
    tape, _ = tape_of(1000, 1000)
    assert told(tape, 0) == []
    assert told(tape, 400) == [(0, 400)]
    assert told(tape, 400) == []
    assert told(tape, 1500) == [(0, 1000), (1, 500)]
    assert told(tape, 2000) == [(1, 1000)]


def test_what_is_played_again_was_heard_before() -> None:
    tape, _ = tape_of(1000)
    assert told(tape, 800) == [(0, 800)]
    assert told(tape, 300) == []
    assert told(tape, 900) == [(0, 900)]


def test_samples_are_told_at_the_voice_s_own_rate_and_the_last_one_counts_as_whole() -> None:
    tape = Tape(8_000)
    voice = segment(rate=22_050)
    voice.samples = 2205
    tape.begin(voice)
    tape.add(np.zeros(799, np.int16))  # a sample was lost to rounding
    assert told(tape, 400) == [(0, 1102)]
    assert told(tape, 799) == [(0, 2205)]


def test_a_segment_in_two_halves_with_a_notice_between_is_told_as_one() -> None:
    tape = Tape(RATE)
    reply, notice = segment(0), segment(-1)
    reply.samples, notice.samples = 1000, 200
    tape.begin(reply)
    tape.add(np.zeros(600, np.int16))
    tape.begin(notice)
    tape.add(np.zeros(200, np.int16))
    assert told(tape, 700) == [(0, 600), (-1, 100)]
    tape.begin(reply)
    tape.add(np.zeros(400, np.int16))
    assert told(tape, 900) == [(-1, 200), (0, 700)]
    assert told(tape, 1200) == [(0, 1000)]


def test_a_segment_whose_rest_is_still_to_come_does_not_count_as_whole_though_its_length_is_known() -> None:
    """An interruption just then would have left words in history that nobody heard."""
    tape = Tape(RATE)
    reply = segment(0)
    tape.begin(reply)
    tape.add(np.zeros(4000, np.int16))
    reply.samples = 8000
    assert told(tape, 4000) == [(0, 4000)]


@given(data=st.data())
def test_whatever_is_played_and_played_again_nothing_is_lost_and_heard_never_decreases(data: Any) -> None:
    lengths = data.draw(st.lists(st.integers(1, 3000), min_size=1, max_size=4))
    whole = counted(sum(lengths))
    tape, segments = tape_of(*lengths)
    heard = {one.index: 0 for one in segments}
    for _ in range(data.draw(st.integers(1, 12))):
        start = tape.cursor
        played = play(tape, data.draw(st.integers(1, 2000)))
        assert np.array_equal(played, whole[start : start + len(played)])
        position = data.draw(st.integers(0, tape.cursor))
        for one, samples in tape.heard(position):
            assert heard[one.index] < samples <= lengths[one.index]
            heard[one.index] = samples
        back = data.draw(st.integers(0, tape.cursor))
        tape.rewind(back)
        assert tape.cursor == back
    rest = play(tape)
    assert np.array_equal(rest, whole[len(whole) - len(rest) :])
    for one, samples in tape.heard(tape.cursor):
        heard[one.index] = samples
    assert list(heard.values()) == lengths
