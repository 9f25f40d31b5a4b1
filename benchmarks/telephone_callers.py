"""The callers of ``benchmarks.telephone``, in a process and on a core of their own.

Each says the clip, waits for the answer, listens to it for two seconds and speaks again, into the reply. All
that it sends was encoded before. When each frame was sent is kept for each call: what is late on this side
isn't the agents' fault, and is told apart.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from websockets.asyncio.client import connect

from benchmarks.agents import LISTENS, PATIENCE, SPREAD
from benchmarks.turns import the_clip
from voicepipe.audio.g711 import RATE, ULAW_SILENCE, encode_ulaw
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.resample import resample
from voicepipe.core.clock import Clock
from voicepipe.core.frames import FRAME_MS, Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.testing.media_stream_caller import MediaStreamCaller
from voicepipe.transports.media_stream_socket import WebSocket, how_to_accept

FRAME = RATE * FRAME_MS // 1000
SILENCE = bytes([ULAW_SILENCE]) * FRAME
AUDIBLE_DBFS = -50.0


def the_clip_as_sent() -> list[bytes]:
    sound, _ = the_clip()
    pcm = resample((sound.samples * 32767).astype(np.int16), 16_000, RATE)
    pcm = np.concatenate((pcm, np.zeros(-pcm.size % FRAME, np.int16)))
    return [encode_ulaw(pcm[start : start + FRAME]) for start in range(0, pcm.size, FRAME)]


class Listener(MediaStreamCaller):
    """Knows whether something is being heard, and keeps nothing."""

    until_ns = 0
    """When the last of what could be heard will have been played."""

    def _play(self, pcm: Pcm) -> None:
        super()._play(pcm)
        self.heard.clear()
        if rms_dbfs(pcm) > AUDIBLE_DBFS:
            self.until_ns = self._end

    def _clear(self) -> None:
        super()._clear()
        self.until_ns = min(self.until_ns, self._end)


class Talker:
    """One call: ``sent_ns`` is when each frame was sent, ``late_ns`` how late that was."""

    def __init__(self, url: str, number: int, begins_ns: int, lasts_ns: int, clip: list[bytes]) -> None:
        self.number = number
        self.sent_ns: list[int] = []
        self.late_ns: list[int] = []
        self.asked = self.answered = 0
        self._url = url
        self._begins_ns, self._lasts_ns = begins_ns, lasts_ns
        self._clip = clip

    async def run(self) -> None:
        options = {**how_to_accept(), "create_connection": None, "max_queue": 1024}
        async with connect(self._url, **options, proxy=None) as connection, asyncio.TaskGroup() as group:
            caller = Listener(WebSocket(connection), Clock(), stream_sid=f"MZ{self.number:032d}")
            caller.begin({"number": str(self.number)})
            listening = group.create_task(caller.listen())
            self._origin_ns = time.monotonic_ns()
            await self._talk(caller)
            caller.stop()
            await listening

    async def _talk(self, caller: Listener) -> None:
        clock = caller._clock
        await self._listen(caller, self._begins_ns)
        ends = clock.now() + self._lasts_ns
        while clock.now() < ends:
            for ulaw in self._clip:
                await self._say(caller, ulaw)
            self.asked += 1
            if (
                caller.until_ns <= clock.now()
            ):  # else it goes on speaking after all that, and the turn is lost
                until = clock.now() + PATIENCE
                while caller.until_ns <= clock.now() < until:
                    await self._say(caller, SILENCE)
                self.answered += caller.until_ns > clock.now()
            await self._listen(caller, LISTENS)

    async def _listen(self, caller: Listener, duration_ns: int) -> None:
        for _ in range(duration_ns // (FRAME_MS * MS)):
            await self._say(caller, SILENCE)

    async def _say(self, caller: Listener, ulaw: bytes) -> None:
        due_ns = self._origin_ns + (len(self.sent_ns) + 1) * FRAME_MS * MS
        await asyncio.sleep(max(0, due_ns - time.monotonic_ns()) / SECOND)
        now = time.monotonic_ns()
        self.sent_ns.append(now)
        self.late_ns.append(now - due_ns)
        caller.say(ulaw)


async def main(url: str, calls: int, lasts_s: float, folder: Path) -> None:
    begins = np.random.default_rng(calls).integers(0, SPREAD, calls)
    clip = the_clip_as_sent()
    lasts_ns = round(lasts_s * SECOND)
    talkers = [
        Talker(url, number, int(at), lasts_ns, clip) for number, at in zip(range(calls), begins, strict=True)
    ]
    gc.freeze()
    began = time.process_time(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for talker in talkers:
            group.create_task(talker.run())
            await asyncio.sleep(0.013)
    cpu = (time.process_time() - began[0]) / (time.monotonic() - began[1])
    np.savez(folder / "sent.npz", **{str(one.number): np.array(one.sent_ns) for one in talkers})
    late = np.concatenate([np.array(one.late_ns) for one in talkers]) / MS
    told = {
        "asked": sum(one.asked for one in talkers),
        "answered": sum(one.answered for one in talkers),
        "feeder_p99": float(np.percentile(late, 99)),
        "feeder_cpu": cpu,
    }
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    url, calls, lasts_s, folder, *core = sys.argv[1:]
    if core:  # it would inherit that of the agents
        os.sched_setaffinity(0, {int(core[0])})
    asyncio.run(main(url, int(calls), float(lasts_s), Path(folder)))
