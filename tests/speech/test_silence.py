"""What the policy says while a stage is being recovered, and how long it lets a silence last."""

from __future__ import annotations

import pytest

from tests.support.caller_turns import Shell, speaking, thinking
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.policy import State
from voicepipe.speech.silence import Silence
from voicepipe.speech.turn_rules import MAX_NOTICES
from voicepipe.speech.turn_table import Action, Event

ASK = Action.ASK_FOR_PATIENCE


# ── a reply that is due ──────────────────────────────────────────────────────────────────────────


def test_the_caller_is_asked_for_patience_once_a_stage_has_failed_and_nothing_was_heard() -> None:
    shell = thinking().recovers("llm").until(1499)
    assert shell.done == []
    assert shell.until(1500).done == [ASK]
    assert shell.state is State.PROCESSING


def test_they_are_asked_at_once_if_the_silence_has_lasted_long_enough_already() -> None:
    shell = thinking().until(3000).recovers("llm").after(0)
    assert shell.log == [(3000, ASK)]


def test_nobody_is_asked_if_the_stage_is_back_in_time() -> None:
    shell = thinking().recovers("llm").until(1000).has_recovered("llm").until(3999)
    assert shell.done == []


def test_they_are_not_asked_twice_for_one_outage_and_then_as_for_any_silence() -> None:
    shell = thinking().recovers("llm").until(1500).recovers("llm").recovers("tts").until(3999)
    assert shell.done == [ASK]
    assert shell.until(4000).done == [ASK, Action.NOTE_DEAD_AIR, ASK]


def test_a_silence_after_the_notice_is_counted_from_its_end() -> None:
    shell = thinking().recovers("llm").until(1500).plays().until(2700).runs_dry()
    assert shell.policy.deadline == (2700 + 4000) * MS


def test_an_outage_after_dead_air_was_told_needs_no_second_notice() -> None:
    shell = thinking().until(4000).plays().until(5000).runs_dry().forget_log().recovers("llm").until(8999)
    assert shell.done == []


def test_a_notice_of_an_outage_does_not_count_as_one_of_dead_air() -> None:
    shell = thinking().recovers("llm").until(60_000)
    assert shell.done.count(ASK) == MAX_NOTICES + 1


def test_the_next_reply_begins_with_a_clean_slate() -> None:
    shell = thinking().recovers("llm").until(1500).types("something else").forget_log().after(3999)
    assert shell.done == []


def test_nothing_is_said_over_a_reply_that_is_being_spoken() -> None:
    shell = speaking().recovers("tts").after(10_000)
    assert shell.done == []


def test_a_notice_never_waits_longer_than_dead_air() -> None:
    shell = thinking(notice_after=9 * SECOND, dead_air=2 * SECOND).recovers("llm").until(2000)
    assert shell.done == [Action.NOTE_DEAD_AIR, ASK]


# ── words that are being recovered ───────────────────────────────────────────────────────────────


def transcribing() -> Shell:
    return Shell().speaks().after(1000).pauses()


def test_the_caller_is_told_while_their_words_are_recovered() -> None:
    shell = transcribing().recovers("stt").until(2499)
    assert shell.done == []
    assert shell.until(2500).done == [Action.SAY_WAIT]
    assert shell.state is State.TRANSCRIBING
    assert shell.says("where is it").state is State.PROCESSING


def test_while_the_caller_speaks_nothing_is_said_of_it() -> None:
    shell = Shell().speaks().after(200).recovers("stt").after(10_000)
    assert shell.done == []


def test_words_that_were_lost_are_apologised_for() -> None:
    shell = transcribing().until(2000).loses_words().says("")
    assert shell.done == [Action.DISCARD, Action.FORGET, Action.APOLOGISE]
    assert shell.state is State.ERROR


def test_words_that_were_lost_before_the_turn_was_over_are_apologised_for_when_it_is() -> None:
    shell = transcribing().loses_words().says("")
    assert shell.state is State.ENDPOINTING
    assert shell.until(2000).done == [Action.DISCARD, Action.FORGET, Action.APOLOGISE]


def test_what_was_understood_is_answered_although_something_else_was_lost() -> None:
    shell = Shell().speaks().after(500).pauses().says("where is it").after(100)
    shell.speaks().after(300).pauses().loses_words().says("").after(1000)
    assert [turn.text for turn in shell.turns] == ["where is it"]


def test_a_lost_noise_over_a_reply_is_forgotten_with_it() -> None:
    shell = speaking().speaks().after(100).pauses().loses_words().says("")
    assert shell.state is State.SPEAKING
    shell.ends().forget_log().speaks().after(300).pauses().says("").after(1000)
    assert shell.done == [Action.DISCARD, Action.FORGET]


# ── back again ───────────────────────────────────────────────────────────────────────────────────


def test_who_was_told_of_an_outage_and_waits_for_nothing_is_told_that_it_is_over() -> None:
    shell = transcribing().recovers("realtime").until(5000 + 4000)
    assert Action.APOLOGISE in shell.done, "the words are lost"
    shell.plays().ends().forget_log().has_recovered("realtime")
    assert shell.done == [Action.SAY_RECONNECTED]
    assert shell.plays().forget_log().ends().done == [Action.FINISH]


@pytest.mark.parametrize("shell", [Shell(), Shell().speaks(), thinking()])
def test_nothing_is_said_of_an_outage_that_nobody_has_noticed(shell: Shell) -> None:
    assert shell.recovers("realtime").after(500).has_recovered("realtime").done == []


def test_a_reply_tells_by_itself_that_all_is_well_again() -> None:
    shell = thinking().recovers("realtime").until(1500).forget_log().has_recovered("realtime")
    assert shell.done == []


def test_it_is_over_when_the_last_of_several_stages_is_back() -> None:
    silence = Silence(4 * SECOND, SECOND)
    silence.recovering("stt", None)
    silence.recovering("realtime", None)
    assert silence.over(SECOND, processing=True) is Event.RECOVERY_SLOW
    assert silence.recovered("stt") is Event.RECOVERED
    assert silence.recovered("realtime") is Event.RECOVERED_TOLD
    assert silence.recovered("realtime") is Event.RECOVERED
