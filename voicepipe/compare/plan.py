"""What a comparison is to hold: variants of a pipeline, calls, and which of them on which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from voicepipe.config.conversation_files import LocatedTest
from voicepipe.config.layers import Typed
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.slots import Code
from voicepipe.core.clock import ClockName
from voicepipe.core.nodes import Node
from voicepipe.transports.conversation import Item

Tools = Literal["stubs", "live"]
History = Literal["free", "recorded"]
Server = Literal["realtime"]


@dataclass(frozen=True, slots=True)
class Variant:
    """``path``, ``profile`` and ``overrides`` are what ``loaded`` was loaded from: another process does it
    again. ``server``: a stand-in that has to be started, and that ``stages.<its name>.base_url`` is set to.
    """

    name: str
    what: str
    path: Path
    profile: str | None
    overrides: tuple[str | Typed, ...]
    loaded: LoadedPipeline
    clock: ClockName
    section: str = ""
    server: Server | None = None
    layers: tuple[Node, ...] = ()
    """What a comparison file sets for it, laid over the profile and under ``overrides``."""
    code: Code = "run"

    def load(self, *more: str) -> LoadedPipeline:
        """The pipeline anew, with ``more`` overrides over all others."""
        return load_pipeline(
            self.path,
            profile=self.profile,
            layers=self.layers,
            overrides=(*self.overrides, *more),
            code=self.code,
        )


@dataclass(frozen=True, slots=True)
class Scripted:
    """A call that can be held any number of times.

    ``script`` is what the caller does. ``test`` has what is expected of it; ``reference``: the words of each
    utterance, in order, None for one that nobody has written down.

    ``remembered``: what the model is given as the history before each turn of the caller, by the number of
    the turn, from 0; empty unless the call was recorded and the history is to be that of the recording.
    The maps have the fields of ``core.messages.Message``, its tool calls as maps, too.
    """

    name: str
    kind: Literal["audio", "conversation", "recorded"]
    script: Sequence[Item]
    speech_ns: int
    reference: tuple[str | None, ...] = ()
    test: LocatedTest | None = None
    vars: Mapping[str, str] = field(default_factory=dict)
    tool_results: Mapping[str, Any] = field(default_factory=dict)
    remembered: Sequence[Sequence[Mapping[str, Any]]] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """``call`` is to be held on ``variant`` for the ``repetition``-th time, from 0."""

    variant: Variant
    call: Scripted
    repetition: int


@dataclass(frozen=True, slots=True)
class Plan:
    """``runs`` are in the order in which they are to be held."""

    title: str
    variants: tuple[Variant, ...]
    left_out: Mapping[str, str]
    """Variant that can't be held here → why."""
    calls: tuple[Scripted, ...]
    runs: tuple[Run, ...]
    repetitions: int
    tools: Tools
    history: History
    seed: int
    audio: bool
    """Whether the calls are recorded, to be listened to."""
