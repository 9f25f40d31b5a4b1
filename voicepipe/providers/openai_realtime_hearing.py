"""The caller's side of a Realtime connection: audio goes up, an utterance becomes an item, its words come."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import numpy as np

from voicepipe.audio import g711
from voicepipe.audio.pcm import Pcm
from voicepipe.core.calls import Call
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.providers import openai_realtime_events as wire
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.openai_realtime_config import OpenAIRealtimeConfig
from voicepipe.providers.openai_realtime_line import Line
from voicepipe.providers.openai_realtime_post import Post
from voicepipe.providers.openai_realtime_session import Edge
from voicepipe.providers.openai_realtime_usage import Context, report_transcript
from voicepipe.providers.realtime_base import CallerItem, CallerStarted, CallerStopped

LEAST_COMMIT_MS = 100
"""The server refuses less."""

_APPEND = b'{"type":"input_audio_buffer.append","audio":"'
_ENCODE: dict[str, Callable[[Pcm], bytes]] = {
    "pcm": lambda pcm: pcm.astype("<i2", copy=False).tobytes(),
    "pcmu": g711.encode_ulaw,
    "pcma": g711.encode_alaw,
}


class Hearing:
    """See ``RealtimeConnection``; ``finds_turns``: the server looks for the caller's turns."""

    def __init__(
        self, line: Line, post: Post, context: Context, config: OpenAIRealtimeConfig, *, finds_turns: bool
    ) -> None:
        self._line = line
        self._post = post
        self._context = context
        self._rate = config.rate_in
        self._encode = _ENCODE[config.input_format]
        self._transcription = config.writer
        self._finds_turns = finds_turns
        self._unheard = 0
        """Samples since the last utterance."""
        self._began_ms = 0
        self._found_ms: tuple[str, int] = ("", 0)
        """The last turn that the server has found, and how long it is."""

    async def append(self, pcm: Pcm) -> None:
        self._unheard += len(pcm)
        await self._line.send_text(b'%b%b"}' % (_APPEND, b64encode(self._encode(pcm))))

    async def clear(self) -> None:
        self._unheard = 0
        await self._line.send(
            {"type": "input_audio_buffer.clear", "event_id": f"clear-{self._line.number()}"}
        )

    def note(self, edge: Edge) -> None:
        """The server has found where a turn begins or ends."""
        if isinstance(edge, CallerStarted):
            self._began_ms = edge.audio_ms
        elif isinstance(edge, CallerStopped):
            self._found_ms = (edge.item_id, max(edge.audio_ms - self._began_ms, 0))

    async def hear(self, call: Call, item_id: str | None) -> AsyncGenerator[CallerItem | Hypothesis, None]:
        ms = self._unheard * 1000 // self._rate
        if item_id is not None and item_id == self._found_ms[0]:
            ms = self._found_ms[1]
        if self._transcription is not None:
            call.model = self._transcription.model
            call.set_usage("audio_in_ms", ms, estimated=True)
        found = item_id or await self._commit()
        if found is None:
            call.usage.clear()
            yield Hypothesis(text="", final=True)
            return
        self._context.heard(ms)
        yield CallerItem(item_id=found)
        async with aclosing(self._transcript(call, found)) as hypotheses:
            async for hypothesis in hypotheses:
                yield hypothesis

    async def _commit(self) -> str | None:
        """Make an item of the audio since the last one; its id, None if there was none."""
        samples, self._unheard = self._unheard, 0
        if not self._finds_turns:
            if not samples:
                return None
            missing = self._rate * LEAST_COMMIT_MS // 1000 - samples
            if missing > 0:
                await self.append(np.zeros(missing, np.int16))
                self._unheard = 0
        event_id = f"commit-{self._line.number()}"
        box = self._post.commit(event_id)
        await self._line.send({"type": "input_audio_buffer.commit", "event_id": event_id})
        event = await box.get()
        if event["type"] == "empty":  # the server has found the end by itself, or there was nothing
            return self._post.take_found()
        return wire.text_in(event, "item_id")

    async def _transcript(self, call: Call, item_id: str) -> AsyncGenerator[Hypothesis, None]:
        box, text = self._post.words(item_id), ""
        try:
            if self._transcription is None:
                yield Hypothesis(text=UNRECOGNISED, final=True)
                return
            while True:
                event = await box.get()
                match event["type"].rpartition(".")[2]:
                    case "delta":
                        delta = event.get("delta")
                        text += delta if isinstance(delta, str) else ""
                        yield Hypothesis(text=text.strip(), final=False)
                    case "completed":
                        report_transcript(call, wire.table_in(event, "usage"))
                        yield Hypothesis(text=wire.text_in(event, "transcript").strip(), final=True)
                        return
                    case "failed":
                        call.usage.clear()
                        yield Hypothesis(text=UNRECOGNISED, final=True)
                        return
        finally:
            self._post.forget(item_id)
