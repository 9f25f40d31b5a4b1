"""A compiled graph as a drawing: boxes and lines for a terminal, or Mermaid for a document.

The boxes stand below each other in the order of the graph. What flows to the next box goes straight down
beside its name; what flows further goes through a lane on the right, which it leaves a box by the lower
line and enters one by the upper line, so that no line is two things at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicepipe.runtime.graph import INPUT, OUTPUT, Edge, Graph

_ENDS = {INPUT: "the caller speaks or types", OUTPUT: "the caller listens"}
_BOX_ROWS = 4
_STEM = 3
"""Column of the line that goes straight down."""

_ASCII = str.maketrans("┌┐└┘├┤┬┴┼─│▼◄╌╎", "+++++++++-|v<-:")


@dataclass(frozen=True, slots=True)
class _Lane:
    """``names`` flow from box ``source`` to the boxes ``targets``, of which the last is the lowest."""

    source: int
    targets: tuple[int, ...]
    names: tuple[str, ...]


def text(graph: Graph, details: Mapping[str, str], *, ascii_only: bool = False) -> str:
    """``graph`` in boxes and lines. ``details`` is what stands under each slot's name."""
    drawing = _Drawing(graph, details).text()
    return drawing.translate(_ASCII) if ascii_only else drawing


def mermaid(graph: Graph, details: Mapping[str, str]) -> str:
    """``graph`` as a Mermaid flow chart, which GitHub, for one, draws in Markdown."""
    slots = [INPUT, *(node.slot for node in graph.nodes), OUTPUT]
    ids = _ids(slots)
    lines = ["flowchart LR"]
    for slot in slots:
        label = _quoted("<br/>".join(filter(None, (slot, _ENDS.get(slot) or details.get(slot)))))
        lines.append(f"  {ids[slot]}" + (f"([{label}])" if slot in _ENDS else f"[{label}]"))
    for (source, target), names in _flows(graph).items():
        lines.append(f"  {ids[source]} -- {_quoted('<br/>'.join(names))} --> {ids[target]}")
    for (source, target), names in _told(graph).items():
        lines.append(f"  {ids[source]} -. {_quoted('<br/>'.join(names))} .-> {ids[target]}")
    for node in graph.nodes:
        if _only_logged(graph, node.slot):
            lines.append(f"  {ids[node.slot]} -. {_quoted('the log only')} .-> log[(log)]")
    return "\n".join(lines) + "\n"


def _ids(slots: Sequence[str]) -> dict[str, str]:
    """Mermaid's names: letters and digits, unlike each other and unlike its keywords."""
    ids: dict[str, str] = {}
    for slot in slots:
        name = re.sub(r"\W", "_", slot)
        if name in (*ids.values(), "end", "log", "graph", "subgraph", "flowchart", "class", "style"):
            name += f"_{len(ids)}"
        ids[slot] = name
    return ids


def _quoted(label: str) -> str:
    return '"' + label.replace("#", "#35;").replace('"', "#quot;") + '"'


def _flows(graph: Graph) -> dict[tuple[str, str], tuple[str, ...]]:
    """What flows between each two slots with the stream, by name."""
    return _named([edge for edge in graph.edges if not edge.told])


def _told(graph: Graph) -> dict[tuple[str, str], tuple[str, ...]]:
    """What goes against the stream."""
    return _named([edge for edge in graph.edges if edge.told])


def _named(edges: Sequence[Edge]) -> dict[tuple[str, str], tuple[str, ...]]:
    flows: dict[tuple[str, str], tuple[str, ...]] = {}
    for edge in edges:
        pair = edge.source, edge.target
        flows[pair] = (*flows.get(pair, ()), edge.kind.__name__)
    return {pair: tuple(sorted(names, key=_what_ends_comes_last)) for pair, names in flows.items()}


def _what_ends_comes_last(name: str) -> tuple[bool, str]:
    return name.startswith("EndOf"), name


def _only_logged(graph: Graph, slot: str) -> bool:
    """Whether nobody takes what the tap ``slot`` gives."""
    return "/" in slot and all(edge.source != slot for edge in graph.edges)


class _Drawing:
    """The rows of the drawing are counted from the top, columns from the left; each holds one character."""

    def __init__(self, graph: Graph, details: Mapping[str, str]) -> None:
        self._graph = graph
        self._slots = [INPUT, *(node.slot for node in graph.nodes), OUTPUT]
        self._details = [_ENDS.get(slot) or details.get(slot, "") for slot in self._slots]
        index = {slot: number for number, slot in enumerate(self._slots)}
        self._flows = {
            (index[source], index[target]): names for (source, target), names in _flows(graph).items()
        }
        self._down = [self._flows.get((box, box + 1), ()) for box in range(len(self._slots) - 1)]
        self._lanes = self._make_lanes()
        self._columns = self._make_columns()
        self._top = self._make_tops()
        inside = [
            *self._slots,
            *self._details,
            *(" " * _STEM + name for names in self._down for name in names),
        ]
        self._right = max(map(len, inside)) + 3
        """Column of the right border."""
        self._canvas: dict[tuple[int, int], str] = {}

    # ── where everything goes ────────────────────────────────────────────────────────────────────

    def _make_lanes(self) -> list[_Lane]:
        """One lane for what goes from a box in the same company to boxes that aren't the next."""
        targets: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        for (source, target), names in self._flows.items():
            if target != source + 1:
                targets.setdefault((source, names), []).append(target)
        lanes = [_Lane(source, tuple(sorted(to)), names) for (source, names), to in targets.items()]
        return sorted(lanes, key=lambda lane: (lane.source, lane.targets[-1]))

    def _make_columns(self) -> dict[_Lane, int]:
        """The number of each lane's column, from the left; one column serves lanes below each other."""
        columns: dict[_Lane, int] = {}
        ends: list[int] = []
        for lane in self._lanes:
            free = [number for number, end in enumerate(ends) if end <= lane.source]
            number = free[0] if free else len(ends)
            ends[number : number + 1] = [lane.targets[-1]]
            columns[lane] = number
        return columns

    def _make_tops(self) -> list[int]:
        """The first row of each box. Names beside a lane stand between its box and the next."""
        tops = [0]
        for box, names in enumerate(self._down):
            beside = max((len(lane.names) for lane in self._lanes if lane.source == box), default=0)
            tops.append(tops[-1] + _BOX_ROWS + max(1, len(names), beside - 2))
        return tops

    def _x(self, lane: _Lane) -> int:
        widths = [0] * self._columns[lane]
        for other, number in self._columns.items():
            if number < len(widths):
                widths[number] = max(widths[number], *map(len, other.names))
        return self._right + 3 + sum(width + 4 for width in widths)

    # ── drawing ──────────────────────────────────────────────────────────────────────────────────

    def text(self) -> str:
        for box in range(len(self._slots)):
            self._draw_box(box)
        for box, names in enumerate(self._down):
            if names:
                self._draw_down(box, names)
        for lane in self._lanes:
            self._draw_lane(lane)
        for box in range(len(self._slots)):
            self._draw_out(box)
            self._draw_in(box)
        lines = [""] * (self._top[-1] + _BOX_ROWS)
        for (row, column), character in sorted(self._canvas.items()):
            lines[row] = lines[row].ljust(column) + character
        for (source, target), names in _told(self._graph).items():
            lines.append(f"{source} also tells {target}: {', '.join(names)}.")
        for slot in self._slots:
            if _only_logged(self._graph, slot):
                lines.append(f"{slot} is a tap: what it gives goes to the log only.")
        return "\n".join(lines) + "\n"

    def _put(self, row: int, column: int, characters: str) -> None:
        for offset, character in enumerate(characters):
            self._canvas[row, column + offset] = character

    def _draw_box(self, box: int) -> None:
        across, down = "╌╎" if "/" in self._slots[box] else "─│"
        top, inside = self._top[box], self._right - 1
        self._put(top, 0, f"┌{across * inside}┐")
        for row, content in enumerate((self._slots[box], self._details[box]), start=top + 1):
            self._put(row, 0, f"{down} {content:<{inside - 1}}{down}")
        self._put(top + 3, 0, f"└{across * inside}┘")

    def _draw_down(self, box: int, names: Sequence[str]) -> None:
        first, last = self._top[box] + _BOX_ROWS, self._top[box + 1]
        self._put(first - 1, _STEM, "┬")
        for row in range(first, last):
            self._put(row, _STEM, "│")
        for row, name in enumerate(names, start=first):
            self._put(row, _STEM + 2, name)
        self._put(last, _STEM, "▼")

    def _draw_lane(self, lane: _Lane) -> None:
        """Its upright part, and the names beside it."""
        x, first = self._x(lane), self._top[lane.source] + 3
        for row in range(first, self._top[lane.targets[-1]] + 1):
            self._put(row, x, "│")
        for row, name in enumerate(lane.names, start=first):
            self._put(row, x + 2, name)

    def _draw_out(self, box: int) -> None:
        lanes = {self._x(lane): "┬" for lane in self._lanes if lane.source == box}
        if lanes:
            lanes[max(lanes)] = "┐"
            self._draw_across(self._top[box] + 2, lanes, "├")

    def _draw_in(self, box: int) -> None:
        going = {self._x(lane): lane.targets[-1] > box for lane in self._lanes if box in lane.targets}
        if going:
            lanes = {x: "┼" if goes_on else "┴" for x, goes_on in going.items()}
            lanes[max(lanes)] = "┤" if going[max(lanes)] else "┘"
            self._draw_across(self._top[box] + 1, lanes, "◄")

    def _draw_across(self, row: int, lanes: Mapping[int, str], begin: str) -> None:
        """From the box to its farthest lane, under the lanes of others that it meets."""
        self._put(row, self._right, begin)
        for column in range(self._right + 1, max(lanes) + 1):
            character = lanes.get(column)
            if character or self._canvas.get((row, column)) != "│":
                self._put(row, column, character or "─")
