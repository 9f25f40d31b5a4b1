from __future__ import annotations

from collections.abc import Mapping

import pytest

from voicepipe.core.frames import AudioIn, SpeechStarted, Transcript
from voicepipe.core.units import MS, SECOND
from voicepipe.runtime.graph import Edge, Graph
from voicepipe.runtime.onsets import FOREIGN_REACH, onset_reach
from voicepipe.stages.base import LONGEST_REACH, StageConfig
from voicepipe.stages.utterance import BEHIND
from voicepipe.stages.vad import VadConfig

SLOW = VadConfig.model_validate({"prefix_padding": "500ms", "min_speech": "200ms"})


def reach(edges: tuple[Edge, ...], configs: Mapping[str, StageConfig]) -> int:
    return onset_reach("stt", Graph((), edges), configs)


def test_it_is_the_padding_and_the_least_speech_of_the_vad_that_tells_the_slot() -> None:
    edges = (Edge("vad/second", "stt", SpeechStarted), Edge("vad", "turn", SpeechStarted))
    assert reach(edges, {"vad/second": SLOW, "vad": VadConfig()}) == 700 * MS


def test_nothing_that_a_vad_can_be_told_reaches_farther_than_the_longest() -> None:
    most = VadConfig.model_validate({"prefix_padding": "1s", "min_speech": "1s"})
    assert reach((Edge("vad", "stt", SpeechStarted),), {"vad": most}) == LONGEST_REACH


class Derived(VadConfig):
    """Somebody else's, whose stage may wait for more than the settings of ours tell."""


@pytest.mark.parametrize("config", [StageConfig(), Derived()])
def test_a_stage_of_somebody_else_s_may_tell_later_than_ours(config: StageConfig) -> None:
    assert reach((Edge("mine", "stt", SpeechStarted),), {"mine": config}) == FOREIGN_REACH


def test_of_what_somebody_else_s_stage_tells_of_four_seconds_are_kept() -> None:
    assert FOREIGN_REACH + BEHIND == 4 * SECOND


def test_a_slot_that_is_told_of_no_onsets_has_the_longest_as_well() -> None:
    edges = (Edge("input", "stt", AudioIn), Edge("stt", "turn", Transcript))
    assert reach(edges, {"vad": VadConfig()}) == LONGEST_REACH
