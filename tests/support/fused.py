"""Calls with a fused model, held through the public API with a scripted Realtime server on loopback."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.bad_wavs import COMMANDS
from tests.support.calls import Event, events
from voicepipe import Pipeline
from voicepipe.api import Call
from voicepipe.core.units import MS
from voicepipe.observe.report import CallReport
from voicepipe.testing.realtime_script import Asked, Reply
from voicepipe.testing.realtime_server import RealtimeServer
from voicepipe.transports.wav import Typed, WavCall, load_clip

RATE = 16_000

STAGES = """\
  vad: energy
  realtime: {{use: openai/gpt-realtime-2.1, base_url: "{url}"}}
"""
AGENT = "{prompt: Be brief.}"


def reads_out(*texts: str) -> Callable[[Asked], Reply]:
    """Reads out what it is told to (a greeting, a notice), and otherwise gives the next of ``texts``."""
    left = list(texts)

    def answer(asked: Asked) -> Reply:
        instructions = asked.params.get("instructions") or ""
        if "Say exactly" in instructions:
            return Reply(text=[instructions.partition("\n\n")[2]])
        return Reply(text=re.findall(r"\S+\s*", left.pop(0)) if left else ["Yes."])

    return answer


@dataclass
class Held:
    report: CallReport
    log: list[Event]
    seen: list[Any] = field(default_factory=list)
    """The events themselves."""

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kind)]


async def hold(
    server: RealtimeServer,
    folder: Path,
    *said: str | Typed,
    agent: str = AGENT,
    stages: str = STAGES,
    on_call: Callable[[Call], None] = lambda call: None,
    gap_ms: int = 100,
    ends: Callable[..., Any] | None = None,
) -> Held:
    """One call: ``said`` are names of command clips without their ending, and typed lines."""
    path = folder / "fused.yaml"
    path.write_text(f"voicepipe: 1\nagent: {agent}\nstages:\n{stages.format(url=server.base_url)}")
    script: Sequence[Any] = [
        line if isinstance(line, Typed) else load_clip(COMMANDS / f"{line}.wav", RATE) for line in said
    ]
    seen: list[Any] = []

    def begin(call: Call) -> None:
        call.observe(lambda at_ns, event: seen.append(event))
        on_call(call)

    held = ends or partial(
        WavCall, script=script, rate=RATE, gap_ns=gap_ms * MS, recording=folder / "call.wav"
    )
    pipeline = Pipeline.from_yaml(path)
    await pipeline.start()  # with all notices, so that the last session of the server is the call's
    try:
        report = await pipeline.hold(held, events=folder / "events.jsonl", on_call=begin)
    finally:
        await pipeline.close()
    return Held(report, events(folder / "events.jsonl"), seen)


def items(server: RealtimeServer, kind: str) -> list[dict[str, Any]]:
    """The client events of ``kind``."""
    return [event for event in server.received if event["type"] == kind]
