"""Measure what has a goal, and some of what hasn't.

python -m benchmarks                 all of it; benchmarks/results is written anew
python -m benchmarks --only frames   one of them
python -m benchmarks --quick         few repetitions, nothing is written: do they still run?

Exit status: 0 all goals are met (or --quick), 1 one is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from benchmarks._results import Figure, commit, goal, save, write_table

BENCHMARKS = (
    "frames",
    "hops",
    "startup",
    "latency",
    "memory",
    "sizes",
    "whisper",
    "whisper_sizes",
    "resample",
    "echo",
    "conversations",
    "turns",
    "agents",
    "telephone",
    "hot_path",
    "soak",
    "realtime",
    "interaction",
    "failover",
    "failing_calls",
    "chaos",
    "compare",
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="few repetitions, nothing is written")
    options = parser.parse_args(argv)
    missed = 0
    for name in options.only or BENCHMARKS:
        print(f"{name}:", flush=True)
        measured_at = commit()  # what is running: files may change before it ends
        benchmark = import_module(f"benchmarks.{name}")
        figures: list[Figure] = benchmark.measure(options.quick)
        for figure in figures:
            print(f"  {figure.what}: {_measured(figure)}{_verdict(figure)}", flush=True)
        missed += sum(not figure.met for figure in figures)
        if not options.quick:
            save(name, figures, packages=benchmark.PACKAGES, measured_at=measured_at)
            write_table(BENCHMARKS)
    return int(missed > 0 and not options.quick)


def _measured(figure: Figure) -> str:
    return f"absent, {figure.how}" if figure.median is None else f"{figure.median:.4g} {figure.unit}".rstrip()


def _verdict(figure: Figure) -> str:
    limit = goal(figure.at_most, figure.at_least)
    return f" ({limit}{'' if figure.met else ': MISSED'})" if limit else ""


if __name__ == "__main__":
    sys.exit(main())
