from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.languages import KNOWN, base_of, listening
from voicepipe.speech.languages.words import phrases, plain_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mm-hmm, that’s RIGHT!", ["mm", "hmm", "thats", "right"]),
        ("Sí, ¿está bién?", ["si", "esta", "bien"]),
        ("d'accord", ["daccord"]),
        ("Mmmmm yeahhh", ["m", "yeah"]),
        ("weiß", ["weiss"]),
        ("12 o'clock", ["12", "oclock"]),
        (" ... ", []),
    ],
)
def test_recognisers_spellings_are_brought_to_one(text: str, words: list[str]) -> None:
    assert plain_words(text) == words


@given(st.text(max_size=60))
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    words = plain_words(text)
    assert plain_words(" ".join(words)) == words


def test_phrases_are_parted_by_commas_and_lines() -> None:
    assert phrases("uh huh, that's it,\n  ok,,") == {("uh", "huh"), ("thats", "it"), ("ok",)}


@pytest.mark.parametrize("tag", ["pt", "pt-BR", "pt_BR", "PT-br"])
def test_the_first_part_of_a_tag_counts(tag: str) -> None:
    assert base_of(tag) == "pt"


@pytest.mark.parametrize("language", KNOWN)
def test_no_phrase_is_both_listening_and_a_wish_for_silence(language: str) -> None:
    known = listening(language)
    assert not known.backchannels & (known.safety | known.safety_alone)
    assert not known.backchannels & known.refusals


@pytest.mark.parametrize("language", KNOWN)
def test_backchannels_are_short(language: str) -> None:
    assert max(map(len, listening(language).backchannels)) <= 4


@pytest.mark.parametrize("language", KNOWN)
def test_no_is_an_answer_in_every_language(language: str) -> None:
    no = {"de": "nein", "en": "no", "es": "no", "fr": "non", "it": "no", "nl": "nee", "pt": "nao"}[language]
    assert (no,) not in listening(language).backchannels
