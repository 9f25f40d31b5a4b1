"""Draw the stages of a pipeline and what flows between them."""

from __future__ import annotations

import argparse
import sys

from voicepipe.cli.draw import mermaid, text
from voicepipe.cli.options import add_pipeline, code_mode
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.slots import Slot
from voicepipe.runtime.graph import graph_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser, code="ignore")
    parser.add_argument("--mermaid", action="store_true", help="print a Mermaid flow chart, for documents")


def run(options: argparse.Namespace) -> int:
    loaded = load_pipeline(
        options.pipeline, profile=options.profile, overrides=options.overrides, code=code_mode(options)
    )
    graph = graph_of(loaded)
    if options.mermaid:
        print(mermaid(graph, details(loaded)), end="")
    else:
        print(text(graph, details(loaded), ascii_only=not _draws_lines(sys.stdout.encoding)), end="")
    for line in departures(loaded):
        print(line, file=sys.stderr)
    return 0


def departures(loaded: LoadedPipeline) -> list[str]:
    """Which slots left because a later layer added one that claims their ports."""
    return [f"'{gone.path[1]}' left: {gone.reason}, at {gone.by}" for gone in loaded.displaced]


def details(loaded: LoadedPipeline) -> dict[str, str]:
    """What fills each slot: its providers and their models; the turn stage's strategy."""
    return {slot.key: _detail(loaded, slot) for slot in loaded.slots}


def _detail(loaded: LoadedPipeline, slot: Slot) -> str:
    if slot.use is None:
        return str(getattr(slot.config, "strategy", ""))
    return loaded.environment.mask(", else ".join(filling.label for filling in slot.fillings))


def _draws_lines(encoding: str | None) -> bool:
    try:
        "┌─▼◄╌".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
