"""Tables of what was measured."""

from __future__ import annotations

import json

from benchmarks._results import RESULTS
from benchmarks.whisper_table import table


def whisper_sizes() -> str:
    return table(json.loads((RESULTS / "whisper_sizes.json").read_text(encoding="utf-8")))
