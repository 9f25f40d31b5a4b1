from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from tests.config.fakes import REGISTRY, load
from voicepipe.cli.graph import departures
from voicepipe.config.explain import explain, resolved
from voicepipe.config.registry import Registry
from voicepipe.core.frames import AudioIn, AudioOut, EndOfAudio, EndOfText, Text, UserTurn
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.errors import GraphError
from voicepipe.runtime.graph import graph_of
from voicepipe.stages.base import Stage, StageContext


class Fused(Stage):
    """Text and voice out of one stage, in place of a model and a voice."""

    kind: ClassVar[str] = "fused"

    async def run(
        self,
        ctx: StageContext,
        inbox: Inbox[UserTurn],
        out: Outlet[Text | EndOfText | AudioOut | EndOfAudio],
    ) -> None: ...


class Lexicon(Stage):
    """A filter: it gives what it takes."""

    kind: ClassVar[str] = "lexicon"

    async def run(
        self, ctx: StageContext, inbox: Inbox[Text | EndOfText], out: Outlet[Text | EndOfText]
    ) -> None: ...


class Echo(Stage):
    """It says what it hears, whoever's turn it is."""

    kind: ClassVar[str] = "echo"

    async def run(
        self, ctx: StageContext, inbox: Inbox[AudioIn], out: Outlet[AudioOut | EndOfAudio]
    ) -> None: ...


ALSO = {kind.kind: f"{__name__}:{kind.__name__}" for kind in (Fused, Lexicon, Echo)}
WITH_OTHERS = Registry({**REGISTRY._stages, **ALSO}, REGISTRY._providers)
CASCADE = """\
voicepipe: 1
stages: {vad: fake, stt: whisper, llm: openai/m, tts: piper}
profiles:
  fused: {stages: {fused: {}}}
  spelled: {stages: {lexicon: {from: llm}, tts: {from: lexicon}}}
"""


def test_a_stage_that_a_profile_adds_displaces_those_whose_ports_it_claims(tmp_path: Path) -> None:
    loaded = load(tmp_path, CASCADE, profile="fused", registry=WITH_OTHERS)
    assert [slot.key for slot in loaded.slots] == ["vad", "stt", "fused", "turn"]
    assert [one.path for one in loaded.displaced] == [("stages", "llm"), ("stages", "tts")]
    assert {edge.source for edge in graph_of(loaded).edges if edge.target == "output"} == {"fused"}


def test_config_says_who_left_and_why_and_no_longer_prints_them(tmp_path: Path) -> None:
    loaded = load(tmp_path, CASCADE, profile="fused", registry=WITH_OTHERS)
    assert "tts" not in resolved(loaded)
    left = next(line for line in explain(loaded).splitlines() if "stages.tts" in line)
    assert "displaced by 'fused', which gives AudioOut, EndOfAudio" in left
    assert "pipeline.yaml:4:20" in left


def test_without_the_profile_nobody_leaves(tmp_path: Path) -> None:
    loaded = load(tmp_path, CASCADE, registry=WITH_OTHERS)
    assert loaded.displaced == ()


def test_a_layer_that_adds_the_cascade_again_displaces_the_fused_stage(tmp_path: Path) -> None:
    files = {
        "base.yaml": "voicepipe: 1\nstages: {vad: fake, stt: whisper, turn: {}, fused: {}}",
        "pipeline.yaml": "voicepipe: 1\nextends: base.yaml\nstages: {llm: openai/m, tts: piper}",
    }
    loaded = load(tmp_path, files, registry=WITH_OTHERS)
    assert [one.path[1] for one in loaded.displaced] == ["fused"]
    graph_of(loaded)


def test_a_layer_that_only_changes_a_slot_displaces_nobody(tmp_path: Path) -> None:
    files = {
        "base.yaml": "voicepipe: 1\nstages: {vad: fake, stt: whisper, llm: openai/m, tts: piper}",
        "pipeline.yaml": "voicepipe: 1\nextends: base.yaml\nstages: {fused: {}}",
    }
    loaded = load(tmp_path, files, registry=WITH_OTHERS, overrides=["stages.tts=espeak"])
    assert [one.path[1] for one in loaded.displaced] == ["llm", "tts"]


def test_a_filter_stands_beside_its_source(tmp_path: Path) -> None:
    loaded = load(tmp_path, CASCADE, profile="spelled", registry=WITH_OTHERS)
    assert loaded.displaced == ()
    graph_of(loaded)


def test_a_tap_displaces_nobody(tmp_path: Path) -> None:
    loaded = load(tmp_path, CASCADE, overrides=["stages.tts/second=espeak"], registry=WITH_OTHERS)
    assert loaded.displaced == ()


def test_two_claimants_in_one_layer_are_an_error_that_names_both(tmp_path: Path) -> None:
    both = "{vad: fake, stt: whisper, turn: {}, tts: piper, llm: openai/m, fused: {}}"
    loaded = load(tmp_path, f"voicepipe: 1\nstages: {both}", registry=WITH_OTHERS)
    with pytest.raises(GraphError, match=r"'llm' and 'fused' both give EndOfText"):
        graph_of(loaded)


def test_a_pipeline_without_a_turn_stage_is_refused(tmp_path: Path) -> None:
    loaded = load(tmp_path, "voicepipe: 1\nstages: {echo: {}}", registry=WITH_OTHERS)
    with pytest.raises(GraphError, match="no 'turn' stage"):
        graph_of(loaded)


def test_graph_says_who_left(tmp_path: Path) -> None:
    loaded = load(tmp_path, CASCADE, profile="fused", registry=WITH_OTHERS)
    assert [line.partition(":")[0] for line in departures(loaded)] == ["'llm' left", "'tts' left"]
