"""The lists of a report that didn't keep all of them, from the event log of the same call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voicepipe.observe.log_reader import LogReader
from voicepipe.observe.report import CallReport


def completed(report: Mapping[str, Any], log: Path, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """``CallReport.to_dict`` with what it has ``left_out``, where ``log`` holds all of the call.

    Blocks: a call of an hour takes seconds. Sums and money stay those of ``report``. Raises ``LogError`` for
    a log that can't be read.
    """
    whole = CallReport(session=report["session"], clock=report["clock"], secrets=secrets)
    with LogReader(log) as reader:
        for entry in reader:
            if entry.event is not None:
                whole(entry.at_ns, entry.event)
    if whole.turn_count != len(report["turns"]) + report["left_out"].get("turns", 0):
        return dict(report)  # a log has a longest length, too
    found = whole.to_dict()
    lists = {name: found[name] for name in report["left_out"] if name in found}
    return {**report, **lists, "left_out": found["left_out"]}
