"""Hold the conversations that a pipeline file's tests describe, and say which expectations were missed.

voicepipe test pipeline.yaml
voicepipe test pipeline.yaml tests/*.yaml -k "barge-in" --junit report.xml

On the simulated clock nothing waits, and the answer is the same each time. Tools aren't executed: they answer
what tool_results says, unless --tools live is given.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voicepipe.cli.conversations import Case, Verdict, hold_all, make_cases
from voicepipe.cli.files import write_text
from voicepipe.cli.junit import TestCase, junit
from voicepipe.cli.options import add_pipeline, add_quiet, code_mode
from voicepipe.cli.targets import check_targets
from voicepipe.cli.terminal import Terminal, printable
from voicepipe.cli.transcript import LiveTranscript
from voicepipe.config.load import load_tests
from voicepipe.core.nodes import Place
from voicepipe.errors import UsageError
from voicepipe.observe.expectations import Miss

SCRIPTED = "shows wiring, timing and money, not intelligence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser)
    parser.add_argument("files", nargs="*", metavar="FILE", help="files of tests, besides the pipeline's own")
    parser.add_argument(
        "-k", dest="only", metavar="TEXT", help="only tests that have this in their names, in any case"
    )
    parser.add_argument(
        "--clock", choices=["real", "simulated", "charged"], help="over what the tests say (simulated)"
    )
    parser.add_argument(
        "--tools",
        choices=["stubs", "live"],
        default="stubs",
        help="stubs: they answer what tool_results says (the default); live: they are executed",
    )
    parser.add_argument("--junit", type=Path, metavar="XML", help="write the verdicts as JUnit XML")
    parser.add_argument("--json", action="store_true", help="print the verdicts as one JSON object")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every conversation")
    add_quiet(parser)


def run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    read = [Path(options.pipeline), *map(Path, options.files)]
    check_targets({"--junit": options.junit}, read)
    tests = load_tests(
        options.pipeline,
        options.files,
        profile=options.profile,
        overrides=options.overrides,
        code=code_mode(options),
    )
    cases = _chosen(make_cases(tests, options.clock), options.only, options.pipeline)
    verdicts: list[Verdict] = []
    for verdict in hold_all(cases, options.tools):
        verdicts.append(verdict)
        _tell(terminal, verdict, verbose=options.verbose)
    _sum_up(terminal, verdicts)
    if options.junit is not None:
        write_text(options.junit, junit(options.pipeline, [_as_junit(one) for one in verdicts]))
    if options.json:
        print(json.dumps(_as_json(verdicts), ensure_ascii=False))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _chosen(cases: list[Case], only: str | None, pipeline: str) -> list[Case]:
    if not cases:
        raise UsageError(
            f"{pipeline} has no tests", hint="write some under 'tests:', or name files that hold some"
        )
    chosen = [case for case in cases if only is None or only.casefold() in case.name.casefold()]
    if not chosen:
        names = "; ".join(case.name for case in cases[:10])
        raise UsageError(f"no test has '{only}' in its name", hint=f"there are: {names}")
    return chosen


# ── for people ───────────────────────────────────────────────────────────────────────────────────


def _tell(terminal: Terminal, verdict: Verdict, *, verbose: bool) -> None:
    name = printable(verdict.case.name)
    if verdict.passed:
        spent = terminal.style(f"({verdict.duration_s:.1f} s)", "dim")
        terminal.line(f"{terminal.style('passed', 'green')}  {name} {spent}")
    else:
        terminal.error(f"{'missed' if verdict.error is None else 'broken'}  {name}")
        for sentence in _sentences(verdict):
            terminal.error(f"  {sentence}")
    if verbose or not verdict.passed:
        for line in _transcript(verdict).splitlines():
            terminal.line(f"    {terminal.style(line, 'dim')}")


def _sum_up(terminal: Terminal, verdicts: Sequence[Verdict]) -> None:
    passed = sum(verdict.passed for verdict in verdicts)
    missed = len(verdicts) - passed
    clocks = " and ".join(sorted({verdict.case.clock for verdict in verdicts}))
    told = f"{passed} passed" + (f", {missed} failed" if missed else "") + f", on the {clocks} clock"
    terminal.line(terminal.style(told, "bold"))
    scripted = sum(verdict.case.scripted for verdict in verdicts)
    if scripted:
        which = "The model" if scripted == len(verdicts) else f"The model of {scripted} of them"
        terminal.line(terminal.style(f"{which} is 'sim', a script: this {SCRIPTED}.", "dim"))


def _place(verdict: Verdict, miss: Miss) -> Place:
    return verdict.case.located.place(*miss.path)


def _sentences(verdict: Verdict) -> list[str]:
    """What went wrong, each with the place in the file that an editor can go to."""
    told = [] if verdict.error is None else [f"{verdict.case.located.place()}: {verdict.error}"]
    return told + [
        f"{_place(verdict, miss)}: expected {miss.expected}, found {miss.found}" for miss in verdict.misses
    ]


def _transcript(verdict: Verdict) -> str:
    """The conversation, as far as it is spoken of, as ``voicepipe run`` shows it."""
    written = io.StringIO()
    show = LiveTranscript(Terminal(written), caller="caller")
    for at_ns, event in verdict.transcript():
        show(at_ns, event)
    return written.getvalue()


# ── for programs ─────────────────────────────────────────────────────────────────────────────────


def _as_junit(verdict: Verdict) -> TestCase:
    place = verdict.case.located.place()
    return TestCase(
        name=verdict.case.name,
        file=place.source.label,
        line=place.line,
        seconds=verdict.duration_s,
        failures=_sentences(verdict)[verdict.error is not None :],
        error=verdict.error,
        output="" if verdict.passed else _transcript(verdict),
    )


def _as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "passed": sum(verdict.passed for verdict in verdicts),
        "failed": sum(not verdict.passed for verdict in verdicts),
        "scripted_model": any(verdict.case.scripted for verdict in verdicts),
        "tests": [_test_as_json(verdict) for verdict in verdicts],
    }


def _test_as_json(verdict: Verdict) -> dict[str, Any]:
    place = verdict.case.located.place()
    evidence = verdict.evidence
    return {
        "name": verdict.case.name,
        "file": place.source.label,
        "line": place.line,
        "profile": verdict.case.loaded.profile,
        "clock": verdict.case.clock,
        "passed": verdict.passed,
        "error": verdict.error,
        "missed": [
            {
                "file": at.source.label,
                "line": at.line,
                "column": at.column,
                "key": str(miss.path[-1]),
                "expected": miss.expected,
                "found": miss.found,
            }
            for miss in verdict.misses
            for at in [_place(verdict, miss)]
        ],
        "turns": evidence.report.to_dict()["turns"] if evidence else [],
    }
