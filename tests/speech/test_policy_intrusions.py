"""Sounds while the agent thinks or speaks: which are an interruption, and when that is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller_turns import Shell, speaking, thinking
from voicepipe.core.units import MS
from voicepipe.speech.policy import State
from voicepipe.speech.turn_rules import VERDICT, WORDS_LAG, BargeIn, Ignored
from voicepipe.speech.turn_table import Action

ONSET = 1300
"""When the agent has spoken for a second."""


def steps(shell: Shell) -> list[tuple[int, Action]]:
    """What was done, in milliseconds after ``ONSET``."""
    return [(at - ONSET, action) for at, action in shell.log]


# ── while the agent speaks ───────────────────────────────────────────────────────────────────────


def test_a_sound_ducks_then_pauses_then_interrupts() -> None:
    shell = speaking().speaks().after(3000)
    assert steps(shell) == [(60, Action.DUCK), (200, Action.PAUSE), (600, Action.INTERRUPT)]
    assert shell.state is State.LISTENING


def test_each_step_has_its_own_setting() -> None:
    barge_in = BargeIn(duck_after=100 * MS, pause_after=100 * MS, commit_after=900 * MS)
    shell = speaking(barge_in=barge_in).speaks().after(3000)
    assert steps(shell) == [(100, Action.DUCK), (100, Action.PAUSE), (900, Action.INTERRUPT)]


def test_a_sound_that_is_noticed_late_ducks_at_once() -> None:
    assert speaking().speaks(ago=90).done == [Action.DUCK]


@pytest.mark.parametrize("words", ["uh-huh", "okay", "right", "Yeah."])
def test_a_backchannel_while_the_agent_speaks_comes_back(words: str) -> None:
    shell = speaking().utters(words, 400)
    assert shell.state is State.SPEAKING
    assert shell.done == [Action.DUCK, Action.PAUSE, Action.RESUME]
    assert shell.policy.ignored == Ignored(ONSET * 16, words, "backchannel")
    assert shell.after(5000).turns == shell.turns[:1], "nobody answers it"
    assert shell.ends().state is State.IDLE


def test_a_long_backchannel_of_known_words_does_not_interrupt() -> None:
    shell = speaking().speaks().after(300).says("uh-huh", final=False).after(1200)
    assert shell.state is State.PAUSED
    assert shell.pauses().says("uh-huh uh-huh").state is State.SPEAKING


def test_a_backchannel_interrupts_where_they_are_not_to_be_ignored() -> None:
    shell = speaking(barge_in=BargeIn(ignore_backchannels=False)).utters("okay", 300)
    assert shell.done[-1] is Action.INTERRUPT
    assert [turn.text for turn in shell.after(1000).turns][1:] == ["okay"]


def test_after_the_agent_s_question_a_yes_is_an_answer() -> None:
    shell = speaking(asks=True).utters("yes", 300)
    assert shell.done[-1] is Action.INTERRUPT
    assert [turn.text for turn in shell.after(1000).turns][1:] == ["yes"]


def test_a_backchannel_whose_words_come_after_the_reply_has_ended_is_not_answered() -> None:
    shell = speaking().speaks().after(300).pauses().ends()
    assert shell.state is State.ENDPOINTING
    shell.says("okay").after(1000)
    assert (shell.state, len(shell.turns)) == (State.IDLE, 1)


def test_a_cough_without_words_comes_back() -> None:
    shell = speaking().utters("", 300)
    assert shell.done == [Action.DUCK, Action.PAUSE, Action.RESUME]
    assert shell.policy.ignored == Ignored(ONSET * 16, "", "no_words")


def test_a_short_sound_is_only_ducked_for() -> None:
    shell = speaking().speaks().after(100).pauses().says("")
    assert shell.done == [Action.DUCK, Action.RESUME]


def test_a_sound_whose_words_never_come_comes_back_after_the_verdict() -> None:
    shell = speaking().speaks().after(300).pauses().after(3000)
    assert steps(shell)[-1] == (300 + VERDICT // MS, Action.RESUME)


def test_late_words_after_the_verdict_interrupt_after_all() -> None:
    shell = speaking().speaks().after(300).pauses().after(2000)
    assert shell.state is State.SPEAKING
    shell.says("no, the other one")
    assert shell.done[-1] is Action.INTERRUPT
    assert [turn.text for turn in shell.after(1000).turns][1:] == ["no, the other one"]


def test_words_interrupt_as_soon_as_they_are_known() -> None:
    shell = speaking().speaks().after(250).says("no, the other", final=False)
    assert shell.done == [Action.DUCK, Action.PAUSE, Action.INTERRUPT]
    assert shell.state is State.LISTENING
    shell.after(500).pauses().says("no, the other one").after(1000)
    assert [turn.text for turn in shell.turns][1:] == ["no, the other one"]


def test_a_short_stop_interrupts() -> None:
    shell = speaking().utters("stop", 250)
    assert shell.done[-1] is Action.INTERRUPT
    assert shell.state is State.ENDPOINTING


def test_what_may_yet_become_a_backchannel_is_waited_for() -> None:
    shell = speaking().speaks().after(300).says("I", final=False)
    assert shell.state is State.PAUSED
    assert shell.pauses().says("I see").state is State.SPEAKING


def test_a_recogniser_that_tells_words_early_is_given_longer_for_them() -> None:
    shell = speaking().utters("uh-huh", 200).after(500)
    shell.speaks().after(100).says("uh-huh", final=False).pauses().says("uh-huh").after(500)
    onset = shell.now
    shell.forget_log().speaks().after(3000)
    assert shell.log[-1] == ((onset + 600 * MS + WORDS_LAG) // MS, Action.INTERRUPT)


def test_a_caller_who_goes_on_after_a_breath_is_still_the_same_sound() -> None:
    shell = speaking().speaks().after(300).pauses().after(40).resumes().after(3000)
    assert steps(shell)[-1] == (600, Action.INTERRUPT)


def test_a_reply_that_ends_under_a_sound_gives_the_caller_the_word() -> None:
    shell = speaking().speaks().after(300).ends()
    assert (shell.state, shell.done[-1]) == (State.LISTENING, Action.FINISH)


def test_a_ducked_reply_that_runs_dry_is_held() -> None:
    shell = speaking().speaks().after(100).runs_dry()
    assert (shell.state, shell.done) == (State.HELD, [Action.DUCK, Action.PAUSE])
    assert shell.pauses().says("").state is State.PROCESSING


# ── a reply that may not be interrupted ──────────────────────────────────────────────────────────


def greeting() -> Shell:
    shell = Shell()
    shell.interruptible = False
    return shell.greets().after(300).plays().after(1000).forget_log()


def test_what_is_said_into_an_uninterruptible_greeting_is_answered_after_it() -> None:
    shell = greeting().speaks().after(2000).pauses().says("I need an appointment").after(1000)
    assert (shell.state, shell.done) == (State.SPEAKING, [])
    shell.ends().after(1000)
    assert [turn.text for turn in shell.turns][1:] == ["I need an appointment"]


def test_who_is_still_speaking_when_it_ends_has_the_word() -> None:
    assert greeting().speaks().after(2000).ends().state is State.LISTENING


def test_a_safety_phrase_cuts_even_an_uninterruptible_greeting() -> None:
    shell = greeting().speaks().after(300).says("stop", final=False)
    assert (shell.state, shell.done) == (State.LISTENING, [Action.INTERRUPT])


def test_an_own_safety_phrase_counts_beside_those_of_the_language() -> None:
    shell = Shell(barge_in=BargeIn(safety_phrases=("mayday",)))
    shell.interruptible = False
    shell.greets().after(300).plays().speaks().after(300).says("mayday", final=False)
    assert shell.state is State.LISTENING


def test_an_uninterruptible_greeting_is_prepared_whoever_speaks() -> None:
    shell = Shell()
    shell.interruptible = False
    assert shell.greets().speaks().state is State.PROCESSING
    assert shell.plays().state is State.SPEAKING


# ── while the agent thinks ───────────────────────────────────────────────────────────────────────


def at_work() -> Shell:
    return thinking().waits_for("find").forget_log()


@pytest.mark.parametrize("begin", [thinking, at_work])
def test_a_sound_while_the_agent_thinks_holds_the_reply_and_soon_interrupts(begin: Any) -> None:
    shell = begin()
    assert shell.speaks().state is State.HELD
    shell.after(3000)
    assert [(at - 300, action) for at, action in shell.log] == [(0, Action.PAUSE), (300, Action.INTERRUPT)]


@pytest.mark.parametrize(("begin", "back"), [(thinking, State.PROCESSING), (at_work, State.WAITING_FOR_TOOL)])
def test_a_cough_while_the_agent_thinks_lets_it_go_on(begin: Any, back: State) -> None:
    shell = begin().utters("", 200)
    assert (shell.state, shell.done) == (back, [Action.PAUSE, Action.RESUME])


def test_a_tool_that_ends_under_a_sound_is_known_to_have_ended() -> None:
    shell = at_work().speaks().after(100).waits_for().pauses().says("")
    assert shell.state is State.PROCESSING


def test_while_the_agent_thinks_even_an_okay_takes_the_turn_back() -> None:
    shell = thinking().utters("okay", 200)
    assert shell.done == [Action.PAUSE, Action.INTERRUPT]


def test_how_long_it_takes_while_thinking_has_its_own_setting() -> None:
    shell = thinking(barge_in=BargeIn(thinking_commit_after=1000 * MS)).speaks().after(900)
    assert shell.state is State.HELD
    assert shell.after(100).state is State.LISTENING


def test_a_held_reply_does_not_count_as_begun() -> None:
    assert thinking().speaks().plays().state is State.HELD
