"""The command line: finds the command, runs it, and turns what went wrong into a sentence and a status.

Exit status: 0 fine, 1 an expectation or an answer was missed, 2 bad usage or configuration,
3 environment (device, package, model, unreadable audio, no speech), 4 budget, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import errno
import gc
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from voicepipe.cli.terminal import printable_lines
from voicepipe.core.names import did_you_mean
from voicepipe.errors import ConfigError, ConfigErrors, SetupError, VoicepipeError

COMMANDS = {
    "run": "hold a call on this computer: microphone, WAV files or typed text",
    "demo": "hear and see the quickstart pipeline answer spoken questions",
    "test": "hold the conversations that a pipeline's tests describe",
    "compare": "hold the same calls on several variants, and say what differs",
    "chaos": "hold calls in which something fails, and tell what the caller heard",
    "costs": "tell what calls have cost, and what a month will",
    "validate": "check a pipeline file and report all its problems",
    "config": "print the pipeline as it is after all layers",
    "graph": "draw the stages and what flows between them",
    "schema": "print the JSON Schema of pipeline files",
    "init": "start a project of your own",
    "doctor": "say what this computer has and what is missing",
    "pull": "fetch the models that a pipeline needs",
    "pin": "accept what MCP servers say of the tools that a pipeline uses",
}
INTERRUPTED = 130
GC_THRESHOLD = 20_000
"""Objects between two looks for garbage. Python's 700 cost a sixth of the start: nothing that is imported is
garbage."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``voicepipe`` with ``argv`` (default: the process's) and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    gc.set_threshold(GC_THRESHOLD)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A caller may say what this terminal has no letters for: that mustn't end the call.
            stream.reconfigure(errors="replace")
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _leave_output()  # whoever read it has left
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _leave_output()
        print(f"voicepipe: nothing more can be written: {error.strerror}", file=sys.stderr)
        return SetupError.exit_status
    finally:
        if argv is None:
            # What is left is the end of the process: two seconds of waiting for workers, at most. One more
            # Ctrl-C could only spoil its status or its output.
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _leave_output() -> None:
    """Python would complain once more while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        from voicepipe.cli.version import version  # noqa: PLC0415 - package metadata costs 20 ms

        print(f"voicepipe {version()}")
        return 0
    if arguments[0] not in COMMANDS:
        is_option = arguments[0].startswith("-")
        what = "options follow the command" if is_option else f"there is no command '{arguments[0]}'"
        guess = "" if is_option else did_you_mean(arguments[0], COMMANDS)
        print(f"voicepipe: {what}.{guess}\n  voicepipe --help lists the commands", file=sys.stderr)
        return 2
    return _run(arguments[0], arguments[1:])


def _run(name: str, arguments: list[str]) -> int:
    command = import_module(f"voicepipe.cli.{name}")
    parser = argparse.ArgumentParser(
        prog=f"voicepipe {name}", description=command.__doc__, allow_abbrev=False
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has told what is wrong, or printed the help
        return int(stop.code or 0)
    try:
        status: int = command.run(options)
        return status
    except VoicepipeError as error:
        if options.debug:
            traceback.print_exc()
        print(printable_lines(told(error)), file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        raise
    except Exception as error:  # the last line of defence: a bug shows as one, but in a sentence
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        if options.debug:
            traceback.print_exc()
        print(
            printable_lines(f"voicepipe: {type(error).__name__}: {error}"),
            "  this is a fault in voicepipe or in code of yours that it runs; --debug shows where",
            sep="\n",
            file=sys.stderr,
        )
        return 1


def told(error: VoicepipeError) -> str:
    """``error`` for a person: with its place in front, which editors can follow, or else with our name."""
    has_place = isinstance(error, ConfigErrors) or (isinstance(error, ConfigError) and error.path is not None)
    return str(error) if has_place else f"voicepipe: {error}"


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: voicepipe COMMAND [OPTION ...]",
            "",
            "Voice agents declared in one YAML file.",
            "",
            *lines,
            "",
            "voicepipe COMMAND --help tells more about one; voicepipe --version tells the version.",
        ]
    )
