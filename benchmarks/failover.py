"""How much longer than the deadline itself a caller waits when a model is replaced by its fallback.

Both are the ``openai`` provider at servers on loopback that speak its protocol: the first one fails, the
second one answers at once. What is counted ends with the first event that the fallback gave.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from benchmarks._results import ROOT, Figure
from voicepipe.api import RATE, Call, Pipeline
from voicepipe.core.clock import run_on
from voicepipe.core.frames import PlaybackStarted
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import MS
from voicepipe.testing.openai_server import OpenAIServer, Reply
from voicepipe.transports.wav import Typed, WavCall

PACKAGES = ("openai",)
RUNS = 30
GOAL_MS = 30.0
DEADLINE_MS = 200

FAULTS: dict[str, Reply | None] = {
    "no answer, beyond the deadline": Reply(silent=True),
    "a server error": Reply(status=500),
    "a connection that breaks, twice": Reply(fault="drop"),
    "nothing listens, twice": None,
}
"""What the first server does; None: it has gone."""


def measure(quick: bool) -> list[Figure]:
    runs = 3 if quick else RUNS
    figures = []
    for what, fault in FAULTS.items():
        values = [run_on("real", _failover(fault)) / MS for _ in range(runs)]
        figures.append(
            Figure(
                what=f"first event of the fallback after {what}",
                unit="ms",
                values=values,
                how=f"{runs} calls, OpenAI's protocol on loopback",
                at_most=GOAL_MS,
            )
        )
    return figures


async def _failover(fault: Reply | None) -> int:
    """One call; nanoseconds from when the first attempt began, or its deadline came."""
    async with AsyncExitStack() as stack, OpenAIServer(Reply(text=["Yes."])) as second:
        first = await stack.enter_async_context(OpenAIServer(answer=lambda request: fault or Reply()))
        slot = {
            "use": "openai/test-model",
            "base_url": first.base_url,
            "timeout": {"first": f"{DEADLINE_MS}ms"},
            "fallback": [{"use": "openai/test-model", "base_url": second.base_url}],
        }
        sim = ROOT / "pipelines" / "sim.yaml"
        async with Pipeline.from_yaml(sim, set={"stages.llm": slot, "stages.turn.speculate": []}) as pipeline:
            if fault is None:
                await stack.aclose()
            attempts = await _call(pipeline)
    primary, fallback = attempts[0], attempts[-1]
    assert fallback.first_event_ns is not None, fallback.error
    deadline = DEADLINE_MS * MS if fault is not None and fault.silent else 0
    return fallback.first_event_ns - (primary.began_ns + deadline)


async def _call(pipeline: Pipeline) -> list[ProviderAttempt]:
    """The model's attempts in a call with one typed line, which ends with the first sound of the reply."""
    attempts: list[ProviderAttempt] = []

    def on_call(call: Call) -> None:
        def note(at_ns: int, event: Any) -> None:
            if isinstance(event, ProviderAttempt) and event.slot == "llm":
                attempts.append(event)
            elif isinstance(event, PlaybackStarted):
                call.hang_up("measured")

        call.observe(note)

    ends = partial(WavCall, script=[Typed("hello")], rate=RATE, gap_ns=500 * MS)
    await pipeline.hold(ends, on_call=on_call)
    return attempts
