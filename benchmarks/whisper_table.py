"""What the figures of ``benchmarks.whisper_sizes`` are called, and the table of them in docs/local.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Row = Literal["cpu", "many", "rtf", "final", "computed", "bound", "one by one", "together"]

THREADS = (1, 2)

_TOLD: Mapping[Row, str] = {
    "cpu": "CPU of a decode",
    "many": "CPU of a decode, eight at once",
    "rtf": "real-time factor",
    "final": "final words after the end of speech, measured",
    "computed": "final words after the end of speech, computed",
    "bound": "callers per core who talk 40 %, by CPU alone",
    "one by one": "callers per core who talk 40 %, one decode at a time",
    "together": "callers per core who talk 40 %, eight decodes at a time",
}

_COLUMNS: tuple[tuple[Row, str, str], ...] = (
    ("cpu", "CPU of a decode", "{:.2f} s"),
    ("many", "of eight at once, each", "{:.2f} s"),
    ("rtf", "real-time factor", "{:.2f}"),
    ("final", "final words, measured", "{:.0f} ms"),
    ("computed", "final words, computed", "{:.0f} ms"),
    ("one by one", "callers per core", "{:g}"),
    ("together", "if eight are decoded at once", "{:g}"),
    ("bound", "if they could wait for ever", "{:g}"),
)


def name_of(size: str, threads: int, row: Row) -> str:
    return f"Whisper {size}, {threads} {'thread' if threads == 1 else 'threads'}: {_TOLD[row]}"


def table(document: Mapping[str, Any]) -> str:
    """The Markdown of what ``benchmarks._results.save`` wrote. Raises ``KeyError`` if a figure is missing."""
    measured = {figure["what"]: figure["median"] for figure in document["figures"]}
    heads = ["model", "threads", *(head for _, head, _ in _COLUMNS)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for size in ("tiny", "base"):
        for threads in THREADS:
            cells = [form.format(measured[name_of(size, threads, row)]) for row, _, form in _COLUMNS]
            lines.append(f"| {size} | {threads} | {' | '.join(cells)} |")
    busy = document["figures"][-1]["how"].rpartition(", ")[2]
    machine, versions = document["machine"], document["versions"]
    lines += [
        "",
        f"Measured on {document['date'][:10]}: {machine['processor']}, {machine['cores']} cores, "
        f"CTranslate2 {versions['ctranslate2']}; {busy}.",
    ]
    return "\n".join(lines) + "\n"
