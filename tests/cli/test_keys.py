from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import termios
from typing import Any

import pytest

from tests.support.pty import Screen, screen
from voicepipe.cli.keys import Keyboard

# Keys act only in the terminal that a program is in the foreground of, so each program here gets its own.
IN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
{program}
"""


def run_in(terminal: Screen, program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", IN_TERMINAL.format(program=program)],
        stdin=terminal.stream.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


LISTEN = """
import asyncio
from voicepipe.cli.keys import Keyboard

async def main(keyboard):
    over = asyncio.Event()
    def take(key):
        print(repr(key), flush=True)
        if key == "q":
            over.set()
    keyboard.listen(take)
    print("ready", flush=True)
    await over.wait()
    {then}

with Keyboard() as keyboard:
    asyncio.run(main(keyboard))
"""


def modes(terminal: Screen) -> list[Any]:
    return termios.tcgetattr(terminal.stream)


def test_keys_come_without_enter_and_are_not_echoed() -> None:
    with screen() as terminal:
        program = run_in(terminal, LISTEN.format(then=""))
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        terminal.press("m ")
        assert [program.stdout.readline() for _ in "12"] == ["'m'\n", "' '\n"]
        terminal.press("q")
        rest, _ = program.communicate()
        assert rest == "'q'\n"
        assert terminal.written == ""


def test_function_keys_whose_codes_have_letters_mean_nothing() -> None:
    with screen() as terminal:
        program = run_in(terminal, LISTEN.format(then=""))
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        terminal.press("\x1b[15q")
        terminal.press("\x04" * 2)  # as any other key, since the mode isn't that of lines
        assert program.stdout.readline() == "'\\x04'\n"
        terminal.press("q")
        rest, _ = program.communicate()
        assert rest == "'\\x04'\n'q'\n"


KILLED = "import os; os.kill(os.getpid(), 15); await asyncio.Event().wait()"


@pytest.mark.parametrize("then", ["", "raise RuntimeError('boom')", "raise KeyboardInterrupt", KILLED])
def test_the_terminal_is_as_before_however_it_ends(then: str) -> None:
    with screen() as terminal:
        before = modes(terminal)
        program = run_in(terminal, LISTEN.format(then=then))
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        assert modes(terminal) != before
        terminal.press("q")
        program.communicate()
        assert modes(terminal) == before
        assert (program.returncode == 143) == (then == KILLED)


def test_in_the_background_or_without_a_terminal_nothing_is_touched() -> None:
    with screen() as terminal:  # not the one that this process is in the foreground of
        before = modes(terminal)
        with Keyboard(terminal.stream) as keyboard:
            assert not keyboard.available
            assert modes(terminal) == before
    with open(os.devnull, encoding="utf-8") as nothing, Keyboard(nothing) as keyboard:
        assert not keyboard.available
        asyncio.run(listen_in_vain(keyboard))


async def listen_in_vain(keyboard: Keyboard) -> None:
    keyboard.listen(lambda key: pytest.fail(f"{key!r} came from nowhere"))
