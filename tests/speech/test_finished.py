from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import UNRECOGNISED, Prosody
from voicepipe.speech.finished import DANGLING, DONE, DOUBTFUL, FALL, NOTHING_KNOWN, OPEN, SURE, finished

SENTENCES = (
    "where is my order",
    "turn on the kitchen lights",
    "what time do you close on friday",
    "could you send it to my office instead of my home",
    "i lost my card yesterday and need a new one",
    "is there a train to berlin after nine",
    "they are too small",
    "no i meant the other one",
    "can you turn it on",
    "thank you very much",
    "my name is john smith",
    "tomorrow",
    "who are you",
    "how are you",
    "what can you do",
    "what can i do",
    "what did you say",
    "i can't hear you",
    "can you tell me where my package is",
    "i'm sorry about that",
)


def melody(slope: float | None) -> Prosody:
    return Prosody(position=0, pitch_slope=slope, pitch_height=0.0, level_fall=0.0, voiced_ms=400, at_ns=0)


@pytest.mark.parametrize("text", [one for one in SENTENCES if one != "can you turn it on"])
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text) >= DONE


@pytest.mark.parametrize(
    "text",
    [
        "where is my",
        "i would like to",
        "i'd",
        "because",
        "um",
        "turn it on and",
        "can you tell me when it",
        "is there",
        "i already",
        "my name is",
    ],
)
def test_after_a_word_that_opens_something_it_goes_on(text: str) -> None:
    assert finished(text) <= DANGLING


@pytest.mark.parametrize(
    "text",
    [
        "set",
        "can you tell",
        "i need to cancel",
        "please put",
        "send me",
        "the same",
        "what time",
        "my insurance",
    ],
)
def test_where_a_noun_or_an_object_is_missing_it_most_often_goes_on(text: str) -> None:
    assert finished(text) <= OPEN


def test_a_number_that_was_asked_for_is_finished_with_enough_digits() -> None:
    asked = "What is your order number?"
    assert finished("one two", asked=asked) <= OPEN
    assert finished("12", asked=asked) <= OPEN
    assert finished("one two three four five", asked=asked) >= DONE
    assert finished("48213", asked=asked) >= DONE


def test_a_number_alone_may_be_followed_by_what_it_counts() -> None:
    assert finished("set a timer for five") == DOUBTFUL
    assert finished("set a timer for five minutes") >= DONE


def test_a_few_words_are_an_answer_after_a_question_and_a_beginning_without_one() -> None:
    assert finished("the blue") <= OPEN
    assert finished("blue shirt") == DOUBTFUL
    assert finished("blue shirt", asked="Which one would you like?") >= DONE
    assert finished("yes i do", asked="Do you have an account?") >= DONE


def test_the_mark_of_a_recogniser_that_punctuates_counts_where_it_says_something() -> None:
    assert finished("Where is my?") == SURE
    assert finished("Where is my order,") == DANGLING
    assert finished("Where is my.") == DANGLING  # a full stop is put after everything


def test_nothing_known_is_neither() -> None:
    assert finished("") == finished(UNRECOGNISED) == NOTHING_KNOWN


@pytest.mark.parametrize(
    ("language", "open_", "done"),
    [
        ("de-DE", "wo ist meine", "wo ist meine bestellung"),
        ("fr", "où est ma", "où est ma commande"),
        ("es", "dónde está mi", "dónde está mi pedido"),
        ("it", "dov'è il mio", "dov'è il mio ordine"),
        ("pt-BR", "onde está meu", "onde está meu pedido"),
        ("nl", "waar is mijn", "waar is mijn bestelling"),
    ],
)
def test_other_languages_know_their_function_words(language: str, open_: str, done: str) -> None:
    assert finished(open_, language=language) <= DANGLING
    assert finished(done, language=language) >= DONE


@pytest.mark.parametrize(("language", "text"), [("de", "mach das licht an"), ("nl", "doe het licht aan")])
def test_the_second_half_of_a_verb_may_be_the_end(language: str, text: str) -> None:
    assert finished(text, language=language) == DOUBTFUL


def test_an_unknown_language_is_not_judged_by_english() -> None:
    assert finished("missä minun on the", language="fi") >= DONE


def test_a_voice_that_comes_to_rest_counts_for_the_end_and_words_count_more() -> None:
    assert finished("the blue one please", prosody=melody(FALL)) >= finished("the blue one please")
    assert finished("where is my", prosody=melody(2 * FALL)) < DOUBTFUL
    assert finished("where is my", prosody=melody(None)) == DANGLING


@given(st.text(max_size=60), st.sampled_from(["en", "de", "xx"]), st.text(max_size=30))
def test_it_is_always_from_0_to_1(text: str, language: str, asked: str) -> None:
    assert 0 <= finished(text, language=language, asked=asked, prosody=melody(-100.0)) <= 1
