"""A server on loopback that speaks OpenAI's transcription endpoint and hears what it is told to hear.

Protocol: https://platform.openai.com/docs/api-reference/audio/createTranscription (a form with a file; JSON
or events), /audio/transcript-text-delta-event, /audio/transcript-text-done-event, /models/list and
/docs/guides/error-codes. It checks what the real one would refuse.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import wave
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voicepipe.testing.http import Request, chunk, head, whole
from voicepipe.testing.openai_http import OpenAIHttpServer, data, error

Fault = Literal["drop", "stall", "no_done", "malformed", "odd", "error_event"]

MOST_FILE_BYTES = 25_000_000
SHORTEST_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One request: the fields of its form, and the audio of its file (16-bit mono)."""

    fields: dict[str, list[str]]
    audio: bytes
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.audio) / 2 / self.rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Hear:
    """How the server transcribes one file: ``deltas``, which together are the text.

    ``usage``: by what the audio is billed; None: nothing is reported. ``streams`` False: the answer is
    JSON, as of models that don't stream. ``fault`` strikes after the deltas: ``drop`` cuts the connection,
    ``stall`` sends nothing more until the client hangs up, ``no_done`` leaves the last event out,
    ``malformed`` sends what isn't JSON, ``odd`` JSON of another shape, ``error_event`` an error. ``status``
    other than 200 refuses the request with ``error`` and ``headers``.
    """

    deltas: Sequence[str] = ()
    usage: Literal["duration", "tokens"] | None = "duration"
    streams: bool = True
    fault: Fault | None = None
    status: int = 200
    error: dict[str, Any] = field(default_factory=lambda: {"message": "no", "type": "error", "code": None})
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    """Don't answer at all, until the client hangs up."""


class OpenAIAudioServer(OpenAIHttpServer):
    """``async with OpenAIAudioServer(Hear(deltas=["Hello"])) as server:`` – then talk to ``server.base_url``.

    Each file takes the next of ``hears``, or asks ``otherwise``; without one, nothing is heard in it.
    """

    path = "/v1/audio/transcriptions"

    def __init__(
        self,
        *hears: Hear,
        models: Sequence[str] | None = ("gpt-transcribe",),
        key: str | None = None,
        otherwise: Callable[[Upload], Hear] | None = None,
    ) -> None:
        """``models`` None: the list isn't offered (404). ``key``: what the client has to bring."""
        super().__init__(models=models, key=key)
        self.hears = deque(hears)
        self.uploads: list[Upload] = []
        self._otherwise = otherwise

    @property
    def files(self) -> list[Request]:
        """The requests for transcripts, without those for the list of models."""
        return self.posts

    async def respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        upload = _upload(request)
        if isinstance(upload, str):
            writer.write(whole(400, error(upload, "invalid_request")))
            return True
        self.uploads.append(upload)
        hear = self._next(upload)
        if (over := await self.refused(hear, request, reader, writer)) is not None:
            return over
        if upload.fields.get("stream") != ["true"] or not hear.streams:
            answer = "{" if hear.fault == "malformed" else json.dumps(_whole(hear, upload))
            writer.write(whole(200, answer))
            return True
        writer.write(head(200, "text/event-stream"))
        for delta in hear.deltas:
            writer.write(chunk(data({"type": "transcript.text.delta", "delta": delta})))
            await writer.drain()
        if hear.fault == "drop":
            writer.transport.abort()
            return False
        if hear.fault == "stall":
            return await self.until_hung_up(request, reader)
        for event in _ending(hear, upload):
            writer.write(chunk(event))
        writer.write(chunk(b""))
        return True

    def _next(self, upload: Upload) -> Hear:
        if self.hears:
            return self.hears.popleft()
        return self._otherwise(upload) if self._otherwise else Hear()


def _whole(hear: Hear, upload: Upload) -> dict[str, Any]:
    if hear.fault == "odd":
        return {"text": 3}
    usage = _usage(hear, upload)
    return {"text": "".join(hear.deltas), **({"usage": usage} if usage else {})}


def _ending(hear: Hear, upload: Upload) -> Iterator[bytes]:
    match hear.fault:
        case "no_done":
            return
        case "malformed":
            yield b'data: {"type": "transcript.te\n\n'
        case "odd":
            yield data({"type": "transcript.text.done", "text": 3})
        case "error_event":
            yield data({"error": hear.error})
    yield data({"type": "transcript.text.done", **_whole(hear, upload)})


def _usage(hear: Hear, upload: Upload) -> dict[str, Any] | None:
    match hear.usage:
        case "duration":
            return {"type": "duration", "seconds": upload.seconds}
        case "tokens":
            heard, said = round(upload.seconds * 10), len("".join(hear.deltas).split())
            details = {"audio_tokens": heard, "text_tokens": 5}
            counts = {"input_tokens": heard + 5, "output_tokens": said, "total_tokens": heard + 5 + said}
            return {"type": "tokens", "input_token_details": details, **counts}
    return None


def _upload(request: Request) -> Upload | str:
    """What a request brought, or why the real server would refuse it."""
    kind, _, boundary = request.headers.get("content-type", "").partition("; boundary=")
    if kind != "multipart/form-data" or not boundary:
        return "expected multipart/form-data"
    fields: dict[str, list[str]] = {}
    file: bytes | None = None
    for part in request.body.split(f"--{boundary}".encode())[1:-1]:
        about, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', about)
        if name is None:
            return "a part of the form has no name"
        if name[1] == b"file":
            file = content.removesuffix(b"\r\n")
        else:
            value = content.removesuffix(b"\r\n").decode()
            fields.setdefault(name[1].decode().removesuffix("[]"), []).append(value)
    return _checked(fields, file)


def _checked(fields: dict[str, list[str]], file: bytes | None) -> Upload | str:
    if not any(fields.get("model", [])):
        return "model: expected one"
    if file is None:
        return "file: expected one"
    if len(file) > MOST_FILE_BYTES:
        return f"file: at most {MOST_FILE_BYTES} bytes were expected"
    if fields.get("response_format", ["json"]) != ["json"]:
        return "response_format: this server answers with json"
    if "language" in fields and "languages" in fields:
        return "language: not together with languages"
    if any(len(language) != 2 for language in [*fields.get("language", []), *fields.get("languages", [])]):
        return "language: expected ISO 639-1"
    try:
        with wave.open(io.BytesIO(file)) as audio:
            if (audio.getnchannels(), audio.getsampwidth()) != (1, 2):
                return "file: this server hears 16-bit mono"
            upload = Upload(
                fields=fields, audio=audio.readframes(audio.getnframes()), rate=audio.getframerate()
            )
    except (wave.Error, EOFError):
        return "file: the audio can't be decoded"
    if upload.seconds < SHORTEST_S:
        return "Audio file is too short. Minimum audio length is 0.1 seconds."
    return upload
