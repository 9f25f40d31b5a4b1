from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import Segment, Word
from voicepipe.speech.heard import FARTHEST_BACK_MS, Pace, heard_text, word_boundary
from voicepipe.speech.lengths import spoken_letters

RATE = 16_000
FRAME = RATE // 50
LOUD, QUIET = -20, -70


def segment(text: str, *, seconds: float | None = 1.0, levels: list[int] | None = None) -> Segment:
    samples = None if seconds is None else round(seconds * RATE)
    return Segment(turn=1, index=0, text=text, rate=RATE, samples=samples, levels=levels or [])


WORDS = [
    Word(text="On", start_ms=0, end_ms=200),
    Word(text="Friday", start_ms=200, end_ms=800),
    Word(text="morning", start_ms=800, end_ms=1400),
]


@pytest.mark.parametrize(
    ("heard_ms", "text"),
    [(0, ""), (99, ""), (100, "On"), (499, "On"), (500, "On Friday"), (1399, "On Friday morning")],
)
def test_by_the_voices_own_times_a_word_counts_from_its_middle(heard_ms: int, text: str) -> None:
    part = segment("On Friday morning.", seconds=1.4)
    part.words.extend(WORDS)
    assert heard_text(part, heard_ms * RATE // 1000) == text


def test_silence_that_was_trimmed_moves_the_words_forward() -> None:
    part = segment("On Friday morning.", seconds=1.3)
    part.words.extend(WORDS)
    part.trimmed = RATE // 10
    assert heard_text(part, 400 * RATE // 1000) == "On Friday"


def test_a_whole_segment_keeps_its_punctuation() -> None:
    part = segment("On Friday morning.", seconds=1.4)
    part.words.extend(WORDS)
    assert heard_text(part, round(1.4 * RATE)) == "On Friday morning."


def test_without_times_words_are_heard_in_proportion() -> None:
    assert heard_text(segment("one two three four"), RATE // 2) == "one two"


def test_while_the_voice_is_still_at_it_the_length_is_estimated_from_the_text() -> None:
    """A voice without word times gives a segment's length only at its end, and is interrupted before."""
    part = segment("nine words that would take about three seconds now.", seconds=None)
    assert heard_text(part, round(1.7 * RATE)) == "nine words that would take about"


def test_what_the_voice_has_made_already_is_a_better_estimate_where_it_is_longer() -> None:
    part = segment("one two three four", seconds=None)
    part.made = 4 * RATE
    assert heard_text(part, RATE) == "one"


@given(st.text(alphabet="ab ", max_size=40), st.integers(0, RATE), st.booleans())
def test_more_audio_never_means_fewer_words(text: str, samples: int, finished: bool) -> None:
    part = segment(text, seconds=1.0 if finished else None)
    less, more = heard_text(part, samples // 2).split(), heard_text(part, samples).split()
    assert more[: len(less)] == less
    assert text.split()[: len(more)] == more


def test_silence_in_a_segment_is_not_heard_words() -> None:
    part = segment(
        "one two three, four five six", seconds=4, levels=[LOUD] * 50 + [QUIET] * 100 + [LOUD] * 50
    )
    for at_ms in (1000, 2000, 2990):
        assert heard_text(part, at_ms * RATE // 1000) == "one two three,"


def test_a_pause_is_where_the_mark_is_even_if_the_lengths_of_the_words_say_otherwise() -> None:
    part = segment("one two three, four five six", seconds=3, levels=[LOUD] * 65 + [QUIET] * 20 + [LOUD] * 65)
    part.levels[20:65] = [LOUD] * 45
    assert heard_text(part, 1400 * RATE // 1000) == "one two three,"
    assert heard_text(part, 1650 * RATE // 1000) == "one two three,"


def test_silence_without_a_mark_shifts_nothing() -> None:
    even = segment("one two six ten", levels=[LOUD] * 50)
    halting = segment("one two six ten", seconds=2, levels=[LOUD] * 12 + [QUIET] * 50 + [LOUD] * 38)
    assert heard_text(even, RATE // 2) == heard_text(halting, 3 * RATE // 2) == "one two"


def test_numbers_take_the_time_of_their_words() -> None:
    part = segment("at 12:30 or so", levels=[LOUD] * 50)
    assert heard_text(part, RATE // 3) == "at"
    assert heard_text(part, RATE // 2) == "at 12:30"


def test_a_comma_that_only_the_voice_was_given_is_not_in_what_was_heard() -> None:
    part = segment("I can", seconds=2)
    part.words += [Word(text="I", start_ms=0, end_ms=200), Word(text="can,", start_ms=200, end_ms=800)]
    assert heard_text(part, RATE) == "I can"


def test_a_voices_pace_is_learned_from_its_segments_without_their_silence() -> None:
    pace = Pace()
    typical = pace.value
    slow = segment("one two three", seconds=4, levels=[LOUD] * 100 + [QUIET] * 50 + [LOUD] * 50)
    pace.learn(slow)
    once = pace.value
    for _ in range(50):
        pace.learn(slow)
    letters = sum(map(spoken_letters, ("one", "two", "three")))
    assert typical < once < pace.value
    assert pace.value == pytest.approx(3000 / letters, rel=0.02)


def test_the_expected_pace_is_the_length_of_what_is_not_complete() -> None:
    part = segment("one two three four", seconds=None)
    part.pace = 100
    slow = heard_text(part, RATE // 2).split()
    part.pace = 50
    assert len(slow) < len(heard_text(part, RATE // 2).split())


@given(
    st.text(alphabet="ab5 ,.", max_size=40),
    st.lists(st.integers(-96, 0), max_size=80),
    st.integers(0, 2 * RATE),
    st.integers(0, 2 * RATE),
    st.booleans(),
)
def test_whatever_the_audio_is_like_more_of_it_never_means_fewer_words(
    text: str, levels: list[int], one: int, other: int, finished: bool
) -> None:
    part = segment(text, seconds=len(levels) / 50 if finished else None, levels=levels)
    less, more = (heard_text(part, samples).split() for samples in sorted((one, other)))
    assert more[: len(less)] == less
    assert text.split()[: len(more)] == more


# ── where the word began that was being spoken ───────────────────────────────────────────────────


def boundary_ms(part: Segment, at_ms: int) -> int:
    return word_boundary(part, at_ms * RATE // 1000) * 1000 // RATE


@pytest.mark.parametrize(("at_ms", "start_ms"), [(0, 0), (199, 0), (200, 200), (799, 200), (1200, 800)])
def test_by_the_voices_own_times_a_word_is_repeated_from_its_beginning(at_ms: int, start_ms: int) -> None:
    part = segment("On Friday morning.", seconds=1.4)
    part.words.extend(WORDS)
    assert boundary_ms(part, at_ms) == start_ms


def test_between_two_words_nothing_is_repeated() -> None:
    part = segment("On Friday morning.", seconds=3)
    part.words.extend(WORDS)
    assert boundary_ms(part, 1500) == 1500


def test_trimmed_silence_moves_the_boundary_forward() -> None:
    part = segment("On Friday morning.", seconds=1.3)
    part.words.extend(WORDS)
    part.trimmed = RATE // 10
    assert boundary_ms(part, 400) == 100


def test_a_voice_without_words_goes_on_behind_its_last_gap() -> None:
    part = segment("one two", levels=[LOUD] * 20 + [QUIET] * 4 + [LOUD] * 26)
    assert boundary_ms(part, 700) == 480
    assert boundary_ms(part, 450) == 450  # in the gap itself


def test_a_voice_without_words_and_without_a_gap_begins_anew() -> None:
    assert boundary_ms(segment("one", levels=[LOUD] * 50), 500) == 0


def test_without_any_knowledge_it_goes_on_where_it_stopped() -> None:
    assert boundary_ms(segment("one"), 500) == 500


@given(
    st.lists(st.integers(-96, 0), max_size=120),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 1500)), max_size=6),
    st.integers(0, 3 * RATE),
    st.integers(0, RATE // 2),
)
def test_it_never_goes_forward_nor_far_back(
    levels: list[int], lengths: list[tuple[int, int]], samples: int, trimmed: int
) -> None:
    part = segment("whatever", seconds=None, levels=levels)
    part.trimmed = trimmed
    start = 0
    for gap, length in lengths:
        start += gap
        part.words.append(Word(text="word", start_ms=start, end_ms=start + length))
        start += length
    place = word_boundary(part, samples)
    assert max(0, samples - FARTHEST_BACK_MS * RATE // 1000) <= place <= samples
