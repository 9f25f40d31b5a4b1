"""The event log: JSON Lines, one event a line, on disk while the call goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

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
    ToolWaiting,
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
    VoiceAudible,
)
from voicepipe.core.units import SECOND
from voicepipe.errors import NotKeptError, SetupError
from voicepipe.observe.event_lines import as_json, checked_line, line_writer, quoted
from voicepipe.observe.events import MAX_TEXT
from voicepipe.observe.observers import Observer, ReadsByType

FORMAT = 2
"""Grows when a reader of the log would have to change."""

MAX_BYTES = 256 << 20
"""Of one log. An hour of lively talk takes about 5 MB."""

HELD_NS = 2 * SECOND

_HELD = frozenset(
    {
        *(SpeechStarted, SpeechPaused, SpeechResumed, SpeechStopped, Prosody, Transcript, Talk, ClipEnded),
        *(TurnDrafted, TurnBegan, TurnEnded, Text, EndOfText, ProviderBegan, ProviderAttempt),
        *(VoiceAudible, PlaybackStarted, Heard, StateChanged, ToolWaiting),
    }
)
"""What calls are made of. The others are rare, or tell what failed; a tool itself comes behind its wait."""

_text_line = line_writer(Text)

_HINT = "check the folder, its permissions and the space left"


class EventLog(ReadsByType):
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
        self._held: list[str] = []
        """Lines; always this list."""
        self._due_ns = 0
        """When what is held has to be written."""
        self._text: Text | None = None
        """The first piece of a text that may go on, and when it came; ``_words`` are those of all pieces."""
        self._text_ns = 0
        self._words: list[str] = []
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from None
        self._open = self._writing = True
        began = {"t_ms": 0, "event": "LogBegan", "format": FORMAT, "session": session, "clock": clock}
        self._write(_encoded(as_json(began) + "\n"))

    def reader(self, kind: type[Any]) -> Observer:
        if kind is Text:
            return self._join
        rare, secrets, write = kind not in _HELD, self._secrets, line_writer(kind)
        hold = self._held.append

        def read(at_ns: int, event: Any) -> None:
            if not self._writing:
                return
            if self._text is not None:
                self._end_text()
            hold(write(at_ns, event, secrets))
            if rare or at_ns >= self._due_ns:
                self._due_ns = at_ns + HELD_NS
                self._flush()

        return read

    def close(self) -> None:
        """May be called twice. Raises ``NotKeptError`` once if the log isn't complete for want of a disk."""
        if not self._open:
            return
        self._end_text()
        self._flush()
        self._open = self._writing = False
        os.close(self._file)
        if self._error is not None:
            raise NotKeptError(_unwritable(self.path, self._error).message, hint=_HINT)

    def _join(self, at_ns: int, piece: Text) -> None:
        if not self._writing:
            return
        first = self._text
        if first is None or first.turn != piece.turn or first.in_history != piece.in_history:
            self._end_text()
            self._text, self._text_ns = piece, at_ns
        self._words.append(piece.text)

    def _end_text(self) -> None:
        """Nothing goes on what was being written."""
        if self._text is not None:
            whole = self._text
            if len(self._words) > 1:
                whole = Text(turn=whole.turn, text="".join(self._words), in_history=whole.in_history)
            self._held.append(_text_line(self._text_ns, whole, self._secrets))
            self._text = None
            self._words.clear()

    def _flush(self) -> None:
        if not self._writing:
            return
        lines = "".join(self._held)
        if len(lines) > MAX_TEXT or (self._secrets and self._has_secret(lines)):
            lines = "".join(checked_line(line, self._secrets) for line in self._held)
        self._held.clear()
        data = _encoded(lines)
        if len(data) > self._left:
            data = _cut(data, self._left)
            self._writing = False
        self._left -= len(data)
        self._write(data)

    def _has_secret(self, lines: str) -> bool:
        return any(quoted(one)[1:-1] in lines for one in self._secrets if len(one) >= MIN_SECRET)

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
    return data[:end] + _encoded(as_json({"t_ms": since_ms, "event": "LogFull"}) + "\n")


def _encoded(lines: str) -> bytes:
    return lines.encode("utf-8", "replace")  # a lone surrogate, a model's "\ud800", has no UTF-8


def _unwritable(path: Path, error: OSError) -> SetupError:
    return SetupError(f"the event log {path} can't be written: {error.strerror or error}", hint=_HINT)
