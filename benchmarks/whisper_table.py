"""What the figures of ``benchmarks.whisper_sizes`` are called, and the table of them in docs/local.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Row = Literal["cpu", "wall", "rtf", "many", "final", "bound", "one by one", "together"]

THREADS = (1, 2)

_TOLD: Mapping[Row, str] = {
    "cpu": "CPU of a decode",
    "wall": "time of a decode",
    "rtf": "real-time factor",
    "many": "CPU of a decode, eight at once",
    "final": "final words after the end of speech",
    "bound": "callers per core who talk 40 %, by CPU alone",
    "one by one": "callers per core who talk 40 %, one decode at a time",
    "together": "callers per core who talk 40 %, eight decodes at a time",
}

_HEADS = (
    "| model | threads | CPU of a decode | of eight at once, each | real-time factor "
    "| final words after the end of speech | callers per core: one by one | eight at once | by CPU alone |",
    "|---|---|---|---|---|---|---|---|---|",
)
_COLUMNS: tuple[tuple[Row, str], ...] = (
    ("cpu", "{:.2f} s"),
    ("many", "{:.2f} s"),
    ("rtf", "{:.2f}"),
    ("final", "{:.0f} ms"),
    ("one by one", "{:g}"),
    ("together", "{:g}"),
    ("bound", "{:g}"),
)


def name_of(size: str, threads: int, row: Row) -> str:
    return f"Whisper {size}, {threads} {'thread' if threads == 1 else 'threads'}: {_TOLD[row]}"


def table(document: Mapping[str, Any]) -> str:
    """The Markdown of what ``benchmarks._results.save`` wrote. Raises ``KeyError`` if a figure is missing."""
    measured = {figure["what"]: figure["median"] for figure in document["figures"]}
    lines = list(_HEADS)
    for size in ("tiny", "base"):
        for threads in THREADS:
            cells = [form.format(measured[name_of(size, threads, row)]) for row, form in _COLUMNS]
            lines.append(f"| {size} | {threads} | {' | '.join(cells)} |")
    machine, versions = document["machine"], document["versions"]
    lines += [
        "",
        f"Measured on {document['date'][:10]}: {machine['processor']}, {machine['cores']} cores, "
        f"CTranslate2 {versions['ctranslate2']}.",
    ]
    return "\n".join(lines) + "\n"
