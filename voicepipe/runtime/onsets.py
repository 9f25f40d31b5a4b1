"""How much audio lies before the news that somebody speaks."""

from __future__ import annotations

from collections.abc import Mapping

from voicepipe.core.frames import SpeechStarted
from voicepipe.core.units import SECOND
from voicepipe.runtime.graph import Graph
from voicepipe.stages.base import LONGEST_REACH, StageConfig
from voicepipe.stages.vad import VadConfig

FOREIGN_REACH = 5 * SECOND // 2
"""For a stage of somebody else's that tells of onsets: half a second more than ours could need."""


def onset_reach(slot: str, graph: Graph, configs: Mapping[str, StageConfig]) -> int:
    """`StageContext.onset_reach` of ``slot``, in ns: by the settings of the VAD that tells it of onsets.

    ``FOREIGN_REACH`` where a stage of somebody else's tells it, whose settings mean we don't know what, and
    ``LONGEST_REACH`` where nobody does.
    """
    tellers = [edge.source for edge in graph.edges if edge.target == slot and edge.kind is SpeechStarted]
    return max((_reach(configs.get(teller)) for teller in tellers), default=LONGEST_REACH)


def _reach(config: StageConfig | None) -> int:
    if type(config) is VadConfig:  # settings that somebody derived from ours may mean more
        return config.prefix_padding + config.min_speech
    return FOREIGN_REACH
