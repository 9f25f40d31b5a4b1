"""The graph compiler: slots and their ports → which outlet feeds which inbox.

Edges come from types. A slot named by its kind is primary; ``stt/second`` is a tap: it gets its inputs by
type, but its output goes to the log only, unless a consumer names it in ``from:``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voicepipe.config.load import LoadedPipeline
from voicepipe.core.frames import AudioIn, AudioOut, EndOfAudio, Frame, StreamFrame, Talk, TypedText
from voicepipe.core.names import did_you_mean
from voicepipe.core.ports import Ports, ports_of
from voicepipe.errors import GraphError
from voicepipe.stages.base import Stage, StageConfig

INPUT = "input"
OUTPUT = "output"
"""The two ends of every graph: the caller, and what the caller hears."""

TURN = "turn"
"""The slot that owns the turn ids; every pipeline has it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A slot of the pipeline. ``from_`` names the slots that it takes input from where several could."""

    slot: str
    ports: Ports
    from_: tuple[str, ...] = ()
    optional: frozenset[type[Frame]] = frozenset()
    """What it takes if somebody gives it."""
    tells: frozenset[type[StreamFrame]] = frozenset()
    """What it can tell the turn stage, against the stream."""
    claims: frozenset[type[Frame]] = frozenset()
    """What it alone may give or tell."""

    @property
    def tap(self) -> bool:
        return "/" in self.slot


@dataclass(frozen=True, slots=True)
class Edge:
    """``kind`` flows from slot ``source`` to slot ``target``.

    ``told``: on the control lane to the turn stage, so that it may lead back. All others form no circle.
    """

    source: str
    target: str
    kind: type[Frame]
    told: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in an order in which each stands after those that feed it."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def routes(self, slot: str) -> dict[type[Frame], tuple[str, ...]]:
        """For each type that ``slot`` gives, the slots that take it from there."""
        gives = _END_PORTS[slot].gives if slot in _END_PORTS else self._node(slot).ports.gives
        edges = [edge for edge in self.edges if edge.source == slot and not edge.told]
        return {kind: tuple(edge.target for edge in edges if edge.kind is kind) for kind in gives}

    def tells(self, slot: str) -> frozenset[type[StreamFrame]]:
        """What ``slot`` has to tell the turn stage."""
        return self._told(lambda edge: edge.source == slot)

    def told(self, slot: str) -> frozenset[type[StreamFrame]]:
        """What ``slot``, the turn stage, is told in that way."""
        return self._told(lambda edge: edge.target == slot)

    def _told(self, wanted: Callable[[Edge], bool]) -> frozenset[type[StreamFrame]]:
        told = [edge.kind for edge in self.edges if edge.told and wanted(edge)]
        return frozenset(kind for kind in told if issubclass(kind, StreamFrame))

    def _node(self, slot: str) -> Node:
        return next(node for node in self.nodes if node.slot == slot)


_END_PORTS = {
    INPUT: Ports(takes=frozenset(), gives=frozenset({AudioIn, Talk, TypedText})),
    OUTPUT: Ports(takes=frozenset({AudioOut, EndOfAudio}), gives=frozenset()),
}

_USUAL_SOURCE: Mapping[str, str] = {
    "SpeechStarted": "vad: silero",
    "SpeechPaused": "vad: silero",
    "SpeechResumed": "vad: silero",
    "SpeechStopped": "vad: silero",
    "Prosody": "vad: silero",
    "Transcript": "stt: faster-whisper/base.en",
    "UserTurn": "turn: {}",
    "Text": "llm: openai/…",
    "EndOfText": "llm: openai/…",
    "AudioOut": "tts: espeak",
    "EndOfAudio": "tts: espeak",
}


def graph_of(loaded: LoadedPipeline) -> Graph:
    """The graph that the file declares. No provider is made. Raises ``GraphError``."""
    graph = compile_graph(
        [
            Node(
                slot.key,
                _ports(slot.stage, slot.config),
                slot.config.from_,
                slot.stage.optional,
                slot.stage.tells(slot.config),
                slot.stage.claims(slot.config),
            )
            for slot in loaded.slots
        ]
    )
    if all(slot.key != TURN for slot in loaded.slots):
        raise GraphError(
            "there is no 'turn' stage, and without one nobody decides whose turn it is",
            hint="add to stages: turn: {}",
        )
    return graph


def _ports(stage: type[Stage], config: StageConfig) -> Ports:
    """What ``stage`` takes and gives under ``config``: never more than its ``run`` declares."""
    ports, declared = stage.ports(config), ports_of(stage.run)
    if more := (ports.takes - declared.takes) | (ports.gives - declared.gives):
        names = ", ".join(sorted(kind.__name__ for kind in more))
        raise GraphError(
            f"{stage.__name__}.ports names {names}, but {stage.__name__}.run doesn't declare it",
            hint="ports() may leave out what run() declares, but add nothing",
        )
    return ports


def compile_graph(nodes: Sequence[Node]) -> Graph:
    """Join the slots. A ``GraphError`` says what is missing or ambiguous, and what to write."""
    everyone = [
        Node(INPUT, _END_PORTS[INPUT]),
        *nodes,
        Node(OUTPUT, _END_PORTS[OUTPUT]),
    ]
    _check_from(everyone)
    edges = [
        Edge(source.slot, consumer.slot, kind, told=kind not in source.ports.gives)
        for consumer in everyone
        for kind in sorted(consumer.ports.takes, key=lambda kind: kind.__name__)
        if kind not in consumer.optional or any(kind in node.ports.gives for node in everyone)
        for source in [_source(kind, consumer, everyone)]
    ]
    return Graph(tuple(_sorted(nodes, edges)), tuple(edges))


def _check_from(nodes: Sequence[Node]) -> None:
    """Each ``from:`` names slots that exist and have something to give there."""
    gives = {node.slot: node.ports.gives for node in nodes if node.slot != OUTPUT}
    for node in nodes:
        for name in node.from_:
            if name not in gives:
                raise GraphError(
                    f"stages.{node.slot}.from names '{name}', but there is no such slot."
                    + did_you_mean(name, gives),
                    hint=f"the slots are: {', '.join(sorted(gives))}",
                )
            if name == node.slot or not gives[name] & node.ports.takes:
                takes = ", ".join(sorted(kind.__name__ for kind in node.ports.takes)) or "nothing"
                raise GraphError(
                    f"stages.{node.slot}.from names '{name}', which gives nothing that '{node.slot}' takes",
                    hint=f"'{node.slot}' takes {takes}",
                )


def _source(kind: type[Frame], consumer: Node, nodes: Sequence[Node]) -> Node:
    who = "the call" if consumer.slot == OUTPUT else f"'{consumer.slot}'"
    givers = [node for node in nodes if kind in node.ports.gives and node is not consumer]
    if consumer.slot == TURN:
        tellers = [node for node in nodes if kind in node.tells]
        givers += [node for node in tellers if kind in node.claims] if givers else tellers
    named = [node for node in givers if node.slot in consumer.from_]
    givers = named or [node for node in givers if not node.tap]
    if len(givers) == 1:
        return givers[0]
    if givers:
        names = " and ".join(f"'{node.slot}'" for node in givers)
        tells = any(kind in node.tells for node in givers)  # a fused model can't be told not to hear
        hint = f"choose one by writing 'from: {givers[0].slot}' in stages.{consumer.slot}, "
        raise GraphError(
            f"{names} {'both' if len(givers) == 2 else 'all'} give {kind.__name__} to {who}",
            hint=("leave one out, " if consumer.slot == OUTPUT or tells else hint)
            + "or make one a tap by naming it kind/name",
        )
    usual = _USUAL_SOURCE.get(kind.__name__)
    raise GraphError(
        f"{who} needs {kind.__name__}, but no stage gives it",
        hint=f"add to stages, for example: {usual}" if usual else None,
    )


def _sorted(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[Node]:
    """Topological order, otherwise as in the file."""
    left, done, out = list(nodes), {INPUT}, []
    while left:
        ready = [n for n in left if all(e.source in done for e in edges if e.target == n.slot and not e.told)]
        if not ready:
            names = ", ".join(sorted(node.slot for node in left))
            raise GraphError(f"the stages feed each other in a circle: {names}", hint="look at their 'from:'")
        for node in ready:
            left.remove(node)
            done.add(node.slot)
            out.append(node)
    return out
