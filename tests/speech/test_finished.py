from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import UNRECOGNISED, Prosody
from voicepipe.speech.clauses import COMPLETE, EITHER_WAY, GOES_ON, HARDLY, LIKELY, SELDOM
from voicepipe.speech.finished import CAREFUL, NOTHING_KNOWN, finished


def voice(
    *, slope: float | None, height: float | None = 0.0, fall: float = 6.0, voiced: int = 400
) -> Prosody:
    return Prosody(
        position=0, pitch_slope=slope, pitch_height=height, level_fall=fall, voiced_ms=voiced, at_ns=0
    )


LOW_AND_SOFT = voice(slope=-15, height=-4, fall=15)
LEVEL = voice(slope=0, height=1, fall=0)


def test_nothing_known_is_neither() -> None:
    assert finished("") == finished(UNRECOGNISED) == finished("...?!") == NOTHING_KNOWN


def test_an_unknown_language_is_judged_carefully_and_not_by_english() -> None:
    assert finished("missä minun on the", language="fi") == finished("kiitos", language="fi") == CAREFUL


@pytest.mark.parametrize("tag", ["en", "en-US", "EN_gb"])
def test_the_first_part_of_the_language_counts(tag: str) -> None:
    assert finished("where is my", language=tag) == GOES_ON


@pytest.mark.parametrize(
    "text",
    [
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
        "who are you",
        "how are you",
        "who was that",
        "what can you do",
        "what can i do",
        "what did you say",
        "what about friday",
        "i can't hear you",
        "i told you",
        "can you tell me where my package is",
        "tell me which one",
        "i'm sorry about that",
        "help",
        "stop",
        "set a timer for five minutes",
    ],
)
def test_a_sentence_is_finished(text: str) -> None:
    assert finished(text) >= COMPLETE


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
        "can you tell",
        "is there",
        "i already",
        "my name is",
        "send me",
        "what time",
    ],
)
def test_after_a_word_that_opens_something_it_goes_on(text: str) -> None:
    assert finished(text) <= HARDLY


@pytest.mark.parametrize("text", ["set", "please put", "the same", "my insurance", "the blue"])
def test_where_a_noun_or_an_object_is_missing_it_seldom_ends(text: str) -> None:
    assert finished(text) <= SELDOM


@pytest.mark.parametrize("text", ["i need to cancel", "set a timer for five"])
def test_what_may_go_on_as_well_is_neither(text: str) -> None:
    assert finished(text) == EITHER_WAY


def test_a_few_words_are_an_answer_after_a_question_and_less_surely_a_turn_without_one() -> None:
    assert finished("tomorrow") == finished("blue shirt") == LIKELY
    assert finished("blue shirt", asked="Which one would you like?") == COMPLETE
    assert finished("yes i do", asked="Do you have an account?") == COMPLETE


@pytest.mark.parametrize(
    ("language", "open_", "done"),
    [
        ("de-DE", "wo ist meine", "wo ist meine bestellung"),
        ("de", "mach das", "mach das licht an"),
        ("fr", "où est ma", "où est ma commande"),
        ("es", "dónde está mi", "dónde está mi pedido"),
        ("it", "dov'è il mio", "dov'è il mio ordine"),
        ("pt-BR", "onde está meu", "onde está meu pedido"),
        ("nl", "waar is mijn", "waar is mijn bestelling"),
        ("nl", "doe het", "doe het licht aan"),
    ],
)
def test_other_languages_have_grammars_of_their_own(language: str, open_: str, done: str) -> None:
    assert finished(open_, language=language) < finished(done, language=language) == COMPLETE


def test_case_and_apostrophes_do_not_matter() -> None:
    assert finished("I’D LIKE TO") == finished("i'd like to") == GOES_ON


@pytest.mark.parametrize("end", [",", "...", "…", " -", ":"])
def test_a_mark_that_announces_more_is_believed(end: str) -> None:
    assert finished(f"Where is my order{end}") == SELDOM


def test_a_full_stop_is_put_after_everything() -> None:
    assert finished("Where is my.") == GOES_ON
    assert finished("Where is my order.") == finished("where is my order")


def test_a_question_mark_helps_what_might_be_a_question() -> None:
    assert finished("Can you tell me?") == EITHER_WAY
    assert finished("Where is my?") == GOES_ON


def test_a_number_that_was_asked_for_is_finished_with_enough_figures() -> None:
    asked = "What is your order number?"
    assert finished("one two", asked=asked) < SELDOM
    assert finished("12", asked=asked) < SELDOM
    assert finished("48213", asked=asked) > EITHER_WAY
    assert finished("i don't have it with me", asked=asked) >= COMPLETE


def test_the_voice_moves_a_doubt() -> None:
    doubt = "i want to cancel"
    assert finished(doubt) == EITHER_WAY
    assert finished(doubt, prosody=LEVEL) < SELDOM
    assert finished(doubt, prosody=LOW_AND_SOFT) > 0.6


def test_the_words_weigh_more_than_the_voice() -> None:
    assert finished("where is my", prosody=LOW_AND_SOFT) < 0.2
    assert finished("where is my order", prosody=LEVEL) > 0.6


@pytest.mark.parametrize("unknown", [{"slope": None}, {"slope": -20, "voiced": 100}])
def test_a_pitch_that_could_not_be_measured_says_nothing(unknown: dict[str, Any]) -> None:
    level = voice(slope=0)
    assert finished("where is my order", prosody=voice(**unknown)) == pytest.approx(
        finished("where is my order", prosody=level)
    )


def test_a_voice_without_pitch_may_still_become_softer() -> None:
    doubt = "i want to cancel"
    assert finished(doubt, prosody=voice(slope=None, fall=1)) < EITHER_WAY
    assert finished(doubt, prosody=voice(slope=None, fall=12)) > EITHER_WAY


@given(
    st.text(max_size=60),
    st.sampled_from(["en", "de", "es", "fr", "it", "nl", "pt", "xx"]),
    st.text(max_size=30),
    st.floats(-300, 300),
    st.floats(-60, 60),
)
def test_it_is_always_between_0_and_1(
    text: str, language: str, asked: str, slope: float, fall: float
) -> None:
    prosody = voice(slope=slope, height=None, fall=fall)
    assert 0 < finished(text, language=language, asked=asked, prosody=prosody) < 1
