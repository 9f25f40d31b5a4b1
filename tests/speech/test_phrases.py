from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.phrases import _LANGUAGES, Phrases, count_words


def cut(text: str, language: str = "en") -> tuple[str, str] | None:
    """The text when the first phrase is known to have ended, pushed word by word, broken there."""
    words = text.split(" ")
    for count in range(1, len(words) + 1):
        so_far = " ".join(words[:count])
        for end in Phrases(language).breaks(so_far, len(so_far)):
            return so_far[:end].rstrip(), so_far[end:]
    return None


@pytest.mark.parametrize(
    ("text", "first", "seen"),
    [
        ("Sure, I can help you with that", "Sure, I can help", "you"),
        ("Your parcel will arrive on Friday", "Your parcel will arrive", "on Friday"),
        ("I can do it for you right now and then", "I can do it", "for you"),
        ("We are open from nine to five", "We are open", "from nine"),
        ("I'm afraid to say we're closed", "I'm afraid to say", "we're"),
        ("I think it rains because the sky is dark", "I think it rains", "because the"),
        ("No problem sir I'm here", "No problem sir", "I'm"),
        ("One moment, let me check the list", "One moment, let me check", "the"),
    ],
)
def test_english_phrases_break_before_a_word_that_opens_the_next(text: str, first: str, seen: str) -> None:
    assert cut(text) == (first, seen)


@pytest.mark.parametrize(
    ("language", "text", "first", "seen"),
    [
        (
            "de-DE",
            "Ihre Bestellung kommt morgen am Vormittag an",
            "Ihre Bestellung kommt morgen",
            "am Vormittag",
        ),
        ("de", "Ja, ich kann Ihnen bei der Bestellung helfen", "Ja, ich kann Ihnen", "bei der"),
        ("es-MX", "Su pedido llega mañana por la tarde", "Su pedido llega mañana", "por la"),
        (
            "fr_FR",
            "Votre commande arrive demain dans l'après-midi",
            "Votre commande arrive demain",
            "dans l'après-midi",
        ),
        ("fr", "Nous vous envoyons l'ordre aujourd'hui", "Nous vous envoyons", "l'ordre"),
        ("fr", "Je crois bien qu'il arrive demain", "Je crois bien", "qu'il arrive"),
        ("it", "Il suo ordine arriva domani per posta", "Il suo ordine arriva domani", "per posta"),
        (
            "it",
            "Possiamo vederci domani all'ingresso principale",
            "Possiamo vederci domani",
            "all'ingresso principale",
        ),
        ("nl-BE", "Uw pakket komt morgen in de middag", "Uw pakket komt morgen", "in de"),
        ("pt-BR", "O seu pedido chega amanhã pela manhã", "O seu pedido chega amanhã", "pela manhã"),
    ],
)
def test_other_languages_have_words_of_their_own(language: str, text: str, first: str, seen: str) -> None:
    assert cut(text, language) == (first, seen)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Help you with", "en"),  # too few words
        ("Sure, I can do it", "en"),  # a verb and its object
        ("I would like to", "en"),
        ("Please come right in", "en"),  # nothing follows the preposition
        ("Ich rufe Sie gleich an", "de"),
        ("I have asked Dr. I", "en"),
        ("It is not the", "en"),
        ("We don't have the", "en"),
        ("I know that the", "en"),
        ("Please take some a", "en"),  # which may be the beginning of "apples"
        ("Your parcel will arrive on Friday morning", "xx"),
    ],
)
def test_there_is_no_break(text: str, language: str) -> None:
    assert cut(text, language) is None


def test_a_word_that_a_mark_follows_opens_nothing() -> None:
    text = "Well I helped you. Today"
    assert list(Phrases("en").breaks(text, text.index("."))) == []


def test_typographic_apostrophes_are_apostrophes() -> None:
    assert cut("Nous vous envoyons l’ordre", "fr") == ("Nous vous envoyons", "l’ordre")
    assert cut("We don’t have the") is None


@pytest.mark.parametrize("language", sorted(_LANGUAGES))
def test_a_word_is_of_one_kind_and_in_lower_case(language: str) -> None:
    words = _LANGUAGES[language]
    kinds = (words.leads, words.joins, words.objects, words.stays)
    for one, other in combinations(kinds, 2):
        assert one & other == frozenset()
    assert all(word == word.lower() for kind in kinds for word in kind)


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("Sure, I can", 3), ("— ! 5 p.m.", 2), ("明日です", 2), ("はい", 1), ("は", 0)],
)
def test_words_are_counted_as_they_are_pronounced(text: str, count: int) -> None:
    assert count_words(text) == count


@given(st.text(max_size=80), st.integers(0, 80), st.sampled_from([*_LANGUAGES, "xx"]))
def test_a_break_is_before_a_word_and_behind_three(text: str, end: int, language: str) -> None:
    for place in Phrases(language).breaks(text, end):
        assert text[place - 1].isspace()
        assert not text[place].isspace()
        assert count_words(text[:place]) >= 3
