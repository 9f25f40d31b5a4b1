"""What people read: on standard error, in colour only on a terminal that wants it."""

from __future__ import annotations

import os
import sys
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Terminal:
    """Writes for people. ``quiet`` keeps all but errors to itself."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self.quiet = quiet
        self.interactive = self._stream.isatty()
        self.colour = self.interactive and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._status = False

    def style(self, text: str, *names: str) -> str:
        """``text`` in the given styles: bold, dim, or a colour."""
        if not self.colour:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """A line that stays."""
        if self.quiet:
            return
        self._clear()
        print(text, file=self._stream, flush=True)

    def status(self, text: str) -> None:
        """A line that the next one replaces; only on a terminal."""
        if self.quiet or not self.interactive:
            return
        width = os.get_terminal_size(self._stream.fileno()).columns
        shown = text if len(text) < width else "…" + text[-(width - 2) :]
        print(f"\r\x1b[K{shown}", end="", file=self._stream, flush=True)
        self._status = True

    def progress(self, text: str) -> None:
        """How far something long has come: in one place on a terminal, line by line elsewhere."""
        if self.interactive:
            self.status(text)
        else:
            self.line(text)

    def error(self, text: str) -> None:
        """A line that stays even when quiet."""
        self._clear()
        print(self.style(text, "red"), file=self._stream, flush=True)

    def _clear(self) -> None:
        if self._status:
            print("\r\x1b[K", end="", file=self._stream)
            self._status = False
