"""The two forms in which OpenAI's speech endpoint streams its audio.

Protocol: https://platform.openai.com/docs/api-reference/audio/createSpeech and
/audio/speech-audio-delta-event. With ``stream_format: audio`` the body is the audio; with ``sse`` it comes in
``speech.audio.delta`` events, base64, and ``speech.audio.done`` tells the tokens. Which of them it is, the
content type of the answer says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from voicepipe.providers.speech_tally import Asked
from voicepipe.providers.vendor_errors import bad_answer, broken_off, failed

if TYPE_CHECKING:
    from voicepipe.core.frames import Pcm

RAW = frozenset({"audio/pcm", "audio/x-pcm", "audio/raw", "application/octet-stream", "binary/octet-stream"})
"""Content types of samples without a header; OpenAI's is the first."""

EVENTS = "text/event-stream"

FILES = (b"RIFF", b"OggS", b"fLaC", b"ID3\x03", b"ID3\x04")
"""How audio begins that has a header; read as samples it would begin with a crack, or be noise."""


async def spoken(
    provider: str, response: Any, asked: Asked, *, told: Callable[[str], str]
) -> AsyncGenerator[Pcm, None]:
    """The samples of ``response``, as they come. ``ProviderError``: it isn't audio, or isn't complete.

    ``told`` makes of the server's own words what may be passed on.
    """
    from voicepipe.audio.pcm_bytes import PcmBytes  # noqa: PLC0415 - NumPy, which validating doesn't need

    said = response.headers.get("content-type", "").partition(";")[0].strip()
    kind = said.lower()
    if kind == EVENTS:
        portions = _deltas(provider, response, asked, told)
    elif not kind or kind in RAW:
        portions = response.iter_bytes()
    else:
        raise bad_answer(provider, f"raw audio (pcm) was expected, the server answered with '{told(said)}'")
    pcm, beginning = PcmBytes(), b""
    async with aclosing(portions):
        async for portion in portions:
            if len(beginning) < 4:
                beginning += portion[:4]
                if beginning.startswith(FILES):
                    raise bad_answer(provider, "raw audio (pcm) was expected, an audio file came")
            block = pcm.push(portion)
            asked.samples = pcm.samples
            if block.size:
                yield block
    if pcm.split:
        raise broken_off(provider, "the audio ended within a sample")


async def _deltas(
    provider: str, response: Any, asked: Asked, told: Callable[[str], str]
) -> AsyncGenerator[bytes, None]:
    """The audio of the events, decoded."""
    done = False
    async with aclosing(response.iter_lines()) as lines:
        async for line in lines:
            if not line.startswith("data:") or (data := line[5:].strip()) == "[DONE]":
                continue
            event = _event(provider, data)
            match event.get("type"):
                case "speech.audio.delta":
                    yield _decoded(provider, event.get("audio"))
                case "speech.audio.done":
                    asked.report(event.get("usage"))
                    done = True
                case "error":
                    raise failed(provider, f"the server broke the answer off: {told(_reason(event))}")
    if not done:
        raise broken_off(provider, "the server ended the stream before the speech was complete")


def _event(provider: str, data: str) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except ValueError:
        raise bad_answer(provider, "an event of the answer isn't JSON") from None
    if not isinstance(event, dict):
        raise bad_answer(provider, "an event of the answer isn't an object")
    return event


def _decoded(provider: str, audio: Any) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (TypeError, ValueError):
        raise bad_answer(provider, "the audio of an event isn't base64") from None


def _reason(event: dict[str, Any]) -> str:
    error = event.get("error")
    message = error.get("message") if isinstance(error, dict) else event.get("message")
    return message if isinstance(message, str) else "it doesn't say why"
