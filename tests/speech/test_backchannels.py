from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import UNRECOGNISED
from voicepipe.speech.backchannels import LONGEST_BACKCHANNEL, Said, classify


@pytest.mark.parametrize("text", ["", "  ", "...", "[", UNRECOGNISED])
def test_noise_and_speech_without_words_are_nothing(text: str) -> None:
    assert classify(text) is Said.NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "uh-huh",
        "Uh huh.",
        "uhhuh",
        "mhm",
        "Mm-hmm!",
        "mm",
        "Mmmmmm",
        "okay",
        "OK.",
        "yeah",
        "right",
        "I see.",
        "got it",
    ],
)
def test_one_sign_of_listening_is_a_backchannel_however_it_is_spelled(text: str) -> None:
    assert classify(text) is Said.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    [
        "yeah, okay",
        "uh-huh uh-huh",
        "mm-hmm, right",
        "oh I see",
        "okay, that makes sense",
        "That’s right. Yeah.",
    ],
)
def test_several_in_a_row_are_one(text: str) -> None:
    assert classify(text) is Said.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    [
        *(
            "no",
            "wait",
            "what",
            "sorry",
            "yes but",
            "yeah and what about me",
            "okay so",
            "right then I'd like two",
        ),
        *("uh-uh", "nuh uh", "not really", "I see a problem", "thank you", "tomorrow", "five"),
    ],
)
def test_what_says_something_is_words(text: str) -> None:
    assert classify(text) is Said.WORDS


def test_who_goes_on_and_on_with_it_wants_to_be_listened_to() -> None:
    assert classify(" ".join(["yeah"] * LONGEST_BACKCHANNEL)) is Said.BACKCHANNEL
    assert classify(" ".join(["yeah"] * (LONGEST_BACKCHANNEL + 1))) is Said.WORDS


@pytest.mark.parametrize(
    ("begun", "whole"), [("I", "I see"), ("that's", "that's right"), ("okay of", "okay of course")]
)
def test_the_beginning_of_a_backchannel_is_nothing_until_the_text_is_final(begun: str, whole: str) -> None:
    assert classify(begun, final=False) is Said.NOTHING
    assert classify(whole, final=False) is Said.BACKCHANNEL
    assert classify(begun) is Said.WORDS


@pytest.mark.parametrize("text", ["no", "I want", "stopping", "wait"])
def test_words_are_words_before_the_text_is_final(text: str) -> None:
    assert classify(text, final=False) is Said.WORDS


@pytest.mark.parametrize(
    "text",
    [
        *(
            "stop",
            "Stop!",
            "STOP IT",
            "stop please",
            "okay stop",
            "oh please just stop",
            "stop, I know all of that",
        ),
        *(
            "be quiet",
            "would you please be quiet",
            "hold on",
            "hold on a second",
            "enough",
            "okay, that's enough",
        ),
        *("no stop", "wait, wait, stop", "stop stop stop stop", "quiet please"),
    ],
)
def test_a_safety_phrase_is_found_alone_and_at_either_end(text: str) -> None:
    assert classify(text) is Said.SAFETY
    assert classify(text, final=False) is Said.SAFETY


@pytest.mark.parametrize(
    "text",
    [
        *("don't stop", "never stop", "where is the bus stop", "stop the timer", "hold on to my order"),
        *("fair enough I want two", "it isn't quiet here", "and then I asked the driver if he could stop"),
    ],
)
def test_a_sentence_that_holds_its_words_is_none(text: str) -> None:
    assert classify(text) is Said.WORDS


def test_fair_enough_is_no_safety_phrase() -> None:
    assert classify("fair enough") is Said.BACKCHANNEL


def test_own_safety_phrases_are_understood_beside_the_languages() -> None:
    assert classify("Computer, freeze") is Said.WORDS
    assert classify("Computer, freeze", "en", ("freeze", "red light")) is Said.SAFETY
    assert classify("red light now", "en", ("freeze", "red light")) is Said.SAFETY
    assert classify("stop", "en", ("freeze",)) is Said.SAFETY


@pytest.mark.parametrize("blank", ["", " ", "!"])
def test_an_own_safety_phrase_without_a_word_stops_nothing(blank: str) -> None:
    assert classify("tell me more", "en", (blank,)) is Said.WORDS


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "nl", "pt", "sv", "ja-JP", ""])
def test_hums_okay_and_stop_are_understood_everywhere(language: str) -> None:
    assert classify("Mm-hmm.", language) is Said.BACKCHANNEL
    assert classify("okay", language) is Said.BACKCHANNEL
    assert classify("stop", language) is Said.SAFETY


def test_a_word_of_another_language_is_just_a_word() -> None:
    assert classify("genau", "en") is Said.WORDS
    assert classify("right", "sv") is Said.WORDS


@given(st.text(max_size=80), st.sampled_from(["de", "en", "es", "fr", "it", "nl", "pt", "xx"]), st.booleans())
def test_any_text_is_one_of_the_four_and_case_does_not_matter(text: str, language: str, final: bool) -> None:
    assert classify(text, language, final=final) in Said
    if text.isascii():
        assert classify(text.upper(), language, final=final) is classify(text.lower(), language, final=final)
