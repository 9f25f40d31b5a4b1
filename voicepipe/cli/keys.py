"""Single keys from the terminal, without Enter and without echo."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

_SEQUENCE = re.compile("\x1b(\\[[0-9;]*[@-~]|O.|.)?", re.S)
"""An arrow, a function key, or one with Alt: their codes hold letters that nobody has pressed."""


class Keyboard:
    """``with Keyboard() as keyboard:`` – the terminal is as it was when the block is left, however that is.

    ``available`` is False where there is nobody to press keys: input is not a terminal, or is that of
    another program (a call in the background), or the system has no ``termios``. Nothing is changed then.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdin
        self._saved: list[Any] | None = None
        self._on_kill: Any = None
        self.available = self._stream.isatty() and sys.platform != "win32" and self._in_foreground()

    def __enter__(self) -> Keyboard:
        if self.available:
            import termios  # noqa: PLC0415 - not on Windows

            self._saved = termios.tcgetattr(self._stream)
            self._on_kill = signal.signal(signal.SIGTERM, _exit)
            self._read_single_keys()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saved is not None:
            import termios  # noqa: PLC0415 - not on Windows

            termios.tcsetattr(self._stream, termios.TCSADRAIN, self._saved)
            self._saved = None
            signal.signal(signal.SIGTERM, self._on_kill)

    def listen(self, on_key: Callable[[str], None]) -> None:
        """Call ``on_key`` with each key in the loop that runs, as long as it runs."""
        if self._saved is None:
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(self._stream.fileno(), self._read, loop, on_key)
        # After Ctrl-Z and fg the shell has given the terminal back in its own mode.
        loop.add_signal_handler(signal.SIGCONT, self._read_single_keys)

    def _read(self, loop: asyncio.AbstractEventLoop, on_key: Callable[[str], None]) -> None:
        keys = os.read(self._stream.fileno(), 64).decode(errors="replace")
        if not keys:  # the terminal was closed
            loop.remove_reader(self._stream.fileno())
        for key in _SEQUENCE.sub("", keys):
            on_key(key)

    def _read_single_keys(self) -> None:
        import termios  # noqa: PLC0415 - not on Windows
        import tty  # noqa: PLC0415 - likewise

        if self._in_foreground():  # else the system would stop us
            tty.setcbreak(self._stream, termios.TCSADRAIN)

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except OSError:  # it isn't even the terminal that controls us
            return False


def _exit(signum: int, frame: object) -> None:
    """Whoever is told to end gives the terminal back first; the shell sees the status of a killed program."""
    raise SystemExit(128 + signum)
