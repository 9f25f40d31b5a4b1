from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.sound import FakeDevice, FakeSound, Hardware
from tests.support.tones import tone
from tests.support.toolbench import settle
from voicepipe.api import Call, Pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, TypedText
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.core.units import SECOND
from voicepipe.errors import AudioError, SetupError
from voicepipe.transports.local import STALL, LocalCall

RATE = 16_000

PIPELINE = """
voicepipe: 1
agent: {prompt: "", greeting: "Hello there."}
stages:
  vad: {use: energy}
  stt: {use: sim, texts: [good morning], final_after: 50ms}
  llm: {use: sim, replies: ["Good morning to you."]}
  tts: sim
"""


def test_a_whole_call_by_microphone_and_loudspeaker(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE)
    sound = FakeSound()
    pause = [np.zeros(320, np.int16)] * 150
    speech = pause + list(tone(300, RATE, 1.0).reshape(-1, 320))
    hardware: list[Hardware] = []

    def ends(clock: Clock) -> LocalCall:
        call = LocalCall(clock, rate=RATE, recording=tmp_path / "call.wav", sound=sound)
        hardware.append(Hardware(sound, clock, speech))
        return call

    def begin(call: Call) -> None:
        call.clock.call_at(9 * SECOND, lambda: call.hang_up("enough"))

    report = run_on("simulated", Pipeline.from_yaml(path).hold(ends, on_call=begin))
    assert [(turn.user, turn.heard) for turn in report.turns] == [
        ("", "Hello there."),
        ("good morning", "Good morning to you."),
    ]
    assert sound.log[-2:] == ["close Built-in Microphone", "close Built-in Speakers"]
    left, right = np.frombuffer((tmp_path / "call.wav").read_bytes()[44:], "<i2").reshape(-1, 2).T
    spoken = np.flatnonzero(left)[[0, -1]] / 48_000
    assert spoken == pytest.approx([3.0, 4.0], abs=0.05)
    answered = np.flatnonzero(right[4 * 48_000 :])[0] / 48_000
    assert 0.5 < answered < 2
    np.testing.assert_array_equal(
        right[right != 0], np.concatenate(hardware[0].played)[np.concatenate(hardware[0].played) != 0]
    )


class Line:
    idle_since = None

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def record(self, record: Any) -> None: ...


def start(call: LocalCall, clock: Clock) -> asyncio.Future[None]:
    out: Outlet[AudioIn | TypedText] = Outlet("input", {AudioIn: (Inbox("vad", Turns()),)}, live=True)
    return asyncio.ensure_future(call.caller.run(out, Line(clock)))


@pytest.mark.parametrize("gone", ["microphone", "loudspeaker"])
def test_a_device_that_is_unplugged_ends_the_call_with_its_name(gone: str) -> None:
    async def test() -> None:
        sound, clock = FakeSound(), Clock()
        call = LocalCall(clock, rate=RATE, sound=sound)
        running = start(call, clock)
        await settle()
        getattr(sound, gone).unplug()
        with pytest.raises(SetupError, match=f"the {gone} went away") as raised:
            await running
        assert raised.value.exit_status == 3
        call.close()

    asyncio.run(test())


@pytest.mark.parametrize("gone", ["microphone", "loudspeaker"])
def test_a_device_that_falls_silent_without_a_word_is_noticed(gone: str) -> None:
    async def test() -> None:
        sound, clock = FakeSound(), Clock()
        call = LocalCall(clock, rate=RATE, sound=sound)
        hardware = Hardware(sound, clock, [])
        running = start(call, clock)
        await clock.sleep(3 * STALL)
        assert not running.done()
        getattr(sound, gone).running = False
        with pytest.raises(SetupError, match=f"the {gone} went away"):
            await running
        assert clock.now() <= 5 * STALL
        hardware.working = False
        call.close()

    run_on("simulated", test())


def test_closing_twice_gives_the_devices_back_once_and_is_no_loss() -> None:
    async def test() -> None:
        sound, clock = FakeSound(), Clock()
        call = LocalCall(clock, rate=RATE, sound=sound)
        running = start(call, clock)
        call.close()
        call.close()
        await settle()
        assert not running.done()
        running.cancel()
        assert [line for line in sound.log if line.startswith("close")] == [
            "close Built-in Microphone",
            "close Built-in Speakers",
        ]

    asyncio.run(test())


def test_devices_are_chosen_by_name() -> None:
    async def test() -> None:
        headset = FakeDevice("USB Headset", inputs=1, outputs=2)
        sound = FakeSound((*FakeSound().devices, headset))
        call = LocalCall(Clock(), rate=RATE, input_device="usb", output_device="built", sound=sound)
        assert (call.input_name, call.output_name) == ("USB Headset", "Built-in Speakers")
        call.close()

    asyncio.run(test())


def test_what_fails_to_open_leaves_nothing_open(tmp_path: Path) -> None:
    async def test() -> None:
        broken = FakeDevice("Broken", outputs=2, refuses=True)
        sound = FakeSound((FakeDevice("Mic", inputs=1), broken))
        with pytest.raises(SetupError, match="'Broken' can't be used"):
            LocalCall(Clock(), rate=RATE, recording=tmp_path / "call.wav", sound=sound)
        assert sound.log == ["start Mic", "close Broken", "close Mic"]
        sound = FakeSound()
        with pytest.raises(AudioError):
            LocalCall(Clock(), rate=RATE, recording=tmp_path / "nowhere" / "call.wav", sound=sound)
        assert len([line for line in sound.log if line.startswith("close")]) == 2

    asyncio.run(test())


def test_statistics_tell_what_was_lost() -> None:
    async def test() -> None:
        sound = FakeSound()
        call = LocalCall(Clock(), rate=RATE, sound=sound)
        sound.microphone.speak(np.zeros(320, np.int16), overflow=True)
        sound.loudspeaker.play(underflow=True)
        assert call.statistics() == {"overflows": 1, "underruns": 1, "dropped": 0, "echo": 0}
        call.close()

    asyncio.run(test())
