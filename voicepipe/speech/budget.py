"""What a request could consume at most, in the units that vendors bill, before it is made. Pure.

A budget holds that much back, so what isn't known is taken for more than it can be:

* text that a model reads is a token for each byte of its UTF-8, since every tokenizer in use falls back to
  bytes and makes words of them; of English it is about four times as much as will be billed;
* what a model writes is as much as its provider's ``max_tokens`` allows;
* what a voice speaks is billed by the character, exactly; where it is billed by its length, a character
  takes a third of a second, a digit that is read out included;
* audio that streams in is held back slice by slice, before it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from voicepipe.core.messages import Message, ToolOffer
from voicepipe.core.records import UsageUnit

SLICE_MS = 15_000
"""Of streamed audio that is held back at a time."""

AROUND_A_MESSAGE = 16
"""Tokens that say who wrote it, and where it ends."""

AROUND_A_REQUEST = 1_000
"""Tokens of the vendor's own instructions: Anthropic adds up to 804 where there are tools."""

SPOKEN_MS = 330
"""Of a character, at the slowest."""

SPOKEN_TOKENS_S = 25
"""Audio tokens for a second of a voice; OpenAI's have 20."""

HEARD_TOKENS_S = 25
"""Audio tokens for a second of a caller; OpenAI's have 10 to 17."""

WRITTEN_TOKENS_S = 20
"""Tokens of what is written down of it: three times as fast as anybody speaks."""

Amounts = Mapping[UsageUnit, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """What a request is going to send, and what it may get.

    ``read``: tokens of text at most. ``writes``, ``talks``: the answer is text, or audio with its text.
    ``speak``: the text to be spoken. ``hear_ms``: of audio. ``streams``: more of it follows. ``recalls``:
    the vendor's model reads all audio of the call again.
    """

    read: int = 0
    writes: bool = False
    talks: bool = False
    speak: str = ""
    hear_ms: int = 0
    streams: bool = False
    recalls: bool = False


def tokens_of(messages: Iterable[Message], tools: Sequence[ToolOffer] = ()) -> int:
    """Of a conversation and of the tools that the model is offered, at most."""
    tokens = AROUND_A_REQUEST
    for message in messages:
        calls = sum(len(call.name.encode()) + len(call.arguments.encode()) for call in message.tool_calls)
        around = AROUND_A_MESSAGE * (1 + len(message.tool_calls))
        tokens += len(message.text.encode()) + len(message.note.encode()) + calls + around
    for tool in tools:
        schema = json.dumps(tool.parameters)
        tokens += len(f"{tool.name}{tool.description}{schema}".encode()) + AROUND_A_MESSAGE
    return tokens


def most(asks: Asks, *, tokens_out: int, recalled: int = 0) -> dict[UsageUnit, int]:
    """The most that a request can consume whose answer is at most ``tokens_out``.

    ``recalled``: audio tokens of the call so far. Of units that one vendor bills instead of another, all
    are told; those without a price cost nothing here.
    """
    speak_ms = len(asks.speak) * SPOKEN_MS
    heard = asks.hear_ms / 1000
    amounts: dict[UsageUnit, int] = {
        "requests": 1,
        "tokens_in": asks.read + len(asks.speak.encode()),
        "tokens_out": (tokens_out if asks.writes or asks.talks else 0) + round(heard * WRITTEN_TOKENS_S),
        "characters": len(asks.speak),
        "audio_out_ms": speak_ms,
        "audio_tokens_out": tokens_out if asks.talks else -(-speak_ms * SPOKEN_TOKENS_S // 1000),
        "audio_in_ms": asks.hear_ms,
        "audio_tokens_in": -(-asks.hear_ms * HEARD_TOKENS_S // 1000) + recalled,
    }
    return {unit: amount for unit, amount in amounts.items() if amount}
