"""Trials by the class, or a single call.

python -m benchmarks.interaction --quick                        about 20 trials a class
python -m benchmarks.interaction --only pause --trials 100      one class
python -m benchmarks.interaction --show-failures                and which trials went wrong
python -m benchmarks.interaction --replay pause/human/3 --wav pause.wav   that call again, and how it sounded
python -m benchmarks.interaction --clips my-recordings          with recordings of your own
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from benchmarks._results import Figure, goal
from benchmarks.interaction.corpus import build
from benchmarks.interaction.judge import Outcome
from benchmarks.interaction.report import failures, held
from benchmarks.interaction.run import ARMS, perform, save
from benchmarks.interaction.trials import Kind, Plan
from voicepipe.core.frames import PlaybackStarted
from voicepipe.core.records import (
    SpeechIgnored,
    StateChanged,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
)
from voicepipe.core.units import SECOND

TOLD = (PlaybackStarted, SpeechIgnored, StateChanged, TurnBegan, TurnDrafted, TurnEnded)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.interaction",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="about 20 trials a class, fewer voices")
    parser.add_argument("--only", action="append", choices=get_args(Kind), default=[], help="may be repeated")
    parser.add_argument("--trials", type=int, help="of each class")
    parser.add_argument(
        "--clips", action="append", type=Path, default=[], metavar="DIR", help="a folder of recordings"
    )
    parser.add_argument("--show-failures", action="store_true", help="list the trials that went wrong")
    parser.add_argument("--replay", metavar="CALL", help="hold one call again, and tell what happened in it")
    parser.add_argument("--arm", choices=list(ARMS), default="oracle", help="for --replay")
    parser.add_argument("--wav", type=Path, help="with --replay: caller left, agent right")
    options = parser.parse_args(argv)
    if options.replay is not None:
        _replay(options)
        return 0
    report = held(quick=options.quick, folders=options.clips, only=options.only, trials=options.trials)
    for figure in report.figures:
        _tell(figure)
    if options.show_failures:
        for arm, outcomes in report.outcomes.items():
            print(f"\n{arm}:", *failures(outcomes), sep="\n  ")
    return int(not all(figure.met for figure in report.figures))


def _tell(figure: Figure) -> None:
    limit = goal(figure.at_most, figure.at_least)
    measured = "absent" if figure.median is None else f"{figure.median:.4g} {figure.unit}".rstrip()
    verdict = f" ({limit}{'' if figure.met else ': MISSED'})" if limit else ""
    print(f"{figure.what}: {measured}{verdict}; {figure.how}")


def _replay(options: argparse.Namespace) -> None:
    kind, column, number = options.replay.split("/")
    corpora = build(options.clips, all_voices=not options.quick)
    trials, call, outcomes = perform(Plan(kind, column, int(number)), options.arm, corpora)
    print(trials.described)
    lines = [(at_ns, str(event)) for at_ns, event in call.events if isinstance(event, TOLD)]
    lines += [(round(one.at_s * SECOND), _outcome(one)) for one in outcomes]
    for at_ns, line in sorted(lines):
        print(f"{at_ns / SECOND:8.3f}  {line}")
    if options.wav is not None:
        save(call, options.wav)


def _outcome(one: Outcome) -> str:
    return f"{'GOOD' if one.good else 'BAD '} {one.kind}: {one.sound}{': ' if one.why else ''}{one.why}"


if __name__ == "__main__":
    sys.exit(main())
