"""The event log: JSON Lines, one event a line, on disk as soon as it has happened."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from voicepipe.core.frames import Text
from voicepipe.errors import NotKeptError, SetupError
from voicepipe.observe.events import event_to_dict

FORMAT = 1
"""Grows when a reader of the log would have to change."""

MAX_BYTES = 256 << 20
"""Of one log. An hour of lively talk takes about 5 MB."""


_HINT = "check the folder, its permissions and the space left"


class EventLog:
    """An observer that writes to ``path``: ``session.observe(EventLog(path, …))``.

    Each line goes to the operating system whole and at once, so what was logged survives the process. But
    pieces of a reply's text between which nothing else happens are one line, written with what happens next:
    a third of all events, each a word. The file is made anew, readable by its owner only, and its first line
    is a ``LogBegan``. Beyond ``max_bytes`` a last line, ``LogFull``, is written.

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
        self._pieces: list[Text] = []
        self._pieces_ns = 0
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from None
        self._open = self._writing = True
        self._write({"t_ms": 0, "event": "LogBegan", "format": FORMAT, "session": session, "clock": clock})

    def __call__(self, at_ns: int, event: Any) -> None:
        if not self._writing:
            return
        if type(event) is Text:
            self._join(at_ns, event)
            return
        if self._pieces:
            self._write_text()
            if not self._writing:  # the text was all that there was room for
                return
        self._write(event_to_dict(at_ns, event, self._secrets))

    def close(self) -> None:
        """May be called twice. Raises ``NotKeptError`` once if the log isn't complete for want of a disk."""
        if not self._open:
            return
        self._write_text()
        self._open = self._writing = False
        os.close(self._file)
        if self._error is not None:
            raise NotKeptError(_unwritable(self.path, self._error).message, hint=_HINT)

    def _join(self, at_ns: int, piece: Text) -> None:
        if self._pieces and not _go_together(self._pieces[-1], piece):
            self._write_text()
        if not self._pieces:
            self._pieces_ns = at_ns
        self._pieces.append(piece)

    def _write_text(self) -> None:
        if not self._pieces:
            return
        whole = replace(self._pieces[0], text="".join(piece.text for piece in self._pieces))
        self._pieces.clear()
        if self._writing:
            self._write(event_to_dict(self._pieces_ns, whole, self._secrets))

    def _write(self, line: dict[str, Any]) -> None:
        data = _encode(line)
        if len(data) > self._left:
            data = _encode({"t_ms": line["t_ms"], "event": "LogFull"})
            self._left = 0
            self._writing = False
        else:
            self._left -= len(data)
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self._error, self._writing = error, False


def _go_together(one: Text, other: Text) -> bool:
    return one.turn == other.turn and one.in_history == other.in_history


def _encode(line: dict[str, Any]) -> bytes:
    try:
        return to_json(line) + b"\n"  # a fifth of the time that the standard library takes
    except (ValueError, UnicodeEncodeError):
        # A lone surrogate, which a model's "\ud800" becomes, has no UTF-8.
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "replace") + b"\n"


def _unwritable(path: Path, error: OSError) -> SetupError:
    return SetupError(f"the event log {path} can't be written: {error.strerror or error}", hint=_HINT)
