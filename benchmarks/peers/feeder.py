"""The callers' side of the line, in a process of its own, which no measured process can make late.

``python -m benchmarks.peers.feeder CLIP CORES LINE…``: the file of the utterance, the cores to run on
(``-``: any), and the descriptors of the lines. Each line is a socket that carries whole packets. The other
end sends ``BEGIN``, from when on it gets a frame each 20 ms, the noise of a room, and ``SAY``, at which it
gets the utterance next. Both ends read the same clock, ``time.perf_counter``, which on Linux is the system's.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, cycle
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.peers.sounds import FRAME_S, Clip, Pcm, room

BEGIN, SAY = b"b", b"s"
ROOM, FIRST, MORE, LAST = range(4)
"""What a frame holds: noise, or a part of the utterance."""

HEADER = struct.Struct("<QddB")
PACKET = 4096
SLEEPS_WITHIN_S = 0.002
"""The selector counts whole milliseconds: what is left of them is slept."""


class Arrived(NamedTuple):
    """A frame. ``due``: when its last sample was to be spoken; ``sent``: when it was handed over."""

    number: int
    due: float
    sent: float
    kind: int
    pcm: bytes


def read(packet: bytes) -> Arrived:
    return Arrived(*HEADER.unpack_from(packet), packet[HEADER.size :])


class Feeder:
    """Starts the process. ``cores`` are those that it may use, so that the measured one has its own."""

    def __init__(self, clip: str, lines: int, cores: Sequence[int] = ()) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(lines)]
        self._free = [ours for ours, _ in reversed(pairs)]
        numbers = [theirs.fileno() for _, theirs in pairs]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.feeder", clip, ",".join(map(str, cores)) or "-"]
            + [str(number) for number in numbers],
            pass_fds=numbers,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for _, theirs in pairs:
            theirs.close()

    def line(self, arrived: Callable[[Arrived], None]) -> Line:
        return Line(self._free.pop(), arrived)


class Line:
    """This end of a line, in the measured process's event loop."""

    def __init__(self, end: socket.socket, arrived: Callable[[Arrived], None]) -> None:
        end.setblocking(False)
        self._end, self._arrived = end, arrived
        asyncio.get_running_loop().add_reader(end.fileno(), self._read)
        end.send(BEGIN)

    def say(self) -> None:
        self._end.send(SAY)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._end.fileno())
        self._end.close()

    def _read(self) -> None:
        packet = self._end.recv(PACKET)
        if not packet:
            self.close()
            raise ConnectionResetError("the feeder has died")
        self._arrived(read(packet))


# ── in the feeder's process ──────────────────────────────────────────────────────────────────────


@dataclass
class Voice:
    """One caller. ``number`` seeds when in the 20 ms this one's frames are due: callers aren't in step."""

    end: socket.socket
    number: int
    clip: Clip
    room: list[npt.NDArray[np.int16]]
    began: float | None = None
    frames: int = 0
    saying: list[tuple[int, Pcm]] = field(default_factory=list)

    def told(self, now: float) -> None:
        """What the other end has asked for. Raises ``ConnectionError`` if it is gone."""
        asked = self.end.recv(1)
        if not asked:
            raise ConnectionResetError
        if asked == BEGIN:
            self.began = now + float(np.random.default_rng(self.number).uniform(0, FRAME_S))
        else:
            kinds = chain([FIRST], cycle([MORE]))
            said = list(zip(kinds, self.clip.frames, strict=False))
            self.saying = [*said[:-1], (LAST, said[-1][1])]

    def due(self) -> float:
        """Of the next frame's last sample."""
        assert self.began is not None, "it is asked for after the beginning"
        return self.began + (self.frames + 1) * FRAME_S

    def send(self) -> None:
        """The next frame. Who has left a few seconds of them unread loses it."""
        kind, pcm = self.saying.pop(0) if self.saying else (ROOM, self.room[self.frames % len(self.room)])
        due, self.frames = self.due(), self.frames + 1
        header = HEADER.pack(self.frames, due, time.perf_counter(), kind)
        try:
            self.end.send(header + pcm.tobytes())
        except BlockingIOError:
            pass  # the gap in the numbers tells it


def feed(voices: Sequence[Voice]) -> None:
    """Until nobody is left."""
    selector = selectors.DefaultSelector()
    for voice in voices:
        voice.end.setblocking(False)
        selector.register(voice.end, selectors.EVENT_READ, voice)
    due: list[tuple[float, int, Voice]] = []
    while selector.get_map():
        wait = due[0][0] - time.perf_counter() if due else None
        for key, _ in selector.select(wait and max(0.0, wait - SLEEPS_WITHIN_S)):
            voice = key.data
            fresh = voice.began is None
            try:
                voice.told(time.perf_counter())
            except ConnectionError:
                selector.unregister(voice.end)
                continue
            if fresh:
                heapq.heappush(due, (voice.due(), voice.number, voice))
        if due:
            _send_next(due)


def _send_next(due: list[tuple[float, int, Voice]]) -> None:
    """The next frame, if its time has all but come."""
    wait = due[0][0] - time.perf_counter()
    if wait > SLEEPS_WITHIN_S:
        return
    time.sleep(max(0.0, wait))
    _, number, voice = heapq.heappop(due)
    try:
        voice.send()
    except ConnectionError:
        return
    heapq.heappush(due, (voice.due(), number, voice))


def main(clip: str, cores: str, *lines: str) -> None:
    if cores != "-":
        os.sched_setaffinity(0, map(int, cores.split(",")))
    utterance, noise = Clip.read(clip, ""), room()
    feed([Voice(socket.socket(fileno=int(end)), n, utterance, noise) for n, end in enumerate(lines)])


if __name__ == "__main__":
    main(*sys.argv[1:])
