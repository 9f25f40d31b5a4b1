from __future__ import annotations

import pytest

from voicepipe.speech.meanwhile import SAY_LIMIT, words_meanwhile


def test_words_are_put_on_one_line() -> None:
    assert words_meanwhile(" Let me\n\tlook. ") == "Let me look."


@pytest.mark.parametrize("text", ["", " \n ", "...", "!?"])
def test_what_cannot_be_spoken_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected words to be said while the tool runs"):
        words_meanwhile(text)


def test_a_speech_is_refused() -> None:
    assert words_meanwhile("x" * SAY_LIMIT) == "x" * SAY_LIMIT
    with pytest.raises(ValueError, match="expected at most 200 characters"):
        words_meanwhile("x" * (SAY_LIMIT + 1))
