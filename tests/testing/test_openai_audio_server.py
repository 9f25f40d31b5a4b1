"""The transcription endpoint of the tests refuses what the real one refuses, and hears what it was told."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from typing import Any

import pytest

from voicepipe.testing.openai_audio_server import Hear, OpenAIAudioServer, Upload

http = pytest.importorskip("httpx2", reason="needs the extra 'cloud'")


def wav(ms: int = 500, *, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(rate * ms // 1000 * channels * width))
    return buffer.getvalue()


def post(
    server: OpenAIAudioServer, file: bytes | None = b"", path: str = "/audio/transcriptions", **form: Any
) -> Any:
    """The answer, and the server after it."""

    async def main() -> Any:
        async with server, http.AsyncClient(trust_env=False) as client:
            files = {"file": ("x.wav", wav() if file == b"" else file)} if file is not None else {"x": b"1"}
            data = {"model": "gpt-transcribe", **form}
            return await client.post(f"{server.base_url}{path}", data=data, files=files)

    return asyncio.run(main())


def test_a_transcript_is_streamed_if_that_is_asked_for() -> None:
    answer = post(OpenAIAudioServer(Hear(deltas=["One", " two"])), stream="true")
    assert answer.headers["content-type"] == "text/event-stream"
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert [event["type"] for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert (events[-1]["text"], events[-1]["usage"]) == ("One two", {"type": "duration", "seconds": 0.5})


def test_it_is_whole_otherwise_and_where_the_model_does_not_stream() -> None:
    for server, stream in (
        (OpenAIAudioServer(Hear(deltas=["One", " two"])), "false"),
        (OpenAIAudioServer(Hear(deltas=["One", " two"], streams=False)), "true"),
    ):
        assert post(server, stream=stream).json()["text"] == "One two"


def test_what_is_heard_may_depend_on_what_came() -> None:
    def hears(upload: Upload) -> Hear:
        return Hear(deltas=[f"{upload.seconds} seconds in {upload.fields['languages']}"])

    server = OpenAIAudioServer(otherwise=hears)
    assert post(server, **{"languages[]": ["en", "de"]}).json()["text"] == "0.5 seconds in ['en', 'de']"
    assert server.uploads[0].audio == bytes(16_000)


@pytest.mark.parametrize(
    ("file", "form", "reason"),
    [
        (b"", {"model": ""}, "model"),
        (None, {}, "file: expected one"),
        (b"RIFF", {}, "can't be decoded"),
        (wav(channels=2), {}, "mono"),
        (wav(width=1), {}, "16-bit"),
        (wav(50), {}, "too short"),
        (wav(800_000), {}, "at most 25000000 bytes"),
        (b"", {"response_format": "srt"}, "response_format"),
        (b"", {"language": "en-US"}, "ISO 639-1"),
        (b"", {"language": "en", "languages[]": ["en"]}, "not together"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(file: bytes | None, form: dict[str, Any], reason: str) -> None:
    answer = post(OpenAIAudioServer(), file, **form)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]["message"]


def test_another_path_and_another_key_are_refused() -> None:
    assert post(OpenAIAudioServer(), path="/audio/sing").status_code == 404
    assert post(OpenAIAudioServer(key="right")).status_code == 401


def test_a_body_that_is_no_form_is_refused() -> None:
    async def main() -> Any:
        async with OpenAIAudioServer() as server, http.AsyncClient(trust_env=False) as client:
            return await client.post(f"{server.base_url}/audio/transcriptions", json={"model": "x"})

    answer = asyncio.run(main())
    assert "multipart/form-data" in answer.json()["error"]["message"]
