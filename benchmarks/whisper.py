"""How soon the final words of faster-whisper are there, with one to eight calls on one model.

The model is the small one of the tests: it shows what batching and waiting cost, not what Whisper costs.
All calls say the same at the same moment, which is the worst case.
"""

from __future__ import annotations

import asyncio
from functools import partial

from benchmarks._results import ROOT, Figure
from voicepipe.api import RATE, Pipeline
from voicepipe.core.clock import run_on
from voicepipe.core.units import MS
from voicepipe.transports.wav import WavCall, load_clip

PACKAGES = ("faster-whisper", "ctranslate2", "onnxruntime")
FIXTURES = ROOT / "tests" / "fixtures"
MODEL = ROOT / "pipelines" / "compare" / "models" / "whisper-commands"
CLIPS = (
    "kal_what_time_is_it",
    "kal_turn_on_the_kitchen_lights",
    "slt_what_is_the_weather_in_paris",
    "slt_set_a_timer_for_five_minutes",
)
OVERRIDES = {
    "stages.vad": "silero",
    "stages.stt": {
        "use": "faster-whisper",
        "model": str(MODEL),
    },
    "stages.llm": {"use": "sim", "replies": [{"say": "Fine."}]},
}


def measure(quick: bool) -> list[Figure]:
    return [run_on("real", _figure(calls)) for calls in ((1,) if quick else (1, 4, 8))]


async def _figure(calls: int) -> Figure:
    script = [load_clip(FIXTURES / "commands" / f"{name}.wav", RATE) for name in CLIPS]
    pipeline = Pipeline.from_yaml(ROOT / "pipelines" / "sim.yaml", set=OVERRIDES)
    async with pipeline, asyncio.TaskGroup() as group:
        held = [
            group.create_task(pipeline.hold(partial(WavCall, script=script, rate=RATE))) for _ in range(calls)
        ]
    timelines = [turn.timeline for task in held for turn in task.result().turns if turn.timeline is not None]
    waits = [(one.spent_ns("endpoint"), one.spent_ns("stt")) for one in timelines]
    values = [stt / MS for _, stt in waits if stt is not None]
    least = min(endpoint for endpoint, _ in waits if endpoint is not None) / MS
    return Figure(
        what=f"faster-whisper: final words after the wait for the end of the turn, {calls} calls at once",
        unit="ms",
        values=values,
        how=f"{len(values)} questions, real time; the wait, during which it decodes, is {least:.0f} ms",
    )
