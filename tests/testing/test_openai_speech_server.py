"""The server in its own right, over a bare socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from voicepipe.testing.openai_speech_server import OpenAISpeechServer, Say
from voicepipe.testing.speech import hums

BODY = {"model": "m", "voice": "alloy", "input": "Hello.", "response_format": "pcm"}


def exchange(body: dict[str, Any], *says: Say) -> bytes:
    """All that the server sends for one request."""
    data = json.dumps(body).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"

    async def main() -> bytes:
        async with OpenAISpeechServer(*says) as server:
            port = int(server.origin.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode() + data)
            writer.write_eof()
            async with asyncio.timeout(10):
                answer = await reader.read()
            writer.close()
            return answer

    return asyncio.run(main())


def test_audio_comes_in_chunks_of_bytes() -> None:
    answer = exchange(BODY, Say(portion_bytes=1_000_000))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\n")
    body = answer.partition(b"\r\n\r\n")[2].partition(b"\r\n")[2].removesuffix(b"\r\n0\r\n\r\n")
    np.testing.assert_array_equal(np.frombuffer(body, "<i2"), asyncio.run(hums("Hello.", 24_000)).pcm)


def test_events_end_with_the_tokens() -> None:
    answer = exchange({**BODY, "stream_format": "sse"}).decode()
    events = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    assert events[-1]["usage"] == {"input_tokens": 1, "output_tokens": 9, "total_tokens": 10}


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"voice": None},
        {"input": ""},
        {"input": "x" * 4097},
        {"response_format": "mp3"},
        {"speed": 9},
        {"model": "tts-1", "stream_format": "sse"},
        {"model": "tts-1", "instructions": "Whisper."},
    ],
)
def test_a_request_that_the_real_one_would_refuse_is_refused(wrong: dict[str, Any]) -> None:
    assert exchange({**BODY, **wrong}).startswith(b"HTTP/1.1 400 ")
