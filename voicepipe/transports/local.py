"""A call held on this computer: its microphone and its loudspeaker, by ``sounddevice``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from voicepipe.audio.echo import EchoGate
from voicepipe.audio.track import Track
from voicepipe.core.clock import Clock
from voicepipe.core.units import SECOND
from voicepipe.errors import SetupError
from voicepipe.transports.loudspeaker import Loudspeaker
from voicepipe.transports.microphone import Microphone
from voicepipe.transports.played import Played
from voicepipe.transports.recording import Recording
from voicepipe.transports.sound_devices import DeviceStream, choose, devices, sound_library

__all__ = ["LocalCall", "devices"]

STALL = 3 * SECOND
"""A device that hasn't called for so long is gone: not every sound system says so. Bluetooth headsets that
change their mode are silent for up to two seconds."""


class LocalCall:
    """The two ends of a call held by microphone and loudspeaker: ``caller`` and ``output``.

    Opening and closing devices takes some 100 ms, and blocks: it is done before and after the call.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        rate: int,
        recording: Path | None = None,
        input_device: str | None = None,
        output_device: str | None = None,
        echo_gate: bool = True,
        sound: Any = None,
    ) -> None:
        """``rate`` (Hz) is the session's. A device is named by a part of its name; None is the default one.
        Without the ``echo_gate`` the agent hears itself, unless the caller wears headphones.

        ``sound`` stands in for the module ``sounddevice``. Raises ``SetupError`` where a device, the package
        or PortAudio is missing, and ``AudioError`` where the recording can't be written.
        """
        sound = sound or sound_library()
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._streams: list[DeviceStream] = []
        self._calls: dict[DeviceStream, int] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._recording: Recording | None = None
        found = devices(sound)
        inward, outward = choose(found, "input", input_device), choose(found, "output", output_device)
        self.input_name, self.output_name = inward.name, outward.name
        try:
            self.caller = Microphone(
                inward, rate=rate, clock=clock, sound=sound, on_lost=self._teller("microphone")
            )
            self._streams.append(self.caller.stream)
            self.output = Loudspeaker(outward, sound=sound, on_lost=self._teller("loudspeaker"))
            self._streams.append(self.output.stream)
            self._gate = self._keep_echo_out() if echo_gate else None
            if recording is not None:
                self._record(recording)
            for stream in self._streams:
                stream.start()
        except BaseException:
            self.close()
            raise
        self._watch_streams()

    def close(self) -> None:
        """Give the devices back and finish the recording; may be called twice."""
        if self._watch is not None:
            self._watch.cancel()
        for stream in self._streams:
            stream.close()
        if self._recording is not None:
            self._recording.close()

    def statistics(self) -> dict[str, int]:
        """``overflows`` and ``underruns`` of the devices; frames of the microphone that were ``dropped``, and
        those that held nothing but ``echo``."""
        return {
            "overflows": self.caller.overflows,
            "underruns": self.output.underruns,
            "dropped": self.caller.dropped,
            "echo": 0 if self._gate is None else self._gate.gated,
        }

    def _keep_echo_out(self) -> EchoGate:
        microphone, loudspeaker = self.caller, self.output
        played = Played(microphone.spoken_now, from_rate=loudspeaker.rate, rate=microphone.rate)
        loudspeaker.tell(played)
        gate = EchoGate(microphone.rate)
        microphone.gate_echo(gate, played)
        return gate

    def _record(self, path: Path) -> None:
        agent = Track(self.output.rate)
        self._recording = Recording(path, caller_rate=self.caller.rate, agent=agent)
        self.caller.recording = self._recording
        self.output.record(agent, partial(self.caller.time_line, agent.rate))

    def _teller(self, what: str) -> Callable[[], object]:
        """To be called in PortAudio's thread when ``what`` has gone away."""
        return partial(self._loop.call_soon_threadsafe, self._gone, what)

    def _gone(self, what: str) -> None:
        self.caller.end(
            SetupError(
                f"the {what} went away in the middle of the call",
                hint="connect it again and start a new call; voicepipe doctor lists the devices",
            )
        )

    def _watch_streams(self) -> None:
        for stream, calls in self._calls.items():
            if stream.calls == calls:
                self._gone(stream.what)
        self._calls = {stream: stream.calls for stream in self._streams}
        self._watch = self._clock.call_at(self._clock.now() + STALL, self._watch_streams)
