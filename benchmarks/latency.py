"""How long the quickstart lets a caller wait, on the real clock, for questions without side effects.

What is counted begins at the end of the speech in the clip and ends with the first audible frame of the
answer, less the turn's ``min_silence``, which is what the pipeline waits on purpose. Nothing is begun before
it is over, which would hide what it takes.
"""

from __future__ import annotations

from functools import partial

from benchmarks._results import ROOT, Figure
from voicepipe.api import RATE, Pipeline
from voicepipe.cli.files import shipped
from voicepipe.core.clock import run_on
from voicepipe.core.units import MS
from voicepipe.observe.timeline import STEPS, TurnTimeline
from voicepipe.runtime.tools import ToolSet
from voicepipe.stages.turn import TurnConfig
from voicepipe.transports.wav import WavCall, load_clip

PACKAGES = ("pocketsphinx", "hassil", "espeakng-loader", "onnxruntime")
RUNS = 5
GOAL_MS = 120.0


def measure(quick: bool) -> list[Figure]:
    pipeline = Pipeline.from_yaml(
        ROOT / "pipelines" / "quickstart.yaml", set={"stages.turn": {"strategy": "silence", "speculate": []}}
    )
    (silence,) = [
        slot.config.silence for slot in pipeline.loaded.slots if isinstance(slot.config, TurnConfig)
    ]
    timelines = [one for _ in range(1 if quick else RUNS) for one in run_on("real", _call(pipeline))]
    totals = [(one.total_ns - silence) / MS for one in timelines]
    how = f"{len(timelines)} answers, real time"
    figures = [
        Figure(
            what="quickstart: end of speech to first audio, beyond `min_silence`",
            unit="ms",
            values=totals,
            how=how,
            at_most=GOAL_MS,
        )
    ]
    for step in STEPS:
        spent = [(one.spent_ns(step) or 0) - (silence if step == "endpoint" else 0) for one in timelines]
        beyond = " beyond `min_silence`" if step == "endpoint" else ""
        figures.append(
            Figure(
                what=f"… of that in `{step}`{beyond}", unit="ms", values=[ns / MS for ns in spent], how=how
            )
        )
    return figures


async def _call(pipeline: Pipeline) -> list[TurnTimeline]:
    """One call with all questions that ship; the timelines of the turns without side effects."""
    script = [load_clip(path, RATE) for path in sorted(shipped("questions").glob("*.wav"))]
    tools = ToolSet.of(pipeline.loaded.agent.tools).specs
    effects = {tool.name for tool in tools if tool.side_effect}
    report = await pipeline.hold(partial(WavCall, script=script, rate=RATE))
    turns = [turn for turn in report.turns if effects.isdisjoint(call.name for call in turn.tool_calls)]
    return [turn.timeline for turn in turns if turn.timeline is not None and turn.timeline.audible]
