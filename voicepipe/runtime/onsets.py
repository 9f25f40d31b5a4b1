"""How much audio lies before the news that somebody speaks."""

from __future__ import annotations

from collections.abc import Mapping

from voicepipe.core.frames import SpeechStarted
from voicepipe.runtime.graph import Graph
from voicepipe.stages.base import LONGEST_REACH, StageConfig
from voicepipe.stages.vad import VadConfig


def onset_reach(slot: str, graph: Graph, configs: Mapping[str, StageConfig]) -> int:
    """`StageContext.onset_reach` of ``slot``, in ns: by the settings of the VAD that tells it of onsets.

    ``LONGEST_REACH`` where a stage of somebody else's tells it, whose settings mean we don't know what.
    """
    tellers = [edge.source for edge in graph.edges if edge.target == slot and edge.kind is SpeechStarted]
    return max((_reach(configs.get(teller)) for teller in tellers), default=LONGEST_REACH)


def _reach(config: StageConfig | None) -> int:
    return config.prefix_padding + config.min_speech if isinstance(config, VadConfig) else LONGEST_REACH
