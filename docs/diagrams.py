"""The turn policy as a state diagram and as a table; the quickstart as a graph."""

from __future__ import annotations

from pathlib import Path

from docs.reference import registry
from voicepipe.cli.draw import mermaid, text
from voicepipe.cli.graph import details
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.runtime.graph import graph_of
from voicepipe.speech.turn_table import IGNORE, TABLE, Cell, State

QUICKSTART = Path(__file__).resolve().parent.parent / "pipelines" / "quickstart.yaml"


def policy_diagram() -> str:
    """An arrow for each two states that an event leads between; what is done on the way, the table says."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.IDLE}"]
    for state in State:
        for target in State:
            events = [event for event, row in TABLE.items() if row[state].state is target]
            if events:
                lines.append(f"    {state} --> {target} : {'<br/>'.join(events)}")
    return "\n".join([*lines, "```", ""])


def policy_table() -> str:
    """The table itself: a row for each event, a column for each state, a dot where it is ignored."""
    columns = [state.replace("_", " ") for state in State]
    lines = [f"| event | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for event, row in TABLE.items():
        lines.append(f"| **{event}** | {' | '.join(_cell(row[state]) for state in State)} |")
    return "\n".join([*lines, ""])


def _cell(cell: Cell) -> str:
    if cell == IGNORE:
        return "·"
    target = f"→ {cell.state.replace('_', ' ')}" if cell.state else "stay"
    return f"{target}: {', '.join(cell.actions)}" if cell.actions else target


def quickstart_text() -> str:
    """As ``voicepipe graph pipelines/quickstart.yaml`` prints it."""
    loaded = _quickstart()
    return f"```text\n{text(graph_of(loaded), details(loaded))}```\n"


def quickstart_mermaid() -> str:
    """As ``voicepipe graph --mermaid pipelines/quickstart.yaml`` prints it."""
    loaded = _quickstart()
    return f"```mermaid\n{mermaid(graph_of(loaded), details(loaded))}```\n"


def _quickstart() -> LoadedPipeline:
    return load_pipeline(QUICKSTART, env={}, code="ignore", registry=registry())
