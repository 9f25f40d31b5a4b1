"""The bigram model: what it allows, and that its probabilities are ones."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.ngram import BEGIN, END, Bigrams, any_of, repeated, word

WORDS = st.sampled_from(["go", "stop", "left", "right", "now"])
SENTENCES = st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=6)


def model(*sentences: list[str]) -> Bigrams:
    bigrams = Bigrams()
    for sentence in sentences:
        bigrams.add([word(text) for text in sentence], 1.0)
    return bigrams


def grams(arpa: str, order: int) -> dict[tuple[str, ...], float]:
    """The n-grams of one order with their probabilities."""
    block = arpa.split(f"\\{order}-grams:\n")[1].split("\n\n")[0]
    rows = [line.split() for line in block.splitlines()]
    return {tuple(row[1 : 1 + order]): 10 ** float(row[0]) for row in rows}


@given(SENTENCES)
def test_every_sentence_that_was_added_is_allowed(sentences: list[list[str]]) -> None:
    bigrams = model(*sentences)
    assert all(bigrams.allows(sentence) for sentence in sentences)


@given(SENTENCES)
def test_a_beginning_of_a_sentence_is_allowed_while_it_has_not_ended(sentences: list[list[str]]) -> None:
    bigrams = model(*sentences)
    for sentence in sentences:
        assert all(bigrams.allows(sentence[:end], ended=False) for end in range(1, len(sentence) + 1))


def test_a_pair_that_no_sentence_contains_is_not_allowed() -> None:
    bigrams = model(["go", "left"], ["stop"])
    assert not bigrams.allows(["left", "go"])
    assert not bigrams.allows(["go"])
    assert bigrams.allows(["go"], ended=False)


def test_a_list_may_be_said_with_any_of_its_phrases_and_only_whole() -> None:
    bigrams = Bigrams()
    bigrams.add([word("in"), any_of([["new", "york"], ["paris"]])], 1.0)
    assert bigrams.allows(["in", "new", "york"])
    assert bigrams.allows(["in", "paris"])
    assert not bigrams.allows(["in", "york"])
    assert not bigrams.allows(["in", "new"])


def test_a_list_without_a_phrase_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one phrase"):
        any_of([[]])


def test_digits_follow_each_other_in_any_order() -> None:
    bigrams = Bigrams()
    bigrams.add([word("order"), repeated(["one", "two"], 4)], 1.0)
    assert bigrams.allows(["order", "two", "one", "one", "two"])


def test_the_vocabulary_has_each_word_once_without_the_marks() -> None:
    assert model(["go", "left"], ["go"]).vocabulary == ["go", "left"]


@given(SENTENCES)
def test_what_follows_a_word_sums_to_one_with_what_is_backed_off(sentences: list[list[str]]) -> None:
    backoff = 0.1
    arpa = model(*sentences).arpa(backoff)
    single, pairs = grams(arpa, 1), grams(arpa, 2)
    assert math.isclose(sum(p for (w,), p in single.items() if w != BEGIN), 1.0, abs_tol=1e-2)
    seen: dict[str, float] = defaultdict(float)
    backed: dict[str, float] = defaultdict(float)
    for (before, after), p in pairs.items():
        seen[before] += p
        backed[before] += single[(after,)]
    for before, p in seen.items():
        assert math.isclose(p + backoff * (1 - backed[before]), 1.0, abs_tol=1e-2)


def test_the_header_counts_what_the_file_holds() -> None:
    arpa = model(["go", "left"], ["stop", "now"]).arpa()
    assert f"ngram 1={len(grams(arpa, 1))}" in arpa
    assert f"ngram 2={len(grams(arpa, 2))}" in arpa
    assert (END,) in grams(arpa, 1)
