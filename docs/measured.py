"""Tables of what was measured."""

from __future__ import annotations

import json

from benchmarks._results import RESULTS
from benchmarks.peers import page
from benchmarks.whisper_table import table


def whisper_sizes() -> str:
    return table(json.loads((RESULTS / "whisper_sizes.json").read_text(encoding="utf-8")))


def peers() -> str:
    """All of the newest run beside Pipecat and LiveKit Agents."""
    return page.page(page.newest(RESULTS), page.other_documents(RESULTS))


def peers_in_short() -> str:
    return page.short(page.newest(RESULTS), page.other_documents(RESULTS))
