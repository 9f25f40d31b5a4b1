"""A sound card that exists only in the test: an object shaped like the module ``sounddevice``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import to_pcm
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS


class PortAudioError(Exception):
    """As sounddevice's."""


@dataclass
class Flags:
    input_overflow: bool = False
    output_underflow: bool = False


@dataclass
class FakeDevice:
    """``rates``: those that it can be opened with. ``refuses``: it lists well, but doesn't start."""

    name: str
    inputs: int = 0
    outputs: int = 0
    rate: float = 48_000.0
    rates: Sequence[int] = (48_000,)
    hostapi: int = 0
    refuses: bool = False


@dataclass
class FakeStream:
    """The test is its hardware: it calls ``speak`` or ``play`` when it likes."""

    device: FakeDevice
    samplerate: int
    blocksize: int
    callback: Callable[[Any, int, Any, Any], None]
    finished_callback: Callable[[], None]
    latency: float
    log: list[str]
    running: bool = False

    def start(self) -> None:
        if self.device.refuses:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.running = True
        self.log.append(f"start {self.device.name}")

    def abort(self) -> None:
        if self.running:
            self.running = False
            self.finished_callback()

    def close(self) -> None:
        self.log.append(f"close {self.device.name}")

    def unplug(self) -> None:
        """What PortAudio does where the sound system tells it."""
        self.abort()

    def speak(self, pcm: Pcm, *, overflow: bool = False) -> None:
        """A block comes from the microphone; PortAudio uses the same memory again afterwards."""
        lent = pcm.copy()
        self.callback(lent.data, len(lent), None, Flags(input_overflow=overflow))
        lent[:] = -1

    def play(self, samples: int | None = None, *, underflow: bool = False) -> Pcm:
        """The loudspeaker takes its next block."""
        size = self.blocksize if samples is None else samples
        block: Pcm = np.full(size, 99, np.int16)
        self.callback(block.data, size, None, Flags(output_underflow=underflow))
        return block


@dataclass
class FakeSound:
    """``default``: the indexes of the default input and output; −1 is none."""

    devices: Sequence[FakeDevice] = (
        FakeDevice("Built-in Microphone", inputs=1, rates=(16_000, 48_000)),
        FakeDevice("Built-in Speakers", outputs=2),
    )
    defaults: tuple[int, int] = (0, 1)
    latency: float = 0.02
    streams: list[FakeStream] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    PortAudioError = PortAudioError

    @property
    def default(self) -> Any:
        return SimpleNamespace(device=self.defaults)

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA"}, {"name": "JACK"}]

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {
                "name": device.name,
                "hostapi": device.hostapi,
                "max_input_channels": device.inputs,
                "max_output_channels": device.outputs,
                "default_samplerate": device.rate,
            }
            for device in self.devices
        ]

    def check_input_settings(self, *, device: int, samplerate: int, channels: int, dtype: str) -> None:
        assert (channels, dtype) == (1, "int16")
        if samplerate not in self.devices[device].rates:
            raise PortAudioError(f"Invalid sample rate [PaErrorCode -9997] {samplerate}")

    check_output_settings = check_input_settings

    def RawInputStream(self, *, device: int, **settings: Any) -> FakeStream:
        assert (settings.pop("channels"), settings.pop("dtype")) == (1, "int16")
        settings["latency"] = self.latency
        self.streams.append(FakeStream(device=self.devices[device], log=self.log, **settings))
        return self.streams[-1]

    RawOutputStream = RawInputStream

    @property
    def microphone(self) -> FakeStream:
        return next(stream for stream in self.streams if stream.device.inputs)

    @property
    def loudspeaker(self) -> FakeStream:
        return next(stream for stream in self.streams if stream.device.outputs)


class Hardware:
    """Devices that work at the pace of the session's clock, so that a call on a virtual one is held.

    ``room`` says what the microphone hears of 20 ms that were played, beside the ``speech``.
    """

    def __init__(
        self,
        sound: FakeSound,
        clock: Clock,
        speech: list[Pcm],
        *,
        room: Callable[[Pcm], npt.NDArray[np.float64]] | None = None,
    ) -> None:
        self.sound, self._clock, self._speech, self._room = sound, clock, speech, room
        self.played: list[Pcm] = []
        self.working = True
        self._tick = 0
        self._clock.call_at(0, self._work)

    def _work(self) -> None:
        """Ten milliseconds: a block of the loudspeaker, and every second time one of the microphone."""
        if not self.working:
            return
        if self.sound.loudspeaker.running:
            self.played.append(self.sound.loudspeaker.play())
        if self.sound.microphone.running and self._tick % 2:
            frame = self._speech.pop(0) if self._speech else np.zeros(320, np.int16)
            if self._room is not None:
                frame = to_pcm(frame + self._room(np.concatenate(self.played[-2:])))
            self.sound.microphone.speak(frame)
        self._tick += 1
        self._clock.call_at(self._tick * 10 * MS, self._work)
