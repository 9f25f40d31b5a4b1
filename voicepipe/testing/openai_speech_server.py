"""A server on loopback that speaks OpenAI's speech endpoint.

Protocol: https://platform.openai.com/docs/api-reference/audio/createSpeech (request, raw audio),
/audio/speech-audio-delta-event and /audio/speech-audio-done-event (``stream_format: sse``), /models/list and
/docs/guides/error-codes. It checks what the real one would refuse.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voicepipe.testing.http import Request, chunk, head, whole
from voicepipe.testing.openai_http import OpenAIHttpServer, data, error
from voicepipe.testing.speech import Voice, hums

Fault = Literal["drop", "stall", "half_a_sample", "no_done", "malformed", "not_base64", "error_event"]

RATE = 24_000

MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """How the server speaks one text, in portions of ``portion_bytes`` (odd, so that they split samples).

    ``fault`` strikes after ``after_bytes`` of the audio: ``drop`` cuts the connection, ``stall`` sends
    nothing more until the client hangs up, ``half_a_sample`` ends the audio there. In a stream of events
    ``no_done`` leaves the last one out, ``malformed`` sends what isn't JSON, ``not_base64`` audio that can't
    be decoded, ``error_event`` an error. ``body``, if given, is sent with ``content_type`` instead of any
    audio. ``status`` other than 200 refuses the request with ``error`` and ``headers``.
    """

    fault: Fault | None = None
    after_bytes: int = 0
    portion_bytes: int = 4801
    content_type: str = "audio/pcm"
    body: str | None = None
    status: int = 200
    error: dict[str, Any] = field(default_factory=lambda: {"message": "no", "type": "error", "code": None})
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    """Don't answer at all, until the client hangs up."""


class OpenAISpeechServer(OpenAIHttpServer):
    """``async with OpenAISpeechServer() as server:`` – then talk to ``server.base_url``.

    Each text takes the next of ``says``; without one left it is spoken without a fault.
    """

    path = "/v1/audio/speech"

    def __init__(
        self,
        *says: Say,
        models: Sequence[str] | None = ("test-voice",),
        key: str | None = None,
        voice: Voice = hums,
        always: Say | None = None,
    ) -> None:
        """``models`` None: the list isn't offered (404). ``key``: what the client has to bring.

        ``voice`` is how it sounds. ``always``: for each text, once ``says`` are used up.
        """
        super().__init__(models=models, key=key)
        self.says = deque(says)
        self._voice = voice
        self._always = always or Say()

    @property
    def texts(self) -> list[Request]:
        """The requests for speech, without those for the list of models."""
        return self.posts

    async def respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        asked = request.json
        if problem := _problem(asked):
            writer.write(whole(400, error(problem, "invalid_request")))
            return True
        say = self.says.popleft() if self.says else self._always
        if (over := await self.refused(say, request, reader, writer)) is not None:
            return over
        if say.body is not None:
            writer.write(whole(200, say.body, content_type=say.content_type))
            return True
        spoken = await self._voice(asked["input"], RATE)
        events = asked.get("stream_format") == "sse"
        writer.write(head(200, "text/event-stream" if events else say.content_type))
        for portion in _portions(spoken.pcm.astype("<i2").tobytes(), say):
            writer.write(chunk(_delta(portion) if events else portion))
            await writer.drain()
        if say.fault == "drop":
            writer.transport.abort()
            return False
        if say.fault == "stall":
            return await self.until_hung_up(request, reader)
        if events:
            for event in _ending(say, asked["input"], len(spoken.pcm)):
                writer.write(chunk(event))
        writer.write(chunk(b""))
        return True


def _portions(audio: bytes, say: Say) -> Iterator[bytes]:
    if say.fault in ("drop", "stall", "malformed", "not_base64", "error_event"):
        audio = audio[: say.after_bytes]
    elif say.fault == "half_a_sample":
        audio = audio[: say.after_bytes // 2 * 2 + 1]
    for start in range(0, len(audio), say.portion_bytes):
        yield audio[start : start + say.portion_bytes]


def _delta(audio: bytes) -> bytes:
    return data({"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()})


def _ending(say: Say, text: str, samples: int) -> Iterator[bytes]:
    match say.fault:
        case "no_done":
            return
        case "malformed":
            yield b'data: {"type": "speech.au\n\n'
        case "not_base64":
            yield data({"type": "speech.audio.delta", "audio": "what?"})
        case "error_event":
            yield data({"type": "error", "error": say.error})
    sent, spoken = len(text.split()), samples * 20 // RATE
    usage = {"input_tokens": sent, "output_tokens": spoken, "total_tokens": sent + spoken}
    yield data({"type": "speech.audio.done", "usage": usage})


def _problem(body: Any) -> str | None:
    """Why the real server would refuse ``body``."""
    for name in ("model", "voice", "input"):
        if not body.get(name):
            return f"{name}: expected one"
    if len(body["input"]) > MOST_CHARACTERS:
        return f"input: at most {MOST_CHARACTERS} characters were expected"
    if body.get("response_format") != "pcm":
        return "response_format: this server speaks pcm"
    if not 0.25 <= body.get("speed", 1) <= 4:
        return "speed: expected 0.25 to 4"
    if body["model"].startswith("tts-1") and {"instructions", "stream_format"} & set(body):
        return "tts-1 takes neither instructions nor stream_format: sse"
    return None
