"""The fused stage: a Realtime server's audio to the transport, and the caller's to the server, in real time.

The server is the scripted one, in this process and on loopback. It sends 20 ms of audio each 20 ms, so that
nothing waits for the loudspeaker; each piece is known by its level. What is counted begins when the server
hands a piece to its socket and ends when playout hands it to the transport. The caller's microphone goes on
all the while, silence is sent as well, and every frame of it has to arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import ClassVar
from unittest.mock import patch

import numpy as np

from benchmarks._results import Figure
from voicepipe.api import Pipeline
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Pcm, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.units import MS
from voicepipe.testing.realtime_link import Link
from voicepipe.testing.realtime_script import Asked, Reply
from voicepipe.testing.realtime_server import RealtimeServer

PACKAGES = ("websockets", "openai")
RATE, VOICE_RATE = 16_000, 24_000
FRAME, PIECE = RATE // 50, VOICE_RATE // 50
LOUDEST = 30_000
PIECES = 1500
AFTERWARDS = 25
"""Frames that are still sent when the reply is over, lest the last that count were still on their way."""
FILE = """\
voicepipe: 1
agent: {{notices: {{wait: "", failed: "", not_heard: "", reconnected: ""}}}}
stages:
  vad: energy
  realtime: {{use: openai/gpt-realtime-2.1, send_silence: true, base_url: "{url}"}}
"""


class Caller:
    """Types a question, and is silent into the microphone until the reply is over."""

    live: ClassVar[bool] = True
    rate = RATE

    def __init__(self) -> None:
        self.sent = 0
        self.sent_meanwhile = 0
        """Until the reply was over."""

    async def run(self, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        silence = np.zeros(FRAME, np.int16)
        await out.send(TypedText(text="Go on.", at_ns=line.clock.now()))
        while line.idle_since is None or self.sent < self.sent_meanwhile + AFTERWARDS:
            if line.idle_since is None:
                self.sent_meanwhile = self.sent
            await line.clock.sleep_until(self.sent * 20 * MS)
            out.offer(AudioIn(pcm=silence, position=self.sent * FRAME, rate=RATE))
            self.sent += 1


class Transport:
    """A loudspeaker that never makes anybody wait; notes when each piece came."""

    rate = VOICE_RATE

    def __init__(self) -> None:
        self.came: dict[int, float] = {}

    async def write(self, pcm: Pcm) -> None:
        if pcm.size == PIECE:
            self.came.setdefault(level(pcm), perf_counter())

    def pending(self) -> int:
        return 0

    def flush(self) -> None:
        """Nothing is pending."""


class Ends:
    def __init__(self, clock: Clock) -> None:
        self.caller, self.output = Caller(), Transport()

    def close(self) -> None:
        """There is nothing to give back."""


def level(pcm: Pcm) -> int:
    return int(pcm[PIECE // 2])


def _pipeline(folder: Path, url: str) -> Pipeline:
    path = folder / "fused.yaml"
    path.write_text(FILE.format(url=url))
    return Pipeline.from_yaml(path)


@contextmanager
def _stamped(sent: dict[int, float], levels: list[int]) -> Iterator[None]:
    """Note in ``sent`` when each piece of audio is handed to the server's socket."""
    plain, left = Link.send, iter(levels)

    async def send(link: Link, message: str | bytes, *, text: bool | None = None) -> None:
        if isinstance(message, str) and '"response.output_audio.delta"' in message:
            sent[next(left)] = perf_counter()
        await plain(link, message, text=text)

    with patch.object(Link, "send", send):
        yield


def measure(quick: bool) -> list[Figure]:
    return asyncio.run(_measure(100 if quick else PIECES))


async def _measure(pieces: int) -> list[Figure]:
    sent: dict[int, float] = {}
    levels = [LOUDEST - number for number in range(pieces)]
    blocks = [np.full(PIECE, each, np.int16) for each in levels]
    words = [f"{number} " for number in range(pieces)]

    def answer(asked: Asked) -> Reply:
        return Reply(text=words, audio=blocks, delay=0.02)

    async with RealtimeServer(answer=answer) as server:
        with TemporaryDirectory() as folder, _stamped(sent, levels):
            made: list[Ends] = []

            def ends(clock: Clock) -> Ends:
                made.append(Ends(clock))
                return made[-1]

            await _pipeline(Path(folder), server.base_url).hold(ends)
        uploaded = sum(event["type"] == "input_audio_buffer.append" for event in server.received)
    (end,) = made
    late = [(end.output.came[each] - at) * 1000 for each, at in sent.items() if each in end.output.came]
    how = f"{len(late)} pieces of 20 ms, one each 20 ms"
    worst = f"{how}; the worst {max(late):.1f}"
    return [
        Figure(
            what="a Realtime server's audio to the transport", unit="ms", values=late, how=how, at_most=2.0
        ),
        Figure(what="… p99", unit="ms", values=[float(np.percentile(late, 99))], how=worst, at_most=10.0),
        Figure(
            what="microphone frames that reached the server while the model spoke",
            unit="%",
            values=[100 * min(1, uploaded / end.caller.sent_meanwhile)],
            how=f"{min(uploaded, end.caller.sent_meanwhile)} of {end.caller.sent_meanwhile}",
            at_least=100.0,
        ),
    ]
