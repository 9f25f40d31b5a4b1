"""Options that several commands share."""

from __future__ import annotations

import argparse

from voicepipe.config.slots import Code
from voicepipe.errors import UsageError


def add_pipeline(parser: argparse.ArgumentParser, *, code: Code = "run") -> None:
    """The pipeline file and what may be laid over it. ``code``: what becomes of the user's own code."""
    parser.add_argument("pipeline", help="the pipeline file")
    parser.add_argument("-p", "--profile", help="a profile of the file")
    add_overrides(parser, code=code)


def add_overrides(parser: argparse.ArgumentParser, *, code: Code) -> None:
    """``--set`` and ``--no-code``."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        dest="overrides",
        help="override a value, such as stages.tts=espeak; the value is YAML",
    )
    parser.add_argument(
        "--no-code",
        action="store_const",
        const="forbid",
        default=code,
        dest="code",
        help="refuse a file that names Python code of its own",
    )


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more")
    add_quiet(parser)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="tell errors only")


def add_vars(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--var",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="vars",
        help="a variable of the agent",
    )


def add_payers(parser: argparse.ArgumentParser) -> None:
    """Whose budgets count the call."""
    budget = parser.add_argument_group("whose budget counts the call (cost.budget)")
    budget.add_argument("--user", metavar="NAME", help="for user_day_usd")
    budget.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="SORT=NAME",
        dest="groups",
        help="for budget.groups, such as team=sales; may be repeated",
    )


def variables(given: list[str], option: str = "--var") -> dict[str, str]:
    """``["name=Ann"]`` → ``{"name": "Ann"}``."""
    values = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{option} {pair}: expected NAME=VALUE")
        values[name.strip()] = value
    return values


def code_mode(options: argparse.Namespace) -> Code:
    mode: Code = options.code
    return mode
