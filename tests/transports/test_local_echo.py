"""Whole calls in a room where the microphone hears the loudspeaker."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.echoes import OTHERS, SHIPPED, Air, Room, voice
from tests.support.sound import FakeDevice, FakeSound, Hardware
from voicepipe.api import Call, Pipeline
from voicepipe.audio.pcm import to_pcm
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.extras import missing
from voicepipe.core.frames import Pcm, SpeechStarted
from voicepipe.core.units import SECOND
from voicepipe.observe.report import CallReport
from voicepipe.transports.local import LocalCall

RATE = 16_000
FRAME = RATE // 50
GREETING = "Welcome to the clinic on Oak Street where you can ask for an appointment or the opening hours"

PIPELINE = """
voicepipe: 1
agent: {prompt: "", greeting: %s}
stages:
  vad: {use: energy}
  stt: {use: sim, texts: [good morning], final_after: 50ms}
  llm: {use: sim, replies: ["Good morning to you."]}
  tts: %s
"""

RECORDED = json.dumps({"use": "tests.support.echoes:RecordedVoice", "clips": list(SHIPPED)})


class Outcome:
    """A call of twelve seconds: its report, when speech was noticed (ms), and what was lost and gated."""

    def __init__(
        self,
        folder: Path,
        room: Room,
        *,
        tts: str = RECORDED,
        caller: Pcm | None = None,
        echo_gate: bool = True,
        devices: tuple[FakeDevice, ...] | None = None,
    ) -> None:
        path = folder / "pipeline.yaml"
        path.write_text(PIPELINE % (json.dumps(GREETING), tts))
        sound = FakeSound(devices) if devices else FakeSound()
        self.onsets_ms: list[float] = []
        frames = [] if caller is None else list(caller[: caller.size // FRAME * FRAME].reshape(-1, FRAME))

        def ends(clock: Clock) -> LocalCall:
            self.ends = LocalCall(clock, rate=RATE, echo_gate=echo_gate, sound=sound)
            Hardware(sound, clock, frames, room=Air(room, self.ends.output.rate))
            return self.ends

        def begin(call: Call) -> None:
            call.observe(self._note)
            call.clock.call_at(12 * SECOND, lambda: call.hang_up("enough"))

        self.report: CallReport = run_on("simulated", Pipeline.from_yaml(path).hold(ends, on_call=begin))

    def _note(self, at_ns: int, event: object) -> None:
        if isinstance(event, SpeechStarted):
            self.onsets_ms.append(event.onset_ns / 1e6)

    def turns(self) -> list[tuple[str, str]]:
        return [(turn.user, turn.status) for turn in self.report.turns]


def speaks(names: tuple[str, ...], *, at_s: float, dbfs: float) -> Pcm:
    return to_pcm(np.concatenate((np.zeros(round(at_s * RATE)), voice(names, seconds=1.2, dbfs=dbfs))))


ROOMS = {
    "a loud laptop": Room(echo_db=-6, delay_ms=20, overdriven=8000, decay_ms=200),
    "loudspeakers on a desk": Room(echo_db=-20, delay_ms=60, decay_ms=300),
    "wireless loudspeakers": Room(echo_db=-15, delay_ms=280),
    "a loud fan": Room(echo_db=-15, delay_ms=60, noise_dbfs=-50),
}


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
def test_the_agent_does_not_interrupt_itself(room: Room, tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, room)
    assert outcome.turns() == [("", "completed")]
    assert outcome.onsets_ms == []
    assert outcome.report.turns[0].heard == GREETING
    assert outcome.ends.statistics()["echo"] > 50


def test_the_synthesised_voice_does_not_interrupt_itself_either(tmp_path: Path) -> None:
    if missing("espeakng_loader", extra="quickstart"):
        pytest.skip("espeakng_loader isn't installed")
    outcome = Outcome(tmp_path, ROOMS["loudspeakers on a desk"], tts="espeak")
    assert outcome.turns() == [("", "completed")]
    assert outcome.onsets_ms == []


def test_without_the_gate_it_would(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, ROOMS["a loud laptop"], echo_gate=False)
    assert outcome.onsets_ms != []
    assert outcome.ends.statistics()["echo"] == 0


@pytest.mark.parametrize("room", [ROOMS["a loud laptop"], ROOMS["loudspeakers on a desk"]])
def test_a_caller_who_talks_over_the_agent_interrupts_it(room: Room, tmp_path: Path) -> None:
    caller = speaks(OTHERS, at_s=3.0, dbfs=-20 + room.echo_db)
    outcome = Outcome(tmp_path, room, caller=caller)
    assert outcome.turns()[:2] == [("", "interrupted"), ("good morning", "completed")]
    assert outcome.onsets_ms[0] == pytest.approx(3100, abs=150)
    spoken = outcome.report.turns[0].heard or ""
    assert GREETING.startswith(spoken)
    assert len(spoken) < len(GREETING)


def test_a_caller_who_waits_for_the_end_is_heard_as_always(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, ROOMS["a loud laptop"], caller=speaks(OTHERS, at_s=7.5, dbfs=-26))
    assert outcome.turns()[:2] == [("", "completed"), ("good morning", "completed")]


def test_a_stereo_headset_with_the_agent_on_one_side_is_an_echo_like_any_other(tmp_path: Path) -> None:
    # Its second channel is what it plays. The sound system mixes both into the one that is asked for.
    headset = (FakeDevice("Headset in", inputs=2, rates=(16_000,)), FakeDevice("Headset out", outputs=2))
    both = Room(echo_db=-6, delay_ms=0)
    outcome = Outcome(tmp_path, both, devices=headset, caller=speaks(OTHERS, at_s=7.5, dbfs=-26))
    assert outcome.turns()[:2] == [("", "completed"), ("good morning", "completed")]
    assert outcome.ends.statistics()["echo"] > 50
