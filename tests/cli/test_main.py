from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.cli import pipeline, spawn, voicepipe
from voicepipe.cli.main import COMMANDS
from voicepipe.cli.version import version
from voicepipe.errors import (
    AudioError,
    ConfigError,
    ConfigErrors,
    GraphError,
    LinkClosed,
    ProviderError,
    SetupError,
    ToolError,
    UsageError,
    VoicepipeError,
)

AddCommand = Callable[[BaseException | None], None]


@pytest.fixture
def add_command(monkeypatch: pytest.MonkeyPatch) -> AddCommand:
    """``add_command(error)`` makes a command ``fail`` that raises it."""

    def add(error: BaseException | None) -> None:
        def run(options: argparse.Namespace) -> int:
            if error is not None:
                raise error
            return 0

        command: Any = ModuleType("voicepipe.cli.fail", "Fail in a given way.")
        command.run = run
        command.add_arguments = lambda parser: parser.add_argument("--deep")
        monkeypatch.setitem(sys.modules, command.__name__, command)
        monkeypatch.setitem(COMMANDS, "fail", "fail in a given way")

    return add


def test_without_a_command_the_overview_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys)
    assert (done.status, done.out) == (2, "")
    assert "usage: voicepipe COMMAND" in done.err


@pytest.mark.parametrize("option", ["-h", "--help", "help"])
def test_help_lists_every_command(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, option)
    assert (done.status, done.err) == (0, "")
    for command, what in COMMANDS.items():
        assert f"  {command} " in done.out
        assert what in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, command, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"usage: voicepipe {command} ")
    assert "--debug" in done.out


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version_is_that_of_the_installed_distribution(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, option)
    assert (done.status, done.out) == (0, f"voicepipe {version()}\n")
    assert version()[0].isdigit()


def test_an_unknown_command_gets_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "valdate", "x.yaml")
    assert (done.status, done.out) == (2, "")
    assert "there is no command 'valdate'. Did you mean 'validate'?" in done.err


def test_an_option_before_the_command_is_told_where_it_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "--debug", "validate")
    assert done.status == 2
    assert "options follow the command" in done.err


def test_an_unknown_option_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "schema", "--outputt", "x")
    assert (done.status, done.out) == (2, "")
    assert "--outputt" in done.err


def test_options_are_not_guessed_from_their_beginnings(capsys: pytest.CaptureFixture[str]) -> None:
    assert voicepipe(capsys, "schema", "--out", "x").status == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (VoicepipeError("it failed"), 1),
        (ProviderError("it failed", provider="acme", kind="timeout"), 1),
        (ToolError("it failed"), 1),
        (LinkClosed("it failed"), 1),
        (ConfigError("it failed"), 2),
        (GraphError("it failed"), 2),
        (UsageError("it failed"), 2),
        (SetupError("it failed"), 3),
        (AudioError("it failed"), 3),
        (KeyboardInterrupt(), 130),
        (RuntimeError("it failed"), 1),
        (None, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_error_is_one_message_and_its_exit_status(
    error: BaseException | None, status: int, add_command: AddCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(error)
    done = voicepipe(capsys, "fail")
    assert (done.status, done.out) == (status, "")
    assert "Traceback" not in done.err
    if isinstance(error, Exception):
        assert done.err.startswith("voicepipe: ")
        assert "it failed" in done.err


def test_the_hint_stands_below_the_message(
    add_command: AddCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(SetupError("no loudspeaker", hint="connect one"))
    assert voicepipe(capsys, "fail").err == "voicepipe: no loudspeaker\n  connect one\n"


def test_problems_of_a_file_begin_with_their_places(
    add_command: AddCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [ConfigError("odd", path="a.yaml", line=line, column=1) for line in (3, 5)]
    add_command(ConfigErrors(places))
    assert voicepipe(capsys, "fail").err == "a.yaml:3:1: odd\na.yaml:5:1: odd\n"


@pytest.mark.parametrize("error", [UsageError("it failed"), RuntimeError("it failed")])
def test_debug_shows_the_traceback(
    error: Exception, add_command: AddCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(error)
    done = voicepipe(capsys, "fail", "--debug")
    assert "Traceback (most recent call last)" in done.err
    assert "test_main.py" in done.err


def test_a_fault_of_ours_says_that_it_is_one(
    add_command: AddCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(ZeroDivisionError("division by zero"))
    done = voicepipe(capsys, "fail")
    assert "ZeroDivisionError: division by zero" in done.err
    assert "--debug shows where" in done.err


def test_a_reader_that_leaves_ends_the_command_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "voicepipe", "schema"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_characters_that_the_terminal_lacks_do_not_end_the_command(tmp_path: Path) -> None:
    done = spawn(
        "config", pipeline(tmp_path, "voicepipe: 1\nx-a: 1\nstages: {vád: sim}"), PYTHONIOENCODING="ascii"
    )
    assert done.status == 2
    assert "unknown kind of stage 'v?d'" in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("command", [["--version"], ["schema"]], ids=["a line", "more than a buffer"])
def test_output_that_finds_no_room_is_no_fault_of_ours(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "voicepipe", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr == "voicepipe: nothing more can be written: No space left on device\n"


def test_ctrl_c_while_the_process_ends_spoils_neither_its_status_nor_its_output() -> None:
    late = "import atexit, signal; atexit.register(signal.raise_signal, signal.SIGINT)"
    end = "import sys; from voicepipe.cli.main import main; sys.argv[1:] = ['--version']; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", f"{late}; {end}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"voicepipe {version()}\n"


def test_who_calls_main_with_arguments_keeps_their_own_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert voicepipe(capsys, "--version").status == 0
    assert signal.getsignal(signal.SIGINT) is before
