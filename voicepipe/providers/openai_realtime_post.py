"""Who waits for which of a Realtime server's events: one socket, many calls, each with its own mailbox."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_events import TAG, refusal, table_in
from voicepipe.providers.openai_realtime_mailbox import Event, Failure, Mailbox

MOST_UTTERANCES = 32
"""Whose transcripts are kept for somebody to ask for them."""


class Post:
    """``deliver`` is given every event; the others say who waits."""

    def __init__(self, key: str | None) -> None:
        self.idle = asyncio.Event()
        """No reply is under way that becomes a part of the conversation."""
        self.idle.set()
        self.refused: ProviderError | None = None
        """What the server wouldn't do since the last reply was asked for, and nobody waited for."""
        self.lost: Failure | None = None
        self._key = key
        self._asked: OrderedDict[str, Mailbox] = OrderedDict()
        """Replies that have no id yet, by their tags."""
        self._replies: dict[str, Mailbox] = {}
        self._commits: OrderedDict[str, Mailbox] = OrderedDict()
        """By the ids of the events that asked for them."""
        self._words: OrderedDict[str, Mailbox] = OrderedDict()
        """Transcripts, by their items."""
        self._found: OrderedDict[str, None] = OrderedDict()
        """The items of the turns that the server found by itself, and that nobody has asked for."""

    # ── who waits ────────────────────────────────────────────────────────────────────────────────

    def ask(self, tag: str, *, in_band: bool) -> Mailbox:
        box = self._asked[tag] = self._new(Mailbox(in_band=in_band))
        if in_band:
            self.idle.clear()
        return box

    def commit(self, event_id: str) -> Mailbox:
        box = self._commits[event_id] = self._new(Mailbox())
        return box

    def words(self, item_id: str) -> Mailbox:
        """The transcript of an utterance, from its beginning, whenever that came."""
        self._found.pop(item_id, None)
        return self._transcript(item_id)

    def _transcript(self, item_id: str) -> Mailbox:
        if item_id not in self._words:
            self._words[item_id] = self._new(Mailbox())
            while len(self._words) > MOST_UTTERANCES:
                self._words.popitem(last=False)
        return self._words[item_id]

    def forget(self, item_id: str) -> None:
        self._words.pop(item_id, None)

    def take_found(self) -> str | None:
        """The last turn that the server found and nobody has asked for."""
        return self._found.popitem()[0] if self._found else None

    def _new(self, box: Mailbox) -> Mailbox:
        if self.lost is not None:
            box.fail(self.lost)
        return box

    def lose(self, failure: Failure) -> None:
        """The connection has ended: nobody need wait any longer."""
        self.lost = self.lost or failure
        self.idle.set()
        for boxes in (self._asked, self._replies, self._commits, self._words):
            for box in boxes.values():
                box.fail(self.lost)

    # ── what comes ───────────────────────────────────────────────────────────────────────────────

    def deliver(self, event: Event, size: int) -> str | None:
        """Hand ``event`` of ``size`` bytes to who waits for it. Returns the id of a reply to be cancelled."""
        kind: str = event["type"]
        if kind == "response.created":
            return self._begin(table_in(event, "response"))
        if kind == "response.done":
            self._end(event, size)
        elif kind.startswith("response."):
            if (box := self._replies.get(_name(event, "response_id"))) is not None:
                box.put(event, size)
        elif kind.startswith("conversation.item.input_audio_transcription."):
            self._transcript(_name(event, "item_id")).put(event, size)
        elif kind in ("input_audio_buffer.speech_stopped", "input_audio_buffer.timeout_triggered"):
            self._found[_name(event, "item_id")] = None
            while len(self._found) > MOST_UTTERANCES:
                self._found.popitem(last=False)
        elif kind == "input_audio_buffer.committed":
            self._committed(event, size)
        elif kind == "error":
            self._refuse(table_in(event, "error"))
        return None

    def _begin(self, response: Event) -> str | None:
        response_id = _name(response, "id")
        metadata = response.get("metadata")
        tag = metadata.get(TAG) if isinstance(metadata, dict) else next(iter(self._asked), None)
        box = self._asked.pop(tag, None) if isinstance(tag, str) else None
        if box is None:
            return response_id  # a server that answers unasked
        box.response_id = response_id
        self._replies[response_id] = box
        box.put({"type": "response.created"}, 0)
        return response_id if box.closed else None

    def _end(self, event: Event, size: int) -> None:
        box = self._replies.pop(_name(table_in(event, "response"), "id"), None)
        if box is not None:
            box.put(event, size)
            self._look_whether_idle()

    def _look_whether_idle(self) -> None:
        if not any(box.in_band for boxes in (self._asked, self._replies) for box in boxes.values()):
            self.idle.set()

    def _committed(self, event: Event, size: int) -> None:
        if _name(event, "item_id") not in self._found and self._commits:
            self._commits.popitem(last=False)[1].put(event, size)

    def _refuse(self, error: Event) -> None:
        """An error belongs to the event that it names; else to what waits for an answer to what it asked."""
        cause = error.get("event_id")
        box = None
        if isinstance(cause, str):
            verb, _, tag = cause.partition("-")
            if verb in ("cancel", "truncate", "delete", "clear"):
                return  # what was to be done away with isn't there any more
            box = self._commits.pop(cause, None) or (
                self._asked.pop(tag, None) if verb == "respond" else None
            )
        elif self._asked:
            box = self._asked.popitem(last=False)[1]
        elif self._commits:
            box = self._commits.popitem(last=False)[1]
        if box is None:
            self._refuse_other(error)
            return
        if error.get("code") == "input_audio_buffer_commit_empty":
            box.put({"type": "empty"}, 0)
        else:
            box.fail(lambda: refusal(error, self._key))
        self._look_whether_idle()

    def _refuse_other(self, error: Event) -> None:
        """Something that nobody waits for, and that the next reply, or the one just asked for, would miss."""
        refused = refusal(error, self._key)
        if refused.kind != "bad_request":
            raise refused
        waiting = next((box for box in self._asked.values() if box.in_band), None)
        if waiting is not None:
            waiting.fail(lambda: refusal(error, self._key))
        else:
            self.refused = refused


def _name(event: Event, field: str) -> str:
    value = event.get(field)
    return value if isinstance(value, str) else ""
