"""Hold calls in which something fails, and say what the caller heard, and after how long.

voicepipe chaos pipeline.yaml
voicepipe chaos pipeline.yaml --only llm --fault hang

The stages' providers are stand-ins on this computer, and nothing else is contacted: what is tried is what the
file says of retries, time-outs, fallbacks, notices and turns. Each call is answered once; then one of stt,
llm, tts, realtime and tools is struck for the rest of the call, and the caller asks again. A call has failed
if it was silent for longer than turn.dead_air, or if the caller was neither answered nor told why not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voicepipe.api import RATE
from voicepipe.cli.files import shipped, write_text
from voicepipe.cli.junit import TestCase, junit
from voicepipe.cli.options import add_pipeline, add_quiet, code_mode
from voicepipe.cli.targets import check_targets
from voicepipe.cli.terminal import Terminal, printable, width
from voicepipe.config.load import load_pipeline
from voicepipe.core.clock import run_on
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import UsageError
from voicepipe.testing.chaos.call import Outcome
from voicepipe.testing.chaos.faults import FAULTS, STRUCK
from voicepipe.testing.chaos.pipeline import struck_stages
from voicepipe.testing.chaos.waves import AT_ONCE, cells_of, hold_all
from voicepipe.transports.wav import load_clip

CLIP = "questions/1_what_time_is_it.wav"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser)
    parser.add_argument(
        "--only", action="append", choices=STRUCK, metavar="STAGE", help=f"only one of {', '.join(STRUCK)}"
    )
    parser.add_argument(
        "--fault", action="append", choices=FAULTS, metavar="FAULT", help=f"only one of {', '.join(FAULTS)}"
    )
    parser.add_argument(
        "--jobs", type=int, default=AT_ONCE, metavar="N", help=f"calls side by side ({AT_ONCE})"
    )
    parser.add_argument("--junit", type=Path, metavar="XML", help="write the outcomes as JUnit XML")
    parser.add_argument("--json", action="store_true", help="print the outcomes as one JSON object")
    add_quiet(parser)


def run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    if options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: expected 1 or more")
    check_targets({"--junit": options.junit}, [Path(options.pipeline)])
    loaded = load_pipeline(
        options.pipeline, profile=options.profile, overrides=options.overrides, code=code_mode(options)
    )
    stages = [stage for stage in struck_stages(loaded) if options.only is None or stage in options.only]
    if not stages:
        known = ", ".join(struck_stages(loaded)) or "none"
        raise UsageError("there is nothing to be struck", hint=f"{options.pipeline} has: {known}")
    faults = [fault for fault in FAULTS if options.fault is None or fault in options.fault]
    cells = cells_of(stages, faults)
    clip = load_clip(shipped(CLIP), RATE)
    held = run_on("real", hold_all(loaded, cells, clip, at_once=options.jobs, tell=terminal.status))
    terminal.done()
    for warning in held.warnings:
        terminal.line(f"{terminal.style('warning:', 'yellow')} {printable(warning)}")
    outcomes = held.outcomes
    failed = _sum_up(terminal, outcomes)
    if options.junit is not None:
        write_text(
            options.junit, junit(options.pipeline, [_as_junit(options.pipeline, one) for one in outcomes])
        )
    if options.json:
        print(json.dumps(_as_json(outcomes), ensure_ascii=False))
    return 1 if failed else 0


# ── for people ───────────────────────────────────────────────────────────────────────────────────


def _sum_up(terminal: Terminal, outcomes: Sequence[Outcome]) -> bool:
    """Show the outcomes; whether any of them isn't good enough."""
    for line in _table(terminal, outcomes):
        terminal.line(line)
    failed = [outcome for outcome in outcomes if outcome.problems]
    for outcome in failed:
        for problem in outcome.problems:
            terminal.error(printable(f"{outcome.cell.stage} × {outcome.cell.fault}: {problem}"))
    held = len(outcomes) - len(failed)
    terminal.line(terminal.style(f"{held} of {len(outcomes)} calls held", "bold"))
    return bool(failed)


def _table(terminal: Terminal, outcomes: Sequence[Outcome]) -> list[str]:
    rows = [("stage", "fault", "after", "silence", "the caller heard")]
    for one in outcomes:
        first = "-" if one.first_ns is None else f"{one.first_ns / SECOND:.1f} s"
        silent = f"{one.silent_ns / SECOND:.1f} s"
        rows.append((one.cell.stage, one.cell.fault, first, silent, _told(one)))
    widths = [max(width(row[column]) for row in rows) for column in range(4)]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell.ljust(size) for cell, size in zip(row, widths, strict=False)]
        line = "  ".join([*cells, row[4]])
        failed = number > 0 and outcomes[number - 1].problems
        lines.append(terminal.style(line, *(["bold"] if number == 0 else ["red"] if failed else [])))
    return lines


def _told(outcome: Outcome) -> str:
    if outcome.error is not None:
        return printable(outcome.error)
    parts = []
    for words in outcome.words:
        end = "" if words.whole else "…"
        parts.append(f"“{printable(words.heard)}{end}”")
    return " ".join(parts) or "nothing"


# ── for programs ─────────────────────────────────────────────────────────────────────────────────


def _as_junit(file: str, outcome: Outcome) -> TestCase:
    return TestCase(
        name=f"{outcome.cell.stage} × {outcome.cell.fault}",
        file=file,
        line=1,
        seconds=outcome.lasted_ns / SECOND,
        failures=[] if outcome.error else outcome.problems,
        error=outcome.error,
        output=_told(outcome),
    )


def _as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    return {
        "held": len(outcomes) - failed,
        "failed": failed,
        "calls": [
            {
                "stage": one.cell.stage,
                "fault": one.cell.fault,
                "passed": not one.problems,
                "problems": one.problems,
                "first_sound_ms": None if one.first_ns is None else one.first_ns / MS,
                "longest_silence_ms": one.silent_ns / MS,
                "allowed_silence_ms": one.bound_ns / MS,
                "heard": [
                    {"kind": words.kind, "text": words.heard, "whole": words.whole} for words in one.words
                ],
            }
            for one in outcomes
        ],
    }
