from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import pytest

from voicepipe.core.frames import (
    AudioIn,
    AudioOut,
    EndOfAudio,
    Frame,
    Prosody,
    SpeechStarted,
    SpeechStopped,
    Talk,
    Transcript,
    TypedText,
    UserTurn,
)
from voicepipe.core.ports import Ports, ports_of
from voicepipe.errors import GraphError
from voicepipe.runtime.graph import INPUT, OUTPUT, Edge, Graph, Node, compile_graph, graph_of
from voicepipe.stages.base import Stage, StageConfig
from voicepipe.stages.llm import Llm
from voicepipe.stages.stt import Stt
from voicepipe.stages.tts import Tts
from voicepipe.stages.turn import TurnStage
from voicepipe.stages.vad import Vad, VadConfig


def node(slot: str, takes: set[type[Frame]], gives: set[type[Frame]], *from_: str) -> Node:
    return Node(slot, Ports(frozenset(takes), frozenset(gives)), from_)


def of(slot: str, stage: type, *from_: str) -> Node:
    return Node(slot, ports_of(stage.run), from_)  # type: ignore[attr-defined]


CASCADE = [of("vad", Vad), of("stt", Stt), of("turn", TurnStage), of("llm", Llm), of("tts", Tts)]


def edges(graph: Graph) -> set[tuple[str, str, str]]:
    return {(edge.source, edge.kind.__name__, edge.target) for edge in graph.edges}


def without(slot: str) -> list[Node]:
    return [node for node in CASCADE if node.slot != slot]


# ── edges from types ─────────────────────────────────────────────────────────────────────────────


def test_the_cascade_joins_itself() -> None:
    assert edges(compile_graph(CASCADE)) == {
        ("input", "AudioIn", "vad"),
        ("input", "AudioIn", "stt"),
        ("vad", "SpeechStarted", "stt"),
        ("vad", "SpeechStopped", "stt"),
        ("vad", "SpeechStarted", "turn"),
        ("vad", "SpeechStopped", "turn"),
        ("vad", "SpeechPaused", "turn"),
        ("vad", "SpeechResumed", "turn"),
        ("vad", "Prosody", "turn"),
        ("stt", "Transcript", "turn"),
        ("input", "Talk", "turn"),
        ("input", "TypedText", "turn"),
        ("turn", "UserTurn", "llm"),
        ("llm", "Text", "tts"),
        ("llm", "EndOfText", "tts"),
        ("tts", "AudioOut", "output"),
        ("tts", "EndOfAudio", "output"),
    }


def test_the_graph_does_not_depend_on_the_order_in_the_file() -> None:
    expected = edges(compile_graph(CASCADE))
    assert all(edges(compile_graph(order)) == expected for order in permutations(CASCADE))


def test_each_stage_stands_behind_those_that_feed_it() -> None:
    slots = [node.slot for node in compile_graph(CASCADE[::-1]).nodes]
    assert slots == ["vad", "stt", "turn", "llm", "tts"]


def test_a_microphone_frame_is_handed_over_twice_and_no_more() -> None:
    graph = compile_graph(CASCADE)
    assert [edge for edge in graph.edges if edge.kind is AudioIn] == [
        Edge(INPUT, "vad", AudioIn),
        Edge(INPUT, "stt", AudioIn),
    ]


def test_routes_are_told_by_type_also_those_that_lead_nowhere() -> None:
    graph = compile_graph([*CASCADE, node("tap/ends", {Transcript}, {SpeechStarted})])
    assert graph.routes("stt") == {Transcript: ("turn", "tap/ends")}
    assert graph.routes("tap/ends") == {SpeechStarted: ()}
    assert graph.routes(INPUT) == {AudioIn: ("vad", "stt"), Talk: ("turn",), TypedText: ("turn",)}
    assert graph.routes(OUTPUT) == {}


def test_a_fused_stage_takes_the_place_of_three_where_the_turn_stage_needs_no_words() -> None:
    realtime = node("realtime", {AudioIn, UserTurn}, {AudioOut, EndOfAudio})
    turn = node("turn", {SpeechStarted, SpeechStopped, TypedText}, {UserTurn})
    found = edges(compile_graph([of("vad", Vad), turn, realtime]))
    assert {edge for edge in found if "realtime" in edge} == {
        ("input", "AudioIn", "realtime"),
        ("turn", "UserTurn", "realtime"),
        ("realtime", "AudioOut", "output"),
        ("realtime", "EndOfAudio", "output"),
    }


# ── taps ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_tap_gets_its_inputs_by_type_and_gives_nothing_to_anybody() -> None:
    found = edges(compile_graph([*CASCADE, of("stt/second", Stt)]))
    assert found - edges(compile_graph(CASCADE)) == {
        ("input", "AudioIn", "stt/second"),
        ("vad", "SpeechStarted", "stt/second"),
        ("vad", "SpeechStopped", "stt/second"),
    }


def test_a_consumer_that_names_a_tap_gets_its_output() -> None:
    nodes = [*without("turn"), of("turn", TurnStage, "stt/second"), of("stt/second", Stt)]
    found = edges(compile_graph(nodes))
    assert ("stt/second", "Transcript", "turn") in found
    assert ("stt", "Transcript", "turn") not in found
    assert ("vad", "SpeechStarted", "turn") in found, "what the tap doesn't give still comes by type"


def test_a_tap_may_feed_on_another_tap() -> None:
    nodes = [*CASCADE, of("stt/second", Stt), node("words/count", {Transcript}, set(), "stt/second")]
    assert ("stt/second", "Transcript", "words/count") in edges(compile_graph(nodes))


# ── a filter in front ────────────────────────────────────────────────────────────────────────────


def test_a_filter_is_used_where_it_is_named_and_takes_the_caller_itself() -> None:
    denoise = node("denoise", {AudioIn}, {AudioIn})
    nodes = [of("vad", Vad, INPUT), of("stt", Stt, "denoise"), *CASCADE[2:], denoise]
    found = edges(compile_graph(nodes))
    audio = {edge for edge in found if edge[1] == "AudioIn"}
    assert audio == {
        ("input", "AudioIn", "vad"),
        ("denoise", "AudioIn", "stt"),
        ("input", "AudioIn", "denoise"),
    }


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


def refused(*nodes: Node) -> str:
    with pytest.raises(GraphError) as caught:
        compile_graph(nodes)
    return str(caught.value)


def test_two_primary_emitters_are_both_named_with_the_from_that_resolves_it() -> None:
    message = refused(*CASCADE, node("subtitles", {AudioIn}, {Transcript}))
    assert "'stt' and 'subtitles' both give Transcript to 'turn'" in message
    assert "'from: stt' in stages.turn" in message
    assert "kind/name" in message


def test_a_recogniser_beside_a_fused_model_is_left_out_or_a_tap() -> None:
    told = frozenset({Transcript})
    fused = node("realtime", {AudioIn, UserTurn}, {AudioOut, EndOfAudio})
    stages = [of("vad", Vad), of("stt", Stt), of("turn", TurnStage)]
    message = refused(*stages, replace(fused, tells=told, claims=told))
    assert "'stt' and 'realtime' both give Transcript to 'turn'" in message
    assert "leave one out" in message
    assert "'from: stt'" not in message


def test_and_that_resolves_it() -> None:
    nodes = [*without("turn"), of("turn", TurnStage, "stt"), node("subtitles", {AudioIn}, {Transcript})]
    assert ("stt", "Transcript", "turn") in edges(compile_graph(nodes))


def test_three_emitters_are_named_as_well() -> None:
    more = [node(name, {AudioIn}, {Transcript}) for name in ("a", "b")]
    assert "'stt' and 'a' and 'b' all give Transcript" in refused(*CASCADE, *more)


def test_two_voices_are_no_matter_of_from_since_the_call_has_no_such_key() -> None:
    message = refused(*CASCADE, node("realtime", {AudioIn}, {AudioOut, EndOfAudio}))
    assert "both give AudioOut to the call" in message
    assert "from:" not in message


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (
            "vad",
            "'stt' needs SpeechStarted, but no stage gives it\n  add to stages, for example: vad: silero",
        ),
        ("stt", "'turn' needs Transcript, but no stage gives it"),
        ("turn", "'llm' needs UserTurn, but no stage gives it"),
        ("llm", "'tts' needs EndOfText, but no stage gives it"),
        ("tts", "the call needs AudioOut, but no stage gives it"),
    ],
)
def test_a_port_without_a_source_is_named_with_what_usually_gives_it(missing: str, told: str) -> None:
    assert told in refused(*without(missing))


def test_a_from_that_names_no_slot_is_told_the_nearest() -> None:
    message = refused(*without("turn"), of("turn", TurnStage, "sst"))
    assert "stages.turn.from names 'sst', but there is no such slot. Did you mean 'stt'?" in message
    assert "input, llm, stt, tts, turn, vad" in message


def test_a_from_that_names_a_slot_with_nothing_to_give_is_an_error() -> None:
    message = refused(*without("llm"), of("llm", Llm, "vad"))
    assert "names 'vad', which gives nothing that 'llm' takes" in message
    assert "'llm' takes UserTurn" in message


def test_a_stage_cannot_feed_itself() -> None:
    denoise = node("denoise", {AudioIn}, {AudioIn}, "denoise")
    assert "names 'denoise', which gives nothing" in refused(*CASCADE, denoise)


def ports_of_stage(stage: type[Stage]) -> Graph:
    """The graph of a pipeline that consists of ``stage``, as far as ``graph_of`` looks at it."""
    slot = SimpleNamespace(key="vad", stage=stage, config=VadConfig())
    return graph_of(SimpleNamespace(slots=[slot]))  # type: ignore[arg-type]


def test_ports_that_a_configuration_widens_are_an_error_of_the_stage() -> None:
    class Wide(Vad):
        @classmethod
        def ports(cls, config: StageConfig) -> Ports:
            return Ports(frozenset({AudioIn}), frozenset({SpeechStarted, Transcript}))

    with pytest.raises(GraphError, match=r"Wide\.ports names Transcript, but Wide\.run doesn't declare it"):
        ports_of_stage(Wide)


def test_ports_that_a_configuration_narrows_are_left_out() -> None:
    class Narrow(Vad):
        @classmethod
        def ports(cls, config: StageConfig) -> Ports:
            return Ports(frozenset(), frozenset())

    with pytest.raises(GraphError, match="the call needs AudioOut"):  # and nobody minds about the stage
        ports_of_stage(Narrow)


def test_stages_that_feed_each_other_in_a_circle_are_named() -> None:
    one = node("one", {SpeechStopped, AudioIn}, {UserTurn, AudioOut, EndOfAudio})
    two = node("two", {UserTurn}, {SpeechStopped})
    assert "in a circle: one, two" in refused(one, two)


def test_a_vad_of_ones_own_need_not_tell_more_than_starts_and_stops() -> None:
    graph = compile_graph(
        [
            Node("vad", Ports(frozenset({AudioIn}), frozenset({SpeechStarted, SpeechStopped}))),
            Node("stt", ports_of(Stt.run)),
            Node("turn", ports_of(TurnStage.run), optional=TurnStage.optional),
            Node("llm", ports_of(Llm.run)),
            Node("tts", ports_of(Tts.run)),
        ]
    )
    taken = {edge.kind for edge in graph.edges if edge.target == "turn"}
    assert {SpeechStarted, SpeechStopped, Transcript} <= taken
    assert Prosody not in taken


# ── what goes against the stream ─────────────────────────────────────────────────────────────────


def fused(*, claims: set[type[Frame]] | None = None) -> Node:
    """A stage that takes the caller's turns, and knows of the caller for itself."""
    return Node(
        "realtime",
        Ports(frozenset({AudioIn, UserTurn}), frozenset({AudioOut, EndOfAudio})),
        tells=frozenset({Transcript, SpeechStarted, SpeechStopped}),
        claims=frozenset(claims if claims is not None else {Transcript, AudioOut, EndOfAudio}),
    )


def test_the_turn_stage_may_be_told_by_a_stage_that_it_feeds() -> None:
    graph = compile_graph([of("vad", Vad), of("turn", TurnStage), fused()])
    assert graph.tells("realtime") == graph.told("turn") == {Transcript}
    assert graph.routes("realtime") == {AudioOut: (OUTPUT,), EndOfAudio: (OUTPUT,)}


def test_what_a_stage_tells_fills_in_for_a_stage_that_is_missing() -> None:
    turn = replace(of("turn", TurnStage), optional=TurnStage.optional)
    graph = compile_graph([turn, fused()])
    assert graph.told("turn") == {Transcript, SpeechStarted, SpeechStopped}


def test_two_stages_that_claim_the_words_of_the_caller_are_an_error() -> None:
    with pytest.raises(GraphError, match="'stt' and 'realtime' both give Transcript to 'turn'"):
        compile_graph([of("vad", Vad), of("stt", Stt), of("turn", TurnStage), fused()])
