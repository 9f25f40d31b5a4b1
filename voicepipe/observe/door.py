"""The event log's door: whoever writes events down gets them as ``record.redact`` wants them.

The call itself, its conversation and its tools are in front of the door and have the real words. What is
private can only be found in whole texts, so behind the door

* a reply's ``Text`` comes in one piece, when it is complete;
* transcripts that aren't final are left out: twelve figures of a card aren't a card yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from voicepipe.config.record import RecordConfig
from voicepipe.core.frames import EndOfText, Heard, Text, Transcript, TypedText
from voicepipe.core.records import Tapped, TurnBegan, TurnDrafted, TurnEnded, TurnReworded
from voicepipe.errors import VoicepipeError
from voicepipe.observe.events import as_of_now
from voicepipe.observe.observers import Observer, Observers
from voicepipe.observe.redact import LONGEST_TEXT, Redactor
from voicepipe.speech.heard import heard_text

_IDENTIFIERS = frozenset(
    ("slot", "provider", "previous", "model", "unit", "status", "stage", "state", "call_id", "name")
)
"""Fields whose texts nobody says: names that the pipeline file and vendors give."""

_REMEMBERED = 200
"""Characters of what the caller said before: the beginning of a number that goes on."""

_REPLIES = 16
"""Of which the words are kept: those that are open, and a few that have just ended."""

_Source = tuple[str, int]
"""The tap, or "", and the turn."""


@dataclass(slots=True)
class _Reply:
    """``text``: all of it so far. ``waiting``: what of it hasn't gone through the door."""

    text: str = ""
    complete: bool = False
    waiting: list[Text] = field(default_factory=list)


class Door:
    """An observer of a session. Those behind it get its events, without what ``redactor`` finds in them."""

    @classmethod
    def of(cls, record: RecordConfig, language: str) -> Door | None:
        """As the pipeline file asks for it; None if nothing is masked."""
        return cls(Redactor(record.redact, language=language)) if record.redact else None

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._observers = Observers()
        self._watchers: list[Callable[[Any], None]] = []
        self._replies: dict[_Source, _Reply] = {}
        self._spoken: dict[str, str] = {}
        """What the caller said before, by who recognised it."""
        self._asked = ""
        """What the caller said in the turns before ``_turn``."""
        self._turn, self._user = 0, ""

    def observe(self, observer: Observer) -> None:
        """Call ``observer`` with everything from now on, as it may be written down."""
        self._observers.append(observer)

    def watch(self, watcher: Callable[[Any], None]) -> None:
        """Call ``watcher`` with each *real* event in which something is masked, before it is passed on."""
        self._watchers.append(watcher)

    def __call__(self, at_ns: int, event: Any) -> None:
        for passed in self._passed(event):
            self._observers(at_ns, passed)

    def _passed(self, event: Any) -> Iterator[Any]:
        """What of ``event``, or because of it, goes through."""
        if isinstance(event, Tapped):
            for frame in self._frame(event.slot, event.frame):
                yield event if frame is event.frame else replace(event, frame=frame)
        else:
            if isinstance(event, TurnEnded):
                yield from self._rest(event)
            yield from self._frame("", event)

    def _frame(self, tap: str, event: Any) -> Iterator[Any]:
        match event:
            case Text():
                yield from self._hold(tap, event)
            case EndOfText():
                reply = self._reply(tap, event.turn)
                reply.complete = True
                yield from self._release(reply)
                yield event
            case Transcript():
                if event.final:
                    yield self._transcript(tap, event)
            case _:
                changed = self._changed(event)
                if changed is not event:
                    self._tell(event)
                yield changed

    def _tell(self, event: Any) -> None:
        for watcher in self._watchers:
            watcher(event)

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    def _transcript(self, tap: str, event: Transcript) -> Transcript:
        before = self._spoken.get(tap, "")
        text = self._redactor.following(before, event.text)
        self._spoken[tap] = f"{before} {event.text}"[-_REMEMBERED:]
        if text == event.text:
            return event
        if not tap:
            self._tell(event)
        return replace(event, text=text, words=())

    def _user_of(self, event: TurnDrafted | TurnBegan | TurnReworded) -> str:
        """The caller's words of a turn, as what follows those of the turns before."""
        if event.turn != self._turn and not isinstance(event, TurnDrafted):
            self._asked = f"{self._asked} {self._user}"[-_REMEMBERED:]
            self._turn = event.turn
        before = self._asked
        if event.turn != self._turn:
            before = f"{before} {self._user}"[-_REMEMBERED:]
        else:
            self._user = event.user
        return self._redactor.following(before, event.user)

    # ── the agent ────────────────────────────────────────────────────────────────────────────────

    def _reply(self, tap: str, turn: int) -> _Reply:
        reply = self._replies.get((tap, turn))
        if reply is None:
            reply = self._replies[tap, turn] = _Reply()
            if len(self._replies) > _REPLIES:
                del self._replies[next(iter(self._replies))]
        return reply

    def _hold(self, tap: str, event: Text) -> Iterator[Text]:
        """Until it is complete. What the model isn't told, such as a filler, is a text of its own."""
        reply = self._reply(tap, event.turn)
        if reply.waiting and reply.waiting[0].in_history != event.in_history:
            yield from self._release(reply)
        if len(reply.text) < LONGEST_TEXT:
            reply.text += event.text
            reply.waiting.append(event)

    def _release(self, reply: _Reply) -> Iterator[Text]:
        if reply.waiting:
            first, whole = reply.waiting[0], "".join(piece.text for piece in reply.waiting)
            reply.waiting = []
            masked = self._redactor.text(whole)
            if masked != whole:
                self._tell(first)
            yield replace(first, text=masked)

    def _rest(self, event: TurnEnded) -> Iterator[Any]:
        """Of a reply that was cut off no end comes."""
        for (tap, turn), reply in self._replies.items():
            if turn == event.turn:
                for text in self._release(reply):
                    yield text if not tap else Tapped(at_ns=event.at_ns, slot=tap, frame=text)

    def _ended(self, event: TurnEnded) -> dict[str, str]:
        said = self._redactor.text(event.said)
        reply = self._replies.get(("", event.turn))
        part = said != event.said or (reply is not None and self._redactor.hides(reply.text))
        heard = self._redactor.part(event.heard) if part else self._redactor.text(event.heard)
        return {"said": said, "heard": heard}

    def _private(self, turn: int) -> bool:
        """Whether any of a reply is masked, or may have to be when more of it is known."""
        reply = self._replies.get(("", turn))
        if reply is None:
            return False
        return self._redactor.hides(reply.text) or (
            not reply.complete and self._redactor.ends_in_number(reply.text)
        )

    def _heard(self, event: Heard) -> Heard:
        """A chunk may hold a part of what is private in its reply, so that it alone doesn't look like it."""
        if event.segment is None:
            return event
        text = heard_text(event.segment, event.samples)
        masked = self._redactor.part(text) if self._private(event.turn) else self._redactor.text(text)
        return event if masked == text else as_of_now(event, masked)

    # ── all others ───────────────────────────────────────────────────────────────────────────────

    def _changed(self, event: Any) -> Any:
        """``event`` itself if there is nothing to be masked."""
        known: dict[str, Any] = {}
        match event:
            case Heard():
                return self._heard(event)
            case TypedText():
                known = {"text": self._redactor.following("", event.text)}
            case TurnDrafted() | TurnBegan() | TurnReworded():
                known = {"user": self._user_of(event)}
            case TurnEnded():
                known = self._ended(event)
        changes = {}
        for one in fields(event):
            value = getattr(event, one.name)
            masked = known[one.name] if one.name in known else self._value(one.name, value)
            if masked is not value and masked != value:
                changes[one.name] = masked
        return replace(event, **changes) if changes else event

    def _value(self, name: str, value: Any) -> Any:
        if name in _IDENTIFIERS or isinstance(value, int | float):
            return value
        if isinstance(value, VoicepipeError):
            text = str(value)
            masked = self._redactor.text(text)
            return value if masked == text else masked
        if name == "budget":  # "user +1 555 123 4567, day 2026-11-23": the period is nobody's
            whose, comma, period = value.rpartition(", ")
            return self._redactor.text(whose) + comma + period
        return self._redactor.value(value)


def redacted(events: Iterable[tuple[int, Any]], record: RecordConfig, language: str) -> list[tuple[int, Any]]:
    """The events of a whole call as they may be written down."""
    door = Door.of(record, language)
    if door is None:
        return list(events)
    passed: list[tuple[int, Any]] = []
    door.observe(lambda at_ns, event: passed.append((at_ns, event)))
    for at_ns, event in events:
        door(at_ns, event)
    return passed
