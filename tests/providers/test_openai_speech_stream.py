"""Answers of a speech endpoint, without a server: all that a content type and a body can be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from voicepipe.errors import ProviderError
from voicepipe.providers.openai_speech_stream import FILES, spoken
from voicepipe.providers.speech_tally import Asked


class Answer:
    """As much of the client's response as is used."""

    def __init__(self, kind: str | None, *portions: bytes) -> None:
        self.headers = {} if kind is None else {"content-type": kind}
        self._portions = portions

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        for portion in self._portions:
            yield portion

    async def iter_lines(self) -> AsyncIterator[str]:
        for line in b"".join(self._portions).decode("utf-8", "replace").splitlines():
            yield line


def samples_of(answer: Answer, asked: Asked | None = None) -> list[int]:
    async def main() -> list[int]:
        blocks = [block async for block in spoken("openai", answer, asked or Asked("Hello."), told=str)]
        return [int(sample) for block in blocks for sample in block]

    return asyncio.run(main())


def failure_of(answer: Answer) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        samples_of(answer)
    return caught.value


@pytest.mark.parametrize(
    "kind", ["audio/pcm", "audio/pcm;rate=24000", "Application/Octet-Stream", "audio/raw", None]
)
def test_raw_audio_goes_by_several_names(kind: str | None) -> None:
    asked = Asked("Hello.")
    assert samples_of(Answer(kind, b"\x01\x00\x02", b"\x00"), asked) == [1, 2]
    assert asked.samples == 2


@pytest.mark.parametrize("kind", ["text/html", "application/json", "audio/mpeg", "audio/wav", "audio/l16"])
def test_anything_else_is_refused_by_its_name(kind: str) -> None:
    error = failure_of(Answer(kind, b"\x01\x00"))
    assert error.kind == "protocol"
    assert kind in str(error)


def test_events_that_nobody_knows_and_comments_are_passed_over() -> None:
    asked = Asked("Hello.")
    events = [
        ": keep-alive",
        "event: speech.audio.delta",
        'data: {"type": "speech.audio.delta", "audio": "AQAC"}',
        "",
        'data: {"type": "speech.mood", "mood": "fine"}',
        'data:{"type": "speech.audio.delta", "audio": "AA=="}',
        'data: {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 9}}',
        "data: [DONE]",
    ]
    assert samples_of(Answer("text/event-stream", "\n".join(events).encode()), asked) == [1, 2]
    assert asked.reported == (3, 9)


@given(st.text(max_size=60))
def test_whatever_an_event_holds_it_is_read_or_a_typed_error(text: str) -> None:
    for data in (text, json.dumps(text), json.dumps({"type": "speech.audio.delta", "audio": text})):
        answer = Answer("text/event-stream", f"data: {data}\n\n".encode("utf-8", "replace"))
        assert failure_of(answer).kind in ("protocol", "connection")


@given(st.lists(st.binary(max_size=7), max_size=12))
def test_whatever_the_body_holds_it_is_audio_unless_it_ends_within_a_sample(portions: list[bytes]) -> None:
    data = b"".join(portions)
    assume(not data.startswith(FILES))
    if len(data) % 2:
        assert failure_of(Answer("audio/pcm", *portions)).kind == "connection"
    else:
        assert samples_of(Answer("audio/pcm", *portions)) == np.frombuffer(data, "<i2").tolist()


@pytest.mark.parametrize("beginning", FILES)
def test_a_file_with_a_header_is_no_raw_audio(beginning: bytes) -> None:
    for portions in ([beginning, bytes(40)], [beginning[:1], beginning[1:] + bytes(40)]):
        assert failure_of(Answer("application/octet-stream", *portions)).kind == "protocol"
