from __future__ import annotations

from typing import Any, get_args

import pytest

from tests.support.happenings import EXAMPLES
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.policy import TurnPolicy
from voicepipe.speech.turn_rules import SOONER, BargeIn, CallerTurn, PolicyInput, Rules
from voicepipe.speech.turn_table import Action
from voicepipe.speech.waits import Waits
from voicepipe.stages.turn import TurnConfig


def test_the_rules_that_nobody_set_are_those_that_the_file_s_defaults_make() -> None:
    rules = TurnConfig().rules("en")
    assert rules.barge_in == BargeIn()
    assert (rules.dead_air, rules.max_speech) == (Rules().dead_air - SOONER, Rules().max_speech)
    assert (rules.strategy, rules.drafts, rules.early_drafts) == ("adaptive", True, True)


@pytest.mark.parametrize(("dead_air", "after"), [("4s", 3850), ("2s", 1850), ("200ms", 100)])
def test_something_is_said_before_the_longest_silence_is_over(dead_air: str, after: int) -> None:
    """A notice that was begun after exactly 4 s was heard after 4.02 to 4.06 s."""
    assert TurnConfig.model_validate({"dead_air": dead_air}).rules("en").dead_air == after * MS


def test_the_steps_of_an_interruption_do_not_decrease() -> None:
    steps = BargeIn()
    assert 0 < steps.duck_after < steps.pause_after < steps.commit_after < SECOND
    assert steps.thinking_commit_after < steps.commit_after


def test_a_turn_that_was_only_typed_has_no_times_of_speech_and_no_draft() -> None:
    turn = CallerTurn("hello", None, None)
    assert not turn.drafted


@pytest.mark.parametrize("kind", get_args(PolicyInput))
def test_the_policy_understands_each_input_that_it_declares(kind: type[Any]) -> None:
    frame = next(event for event in EXAMPLES if isinstance(event, kind))
    policy = TurnPolicy(Rules(), Waits(strategy="silence", min_silence=500 * MS, max_wait=SECOND))
    assert set(policy.on(frame)) <= set(Action)
