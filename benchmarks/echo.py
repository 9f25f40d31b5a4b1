"""The echo gate in simulated rooms: what passes of the agent, how soon a caller does, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time

import numpy as np

from benchmarks._results import Figure
from tests.support.echoes import (
    FRAME,
    OTHERS,
    RATE,
    SHIPPED,
    Room,
    Wave,
    gated,
    level_of,
    path_of,
    sounding,
    voice,
)
from voicepipe.audio.echo import EchoGate
from voicepipe.audio.pcm import Pcm, to_pcm
from voicepipe.providers.energy import EnergyConfig, EnergyStream

PACKAGES = ("numpy",)
SECONDS = 12
MEETINGS = (4.0, 5.1, 6.3, 7.2, 8.4, 9.6)
"""When callers begin, in s: in words of the agent's and between them."""
VOICES = (
    (SHIPPED, OTHERS),
    (("lj_0002", "lj_0004", "lj_0006"), ("ps_librivox_0870",)),
    (("ls_1688-142285-0000",), ("jfk",)),
)
"""Agent and caller; those of ../shared/audio as far as they are there."""

ROOMS = {
    "at −6 dB, 20 ms": Room(echo_db=-6, delay_ms=20, decay_ms=300),
    "at −20 dB, 120 ms": Room(decay_ms=300),
    "at −20 dB, 300 ms": Room(delay_ms=300, decay_ms=300),
    "at −40 dB, 120 ms": Room(echo_db=-40, decay_ms=300, noise_dbfs=-70),
    "at −15 dB over noise of −48 dBFS": Room(echo_db=-15, decay_ms=300, noise_dbfs=-48),
    "at −20 dB in a reverberant room": Room(decay_ms=600),
    "at −20 dB of an overdriven loudspeaker": Room(overdriven=6000, decay_ms=300),
}


def measure(quick: bool) -> list[Figure]:
    voices = list(_voices())[: 1 if quick else None]
    rooms = dict(list(ROOMS.items())[:2]) if quick else ROOMS
    agents, meetings = [agent for agent, _ in voices], MEETINGS[: 2 if quick else None]
    echo = [figure for name, room in rooms.items() for figure in _echo(name, room, agents)]
    callers = [_caller(over_db, voices, meetings) for over_db in (6, 0, -3, -6, -10)]
    return [*echo, *callers, *_cost(agents[0], rounds=1 if quick else 5)]


def _voices() -> Iterator[tuple[Wave, tuple[str, ...]]]:
    for agent, caller in VOICES:
        if all(path_of(name).exists() for name in (*agent, *caller)):
            spoken = voice(agent, seconds=SECONDS - 0.5)
            yield np.concatenate((np.zeros(RATE // 2), spoken)), caller


def _echo(name: str, room: Room, agents: list[Wave]) -> list[Figure]:
    shares, starts = [], []
    for played in agents:
        result = gated(played, room.echo(played) + room.noise(played.size))
        audible = sounding(room.echo(played), room.noise_dbfs + 8)
        shares.append(100 * float(np.mean(result.passed[audible])))
        starts.append(_onsets(result.pcm))
    how = f"{len(agents)} voices, {SECONDS} s each, from the first sound of the call on"
    return [
        Figure(
            what=f"echo gate: frames of the agent's voice that pass, {name}", unit="%", values=shares, how=how
        ),
        Figure(
            what="… speech that VAD `energy` notices in them", unit="times", values=starts, how=how, at_most=0
        ),
    ]


def _onsets(pcm: Pcm) -> int:
    """How often two windows in a row are speech: that is the shortest speech by default."""
    stream = EnergyStream(EnergyConfig(), RATE)
    windows = pcm[: pcm.size // stream.window * stream.window].reshape(-1, stream.window)
    speech = np.array([stream.probability(window) > 0.5 for window in windows])
    begun = speech[1:] & speech[:-1]
    return int(np.count_nonzero(begun[1:] & ~begun[:-1]) + begun[0])


def _caller(over_db: int, voices: list[tuple[Wave, tuple[str, ...]]], meetings: tuple[float, ...]) -> Figure:
    within = []
    for room in (Room(echo_db=-6, delay_ms=20, decay_ms=300), Room(), Room(overdriven=6000, decay_ms=300)):
        for played, names in voices:
            echo = room.echo(played)
            words = voice(names, seconds=1.5, dbfs=level_of(echo) + over_db)
            onset = FRAME * int(np.argmax(sounding(words, level_of(words) - 15)))
            words = words[onset : onset + RATE // 2]
            for at_s in meetings:
                microphone, start = echo + room.noise(echo.size), round(at_s * RATE / FRAME) * FRAME
                microphone[start : start + words.size] += words
                end = start + words.size
                passed = gated(played[:end], microphone[:end]).passed[start // FRAME :]
                within.append(100.0 * bool((passed[:4] & passed[1:5]).any()))
    return Figure(
        what=f"echo gate: callers heard within 100 ms, {over_db:+d} dB against the echo",
        unit="%",
        values=[float(np.mean(within))],
        how=f"{len(within)} first words over the agent's: 3 rooms, {len(voices)} pairs of voices",
        at_least=90 if over_db >= 0 else None,
    )


def _cost(played: Wave, *, rounds: int) -> list[Figure]:
    room = Room(decay_ms=300)
    sound, heard = to_pcm(played), to_pcm(room.echo(played) + room.noise(played.size))
    silence, frames = np.zeros(FRAME, np.int16), sound.size // FRAME
    playing, idle = [], []
    for _ in range(rounds):
        gate, begun = EchoGate(RATE), process_time()
        for start in range(0, frames * FRAME, FRAME):
            gate.play(sound[start : start + FRAME], start)
            gate.hear(heard[start : start + FRAME], start)
        playing.append((process_time() - begun) / frames * 1e6)
        later, begun = frames * FRAME + 2 * RATE, process_time()
        for start in range(later, later + 1000 * FRAME, FRAME):
            gate.hear(silence, start)
        idle.append((process_time() - begun) / 1000 * 1e6)
    how = f"process time, {frames} frames while the agent speaks, 1000 while it doesn't"
    return [
        Figure(
            what="echo gate: CPU per frame while playing", unit="µs", values=playing, how=how, at_most=300
        ),
        Figure(what="echo gate: CPU per frame while idle", unit="µs", values=idle, how=how, at_most=30),
    ]
