"""A whole simulated call on the clock that leaps, from a file to what was heard of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, Pcm
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import AudioInput, FromCaller, Line
from voicepipe.core.records import StateChanged, TurnBegan, TurnDrafted, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.report import CallReport
from voicepipe.providers.sim_tts import hum
from voicepipe.transports.paced import PacedOutput
from voicepipe.transports.spoken import spoken
from voicepipe.transports.wav import OUTPUT_RATE, Clip

PIPELINE = """\
voicepipe: 1
agent:
  notices: {wait: "Hang on.", failed: "Something broke.", not_heard: "Pardon me."}
stages:
  vad: sim
  stt: {use: sim, texts: ["Where is my order?"], final_after: 100ms}
  llm: {use: sim, replies: [It will arrive on Friday.], first_token: 100ms}
  tts: sim
"""


class Ends:
    """The two ends of a call, of which all that is heard is kept."""

    def __init__(self, clock: Clock, caller: AudioInput) -> None:
        self.output = PacedOutput(clock, OUTPUT_RATE, recorded=True)
        self.caller = caller

    def close(self) -> None: ...


class Scene:
    """A call that has been held."""

    def __init__(
        self,
        folder: Path,
        caller: AudioInput,
        *,
        at: dict[int, Callable[[], object]] | None = None,
        greeting: dict[str, Any] | None = None,
        **overrides: Any,
    ) -> None:
        """``at``: what else happens, and when (ns). ``overrides``: keys of slots, as ``turn={...}``."""
        file = folder / "pipeline.yaml"
        file.write_text(PIPELINE)
        overrides = {f"stages.{slot}": keys for slot, keys in overrides.items()}
        if greeting is not None:
            overrides["agent.greeting"] = greeting
        pipeline = Pipeline.from_yaml(file, set=overrides)
        self.events: list[Any] = []
        self.played: Pcm
        self.report = run_on("simulated", self._hold(pipeline, caller, at or {}))

    async def _hold(
        self, pipeline: Pipeline, caller: AudioInput, at: dict[int, Callable[[], object]]
    ) -> CallReport:
        ends: list[Ends] = []
        clocks: list[Clock] = []

        def begin(call: Call) -> None:
            call.observe(lambda at_ns, event: self.events.append(event))
            clocks.append(call.clock)
            for at_ns, act in at.items():
                call.clock.call_at(at_ns, act)  # type: ignore[arg-type]  # whatever it returns

        def open_ends(clock: Clock) -> Ends:
            ends.append(Ends(clock, caller))
            return ends[0]

        report = await pipeline.hold(open_ends, on_call=begin)
        self.played = ends[0].output.track.take(0, clocks[0].now() * OUTPUT_RATE // SECOND)
        return report

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def turns(self) -> list[tuple[str, str]]:
        return [(turn.status or "", turn.heard or "") for turn in self.report.turns]

    def says(self, word: str) -> bool:
        """Whether ``word`` was heard: the simulated voice hums each in its own way."""
        sound = hum(word, round(OUTPUT_RATE / 2.5), OUTPUT_RATE)
        return sound[2400:4800].tobytes() in self.played.tobytes()

    def check(self) -> None:
        """What holds after every call: each turn has ended once, and nobody waits any more."""
        begun = {event.turn for event in self.of(TurnBegan) + self.of(TurnDrafted)}
        ended = [event.turn for event in self.of(TurnEnded)]
        assert sorted(ended) == sorted(begun)
        assert self.of(StateChanged)[-1:] in (
            [],
            [s for s in self.of(StateChanged)[-1:] if s.state == "idle"],
        )


def ask(text: str = "Where is my order?") -> Clip:
    """Noise with the words beside it, so that it is the same with and without espeak."""
    return spoken(text, "en-US", RATE, by_espeak=False)


class Microphone:
    """Sends what is said frame by frame, like a device that was asleep with the computer: nothing is lost,
    and nothing is made up for the time between."""

    rate = RATE
    live: ClassVar[bool] = False

    def __init__(self, *parts: Clip | float) -> None:
        """Clips, and seconds of silence."""
        self._parts = parts

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        position, size = 0, RATE // 50
        for part in self._parts:
            clip = part if isinstance(part, Clip) else None
            pcm = clip.pcm if clip else np.zeros(round(float(part) * RATE), np.int16)  # type: ignore[arg-type]
            for number, start in enumerate(range(0, pcm.size - size + 1, size)):
                await line.clock.sleep(20 * MS)
                words = clip.captions.get(number, "") if clip and clip.captions else ""
                frame = pcm[start : start + size]
                await out.send(AudioIn(pcm=frame, position=position, rate=RATE, caption=words))
                position += size
