"""Terminals: a pair of pseudo devices, and what a person sees of what a program wrote."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_STEP = re.compile(r"\x1b\[(?P<code>[0-9;]*)(?P<what>[A-Za-z])|(?P<plain>[^\x1b])", re.S)


class Screen:
    """A terminal of ``columns``. ``stream`` is the program's end, ``keys`` the person's."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.keys, program = pty.openpty()
        fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream: TextIO = open(program, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - see `screen`
        self._written = ""

    def press(self, keys: str) -> None:
        os.write(self.keys, keys.encode())

    @property
    def written(self) -> str:
        """All that the program has written so far, as it wrote it."""
        self.stream.flush()
        os.set_blocking(self.keys, False)
        while True:
            try:
                self._written += os.read(self.keys, 65536).decode()
            except BlockingIOError:
                return self._written

    @property
    def lines(self) -> list[str]:
        """What stands on the screen now, without styles."""
        rows, row, column = [""], 0, 0
        for step in _STEP.finditer(self.written):
            character, what = step["plain"], step["what"]
            if character == "\n":
                row += 1
                rows += [""] * (row + 1 - len(rows))
            elif character == "\r":
                column = 0
            elif character is not None:
                assert column < self.columns, f"a line was wrapped: {rows[row]!r}"
                rows[row] = rows[row][:column] + character + rows[row][column + 1 :]
                column += 1
            elif what == "A":
                row -= 1
            elif what == "K":
                rows[row] = rows[row][:column]
            else:
                assert what == "m", f"an unexpected sequence: {step[0]!r}"
        return [line.rstrip() for line in rows]


@contextmanager
def screen(columns: int = 80) -> Iterator[Screen]:
    made = Screen(columns)
    try:
        yield made
    finally:
        made.stream.close()
        os.close(made.keys)
