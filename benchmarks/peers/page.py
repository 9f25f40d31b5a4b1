"""The two texts that are made of a run's JSON file: the page beside it, and the table in the readme. Pure but
for ``newest`` and ``other_documents``, which read the files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers import report

PAGE = "peers.md"
MADE_BY = "make bench-peers"
UNKNOWN = f"Not measured yet: `{MADE_BY}`.\n"
Document = Mapping[str, Any]


def newest(results: Path) -> Document | None:
    """Of the runs that were saved, ``DATE-MACHINE.json``; None if there is none."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in results.glob("2[0-9]*-*.json")]
    return max(documents, key=lambda document: str(document["date"]), default=None)


def other_documents(results: Path) -> dict[str, Document]:
    files = {other.file: results / f"{other.file}.json" for other in report.OTHERS}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items() if path.exists()
    }


def page(document: Document | None, others: Mapping[str, Document]) -> str:
    """Everything that is told, as Markdown."""
    if document is None:
        return UNKNOWN
    jobs = document["jobs"]
    lines = [
        "# voicepipe beside its peers",
        "",
        f"`{MADE_BY}` {_on(document)}. Clip: {document['clip']}. {document['took_s'] / 60:.0f} minutes, one "
        "job at a time, the systems in turn.",
        "",
        "Median (least to most); × is how many times better voicepipe is at the setting of the same name, "
        "else at its default; the overhead of the best is held against `equal`. ≥: more weren't tried. "
        "Definitions, mocks and settings: [the harness](../peers/README.md). A figure with a file behind it "
        "is from another of our benchmarks.",
        "",
        report.table(jobs, report.others(others)),
    ]
    if any(job["measure"] == "agents" for job in jobs):
        lines += ["Agents in conversation on one core:", "", report.levels(jobs)]
    lines += ["The machine's noise:", "", report.noise(jobs)]
    return "\n".join(lines) + "".join(f"* not measured: {one}\n" for one in document["failures"])


def short(document: Document | None, others: Mapping[str, Document]) -> str:
    """What the readme shows."""
    if document is None:
        return UNKNOWN
    return "\n".join(
        [
            report.short_table(document["jobs"], report.others(others)),
            f"Measured by `{MADE_BY}` {_on(document)}. All values with least and most, ratios and the "
            f"machine's noise: [{PAGE}](benchmarks/results/{PAGE}). What is measured, and at which settings: "
            "[the harness](benchmarks/peers/README.md). × is how many times better "
            "voicepipe is. Our second overhead is that at settings equal to the "
            "peers' best, and our second figures of agents in conversation those without the gate that keeps "
            "an unchanged room from Silero (≥: more weren't tried); a figure with a file behind it is from "
            "another of our benchmarks.\n",
        ]
    )


def _on(document: Document) -> str:
    machine = document["machine"]
    pinned = ", ".join(wanted for peer in document["environments"].values() for wanted in peer["wanted"])
    return (
        f"on {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"{document['date'][:10]}, voicepipe at {document['commit']}; {pinned or 'no peers'}"
    )
