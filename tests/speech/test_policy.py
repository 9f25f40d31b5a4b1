"""The end of the caller's turn, the key to talk, and drafts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller_turns import LAG, MIN_SILENCE, Shell, speaking
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.drafts import MAX_DRAFTS
from voicepipe.speech.policy import State
from voicepipe.speech.turn_rules import KEY_LAG, CallerTurn
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
