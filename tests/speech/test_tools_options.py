"""What is declared of a tool beside its signature: for calls that are interrupted, or take long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voicepipe.errors import ConfigError, UsageError
from voicepipe.speech.tools import tool, tool_spec


async def look_up() -> str:
    """Look something up."""
    return "found"


def look_up_in_a_thread() -> str:
    """Look something up, and block."""
    return "found"


@pytest.mark.parametrize("side_effect", [False, True])
def test_a_call_may_be_cancelled_exactly_if_it_changes_nothing(side_effect: bool) -> None:
    spec = tool_spec(tool(side_effect=side_effect)(look_up))
    assert spec.cancellable is not side_effect
    assert replace(spec, side_effect=not side_effect).cancellable is side_effect


@pytest.mark.parametrize("side_effect", [False, True])
@pytest.mark.parametrize("cancellable", [False, True])
def test_what_is_declared_goes_before_that(side_effect: bool, cancellable: bool) -> None:
    spec = tool_spec(tool(side_effect=side_effect, cancellable=cancellable)(look_up))
    assert spec.cancellable is cancellable


def test_a_thread_that_has_effects_cannot_be_cancelled_and_the_error_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"look_up_in_a_thread.*can't be cancelled.*thread") as caught:
        tool(cancellable=True)(look_up_in_a_thread)
    assert caught.value.path == __file__
    assert "async def" in str(caught.value.hint)


def test_a_thread_without_effects_can_be_left_to_itself() -> None:
    assert tool_spec(tool(cancellable=True, side_effect=False)(look_up_in_a_thread)).cancellable


def test_words_for_the_wait_are_kept_in_one_line() -> None:
    assert tool_spec(tool(say_while_running="Let me\nlook. ")(look_up)).say_while_running == "Let me look."
    assert tool_spec(tool(look_up_in_a_thread)).say_while_running is None


@pytest.mark.parametrize("words", ["", "...", "x" * 201])
def test_what_is_not_fit_to_be_said_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match=r"@tool\(say_while_running=...\): expected"):
        tool(say_while_running=words)


def test_variables_are_a_matter_of_the_pipeline_file() -> None:
    with pytest.raises(UsageError, match="can't be inserted here") as caught:
        tool(say_while_running="One moment, {{name}}.")
    assert "pipeline file" in str(caught.value.hint)
