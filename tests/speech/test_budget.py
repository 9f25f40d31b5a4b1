from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.core.records import UsageUnit
from voicepipe.speech.budget import SLICE_MS, Asks, most, tokens_of


@given(st.text())
def test_text_is_at_most_a_token_for_each_of_its_bytes(text: str) -> None:
    nothing, message = tokens_of([Message(role="user", text="")]), Message(role="user", text=text)
    assert tokens_of([message]) - nothing == len(text.encode())


def test_everything_that_a_model_reads_is_counted() -> None:
    call = ToolCall(id="1", name="find", arguments='{"n": 7}')
    plain = [Message(role="user", text="hello")]
    offer = ToolOffer(name="find", description="finds", parameters={"type": "object"})
    assert (
        tokens_of([*plain, Message(role="assistant", text="", tool_calls=(call,))]) >= tokens_of(plain) + 12
    )
    assert tokens_of([Message(role="user", text="hello", note="cut short")]) == tokens_of(plain) + 9
    assert tokens_of(plain, [offer]) >= tokens_of(plain) + len('findfinds{"type": "object"}')


def test_an_answer_is_as_long_as_it_may_be() -> None:
    assert most(Asks(read=100, writes=True), tokens_out=180) == {
        "requests": 1,
        "tokens_in": 100,
        "tokens_out": 180,
    }


def test_what_is_spoken_is_billed_by_characters_or_by_time_or_by_tokens() -> None:
    assert most(Asks(speak="Grüß Gott."), tokens_out=180) == {
        "requests": 1,
        "tokens_in": 12,
        "characters": 10,
        "audio_out_ms": 3300,
        "audio_tokens_out": 83,
    }


def test_a_slice_of_audio_is_billed_by_its_length_or_by_tokens() -> None:
    assert most(Asks(hear_ms=SLICE_MS), tokens_out=180) == {
        "requests": 1,
        "tokens_out": 300,
        "audio_in_ms": 15_000,
        "audio_tokens_in": 375,
    }


def test_a_fused_model_reads_all_again_and_answers_in_sound_and_words() -> None:
    asks = Asks(read=50, talks=True, recalls=True)
    assert most(asks, tokens_out=600, recalled=1000) == {
        "requests": 1,
        "tokens_in": 50,
        "tokens_out": 600,
        "audio_tokens_in": 1000,
        "audio_tokens_out": 600,
    }


@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.text(max_size=50), st.integers(0, 10**6))
def test_whoever_asks_for_more_never_gets_a_lower_bound(
    read: int, writes: bool, talks: bool, speak: str, hear_ms: int
) -> None:
    less = most(Asks(read=read, writes=writes, speak=speak, hear_ms=hear_ms), tokens_out=10)
    more = most(
        Asks(read=read + 1, writes=True, talks=talks, speak=f"{speak}!", hear_ms=hear_ms + 1), tokens_out=600
    )
    units: tuple[UsageUnit, ...] = get_args(UsageUnit)
    assert all(more.get(unit, 0) >= less.get(unit, 0) for unit in units)
