"""One connection of the scripted Realtime server: what each event of the client does, or is refused for."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from voicepipe.testing.realtime_conversation import Conversation, text_tokens
from voicepipe.testing.realtime_ear import Ear
from voicepipe.testing.realtime_link import Link
from voicepipe.testing.realtime_reply import Context, Response
from voicepipe.testing.realtime_script import Asked, Script
from voicepipe.testing.realtime_wire import Refused, check_client_event

_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}

VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
"""https://developers.openai.com/api/reference/resources/realtime/client-events (``session.update``). Those
that a customer had made are named by an id."""


def default_config(model: str, number: int) -> dict[str, Any]:
    """What a session begins with. https://developers.openai.com/api/reference/resources/realtime."""
    pcm = {"type": "audio/pcm", "rate": 24_000}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": f"sess_{number:06d}",
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "You are a helpful assistant.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "audio": {
            "input": {
                "format": pcm,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(_VAD),
            },
            "output": {"format": pcm, "voice": "marin", "speed": 1.0},
        },
    }


class Session:
    """``config`` is the effective session, ``ear.audio`` all that the client appended, as int16.

    ``news`` is called after each event of the client.
    """

    def __init__(self, link: Link, script: Script, model: str, number: int, news: Callable[[], None]) -> None:
        self.config = default_config(model, number)
        self.conversation = Conversation()
        self.link = link
        self.ear = Ear(link, self.config, self.conversation, script.next_heard, self)
        self.received: list[dict[str, Any]] = []
        self.responses: list[Response] = []
        """Those under way."""
        self._script = script
        self._news = news
        self._numbers = count(1)
        self._cached = (0, 0)
        self._spoke = False
        self._group: asyncio.TaskGroup
        self._do: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self.ear.append,
            "input_audio_buffer.commit": self.ear.commit,
            "input_audio_buffer.clear": self.ear.clear,
            "conversation.item.create": self._create,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "response.create": self._respond,
            "response.cancel": self._cancel,
        }

    async def run(self) -> None:
        """Until the client hangs up."""
        async with asyncio.TaskGroup() as self._group:
            await self.link.guarded(self._read())
            for response in self.responses:
                response.stop("client_cancelled")

    async def _read(self) -> None:
        await self.link.emit("session.created", session=self.config)
        async for message in self.link.socket:
            await self._take(message)
            self._news()

    async def _take(self, message: str | bytes) -> None:
        event: Any = None
        try:
            try:
                event = json.loads(message)
            except ValueError:
                raise Refused("Could not parse the event as JSON.", "invalid_json") from None
            if isinstance(event, dict):
                self.received.append(event)
            check_client_event(event)
            handler = self._do.get(event["type"])
            if handler is None:
                raise Refused(f"'{event['type']}' is for WebRTC only.")
            await handler(event)
        except Refused as refused:
            event_id = event.get("event_id") if isinstance(event, dict) else None
            await self.link.emit("error", error={**refused.error, "event_id": event_id})

    # ── configuration ────────────────────────────────────────────────────────────────────────────

    async def _update(self, event: dict[str, Any]) -> None:
        wanted = copy.deepcopy(event["session"])
        if wanted["type"] != "realtime":
            raise Refused("Passing a transcription session update to a realtime session is not allowed.")
        if wanted.get("model", self.config["model"]) != self.config["model"]:
            raise Refused("Cannot update a conversation's model.", param="session.model")
        audio = wanted.pop("audio", {})
        voice = (audio.get("output") or {}).get("voice")
        if isinstance(voice, str) and voice not in VOICES:
            known = ", ".join(f"'{one}'" for one in VOICES)
            raise Refused(
                f"Invalid value: '{voice}'. Supported values are: {known}.",
                param="session.audio.output.voice",
            )
        if self._spoke and voice not in (None, self.config["audio"]["output"]["voice"]):
            raise Refused(
                "Cannot update a conversation's voice if assistant audio is present.", "cannot_update_voice"
            )
        self._one_modality(wanted.get("output_modalities"))
        limit = wanted.get("max_output_tokens")
        if isinstance(limit, int) and not 1 <= limit <= 4096:
            raise Refused("Invalid 'session.max_output_tokens': expected 1 to 4096, or 'inf'.")
        named = wanted.get("tool_choice")
        offered = [tool.get("name") for tool in wanted.get("tools", self.config["tools"])]
        if isinstance(named, dict) and named.get("name") not in offered:
            raise Refused(f"Tool choice '{named.get('name')}' not found in 'tools' parameter.")
        self.config.update(wanted)
        for side in ("input", "output"):
            self.config["audio"][side].update(audio.get(side) or {})
        detection = self.config["audio"]["input"]["turn_detection"]
        if detection is not None and "turn_detection" in (audio.get("input") or {}):
            base = _SEMANTIC if detection["type"] == "semantic_vad" else _VAD
            self.config["audio"]["input"]["turn_detection"] = {**base, **detection}
        self.ear.new_detection()
        await self.link.emit("session.updated", session=self.config)

    @staticmethod
    def _one_modality(modalities: list[str] | None) -> None:
        if modalities is not None and len(modalities) != 1:
            raise Refused(
                f"Invalid modalities: {modalities}. Supported combinations are: ['text'] and ['audio']."
            )

    # ── the conversation ─────────────────────────────────────────────────────────────────────────

    async def _create(self, event: dict[str, Any]) -> None:
        item, before = self.conversation.create(event["item"], event.get("previous_item_id"))
        for kind in ("conversation.item.added", "conversation.item.done"):
            await self.link.emit(kind, previous_item_id=before, item=item.wire)

    async def _retrieve(self, event: dict[str, Any]) -> None:
        item = self.conversation.find(event["item_id"])
        if item is None:
            raise Refused(f"Item with id '{event['item_id']}' does not exist.", param="item_id")
        await self.link.emit("conversation.item.retrieved", item=item.wire)

    async def _truncate(self, event: dict[str, Any]) -> None:
        fields = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        self.conversation.truncate(**fields)
        await self.link.emit("conversation.item.truncated", **fields)

    async def _delete(self, event: dict[str, Any]) -> None:
        self.conversation.delete(event["item_id"])
        await self.link.emit("conversation.item.deleted", item_id=event["item_id"])

    # ── responses ────────────────────────────────────────────────────────────────────────────────

    async def _respond(self, event: dict[str, Any]) -> None:
        params = event.get("response") or {}
        self._one_modality(params.get("output_modalities"))
        active = next((response for response in self.responses if response.in_band), None)
        if active and params.get("conversation") != "none":
            raise Refused(
                f"Conversation already has an active response in progress: {active.id}. "
                "Wait until the response is finished before creating a new one.",
                "conversation_already_has_active_response",
            )
        self._start(params)

    def _start(self, params: dict[str, Any]) -> None:
        items = [item.wire for item in self.conversation.items]
        reply = self._script.next_reply(Asked(params=params, config=self.config, conversation=items))
        response = Response(
            self.link,
            self.conversation,
            self.config,
            params,
            reply,
            number=next(self._numbers),
            context=self._context_of(params),
        )
        self.responses.append(response)
        self._group.create_task(self._run(response))

    async def _run(self, response: Response) -> None:
        await self.ear.tell_late()
        try:
            await self.link.guarded(response.run())
        finally:
            self.responses.remove(response)
        self._spoke = self._spoke or response.audio_ms > 0
        self.ear.expect_answer_after(response.audio_ms)

    # ── as the caller's ear sees it ──────────────────────────────────────────────────────────────

    @property
    def busy(self) -> bool:
        return bool(self.responses)

    def answer(self) -> None:
        self._start({})

    def interrupt(self) -> None:
        for response in self.responses:
            if response.in_band:
                response.stop("turn_detected")

    async def _cancel(self, event: dict[str, Any]) -> None:
        wanted = event.get("response_id")
        for response in self.responses:
            if response.id == wanted or (wanted is None and response.in_band):
                response.stop("client_cancelled")
                return
        raise Refused("Cancellation failed: no active response found", "response_cancel_not_active")

    def _context_of(self, params: dict[str, Any]) -> Context:
        frame = str(params.get("instructions") or self.config["instructions"]) + json.dumps(
            self.config["tools"]
        )
        if params.get("input") is not None:
            return Context(text_tokens(frame + json.dumps(params["input"])))
        words, audio = self.conversation.tokens()
        text = text_tokens(frame) + words
        cached, self._cached = self._cached, (text, audio)
        return Context(text, audio, min(cached[0], text), min(cached[1], audio))
