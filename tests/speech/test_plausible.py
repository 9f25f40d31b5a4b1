from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import UNRECOGNISED
from voicepipe.speech.plausible import believed, compression_ratio, joined


def _believed(text: str, mean_logprob: float = -0.2, no_speech: float = 0.0) -> str:
    return believed(text, mean_logprob=mean_logprob, no_speech=no_speech, min_logprob=-1.0, max_no_speech=0.6)


def test_a_sentence_that_the_model_is_sure_of_is_believed() -> None:
    assert _believed(" turn on the kitchen lights") == "turn on the kitchen lights"


def test_a_guess_in_what_is_probably_no_speech_is_noise() -> None:
    assert _believed(" Thank you.", mean_logprob=-1.3, no_speech=0.9) == ""


def test_a_guess_in_speech_is_speech_that_was_not_recognised() -> None:
    assert _believed(" the tree fuel", mean_logprob=-1.3, no_speech=0.1) == UNRECOGNISED


def test_a_sure_answer_outweighs_the_suspicion_of_silence() -> None:
    assert _believed(" yes", mean_logprob=-0.3, no_speech=0.7) == "yes"


def test_a_decoder_that_runs_in_circles_is_not_believed() -> None:
    loop = "I don't know. " * 20
    assert compression_ratio(loop) > 2.4
    assert _believed(loop) == UNRECOGNISED


@pytest.mark.parametrize("text", ["", " ", " ...", "♪♪", "?!"])
def test_a_text_without_a_letter_or_a_digit_is_no_speech(text: str) -> None:
    assert _believed(text) == ""


def test_pieces_are_joined_and_unrecognised_ones_count_only_if_all_are() -> None:
    assert joined(["turn on", "", UNRECOGNISED, "the lights"]) == "turn on the lights"
    assert joined(["", UNRECOGNISED, ""]) == UNRECOGNISED
    assert joined(["", ""]) == ""


@given(st.text(), st.floats(-5, 0), st.floats(0, 1))
def test_the_verdict_is_the_text_or_nothing_or_unrecognised(
    text: str, logprob: float, silence: float
) -> None:
    assert _believed(text, logprob, silence) in {text.strip(), "", UNRECOGNISED}
