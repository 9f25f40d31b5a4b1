"""The event log: JSON Lines, one event a line, on disk while the call goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from voicepipe.core.frames import (
    EndOfText,
    Heard,
    PlaybackStarted,
    Prosody,
    ProviderBegan,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Talk,
    Text,
    Transcript,
)
from voicepipe.core.masking import MIN_SECRET
from voicepipe.core.records import (
    ClipEnded,
    ProviderAttempt,
    StateChanged,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    Usage,
    VoiceAudible,
)
from voicepipe.core.units import SECOND
from voicepipe.errors import NotKeptError, SetupError
from voicepipe.observe.events import MAX_TEXT, as_of_now, event_to_dict, unchecked
from voicepipe.speech.heard import heard_text

FORMAT = 1
"""Grows when a reader of the log would have to change."""

MAX_BYTES = 256 << 20
"""Of one log. An hour of lively talk takes about 5 MB."""

HELD_NS = SECOND

Happening = tuple[int, Any]
"""Session time in nanoseconds, and an event."""

_HELD = frozenset(
    {
        *(SpeechStarted, SpeechPaused, SpeechResumed, SpeechStopped, Prosody, Transcript, Talk, ClipEnded),
        *(TurnDrafted, TurnBegan, TurnEnded, Text, EndOfText, ProviderBegan, ProviderAttempt, Usage),
        *(VoiceAudible, PlaybackStarted, Heard, StateChanged),
    }
)
"""What calls are made of. The others are rare, or tell what failed."""

_HINT = "check the folder, its permissions and the space left"


class EventLog:
    """An observer that writes to ``path``: ``session.observe(EventLog(path, …))``.

    Lines go to the operating system whole, so what was written survives the process. That of a turn is
    written together, which takes half of the time: with what is rare (a tool, a failure, another provider),
    and else with the first event that comes ``HELD_NS`` or more after the last time. Pieces of a reply's text
    between which nothing else happens are one line.

    The file is made anew, readable by its owner only, and its first line is a ``LogBegan``. Beyond
    ``max_bytes`` a last line, ``LogFull``, is written.

    A disk that fails doesn't end the call: the log ends, and ``close`` raises ``NotKeptError``.
    """

    def __init__(
        self,
        path: Path,
        *,
        session: str,
        clock: str,
        secrets: Collection[str] = (),
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Raises ``SetupError`` if the file can't be made. ``secrets`` are masked and may grow."""
        self.path = path
        self._secrets = secrets
        self._left = max_bytes
        self._error: OSError | None = None
        self._held: list[Happening] = []
        self._due_ns = 0
        """When what is held has to be written."""
        self._text: Text | None = None
        """The first piece of a text that may go on, held last; ``_more`` are the words of the others."""
        self._more: list[str] = []
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from None
        self._open = self._writing = True
        began = {"t_ms": 0, "event": "LogBegan", "format": FORMAT, "session": session, "clock": clock}
        self._write(_encode(began))

    def __call__(self, at_ns: int, event: Any) -> None:
        if not self._writing:
            return
        if type(event) is Text:
            self._join(at_ns, event)
            return
        if self._text is not None:
            self._end_text()
        if type(event) is Heard and event.segment is not None and event.segment.samples is None:
            event = as_of_now(event, heard_text(event.segment, event.samples))
        self._held.append((at_ns, event))
        if at_ns >= self._due_ns or type(event) not in _HELD:
            self._due_ns = at_ns + HELD_NS
            self._flush()

    def close(self) -> None:
        """May be called twice. Raises ``NotKeptError`` once if the log isn't complete for want of a disk."""
        if not self._open:
            return
        self._end_text()
        if self._writing:
            self._flush()
        self._open = self._writing = False
        os.close(self._file)
        if self._error is not None:
            raise NotKeptError(_unwritable(self.path, self._error).message, hint=_HINT)

    def _join(self, at_ns: int, piece: Text) -> None:
        first = self._text
        if first is None or first.turn != piece.turn or first.in_history != piece.in_history:
            self._end_text()
            self._held.append((at_ns, piece))
            self._text = piece
        else:
            self._more.append(piece.text)

    def _end_text(self) -> None:
        """What is held last is the first piece of a text: let it be all of it."""
        if self._text is not None and self._more:
            self._held[-1] = (
                self._held[-1][0],
                replace(self._text, text="".join([self._text.text, *self._more])),
            )
            self._more.clear()
        self._text = None

    def _flush(self) -> None:
        data = _lines([unchecked(at_ns, event) for at_ns, event in self._held])
        if len(data) > MAX_TEXT or (self._secrets and self._has_secret(data)):
            data = _lines([event_to_dict(at_ns, event, self._secrets) for at_ns, event in self._held])
        self._held.clear()
        if len(data) > self._left:
            data = _cut(data, self._left)
            self._writing = False
        self._left -= len(data)
        self._write(data)

    def _has_secret(self, data: bytes) -> bool:
        return any(_encode(one)[1:-2] in data for one in self._secrets if len(one) >= MIN_SECRET)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self._error, self._writing = error, False


def _cut(data: bytes, size: int) -> bytes:
    """The lines of which there is room for in ``size`` bytes, and one that says so."""
    end = data.rfind(b"\n", 0, size) + 1
    since_ms = json.loads(data[end : data.index(b"\n", end)])["t_ms"]
    return data[:end] + _encode({"t_ms": since_ms, "event": "LogFull"})


_NEXT = b'{"t_ms":'
"""What each line begins with."""


def _lines(maps: list[dict[str, Any]]) -> bytes:
    """One for each. All at once takes the least time, if none of them holds what looks like another."""
    try:
        data = to_json(maps)[1:-1].replace(b"," + _NEXT, b"\n" + _NEXT) + b"\n"
    except (ValueError, UnicodeEncodeError):
        data = b""
    return data if data.count(b"\n") == len(maps) else b"".join(map(_encode, maps))


def _encode(value: Any) -> bytes:
    """A line of what JSON has."""
    try:
        return to_json(value) + b"\n"  # a fifth of the time that the standard library takes
    except (ValueError, UnicodeEncodeError):
        # A lone surrogate, which a model's "\ud800" becomes, has no UTF-8.
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "replace") + b"\n"


def _unwritable(path: Path, error: OSError) -> SetupError:
    return SetupError(f"the event log {path} can't be written: {error.strerror or error}", hint=_HINT)
