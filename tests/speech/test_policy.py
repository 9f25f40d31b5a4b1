"""The end of the caller's turn, drafts, typing, the key to talk. Sounds over a reply: the next file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller_turns import LAG, MIN_SILENCE, Shell, speaking, thinking
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.policy import KEY_LAG, MAX_DRAFTS, MAX_NOTICES, State
from voicepipe.speech.turn_rules import CallerTurn
from voicepipe.speech.turn_table import Action

# ── the end of the caller's turn ─────────────────────────────────────────────────────────────────


def test_a_turn_ends_min_silence_after_the_last_speech_not_after_the_decision() -> None:
    shell = Shell().speaks().after(1000).pauses().says(" where is my order ")
    assert (shell.state, shell.policy.deadline) == (State.ENDPOINTING, 1000 * MS + MIN_SILENCE)
    assert shell.until(1499).turns == []
    shell.until(1500)
    assert shell.turns == [CallerTurn("where is my order", 1000 * MS, 1500 * MS)]
    assert shell.state is State.PROCESSING


def test_a_timer_that_rings_early_is_harmless() -> None:
    shell = Shell().speaks().after(1000).pauses().says("hello")
    assert shell.policy.on_deadline(1500 * MS - 1) == ()
    assert shell.state is State.ENDPOINTING


@pytest.mark.parametrize("shell", [Shell(), speaking()], ids=["idle", "speaking"])
def test_a_timer_that_rings_after_it_was_called_off_is_harmless(shell: Shell) -> None:
    before = shell.state
    assert shell.policy.on_deadline(10**12) == ()
    assert shell.state is before


def test_speech_during_the_silence_goes_on_with_the_same_turn() -> None:
    shell = Shell().speaks().after(1000).pauses().says("my number is").after(300)
    assert shell.speaks().state is State.LISTENING
    shell.after(800).pauses().says("four two").after(500)
    assert [turn.text for turn in shell.turns] == ["my number is four two"]


def test_speech_that_resumes_before_its_end_was_certain_goes_on() -> None:
    shell = Shell().speaks().after(1000).pauses().after(50).resumes()
    assert shell.state is State.LISTENING
    shell.after(5000).pauses().says("hello").after(500)
    assert [turn.end_of_speech_ns for turn in shell.turns] == [6114 * MS]


def test_a_turn_waits_for_the_words_of_all_its_utterances() -> None:
    shell = Shell().speaks().after(500).pauses().after(100)
    first = shell.utterance
    shell.speaks().after(500).pauses().says("second").after(1000)
    assert shell.state is State.TRANSCRIBING
    shell.utterance = first
    shell.says("first")
    assert [turn.text for turn in shell.turns] == ["first second"]


def test_partial_words_alone_end_no_turn() -> None:
    shell = Shell().speaks().after(500).pauses().says("where", final=False).after(1000)
    assert (shell.state, shell.turns) == (State.TRANSCRIBING, [])
    shell.says("where is it", final=False)
    assert (shell.state, shell.turns) == (State.TRANSCRIBING, [])
    assert shell.says("where is it").turns[0].text == "where is it"


def test_speech_while_the_words_are_still_awaited_goes_on_with_the_turn() -> None:
    shell = Shell().speaks().after(500).pauses().after(1000)
    assert shell.says("late", final=False).state is State.TRANSCRIBING
    assert shell.speaks().state is State.LISTENING
    assert shell.turns == []


def test_noise_without_words_is_forgotten() -> None:
    shell = Shell().speaks().after(200).pauses().says("  ").after(500)
    assert (shell.state, shell.done) == (State.IDLE, [Action.DISCARD, Action.FORGET])


def test_noise_whose_emptiness_is_known_late_is_forgotten() -> None:
    shell = Shell().speaks().after(200).pauses().after(1000).says("")
    assert (shell.state, shell.turns) == (State.IDLE, [])


def test_speech_that_was_not_understood_is_a_turn() -> None:
    assert Shell().asks_for(UNRECOGNISED).turns[0].text == UNRECOGNISED


def test_transcripts_of_a_turn_that_was_taken_are_not_heard_again() -> None:
    shell = Shell().asks_for("first").says("first again").plays().ends()
    shell.asks_for("second")
    assert [turn.text for turn in shell.turns] == ["first", "second"]


def test_a_caller_who_never_stops_is_answered_with_the_words_that_are_known() -> None:
    shell = Shell(max_speech=10 * SECOND).speaks().after(5000).says("once upon a time", final=False)
    shell.until(10_499)
    assert shell.state is State.ENDPOINTING
    shell.until(10_500)
    assert [turn.text for turn in shell.turns] == ["once upon a time"]


def test_a_caller_who_never_stops_interrupts_nothing_until_they_begin_anew() -> None:
    shell = Shell(max_speech=10 * SECOND).speaks().says("hello", final=False).until(10_500).plays()
    assert shell.after(5000).state is State.SPEAKING
    assert shell.resumes().after(1000).state is State.SPEAKING
    assert shell.stops().after(500).speaks().after(1000).state is State.LISTENING


def test_endless_noise_without_words_leads_back_to_rest() -> None:
    shell = Shell(max_speech=10 * SECOND).speaks().until(11_000)
    assert (shell.state, shell.turns) == (State.IDLE, [])


# ── strategies ───────────────────────────────────────────────────────────────────────────────────


def test_a_provider_that_is_sure_ends_the_turn_at_once() -> None:
    shell = Shell(strategy="provider").speaks().after(1000).pauses().after(20)
    shell.says("where is it", ends_turn=True)
    assert shell.turns == [CallerTurn("where is it", 1000 * MS, (1000 + 20) * MS + LAG)]


def test_a_provider_that_says_nothing_of_the_end_leaves_it_to_the_longest_wait() -> None:
    shell = Shell(strategy="provider").speaks().after(1000).pauses().says("where is it")
    assert shell.until(2999).turns == []
    assert len(shell.until(3000).turns) == 1


def test_only_with_the_strategy_provider_its_word_on_the_end_counts() -> None:
    shell = Shell().speaks().after(1000).pauses().says("where is it", ends_turn=True)
    assert shell.turns == []


def test_finished_words_are_answered_sooner_than_others() -> None:
    def waited(words: str) -> int:
        shell = Shell(strategy="adaptive").speaks().after(1000).pauses().says(words).after(5000)
        turn = shell.turns[0]
        assert turn.wait_over_ns is not None
        return turn.wait_over_ns - 1000 * MS

    assert MIN_SILENCE <= waited("Where is my order?") < waited("my number is") <= 2000 * MS


# ── the key to talk ──────────────────────────────────────────────────────────────────────────────


def key() -> Shell:
    return Shell(strategy="push_to_talk")


def test_with_a_key_the_turn_ends_where_it_is_let_go_once_the_words_are_known() -> None:
    shell = key().presses().after(200).speaks().after(800)
    assert shell.state is State.LISTENING
    shell.lets_go().pauses().says("where is it").after(1)
    assert [turn.text for turn in shell.turns] == ["where is it"]


def test_with_a_key_a_pause_of_any_length_belongs_to_the_turn() -> None:
    shell = key().presses().speaks().after(800).pauses().says("my number is").after(10_000)
    assert (shell.state, shell.turns) == (State.LISTENING, [])
    shell.speaks().after(500).lets_go().pauses().says("four two").after(1)
    assert [turn.text for turn in shell.turns] == ["my number is four two"]


def test_a_key_that_was_pressed_by_mistake_leads_back_to_rest() -> None:
    shell = key().presses().after(100).lets_go().after(KEY_LAG // MS)
    assert (shell.state, shell.turns) == (State.IDLE, [])


def test_a_key_pressed_during_a_reply_interrupts_it() -> None:
    shell = speaking(strategy="push_to_talk").presses()
    assert (shell.state, shell.done) == (State.LISTENING, [Action.INTERRUPT])


def test_with_a_key_sounds_alone_change_nothing() -> None:
    shell = speaking(strategy="push_to_talk").speaks().after(2000).pauses()
    assert (shell.state, shell.done) == (State.SPEAKING, [])


def test_without_that_strategy_the_key_changes_nothing() -> None:
    assert Shell().presses().state is State.IDLE


def test_a_key_that_was_held_for_too_long_spoils_nothing_later() -> None:
    """Once, every later turn was answered before its words were known."""
    shell = Shell(strategy="push_to_talk", max_speech=10 * SECOND)
    shell.presses().speaks().says("blah", final=False).after(13_000).plays().ends().lets_go().after(500)
    shell.presses().speaks().after(1000).lets_go().pauses().after(KEY_LAG // MS)
    assert shell.state is State.TRANSCRIBING
    assert shell.says("where is it").turns[-1].text == "where is it"


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────


def drafting(**rules: Any) -> Shell:
    """The caller has said something and paused."""
    settings = {"drafts": True, "early_drafts": True} | rules
    return Shell(**settings).speaks().after(1000).pauses()


def test_the_first_words_after_the_pause_are_drafted_and_the_commit_uses_the_draft() -> None:
    shell = drafting().says("where is it", final=False)
    assert shell.drafts == ["where is it"]
    shell.says("where is it").after(500)
    assert shell.drafts == ["where is it"]
    assert [(turn.text, turn.drafted) for turn in shell.turns] == [("where is it", True)]


def test_words_that_were_final_before_the_pause_are_drafted_with_it() -> None:
    shell = Shell(drafts=True).speaks().after(1000).says("where is it")
    assert shell.drafts == []
    assert shell.pauses().drafts == ["where is it"]


def test_without_early_drafts_only_final_words_are_drafted() -> None:
    shell = drafting(early_drafts=False).says("where", final=False)
    assert shell.drafts == []
    assert shell.says("where is it").drafts == ["where is it"]


def test_without_drafts_nothing_is_drafted() -> None:
    assert drafting(drafts=False).says("where is it").drafts == []


def test_changed_words_are_drafted_anew() -> None:
    shell = drafting().says("where is", final=False).says("where is it").after(500)
    assert shell.drafts == ["where is", "where is it"]
    assert shell.turns[0].drafted


def test_the_same_words_with_other_punctuation_are_not() -> None:
    shell = drafting().says("where is it", final=False).says("Where is it?").after(500)
    assert shell.drafts == ["where is it"]
    assert [(turn.text, turn.drafted) for turn in shell.turns] == [("Where is it?", True)]


@pytest.mark.parametrize("goes_on", [Shell.resumes, Shell.speaks])
def test_a_caller_who_goes_on_has_the_draft_discarded(goes_on: Any) -> None:
    shell = goes_on(drafting().says("my number is", final=False).after(50))
    assert shell.done == [Action.DRAFT, Action.DISCARD]


def test_after_a_draft_was_discarded_the_same_words_need_one_again() -> None:
    shell = drafting().says("my number is", final=False).resumes().after(500)
    shell.pauses().says("my number is", final=False)
    assert shell.drafts == ["my number is", "my number is"]


def test_a_recogniser_that_keeps_changing_its_mind_gets_so_many_drafts() -> None:
    shell = drafting()
    for number in range(MAX_DRAFTS + 3):
        shell.says("word " * (number + 1), final=False)
    assert len(shell.drafts) == MAX_DRAFTS
    shell.says("something else").after(500)
    assert [(turn.text, turn.drafted) for turn in shell.turns] == [("something else", False)]


def test_the_next_turn_may_be_drafted_as_often() -> None:
    shell = drafting()
    for number in range(MAX_DRAFTS):
        shell.says("word " * (number + 1), final=False)
    shell.says("word").after(500).plays().ends()
    shell.speaks().after(500).pauses().says("next")
    assert shell.drafts[-1] == "next"


def test_a_draft_that_failed_is_not_used_and_not_tried_again_before_the_turn() -> None:
    shell = drafting().says("where is it", final=False)
    shell.policy.lose_draft()
    shell.says("where is it now").after(500)
    assert len(shell.drafts) == 1
    assert not shell.turns[0].drafted


def test_typed_words_that_join_a_draft_s_make_it_useless() -> None:
    shell = drafting().says("where is").types("order 4471").after(500)
    assert [(turn.text, turn.drafted) for turn in shell.turns] == [("where is order 4471", False)]


# ── typing ───────────────────────────────────────────────────────────────────────────────────────


def test_a_typed_turn_is_answered_at_once_and_has_no_speech() -> None:
    assert Shell().types("hello").turns == [CallerTurn("hello", None, None)]


def test_an_empty_line_is_no_turn() -> None:
    assert Shell().types(" \n").done == []


@pytest.mark.parametrize("known", [True, False])
def test_what_is_typed_during_speech_becomes_part_of_the_same_turn(known: bool) -> None:
    shell = Shell().speaks().types("order 4471").after(1000).pauses()
    if known:
        shell.says("where is").after(500)
    else:
        shell.after(500).types("please")
        assert shell.state is State.TRANSCRIBING
        shell.says("where is")
    words = "where is order 4471" + ("" if known else " please")
    assert [turn.text for turn in shell.turns] == [words]


def test_what_is_typed_during_mere_noise_is_answered() -> None:
    shell = Shell().speaks().types("hello").after(300).pauses().says("").after(500)
    assert shell.turns == [CallerTurn("hello", None, None)]


REPLIES: dict[State, Any] = {
    State.PROCESSING: thinking,
    State.WAITING_FOR_TOOL: lambda: thinking().waits_for("find").forget_log(),
    State.SPEAKING: speaking,
    State.DUCKED: lambda: speaking().speaks().after(100).forget_log(),
    State.PAUSED: lambda: speaking().speaks().after(300).forget_log(),
    State.HELD: lambda: thinking().speaks().after(100).forget_log(),
    State.ERROR: lambda: thinking().fails().forget_log(),
}


@pytest.mark.parametrize("state", REPLIES)
def test_a_typed_turn_replaces_whatever_reply_there_is(state: State) -> None:
    shell = REPLIES[state]()
    assert shell.state is state
    shell.types("another question")
    assert shell.done == [Action.INTERRUPT, Action.COMMIT]
    assert (shell.state, shell.turns[-1].text) == (State.PROCESSING, "another question")


def test_a_sound_that_was_there_when_a_line_was_typed_does_not_interrupt_its_reply() -> None:
    """Its words belong to the turn that was taken: an interruption by it would never be answered."""
    shell = speaking().speaks().after(100).types("another question").after(900).plays().after(2000)
    assert shell.state is State.SPEAKING


# ── skip and repeat ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [State.PROCESSING, State.WAITING_FOR_TOOL, State.SPEAKING, State.ERROR])
def test_skipping_a_reply_ends_it_and_the_caller_has_not_the_word(state: State) -> None:
    shell = REPLIES[state]().skips()
    assert (shell.state, shell.done) == (State.IDLE, [Action.INTERRUPT])


@pytest.mark.parametrize("state", [State.DUCKED, State.PAUSED, State.HELD])
def test_who_skips_while_speaking_is_listened_to(state: State) -> None:
    shell = REPLIES[state]().skips()
    assert (shell.state, shell.done) == (State.LISTENING, [Action.INTERRUPT])


def test_nothing_is_skipped_where_there_is_no_reply() -> None:
    for shell in (Shell(), Shell().speaks(), Shell().speaks().pauses()):
        before = shell.state
        assert shell.skips().done == []
        assert shell.state is before


def test_a_reply_that_is_over_is_repeated_at_once() -> None:
    shell = speaking().ends().forget_log().wants_repeat()
    assert (shell.state, shell.done) == (State.PROCESSING, [Action.REPEAT])


def test_a_reply_that_is_being_spoken_is_repeated_once_when_it_has_ended() -> None:
    shell = speaking().wants_repeat()
    assert shell.state is State.SPEAKING
    shell.forget_log().ends()
    assert shell.done == [Action.FINISH, Action.REPEAT]
    assert shell.plays().forget_log().ends().done == [Action.FINISH]


@pytest.mark.parametrize("end", [Shell.skips, Shell.fails, lambda shell: shell.types("no")])
def test_a_repeat_that_was_wanted_is_forgotten_with_the_reply(end: Any) -> None:
    shell = end(speaking().wants_repeat()).types("another question").plays().forget_log().ends()
    assert shell.done == [Action.FINISH]


def test_nothing_is_repeated_while_the_caller_speaks_or_waits_for_a_reply() -> None:
    for shell in (Shell().speaks(), Shell().speaks().pauses(), thinking()):
        assert shell.wants_repeat().done == []


# ── the reply ────────────────────────────────────────────────────────────────────────────────────


def test_the_greeting_is_a_turn_that_nobody_asked_for() -> None:
    assert Shell().greets().turns == [CallerTurn("", None, None)]


def test_a_reply_is_awaited_then_spoken_then_over() -> None:
    shell = thinking()
    assert shell.plays().state is State.SPEAKING
    assert shell.ends().done == [Action.FINISH]
    assert shell.state is State.IDLE


def test_a_reply_that_runs_dry_is_awaited_again() -> None:
    assert speaking().runs_dry().state is State.PROCESSING
    assert thinking().waits_for("find").plays().runs_dry().state is State.WAITING_FOR_TOOL


def test_a_reply_that_waits_for_a_tool_says_so_until_it_is_heard_or_the_tool_is_done() -> None:
    shell = thinking().waits_for("find")
    assert shell.state is State.WAITING_FOR_TOOL
    assert shell.waits_for().state is State.PROCESSING
    assert shell.waits_for("find").plays().state is State.SPEAKING


def test_a_reply_without_a_sound_is_apologised_for() -> None:
    shell = thinking().ends()
    assert (shell.state, shell.done) == (State.ERROR, [Action.FAIL, Action.APOLOGISE])
    assert shell.plays().ends().state is State.IDLE


def test_a_reply_without_a_sound_that_used_a_tool_is_none_to_apologise_for() -> None:
    assert thinking().waits_for("open_door").waits_for().ends().done == [Action.FINISH]


def test_a_reply_that_fails_is_apologised_for_once() -> None:
    shell = speaking().fails()
    assert (shell.state, shell.done) == (State.ERROR, [Action.FAIL, Action.APOLOGISE])
    shell.forget_log().fails()
    assert (shell.state, shell.done) == (State.IDLE, [Action.FAIL])


def test_to_somebody_who_is_speaking_no_failure_is_told() -> None:
    shell = speaking().speaks().after(100).forget_log().fails()
    assert (shell.state, shell.done) == (State.LISTENING, [Action.FAIL])


def test_an_apology_can_be_interrupted_by_any_speech() -> None:
    shell = thinking().fails().plays().forget_log().speaks()
    assert (shell.state, shell.done) == (State.LISTENING, [Action.INTERRUPT])


# ── dead air ─────────────────────────────────────────────────────────────────────────────────────


def test_a_silent_reply_asks_for_patience_so_often_and_then_apologises() -> None:
    shell = thinking(dead_air=4 * SECOND).until(4000 * (MAX_NOTICES + 1) - 1)
    asked = [at for at, action in shell.log if action is Action.ASK_FOR_PATIENCE]
    assert asked == [4000, 8000, 12_000]
    shell.forget_log().after(1)
    assert shell.done == [Action.NOTE_DEAD_AIR, Action.FAIL, Action.APOLOGISE]
    assert shell.state is State.ERROR
    assert shell.policy.silent_ns == 4 * SECOND


def test_dead_air_is_counted_from_the_end_of_the_caller_s_speech_and_of_each_sound() -> None:
    shell = Shell(dead_air=4 * SECOND).asks_for("where is it")
    assert shell.policy.deadline == 5 * SECOND
    shell.plays().after(1000).runs_dry()
    assert shell.policy.deadline == shell.now + 4 * SECOND


def test_a_tool_is_waited_for_as_long_as_it_takes() -> None:
    shell = thinking().waits_for("find").after(60_000)
    assert shell.state is State.WAITING_FOR_TOOL
    assert shell.done.count(Action.ASK_FOR_PATIENCE) == 15


def test_words_that_never_come_are_apologised_for() -> None:
    shell = Shell(dead_air=4 * SECOND).speaks().after(1000).pauses()
    assert shell.until(4999).state is State.TRANSCRIBING
    assert shell.after(1).state is State.ERROR
    assert shell.done == [Action.DISCARD, Action.NOTE_DEAD_AIR, Action.FORGET, Action.APOLOGISE]


def test_an_apology_that_nobody_hears_ends_by_itself() -> None:
    shell = thinking().fails().forget_log().after(4000)
    assert (shell.state, shell.done) == (State.IDLE, [Action.NOTE_DEAD_AIR, Action.INTERRUPT])
