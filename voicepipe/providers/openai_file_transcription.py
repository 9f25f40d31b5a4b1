"""An utterance as a file for a transcription endpoint, and its transcript as it comes.

Protocol: https://platform.openai.com/docs/api-reference/audio/createTranscription, its events
/audio/transcript-text-delta-event and /audio/transcript-text-done-event; and
https://developers.openai.com/api/docs/guides/speech-to-text. Models and servers that don't stream ignore
``stream`` and answer with JSON.
"""

from __future__ import annotations

import io
import json
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from voicepipe.core.calls import Call, Host
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis, Pcm
from voicepipe.providers.endpoint import EndpointConfig
from voicepipe.providers.openai_endpoint import Connection
from voicepipe.providers.openai_transcription_usage import TranscriptionTally
from voicepipe.providers.vendor_errors import bad_answer, broken_off

SHORTEST_S = 0.1
"""OpenAI refuses what is shorter, and no word is."""

MOST_BYTES = 25_000_000
"""OpenAI's limit for a file: thirteen minutes."""

LONGEST_TEXT = 100_000
"""Characters: two hours of speech; more is a server that has gone mad."""


class FileTranscription:
    """One request per utterance, when it is over. ``hints`` are fields of the request: language, prompt."""

    def __init__(
        self, config: EndpointConfig, host: Host, model: str, hints: Mapping[str, object], *, rate: int
    ) -> None:
        self._connection = Connection(config, host)
        self._own = config.endpoint.is_own(config.base_url)
        self._name = config.endpoint.provider
        self._host = host
        self._model = model
        self._hints = hints
        self._rate = rate

    async def start(self) -> None:
        # Other servers may list their own models, and answer to OpenAI's names as well.
        await self._connection.open(self._model, lists_all=self._own)
        # Imported when first touched, and that takes a moment.
        await self._host.workers.call(lambda: self._connection.client.audio.transcriptions)

    async def close(self) -> None:
        await self._connection.close()

    def check(self) -> list[str]:
        return self._connection.check()

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        client, sdk = self._connection.client, self._connection.sdk
        pcm = b"".join([block.astype("<i2").tobytes() async for block in audio])
        seconds = len(pcm) / 2 / self._rate
        if seconds < SHORTEST_S:
            yield Hypothesis(text="", final=True)
            return
        if len(pcm) > MOST_BYTES:
            raise ProviderError(
                f"an utterance of {seconds:.0f} s is too long for one file of 25 MB",
                provider=self._name,
                kind="bad_request",
                hint="lower max_speech of the turn stage, or use a model that hears while the caller speaks",
            )
        tally = TranscriptionTally(call)
        tally.sent_ms = seconds * 1000
        stream: Any = None
        try:
            stream = await client.audio.transcriptions.create(
                file=("speech.wav", _wav(pcm, self._rate), "audio/wav"),
                model=self._model,
                response_format="json",
                stream=True,
                **self._hints,
            )
            # Closing the stream closes its connection, which tells the server to stop.
            async with aclosing(stream), aclosing(self._hypotheses(stream, tally)) as hypotheses:
                async for hypothesis in hypotheses:
                    yield hypothesis
        except self._connection.failures as error:
            if stream is None and not isinstance(error, sdk.APITimeoutError):
                tally.sent_ms = 0  # it was refused, or never arrived
            raise self._connection.error(error) from None
        finally:
            tally.close()

    async def _hypotheses(self, stream: Any, tally: TranscriptionTally) -> AsyncGenerator[Hypothesis, None]:
        if not stream.response.headers.get("content-type", "").startswith("text/event-stream"):
            answer = json.loads(await stream.response.aread())
            usage = answer.get("usage") if isinstance(answer, dict) else None
            yield self._final(answer.get("text") if isinstance(answer, dict) else None, usage, tally)
            return
        text = ""
        async for event in stream:
            kind = getattr(event, "type", None)
            if kind == "transcript.text.delta" and isinstance(event.delta, str):
                text += event.delta
                if len(text) > LONGEST_TEXT:
                    raise bad_answer(self._name, f"the transcript is longer than {LONGEST_TEXT} characters")
                yield Hypothesis(text=text.strip(), final=False)
            elif kind == "transcript.text.done":
                yield self._final(event.text, getattr(event, "usage", None), tally)
                return
        raise broken_off(self._name, "the server ended the stream before the transcript was complete")

    def _final(self, text: Any, usage: Any, tally: TranscriptionTally) -> Hypothesis:
        if not isinstance(text, str):
            raise bad_answer(self._name, "the answer holds no text")
        tally.report(usage)
        return Hypothesis(text=text.strip(), final=True)


def _wav(pcm: bytes, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return buffer.getvalue()
