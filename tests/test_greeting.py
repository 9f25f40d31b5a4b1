"""What the caller says into the greeting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scenes import Microphone, Scene, ask
from voicepipe.core.records import TurnBegan

GREETING = "Oak Street Clinic, this call is recorded, how can I help you today?"
"""Five seconds and a half."""

ANSWER = ("completed", "It will arrive on Friday.")


def held(folder: Path, words: str, *, interruptible: bool) -> Scene:
    caller = Microphone(1.5, ask(words), 12.0)
    scene = Scene(folder, caller, greeting={"say": GREETING, "interruptible": interruptible})
    scene.check()
    return scene


def test_a_greeting_is_cut_off_by_the_caller_s_words(tmp_path: Path) -> None:
    (status, heard), answer = held(tmp_path, "Where is my order?", interruptible=True).turns
    assert status == "interrupted"
    assert GREETING.startswith(heard.rstrip(","))
    assert heard != GREETING
    assert answer == ANSWER


def test_one_that_is_not_interruptible_is_heard_to_its_end_and_the_words_are_answered_then(
    tmp_path: Path,
) -> None:
    scene = held(tmp_path, "Where is my order?", interruptible=False)
    assert scene.turns == [("completed", GREETING), ANSWER]
    assert [turn.user for turn in scene.of(TurnBegan)] == ["", "Where is my order?"]


@pytest.mark.parametrize("interruptible", [True, False])
def test_a_safety_phrase_always_cuts_it_off(tmp_path: Path, interruptible: bool) -> None:
    scene = held(tmp_path, "Stop", interruptible=interruptible)
    assert scene.turns[0][0] == "interrupted"
