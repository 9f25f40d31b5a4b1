from __future__ import annotations

from dataclasses import replace

from voicepipe.core.frames import Segment
from voicepipe.core.messages import Message, ToolCall
from voicepipe.speech.conversation import Conversation

RATE = 16_000
CALL = ToolCall(id="c1", name="find_slot", arguments='{"day": "thursday"}')


def system(text: str) -> Message:
    return Message(role="system", text=text)


def user(text: str, note: str = "") -> Message:
    return Message(role="user", text=text, note=note)


def assistant(text: str, *calls: ToolCall) -> Message:
    return Message(role="assistant", text=text, tool_calls=calls)


def tool(text: str, call_id: str = "c1") -> Message:
    return Message(role="tool", text=text, tool_call_id=call_id)


def segment(text: str, *, index: int = 0, seconds: float | None = 1.0, in_history: bool = True) -> Segment:
    samples = None if seconds is None else round(seconds * RATE)
    return Segment(turn=1, index=index, text=text, rate=RATE, in_history=in_history, samples=samples)


def asked(question: str = "when?", *, prompt: str = "Be brief.", turn: int = 1) -> Conversation:
    """A conversation whose first turn is committed and not answered yet."""
    conversation = Conversation(prompt)
    conversation.begin(turn, question)
    conversation.commit(turn)
    return conversation


# ── what the model is asked ──────────────────────────────────────────────────────────────────────


def test_the_model_gets_the_prompt_and_the_question() -> None:
    assert asked().messages(1) == [system("Be brief."), user("when?")]


def test_without_a_prompt_there_is_no_system_message() -> None:
    assert asked(prompt="").messages(1) == [user("when?")]


def test_a_greeting_asks_for_nothing() -> None:
    conversation = asked("")
    conversation.add_text(1, "Hello, how can I help?")
    conversation.finish(1, completed=True)
    assert conversation.history == [assistant("Hello, how can I help?")]


def test_a_running_turn_has_its_own_context_of_text_calls_and_results() -> None:
    conversation = asked()
    conversation.add_text(1, "Let me ")
    conversation.add_text(1, "look.")
    conversation.add_tool_calls(1, [CALL])
    conversation.add_tool_result(1, "c1", "10:30")
    expected = [user("when?"), assistant("Let me look.", CALL), tool("10:30")]
    assert conversation.messages(1)[1:] == expected
    conversation.add_text(1, "At half past ten.")
    assert conversation.messages(1)[1:] == [*expected, assistant("At half past ten.")]
    assert conversation.history == [user("when?")]


def test_calls_without_a_word_before_them_are_a_message_of_their_own() -> None:
    conversation = asked()
    conversation.add_tool_calls(1, [CALL])
    assert conversation.messages(1)[-1] == assistant("", CALL)


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────


def test_the_words_of_a_draft_are_a_branch_until_the_commit() -> None:
    conversation = Conversation("")
    conversation.begin(1, "when?")
    assert conversation.messages(1) == [user("when?")]
    assert conversation.history == []
    conversation.commit(1)
    assert conversation.messages(1) == conversation.history == [user("when?")]


def test_a_discarded_draft_never_happened() -> None:
    conversation = Conversation("")
    conversation.begin(1, "when")
    conversation.add_text(1, "What do you mean?")
    conversation.discard(1)
    conversation.begin(2, "when does it arrive?")
    assert conversation.messages(2) == [user("when does it arrive?")]


def test_a_draft_that_is_finished_without_a_commit_leaves_nothing() -> None:
    conversation = Conversation("")
    conversation.begin(1, "when")
    conversation.finish(1, completed=True)
    assert conversation.history == []


# ── the end of a reply ───────────────────────────────────────────────────────────────────────────


def test_a_completed_reply_becomes_history_whole() -> None:
    conversation = asked()
    conversation.add_text(1, "On **Friday**.")
    assert conversation.said(1) == "On **Friday**."
    conversation.finish(1, completed=True)
    assert conversation.history == [user("when?"), assistant("On **Friday**.")]


def test_of_an_interrupted_reply_only_what_was_heard_becomes_history() -> None:
    conversation = asked()
    conversation.add_text(1, "On Friday. Before noon, I believe.")
    conversation.add_heard(1, segment("On Friday."), RATE)
    conversation.add_heard(1, segment("Before noon, I believe.", index=1), RATE // 2)
    assert conversation.heard(1) == "On Friday. Before noon,"
    conversation.finish(1, completed=False)
    assert conversation.history == [user("when?"), assistant("On Friday. Before noon,")]


def test_a_reply_of_which_nothing_was_heard_leaves_only_the_question() -> None:
    conversation = asked()
    conversation.add_text(1, "On Friday.")
    conversation.finish(1, completed=False)
    assert conversation.history == [user("when?")]


def test_fillers_and_notices_are_heard_but_are_no_history() -> None:
    conversation = asked()
    conversation.add_text(1, "On Friday.")
    conversation.add_heard(1, segment("One moment.", in_history=False), RATE)
    conversation.add_heard(1, segment("On Friday.", index=1), RATE)
    assert conversation.heard(1) == "One moment. On Friday."
    conversation.finish(1, completed=False)
    assert conversation.history == [user("when?"), assistant("On Friday.")]


def test_a_later_report_replaces_the_earlier_one_of_the_same_segment() -> None:
    conversation = asked()
    part = segment("one two three four")
    conversation.add_heard(1, part, RATE // 2)
    conversation.add_heard(1, part, RATE)
    assert conversation.heard(1) == "one two three four"


def test_heard_words_are_dealt_out_to_the_messages_around_a_tool_call() -> None:
    conversation = asked()
    conversation.add_text(1, "Let me look.")
    conversation.add_tool_calls(1, [CALL])
    conversation.add_tool_result(1, "c1", "10:30")
    conversation.add_text(1, "At half past ten.")
    conversation.add_heard(1, segment("Let me look."), RATE)
    conversation.add_heard(1, segment("At half past ten.", index=1), RATE // 2)
    conversation.finish(1, completed=False)
    assert conversation.history[1:] == [assistant("Let me look.", CALL), tool("10:30"), assistant("At half")]


def test_a_finished_reply_takes_no_more_text() -> None:
    conversation = asked()
    conversation.finish(1, completed=True)
    conversation.add_text(1, "late")
    conversation.add_tool_calls(1, [CALL])
    conversation.add_heard(1, segment("late"), RATE)
    conversation.finish(1, completed=True)
    assert conversation.history == [user("when?")]
    assert (conversation.said(1), conversation.heard(1)) == ("", "")


def test_a_turn_that_nobody_knows_is_no_error_for_what_comes_late() -> None:
    conversation = Conversation("")
    conversation.add_text(7, "late")
    conversation.add_tool_result(7, "c1", "late")
    conversation.finish(7, completed=True)
    conversation.discard(7)
    assert conversation.history == []


# ── the model is told that it was interrupted ────────────────────────────────────────────────────

UNHEARD = "(I interrupted you before you had said anything.)"


def followed_up(conversation: Conversation, *, turn: int = 2) -> list[Message]:
    """What the model is asked when the caller says "and?" next, without the prompt."""
    conversation.begin(turn, "and?")
    return [message for message in conversation.messages(turn) if message.role != "system"]


def test_the_words_that_follow_an_interrupted_reply_tell_how_far_it_was_heard() -> None:
    conversation = asked()
    conversation.add_text(1, "On Friday. Before noon, I believe.")
    conversation.add_heard(1, segment("On Friday."), RATE)
    conversation.finish(1, completed=False)
    note = "(I interrupted you. Of your last reply I heard only what ends with: “On Friday.”)"
    assert followed_up(conversation) == [user("when?"), assistant("On Friday."), user("and?", note)]
    conversation.commit(2)
    assert conversation.history == [user("when?"), assistant("On Friday."), user("and?")]


def test_of_a_long_reply_only_the_last_heard_words_are_told() -> None:
    conversation = asked()
    conversation.add_text(1, "one two three four five six seven eight nine ten eleven")
    conversation.add_heard(1, segment("one two three four five six seven eight nine ten"), RATE)
    conversation.finish(1, completed=False)
    assert "“… three four five six seven eight nine ten”" in followed_up(conversation)[-1].note


def test_a_reply_of_which_nothing_was_heard_is_told_as_well() -> None:
    conversation = asked()
    conversation.add_text(1, "On Friday.")
    conversation.finish(1, completed=False)
    assert followed_up(conversation) == [user("when?"), user("and?", UNHEARD)]


def test_an_interrupted_filler_is_nothing_that_was_said() -> None:
    conversation = asked()
    conversation.add_heard(1, segment("One moment.", in_history=False), RATE)
    conversation.finish(1, completed=False)
    assert followed_up(conversation)[-1].note == UNHEARD


def test_completed_failed_and_wholly_heard_replies_were_not_interrupted() -> None:
    for completed, failed, heard in ((True, False, 0), (False, True, 0), (False, False, RATE)):
        conversation = asked()
        conversation.add_text(1, "On Friday.")
        conversation.add_heard(1, segment("On Friday."), heard)
        conversation.finish(1, completed=completed, failed=failed)
        assert followed_up(conversation)[-1] == user("and?")


def test_the_note_stays_with_the_words_that_interrupted() -> None:
    conversation = asked()
    conversation.add_text(1, "On Friday.")
    conversation.finish(1, completed=False)
    conversation.begin(2, "wait")
    conversation.commit(2)
    conversation.add_text(2, "Yes?")
    conversation.finish(2, completed=True)
    expected = [user("when?"), user("wait", UNHEARD), assistant("Yes?"), user("and?")]
    assert followed_up(conversation, turn=3) == expected


# ── tool answers ─────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_was_not_answered_gets_an_answer_that_says_so() -> None:
    conversation = asked()
    conversation.add_tool_calls(1, [CALL])
    conversation.finish(1, completed=False)
    assert conversation.history[1:] == [assistant("", CALL), tool("interrupted before it finished")]


def test_a_result_that_comes_after_its_turn_takes_its_place_in_the_history() -> None:
    conversation = asked()
    conversation.add_tool_calls(1, [CALL])
    conversation.finish(1, completed=False)
    conversation.begin(2, "and?")
    conversation.commit(2)
    conversation.add_tool_result(1, "c1", "booked")
    assert conversation.messages(2)[1:] == [
        user("when?"),
        assistant("", CALL),
        tool("booked"),
        user("and?", UNHEARD),
    ]


def test_answers_follow_their_calls_in_the_order_of_the_calls() -> None:
    second = ToolCall(id="c2", name="find_slot", arguments="{}")
    conversation = asked()
    conversation.add_tool_calls(1, [CALL, second])
    conversation.add_tool_result(1, "c2", "two")
    conversation.add_tool_result(1, "c1", "one")
    conversation.finish(1, completed=True)
    assert conversation.history[1:] == [assistant("", CALL, second), tool("one"), tool("two", "c2")]


def test_call_ids_that_a_model_uses_again_in_each_request_keep_their_own_answers() -> None:
    conversation = asked()
    for answer in ("first", "second"):
        conversation.add_tool_calls(1, [CALL])
        conversation.add_tool_result(1, "c1", answer)
    conversation.finish(1, completed=True)
    expected = [assistant("", CALL), tool("first"), assistant("", CALL), tool("second")]
    assert conversation.history[1:] == expected


# ── a turn that begins before it is known what was heard of the one before ───────────────────────


def interrupted_by_a_typed_turn() -> Conversation:
    conversation = asked()
    conversation.add_text(1, "On Friday. Before noon.")
    conversation.add_heard(1, segment("On Friday."), RATE)
    conversation.begin(2, "thanks")
    conversation.commit(2)
    return conversation


def test_until_then_the_model_is_told_what_is_known_to_have_been_heard() -> None:
    *earlier, thanks = interrupted_by_a_typed_turn().messages(2)[1:]
    assert earlier == [user("when?"), assistant("On Friday.")]
    assert thanks.text == "thanks"
    assert "what ends with: “On Friday.”" in thanks.note


def test_a_later_report_corrects_the_estimate_in_its_place() -> None:
    conversation = interrupted_by_a_typed_turn()
    conversation.add_heard(1, segment("Before noon.", index=1), RATE)
    conversation.finish(1, completed=False)
    expected = [user("when?"), assistant("On Friday. Before noon."), user("thanks")]
    assert [replace(message, note="") for message in conversation.messages(2)[1:]] == expected
    assert conversation.history == expected


def test_what_is_remembered_of_a_reply_is_known_once_it_is_over() -> None:
    conversation = asked()
    conversation.add_text(1, "Thursday at ten.")
    conversation.add_heard(1, segment("Thursday at ten."), RATE // 3)
    assert conversation.remembered(1) == ""
    conversation.finish(1, completed=False)
    assert conversation.remembered(1) == "Thursday"
    assert conversation.remembered(2) == ""


# ── another history ──────────────────────────────────────────────────────────────────────────────


def test_turns_that_begin_after_a_recall_know_that_history_and_no_other() -> None:
    conversation = asked("when?")
    conversation.add_text(1, "Now.")
    conversation.finish(1, completed=True)
    conversation.recall([user("where?"), assistant("Here.")])
    conversation.begin(2, "why?")
    assert conversation.messages(2) == [
        system("Be brief."),
        user("where?"),
        assistant("Here."),
        user("why?"),
    ]
    assert conversation.history == [user("where?"), assistant("Here.")]


def test_a_turn_that_is_under_way_goes_on_from_what_it_knew() -> None:
    conversation = asked("when?")
    before = conversation.messages(1)
    conversation.recall([user("where?"), assistant("Here.")])
    assert conversation.messages(1) == before
    conversation.add_text(1, "Now.")
    conversation.finish(1, completed=True)
    conversation.begin(2, "why?")
    assert conversation.messages(2)[1:] == [user("where?"), assistant("Here."), user("why?")]


def test_turns_after_a_recall_follow_one_another() -> None:
    conversation = Conversation("")
    conversation.recall([user("where?")])
    for turn, question in ((1, "when?"), (2, "why?")):
        conversation.begin(turn, question)
        conversation.commit(turn)
        conversation.add_text(turn, "Hm.")
        conversation.finish(turn, completed=True)
    assert conversation.history == [
        user("where?"),
        user("when?"),
        assistant("Hm."),
        user("why?"),
        assistant("Hm."),
    ]


def test_a_recalled_history_has_an_answer_to_each_call_of_a_tool() -> None:
    conversation = Conversation("")
    conversation.recall([user("where?"), assistant("", CALL)])
    conversation.begin(1, "well?")
    assert conversation.messages(1)[2].role == "tool"
