"""Who is handed which event of a Realtime server, in whatever order they come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_mailbox import Mailbox
from voicepipe.providers.openai_realtime_post import MOST_UTTERANCES, Post
from voicepipe.providers.vendor_errors import broken_off

WORDS = "conversation.item.input_audio_transcription"


def created(response_id: str, tag: str | None) -> dict[str, Any]:
    metadata = None if tag is None else {"voicepipe": tag}
    return {"type": "response.created", "response": {"id": response_id, "metadata": metadata}}


def delta(response_id: str, text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "response_id": response_id, "delta": text}


def done(response_id: str) -> dict[str, Any]:
    return {"type": "response.done", "response": {"id": response_id}}


def refusal(
    cause: str | None, code: str | None = None, kind: str = "invalid_request_error"
) -> dict[str, Any]:
    error = {"type": kind, "code": code, "message": "no", "event_id": cause}
    return {"type": "error", "error": error}


def read(box: Mailbox) -> list[Any]:
    """What lies in it, and the failure if there is one."""

    async def main() -> list[Any]:
        found: list[Any] = []
        while True:
            reading = asyncio.ensure_future(box.get())
            await asyncio.sleep(0)
            if not reading.done():
                reading.cancel()
                return found
            if isinstance(failure := reading.exception(), ProviderError):
                return [*found, failure.kind]
            found.append(reading.result().get("delta") or reading.result()["type"])

    return asyncio.run(main())


def deliver(post: Post, *events: dict[str, Any]) -> list[str | None]:
    return [post.deliver(event, 1) for event in events]


def test_each_reply_gets_its_own_events_by_its_tag_and_then_by_its_id() -> None:
    post = Post(None)
    one, two = post.ask("1", in_band=True), post.ask("2", in_band=False)
    deliver(
        post,
        created("b", "2"),
        created("a", "1"),
        delta("a", "A"),
        delta("b", "B"),
        done("b"),
        delta("x", "X"),
    )
    assert not post.idle.is_set()
    deliver(post, done("a"))
    assert post.idle.is_set()
    assert read(one) == ["response.created", "A", "response.done"]
    assert read(two) == ["response.created", "B", "response.done"]


def test_a_server_without_metadata_answers_in_the_order_of_the_questions() -> None:
    post = Post(None)
    one, two = post.ask("1", in_band=True), post.ask("2", in_band=False)
    assert deliver(post, created("a", None), created("b", None), created("c", None)) == [None, None, "c"]
    deliver(post, delta("a", "A"), delta("b", "B"))
    assert (read(one), read(two)) == (["response.created", "A"], ["response.created", "B"])


def test_what_nobody_asked_for_or_wants_any_more_is_to_be_cancelled() -> None:
    post = Post(None)
    box = post.ask("1", in_band=True)
    box.close()
    assert deliver(post, created("a", "1"), created("b", "other")) == ["a", "b"]
    assert not post.idle.is_set()
    deliver(post, delta("a", "A"), done("a"))
    assert post.idle.is_set()
    assert read(box) == ["response.done"]


def test_a_refused_reply_fails_and_others_don_t_wait_for_it() -> None:
    post = Post(None)
    box, other = post.ask("1", in_band=True), post.ask("2", in_band=False)
    deliver(post, refusal("respond-1", "conversation_already_has_active_response"))
    assert read(box) == ["server"]
    assert read(other) == []
    assert post.idle.is_set()


@pytest.mark.parametrize("cause", ["commit-5", None])
def test_a_refused_commit_tells_who_waits_for_it(cause: str | None) -> None:
    post = Post(None)
    box = post.commit("commit-5")
    deliver(post, refusal(cause, "input_audio_buffer_commit_empty"))
    assert read(box) == ["empty"]


@pytest.mark.parametrize("cause", ["cancel-r", "truncate-1", "delete-1", "clear-1"])
def test_that_there_was_nothing_to_do_away_with_is_no_failure(cause: str) -> None:
    post = Post(None)
    box = post.ask("1", in_band=True)
    deliver(post, refusal(cause, "anything"))
    assert post.refused is None
    assert read(box) == []


def test_another_refusal_is_kept_for_the_next_reply_and_one_that_ends_all_is_raised() -> None:
    post = Post(None)
    deliver(post, refusal("create-7", "invalid_tool_call_id"))
    assert post.refused is not None
    assert post.refused.kind == "bad_request"
    with pytest.raises(ProviderError) as expired:
        deliver(post, refusal(None, "session_expired"))
    assert (expired.value.kind, expired.value.retryable) == ("connection", True)


def test_a_refusal_of_what_came_before_a_question_fails_the_reply_that_would_miss_it() -> None:
    post = Post(None)
    aside, box = post.ask("1", in_band=False), post.ask("2", in_band=True)
    deliver(post, refusal("create-7", "invalid_tool_call_id"))
    assert (read(aside), read(box)) == ([], ["bad_request"])
    assert post.refused is None
    box.close()
    assert deliver(post, created("a", "2")) == ["a"]


def test_a_transcript_waits_for_who_asks_for_it_but_not_for_ever() -> None:
    post = Post(None)
    deliver(post, {"type": f"{WORDS}.delta", "item_id": "i", "delta": "hi"})
    assert read(post.words("i")) == ["hi"]
    deliver(post, {"type": f"{WORDS}.delta", "item_id": "old", "delta": "lost"})
    for number in range(MOST_UTTERANCES):
        deliver(post, {"type": f"{WORDS}.delta", "item_id": f"n{number}", "delta": "x"})
    assert read(post.words("old")) == []


def test_commits_are_answered_in_their_order_and_the_servers_own_ones_are_not_taken_for_ours() -> None:
    post = Post(None)
    first, second = post.commit("commit-1"), post.commit("commit-2")
    committed = "input_audio_buffer.committed"
    deliver(
        post,
        {"type": "input_audio_buffer.speech_stopped", "item_id": "theirs"},
        {"type": committed, "item_id": "theirs"},
        {"type": committed, "item_id": "ours"},
    )
    assert read(first) == [committed]
    assert read(second) == []
    assert (post.take_found(), post.take_found()) == ("theirs", None)


def test_a_turn_that_was_asked_for_is_not_found_again() -> None:
    post = Post(None)
    deliver(post, {"type": "input_audio_buffer.speech_stopped", "item_id": "theirs"})
    post.words("theirs")
    assert post.take_found() is None


def test_once_the_connection_is_lost_everybody_knows_also_who_comes_later() -> None:
    post = Post(None)
    boxes = [post.ask("1", in_band=True), post.commit("commit-1"), post.words("i")]
    post.lose(lambda: broken_off("openai", "gone"))
    boxes += [post.ask("2", in_band=True), post.commit("commit-2"), post.words("j")]
    assert [read(box) for box in boxes] == [["connection"]] * 6
    assert not post.idle.is_set() or post.lost is not None


NAMES = st.sampled_from(["", "a", "b", "1"])
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), NAMES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["id", "code", "type", "metadata", "voicepipe"]), inner),
    ),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "response.created",
                "response.done",
                "response.output_text.delta",
                "error",
                "input_audio_buffer.committed",
                "input_audio_buffer.speech_stopped",
                f"{WORDS}.completed",
                "unknown",
            ]
        )
    },
    optional=dict.fromkeys(("response", "response_id", "item_id", "error", "event_id"), VALUES),
)


@given(st.lists(EVENTS, max_size=30))
def test_no_event_of_whatever_shape_breaks_the_post(events: list[dict[str, Any]]) -> None:
    post = Post(None)
    box = post.ask("1", in_band=True)
    post.commit("commit-1")
    for event in events:
        post.deliver(event, 1)
    post.lose(lambda: broken_off("openai", "gone"))
    assert read(box)[-1] in ("connection", "response.done", "bad_request")
