from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import Word
from voicepipe.speech.character_times import CharacterTime, CharacterTimes

STEP = 50.0
TEXT = "Sure, I can help you with that order right away."


def characters(text: str, start: float = 0.0) -> list[CharacterTime]:
    """Each takes 50 ms."""
    return [(one, start + n * STEP, start + (n + 1) * STEP) for n, one in enumerate(text)]


def cut(rows: list[CharacterTime], sizes: list[int]) -> list[list[CharacterTime]]:
    portions = []
    for size in sizes:
        portions.append(rows[:size])
        rows = rows[size:]
    return [*portions, rows]


def test_words_are_cut_at_white_space_and_end_with_their_last_letter() -> None:
    times = CharacterTimes("Well, no.")
    assert times.push(characters("Well, no. ")) == [
        Word(text="Well,", start_ms=0, end_ms=200),
        Word(text="no.", start_ms=300, end_ms=400),
    ]
    assert times.finish(500) == []


def test_a_word_that_two_portions_split_comes_with_the_second() -> None:
    times = CharacterTimes("I can help")
    assert times.push(characters("I ca")) == [Word(text="I", start_ms=0, end_ms=50)]
    assert times.push(characters("n he", 200)) == [Word(text="can", start_ms=100, end_ms=250)]
    assert times.push(characters("lp", 400)) == [Word(text="help", start_ms=300, end_ms=500)]


def test_what_is_missing_divides_the_time_between_its_neighbours() -> None:
    times = CharacterTimes("one two three four")
    times.push(characters("one ", 0))
    found = times.push(characters("three", 1000))
    assert found == [
        Word(text="two", start_ms=150, end_ms=1000),
        Word(text="three", start_ms=1000, end_ms=1250),
    ]
    assert times.finish(2000) == [Word(text="four", start_ms=1250, end_ms=2000)]


def test_a_voice_that_tells_nothing_has_no_words() -> None:
    assert CharacterTimes("one two").finish(900) == []
    times = CharacterTimes("one two")
    assert times.push(characters("uno dos")) == []
    assert times.finish(900) == []


def test_characters_that_are_said_otherwise_are_divided_evenly() -> None:
    times = CharacterTimes("It costs $5 in all")
    words = times.push(characters("It costs ")) + times.push(characters("five dollars", 450))
    words += times.push(characters(" in all", 1050)) + times.finish(1400)
    assert [word.text for word in words] == ["It", "costs", "$5", "in", "all"]
    assert (words[2].start_ms, words[2].end_ms) == (400, 1100)


def test_a_few_letters_are_no_reason_to_leap_ahead() -> None:
    times = CharacterTimes("go on and then go in and out")
    assert times.push(characters("in")) == []
    assert [word.text for word in times.push(characters("go on"))] == ["go", "on"]


def test_an_entry_of_several_characters_divides_its_time() -> None:
    times = CharacterTimes("Hm... yes")
    assert times.push([("Hm", 0, 100), ("... ", 100, 400), ("yes", 500, 800)]) == [
        Word(text="Hm...", start_ms=0, end_ms=100),
        Word(text="yes", start_ms=500, end_ms=800),
    ]


@given(st.lists(st.integers(0, 9), max_size=30))
def test_the_words_are_the_same_however_they_are_portioned(sizes: list[int]) -> None:
    times = CharacterTimes(TEXT)
    found = [word for portion in cut(characters(TEXT + " "), sizes) for word in times.push(portion)]
    assert found == CharacterTimes(TEXT).push(characters(TEXT))
    assert times.finish(10_000) == []


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.data())
def test_if_portions_are_lost_all_words_come_in_order_once_one_is_known(
    sizes: list[int], data: st.DataObject
) -> None:
    portions = cut(characters(TEXT), sizes)
    kept = data.draw(st.lists(st.booleans(), min_size=len(portions), max_size=len(portions)))
    times = CharacterTimes(TEXT)
    found = [
        word for portion, keep in zip(portions, kept, strict=True) if keep for word in times.push(portion)
    ]
    found += times.finish(len(TEXT) * STEP)
    assert [word.text for word in found] in ([], TEXT.split())
    assert all(word.start_ms <= word.end_ms for word in found)
    assert all(before.start_ms <= after.start_ms for before, after in pairwise(found))


@given(
    st.text("ab .", max_size=30),
    st.lists(
        st.lists(st.tuples(st.text("ab .", max_size=3), st.floats(0, 1e4), st.floats(0, 1e4)), max_size=6),
        max_size=6,
    ),
)
def test_whatever_a_server_sends_words_stay_those_of_the_text(
    text: str, portions: list[list[CharacterTime]]
) -> None:
    times = CharacterTimes(text)
    found = [word for portion in portions for word in times.push(portion)] + times.finish(5e3)
    assert [word.text for word in found] == text.split()[: len(found)]
    assert all(before.start_ms <= after.start_ms for before, after in pairwise(found))
    assert all(word.start_ms <= word.end_ms for word in found)


@pytest.mark.parametrize("text", ["", "  ", " \n"])
def test_an_empty_text_has_no_words(text: str) -> None:
    times = CharacterTimes(text)
    assert times.push(characters("what?")) == []
    assert times.finish(100) == []


def test_a_later_piece_of_speech_begins_where_the_one_before_ended() -> None:
    times = CharacterTimes("three four", begins_ms=1000)
    assert times.push(characters("four", 1500)) == [
        Word(text="three", start_ms=1000, end_ms=1500),
        Word(text="four", start_ms=1500, end_ms=1700),
    ]
