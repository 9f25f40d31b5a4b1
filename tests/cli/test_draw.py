from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.cli.draw import mermaid, text
from voicepipe.core.frames import (
    AudioIn,
    AudioOut,
    EndOfAudio,
    EndOfText,
    Frame,
    SpeechStarted,
    SpeechStopped,
    Text,
    Transcript,
    TypedText,
    UserTurn,
)
from voicepipe.core.ports import Ports
from voicepipe.runtime.graph import INPUT, OUTPUT, Edge, Graph, Node, compile_graph


def node(slot: str, takes: set[type[Frame]], gives: set[type[Frame]], *from_: str) -> Node:
    return Node(slot, Ports(frozenset(takes), frozenset(gives)), from_)


STT = {AudioIn, SpeechStarted, SpeechStopped}
CASCADE = [
    node("vad", {AudioIn}, {SpeechStarted, SpeechStopped}),
    node("stt", STT, {Transcript}),
    node("turn", {SpeechStarted, SpeechStopped, Transcript, TypedText}, {UserTurn}),
    node("llm", {UserTurn}, {Text, EndOfText}),
    node("tts", {Text, EndOfText}, {AudioOut, EndOfAudio}),
]
TAP = node("stt/second", STT, {Transcript})
DETAILS = {"vad": "silero", "stt": "faster-whisper/base.en", "stt/second": "sim", "llm": "openai/gpt-6-luna"}


def test_the_cascade_is_drawn_from_the_caller_to_the_caller() -> None:
    assert (
        text(compile_graph(CASCADE), DETAILS)
        == """\
┌────────────────────────────┐
│ input                      │
│ the caller speaks or types ├──┬──────────┐
└──┬─────────────────────────┘  │ AudioIn  │ TypedText
   │ AudioIn                    │          │
┌──▼─────────────────────────┐  │          │
│ vad                        │  │          │
│ silero                     ├──│──────────│────────────┐
└──┬─────────────────────────┘  │          │            │ SpeechStarted
   │ SpeechStarted              │          │            │ SpeechStopped
   │ SpeechStopped              │          │            │
┌──▼─────────────────────────┐  │          │            │
│ stt                        ◄──┘          │            │
│ faster-whisper/base.en     │             │            │
└──┬─────────────────────────┘             │            │
   │ Transcript                            │            │
┌──▼─────────────────────────┐             │            │
│ turn                       ◄─────────────┴────────────┘
│                            │
└──┬─────────────────────────┘
   │ UserTurn
┌──▼─────────────────────────┐
│ llm                        │
│ openai/gpt-6-luna          │
└──┬─────────────────────────┘
   │ Text
   │ EndOfText
┌──▼─────────────────────────┐
│ tts                        │
│                            │
└──┬─────────────────────────┘
   │ AudioOut
   │ EndOfAudio
┌──▼─────────────────────────┐
│ output                     │
│ the caller listens         │
└────────────────────────────┘
"""
    )


def test_a_tap_has_a_dashed_box_shares_lanes_and_is_explained() -> None:
    drawing = text(compile_graph([*CASCADE, TAP]), DETAILS)
    assert "╎ stt/second                 ◄──┴" in drawing
    assert "│ stt                        ◄──┤" in drawing, "the lane goes on to the tap"
    assert drawing.endswith("stt/second is a tap: what it gives goes to the log only.\n")


def test_a_tap_that_a_consumer_names_is_not_said_to_be_logged_only() -> None:
    consumer = node("turn", set(CASCADE[2].ports.takes), {UserTurn}, "stt/second")
    drawing = text(compile_graph([*CASCADE[:2], TAP, consumer, *CASCADE[3:]]), DETAILS)
    assert "log only" not in drawing


def test_without_line_characters_the_same_drawing_is_in_ascii() -> None:
    graph = compile_graph([*CASCADE, TAP])
    plain = text(graph, DETAILS, ascii_only=True)
    assert plain.isascii()
    assert [len(line) for line in plain.splitlines()] == [
        len(line) for line in text(graph, DETAILS).splitlines()
    ]


def test_a_mermaid_chart_has_each_slot_each_flow_and_the_tap_dotted() -> None:
    chart = mermaid(compile_graph([*CASCADE, TAP]), DETAILS).splitlines()
    assert chart[0] == "flowchart LR"
    assert '  input(["input<br/>the caller speaks or types"])' in chart
    assert '  stt["stt<br/>faster-whisper/base.en"]' in chart
    assert '  vad -- "SpeechStarted<br/>SpeechStopped" --> turn' in chart
    assert '  llm -- "Text<br/>EndOfText" --> tts' in chart
    assert '  stt_second -. "the log only" .-> log[(log)]' in chart


def test_mermaid_names_stay_apart_and_labels_can_not_break_out() -> None:
    slots = ["end", "a/b", "a_b"]
    graph = Graph(tuple(node(slot, set(), set()) for slot in slots), ())
    chart = mermaid(graph, {"end": 'x"] --> y["#1'})
    names = [line.split("[")[0].strip() for line in chart.splitlines()[2:5]]
    assert len(set(names)) == 3
    assert "end" not in names
    assert 'end<br/>x#quot;] --> y[#quot;#35;1"]' in chart


KINDS = [AudioIn, TypedText, SpeechStarted, SpeechStopped, Transcript, UserTurn, Text, EndOfText, AudioOut]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any edges between up to seven slots, all downwards, as the compiler gives them."""
    count = draw(st.integers(1, 7))
    slots = [INPUT, *(f"s{n}" if draw(st.booleans()) else f"s/{n}" for n in range(count)), OUTPUT]
    pairs = [(a, b) for a in range(len(slots)) for b in range(a + 1, len(slots))]
    edges = [
        Edge(slots[a], slots[b], kind)
        for a, b in draw(st.lists(st.sampled_from(pairs), unique=True))
        for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True))
    ]
    return Graph(tuple(node(slot, set(), set()) for slot in slots[1:-1]), tuple(edges))


_CONNECTS = {
    # character → the directions in which it goes on: left, right, up, down
    "─": "lr", "│": "ud", "┐": "ld", "┘": "lu", "┬": "lrd", "┴": "lru", "├": "udr", "┤": "udl", "┼": "lrud",
    "◄": "ru", "▼": "lru",
}  # fmt: skip


@given(graphs())
def test_every_line_leads_somewhere_and_every_name_can_be_read(graph: Graph) -> None:
    drawing = text(graph, {}).partition(" is a tap")[0]
    rows = drawing.splitlines()
    width = max(map(len, rows))
    right = rows[0].index("┐")
    grid = [row.ljust(width) for row in rows]
    for edge in graph.edges:
        assert f" {edge.kind.__name__}" in drawing
    for y, row in enumerate(grid):
        for x in range(right + 1, width):  # the lanes; left of them are the boxes
            directions = _CONNECTS.get(row[x], "")
            if "l" in directions:
                assert row[x - 1] in "─┬┴┼│├◄┘┐", f"{row!r} at {x}"
            if "u" in directions and row[x] != "│":
                assert "d" in _CONNECTS.get(grid[y - 1][x], ""), f"{row!r} at {x}"
            if "d" in directions and row[x] != "│":
                assert "u" in _CONNECTS.get(grid[y + 1][x], ""), f"{row!r} at {x}"
