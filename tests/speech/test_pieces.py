from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.pieces import harmless, pieces


@given(st.text(alphabet="ab .,!。", max_size=200), st.integers(1, 50))
def test_pieces_are_the_text_within_the_limit_and_only_the_last_is_the_last(text: str, limit: int) -> None:
    cut = list(pieces(text, limit))
    assert "".join(piece for piece, _ in cut) == text
    assert all(len(piece) <= limit for piece, _ in cut)
    assert [last for _, last in cut] == [False] * (len(cut) - 1) + [True]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One, two. Three, four five", "One, two. "),
        ("One, two three, four fives", "One, two three, "),
        ("One two three four five six", "One two three four "),
        ("Onetwothreefourfivesixseven", "Onetwothreefourfives"),
        ('He said "no." And then he left', 'He said "no." '),
        ("你好。我是中国人你是谁呢我们都是人类啊大家好", "你好。"),
        ("It is 3.14, or 1,250 metres", "It is 3.14, "),
    ],
)
def test_a_piece_ends_with_a_sentence_else_a_clause_else_a_word(text: str, first: str) -> None:
    assert next(pieces(text, 20)) == (first, False)


def test_a_text_within_the_limit_is_one_piece() -> None:
    assert list(pieces("One. Two.", 9)) == [("One. Two.", True)]


@given(st.text())
def test_harmless_text_can_be_written_and_keeps_its_positions(text: str) -> None:
    clean = harmless(text)
    assert len(clean) == len(text)
    assert harmless(clean) == clean
    assert "\0" not in clean
    assert all(new == old for new, old in zip(clean, text, strict=True) if old.isprintable())


def test_control_characters_become_spaces_and_half_surrogates_question_marks() -> None:
    assert harmless("a\x01b\0\n\ud800😀") == "a b \n?😀"
