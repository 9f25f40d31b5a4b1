"""Recorded and typed callers instead of a microphone, and a stereo WAV file instead of a loudspeaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from voicepipe.audio.channels import heard_in
from voicepipe.audio.level import end_of_speech
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import Wav, read_wav
from voicepipe.core.clock import Clock
from voicepipe.core.frames import FRAME_MS, AudioIn, Pcm, Talk, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import FromCaller, Line
from voicepipe.core.records import ClipEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import AudioError
from voicepipe.transports.paced import PacedOutput
from voicepipe.transports.recording import Recording

OUTPUT_RATE = 24_000
"""Of the recording, caller and agent alike: at least that of every voice in common use."""

LEAD_IN = 200 * MS
"""Silence before the first word, as on a real line; a greeting begins meanwhile."""

SETTLE = 500 * MS
"""How long after a clip the pipeline may take to notice that somebody has spoken."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One thing that a recorded caller says: int16 mono at the session's rate."""

    name: str
    pcm: Pcm
    end_of_speech: int
    """The sample after the last one that is louder than −35 dBFS; the length if none is."""
    captions: Mapping[int, str] | None = None
    """Which words are said in which of its 20 ms frames; None if nobody knows what is said."""
    note: str | None = None
    """What people should know who wonder what is heard."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One thing that a caller types."""

    text: str


Channel = Literal["auto", "left", "right", "both"]


def load_clip(path: Path, rate: int, channel: Channel = "auto") -> Clip:
    """Read a WAV file of any rate and format; ``AudioError`` if it can't be read or is silent.

    ``auto``: where the two channels hold two sounds, as those of a recorded call do, the left one is the
    caller; a silent one is left out; all others are averaged, as ``both`` does always.
    """
    wav, note = _read_caller(path, channel)
    pcm = resample(wav.pcm, wav.rate, rate)
    end = end_of_speech(pcm, rate)
    if not np.any(pcm):
        raise AudioError(
            f"{path} is silent: {pcm.size / rate:.1f} s of zeros",
            hint="check the recording's channel and level; speech is expected",
        )
    return Clip(path.name, pcm, pcm.size if end is None else end, note=note)


def _read_caller(path: Path, channel: Channel) -> tuple[Wav, str | None]:
    if channel in ("left", "right"):
        return read_wav(path, channel=int(channel == "right")), None
    wav = read_wav(path)
    if channel == "both" or wav.channels != 2:
        return wav, None
    left, right = read_wav(path, channel=0), read_wav(path, channel=1)
    match heard_in(left.pcm, right.pcm, wav.rate):
        case "same":
            return wav, None
        case "left":
            return left, f"{path.name}: the right channel is silent, the left one is heard"
        case "right":
            return right, f"{path.name}: the left channel is silent, the right one is heard"
        case "two":
            return left, (
                f"{path.name}: its channels hold two different sounds, as those of a recorded call do;"
                " the left one is taken for the caller (--input-channel right takes the other one)"
            )


class ScriptedCaller:
    """Says one thing after the other, each ``gap_ns`` after the reply to the one before has ended.

    Between them there is silence, as on a line that stays open. An ``AudioInput``.
    """

    live: ClassVar[bool] = False

    def __init__(
        self,
        script: Sequence[Clip | Typed],
        *,
        rate: int,
        gap_ns: int = 500 * MS,
        recording: Recording | None = None,
    ) -> None:
        self.rate = rate
        self._script = script
        self._gap_ns = gap_ns
        self._recording = recording
        self._size = rate * FRAME_MS // 1000
        self._silence: Pcm = np.zeros(self._size, np.int16)
        self._position = 0
        self._began_ns = 0

    @property
    def began_ns(self) -> int:
        """Session time at which the first sample is spoken, and a recording begins."""
        return self._began_ns

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        self._begin(line.clock.now())
        await self._be_silent(out, line, LEAD_IN)
        for item in self._script:
            await self._wait_for_reply(out, line)
            if isinstance(item, Typed):
                await out.send(TypedText(text=item.text, at_ns=line.clock.now()))
            else:
                await self._say(item, out, line)
            await self._be_silent(out, line, SETTLE)
        await self._wait_for_reply(out, line)

    def _begin(self, now_ns: int) -> None:
        self._began_ns = now_ns
        if self._recording is not None:
            self._recording.begin(now_ns)

    async def _say(self, clip: Clip, out: Outlet[FromCaller], line: Line) -> None:
        end = clip.end_of_speech
        await self._press(out, line, pressed=True)
        spoken_ns = self._time_of(self._position + end)
        for start in range(0, clip.pcm.size, self._size):
            caption = None if clip.captions is None else clip.captions.get(start // self._size, "")
            await self._send(clip.pcm[start : start + self._size], out, line, caption)
            if start < end <= start + self._size:  # not after its silence: the reply may be over by then
                line.record(ClipEnded(at_ns=line.clock.now(), clip=clip.name, end_of_speech_ns=spoken_ns))
                await self._press(out, line, pressed=False)

    async def _press(self, out: Outlet[FromCaller], line: Line, *, pressed: bool) -> None:
        """The key to talk is held as long as there is speech; it matters under ``push_to_talk`` only."""
        await out.send(Talk(pressed=pressed, at_ns=line.clock.now()))

    async def _wait_for_reply(self, out: Outlet[FromCaller], line: Line) -> None:
        while line.idle_since is None or line.clock.now() - line.idle_since < self._gap_ns:
            await self._send(self._silence, out, line)

    async def _be_silent(self, out: Outlet[FromCaller], line: Line, duration_ns: int) -> None:
        until = line.clock.now() + duration_ns
        while line.clock.now() < until:
            await self._send(self._silence, out, line)

    async def _send(self, pcm: Pcm, out: Outlet[FromCaller], line: Line, caption: str | None = None) -> None:
        """A frame leaves when its last sample has been spoken."""
        if pcm.size < self._size:
            pcm = np.concatenate((pcm, self._silence[pcm.size :]))
        position, self._position = self._position, self._position + self._size
        await line.clock.sleep_until(self._time_of(self._position))
        await out.send(AudioIn(pcm=pcm, position=position, rate=self.rate, caption=caption))
        if self._recording is not None:
            self._recording.add_caller(pcm)

    def _time_of(self, position: int) -> int:
        return self._began_ns + position * SECOND // self.rate


class WavCall:
    """The two ends of a call held with files: ``caller`` and ``output``."""

    def __init__(
        self,
        clock: Clock,
        script: Sequence[Clip | Typed],
        *,
        rate: int,
        gap_ns: int = 500 * MS,
        recording: Path | None = None,
    ) -> None:
        self.output = PacedOutput(clock, OUTPUT_RATE, recorded=recording is not None)
        self._recording = (
            Recording(recording, caller_rate=rate, agent=self.output.track) if recording is not None else None
        )
        self.caller = ScriptedCaller(script, rate=rate, gap_ns=gap_ns, recording=self._recording)

    def close(self) -> None:
        """Finish the recording."""
        if self._recording is not None:
            self._recording.close()
