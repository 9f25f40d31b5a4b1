"""What a conversation forgets when it has become long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.speech.test_conversation import CALL, user
from voicepipe.core.messages import Message
from voicepipe.speech.conversation import Conversation


def talked(count: int, most: int | None, forgot: list[int] | None = None) -> Conversation:
    """``count`` turns, with a tool in each, are over."""
    conversation = Conversation("", most=most, forgot=(forgot if forgot is not None else []).append)
    for turn in range(1, count + 1):
        conversation.begin(turn, f"question {turn}", (turn * 100,))
        conversation.commit(turn)
        conversation.add_tool_calls(turn, [CALL])
        conversation.add_tool_result(turn, "c1", "ten")
        conversation.add_text(turn, f"answer {turn}")
        conversation.finish(turn, completed=True)
    return conversation


def questions(messages: list[Message]) -> list[str]:
    return [message.text for message in messages if message.role == "user"]


def test_nothing_is_forgotten_up_to_the_limit() -> None:
    forgot: list[int] = []
    conversation = talked(8, 8, forgot)
    conversation.begin(9, "question 9")
    assert questions(conversation.messages(9)) == [f"question {n}" for n in range(1, 10)]
    assert forgot == []


def test_beyond_it_the_oldest_quarter_is_forgotten_at_once_and_told_once() -> None:
    forgot: list[int] = []
    conversation = talked(9, 8, forgot)
    conversation.begin(10, "question 10")
    assert questions(conversation.messages(10)) == [f"question {n}" for n in range(4, 11)]
    assert forgot == [3]


@given(st.integers(1, 40), st.integers(1, 12))
def test_a_tool_call_is_never_parted_from_its_answer_and_no_more_is_told_than_the_limit(
    count: int, most: int
) -> None:
    conversation = talked(count, most)
    conversation.begin(count + 1, "and now?")
    told = conversation.messages(count + 1)[:-1]
    assert len(told) % 4 == 0
    assert len(told) // 4 <= most
    assert [message.role for message in told[:4]] == ["user", "assistant", "tool", "assistant"]
    assert len(conversation.over) == len(told) // 4


def test_a_reply_that_has_not_ended_is_not_forgotten_nor_what_came_after_it() -> None:
    conversation = Conversation("", most=1)
    for turn in (1, 2, 3):
        conversation.begin(turn, f"question {turn}")
        conversation.commit(turn)
    conversation.begin(4, "question 4")
    assert questions(conversation.messages(4)) == [f"question {n}" for n in range(1, 5)]


def test_of_a_forgotten_turn_nothing_is_known_and_late_news_of_it_change_nothing() -> None:
    conversation = talked(3, 1)
    before = conversation.history
    conversation.reword(1, "what I really said")
    conversation.add_tool_result(1, "c1", "late")
    assert conversation.history == before
    assert conversation.remembered(1) == ""
    assert conversation.answers(100) is None
    assert conversation.answers(300) == 3


def test_what_a_recorded_call_recalls_is_not_kept_beside_what_replaced_it() -> None:
    conversation = Conversation("")
    for turn in (1, 2):
        conversation.recall([user(f"before {turn}")])
        conversation.begin(turn, f"question {turn}")
        conversation.commit(turn)
        conversation.finish(turn, completed=True)
    assert conversation.history == [user("before 2"), user("question 2")]
