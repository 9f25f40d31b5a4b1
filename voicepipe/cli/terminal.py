"""What people read: on standard error, in colour only on a terminal that wants it."""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TextIO

from voicepipe.errors import VoicepipeError

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}

_UP = "\x1b[A"
_CLEAR = "\r\x1b[K"


class Terminal:
    """Writes for people. ``quiet`` keeps all but errors to itself.

    On a terminal two lines may stand below those that stay, and are replaced in their place: the status and,
    lowest, the footer.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self.quiet = quiet
        self.interactive = self._stream.isatty()
        self.colour = self.interactive and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.unicode = (getattr(self._stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
        self._status = self._footer = ""
        self._drawn = 0
        """How many replaceable lines are on the screen; the cursor stands at the end of the last one."""

    def style(self, text: str, *names: str) -> str:
        """``text`` in the given styles: bold, dim, or a colour."""
        if not self.colour or not names:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """A line that stays; the status is over."""
        if not self.quiet:
            self._write(text)

    def error(self, text: str) -> None:
        """A line that stays even when quiet."""
        self._write(self.style(text, "red"))

    def warn(self, text: str) -> None:
        """A line that stays, with what isn't as it may have been meant."""
        self.line(f"{self.style('warning:', 'yellow')} {printable(text)}")

    def advise(self, advice: VoicepipeError) -> None:
        """Warn of what is no error yet, with its hint on a line of its own."""
        self.line(f"{self.style('warning:', 'yellow')} {printable_lines(str(advice))}")

    def status(self, text: str, *, label: str = "") -> None:
        """A line that the next one replaces; only on a terminal. What doesn't fit is cut off before its end.

        ``label`` stands before it, and is never cut. Neither may hold more than one line.
        """
        if self.quiet or not self.interactive:
            return
        room = self._columns - 1 - (width(label) if label else 0)
        self._status = label + clip(text, room)
        self._redraw()

    def footer(self, *texts: str) -> None:
        """A line below all others until the next one: the first of ``texts`` that fits; only on a terminal.

        They may be styled. Without any, or where the terminal is too narrow for all, there is none.
        """
        if self.quiet or not self.interactive:
            return
        columns = self._columns
        self._footer = next((text for text in texts if width(text) < columns), "")
        self._redraw()

    def done(self) -> None:
        """Take the status and the footer away: somebody else writes next."""
        self._status = self._footer = ""
        self._redraw()

    def progress(self, text: str) -> None:
        """How far something long has come: in one place on a terminal, line by line elsewhere."""
        if self.interactive:
            self.status(text)
        else:
            self.line(text)

    def _write(self, text: str) -> None:
        self._status = ""
        print(f"{self._wipe()}{text}", file=self._stream)
        self._redraw()

    def _redraw(self) -> None:
        lines = [line for line in (self._status, self._footer) if line]
        wiped = self._wipe()
        self._drawn = len(lines)
        print(wiped + "\n".join(lines), end="", file=self._stream, flush=True)

    def _wipe(self) -> str:
        """What takes the replaceable lines off the screen."""
        wiped = (_CLEAR + _UP) * (self._drawn - 1) + _CLEAR if self._drawn else ""
        self._drawn = 0
        return wiped

    @property
    def _columns(self) -> int:
        return os.get_terminal_size(self._stream.fileno()).columns


def printable(text: str) -> str:
    """``text`` on one line, and without what would drive the terminal."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)


def printable_lines(text: str) -> str:
    """``text`` with each of its lines printable: an error's hint stands on a line of its own."""
    return "\n".join(map(printable, text.split("\n")))


def width(text: str) -> int:
    """The columns that ``text`` takes, without its styles. East Asian characters take two."""
    columns, styled = 0, False
    for character in text:
        if character == "\x1b":
            styled = True
        elif styled:
            styled = character != "m"
        elif not unicodedata.combining(character):
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


def clip(text: str, columns: int) -> str:
    """The end of ``text`` that fits into ``columns``, with an ellipsis before it if something is left out.

    A style that begins before the cut is lost with it.
    """
    if width(text) <= columns:
        return text
    low, high = 0, len(text)  # the shortest beginning without which the rest fits
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if width(text[middle:]) < columns else (middle + 1, high)
    return "…" + text[low:]
