"""Writes the parts of the documents that are made from tables, models and graphs.

    python -m docs.generate            rewrite them in place
    python -m docs.generate --check    exit 1 and name the files that aren't current

A part stands between ``<!-- generated: NAME -->`` and ``<!-- /generated -->``; all else is written by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.diagrams import policy_diagram, policy_table, quickstart_mermaid, quickstart_text
from docs.examples import bad_pipeline, commands, decisions
from docs.measured import peers, peers_in_short, whisper_sizes
from docs.promises import promises
from docs.reference import comparison_keys, provider_keys, slot_keys, test_keys, top_level

ROOT = Path(__file__).resolve().parent.parent

PARTS: Mapping[str, Callable[[], str]] = {
    "policy diagram": policy_diagram,
    "policy table": policy_table,
    "quickstart as text": quickstart_text,
    "quickstart as mermaid": quickstart_mermaid,
    "top level": top_level,
    "slot keys": slot_keys,
    "provider keys": provider_keys,
    "test keys": test_keys,
    "comparison keys": comparison_keys,
    "bad pipeline": bad_pipeline,
    "commands": commands,
    "decisions": decisions,
    "promises": promises,
    "whisper sizes": whisper_sizes,
    "peers": peers,
    "peers in short": peers_in_short,
}

_PART = re.compile(r"(<!-- generated: ([^>]+?) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def documents() -> list[Path]:
    """Every document of the repository."""
    measured = ROOT / "benchmarks" / "results" / "peers.md"
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), measured]


def generated(text: str) -> str:
    """``text`` with its generated parts as they are today. Raises ``KeyError`` for a part of another name."""
    return _PART.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}{match[3]}", text)


def stale() -> dict[Path, str]:
    """The documents whose generated parts aren't current, and what they should be."""
    texts = {path: path.read_text(encoding="utf-8") for path in documents()}
    current = {path: generated(text) for path, text in texts.items()}
    return {path: text for path, text in current.items() if text != texts[path]}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.generate")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a part isn't current")
    check = parser.parse_args().check
    found = stale()
    for path, text in found.items():
        sys.stdout.write(f"{path.relative_to(ROOT)}{' is not current' if check else ''}\n")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
