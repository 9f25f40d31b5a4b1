"""Sounds that no throat makes: single ones, and the backgrounds of calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.interaction.sounds import MS, RATE, Samples, Sound, sound
from benchmarks.interaction.vocal import Rng, Wave, envelope, noise, rest, through

LOOP = 20 * RATE
"""A background is repeated after 20 s."""


def times(ms: float) -> Wave:
    return np.arange(round(ms * MS)) / RATE


def falling(rng: Rng, ms: float, slope: float) -> Wave:
    """Noise whose power falls with the frequency to the ``slope``: 1 is pink, 2 brown."""
    spectrum = np.fft.rfft(noise(rng, ms))
    hz = np.maximum(20, np.fft.rfftfreq(round(ms * MS), 1 / RATE))
    wave = np.fft.irfft(spectrum / hz ** (slope / 2), round(ms * MS))
    return np.asarray(wave / wave.std())


def door(rng: Rng) -> Wave:
    """A latch, then a thud with what resonates in the room."""
    latch = noise(rng, 15) * envelope(15 * MS, 1, 4) * 0.4
    thud = falling(rng, rng.uniform(200, 450), 2)
    for _ in range(3):
        thud += np.sin(2 * np.pi * rng.uniform(60, 240) * times(thud.size / MS)) * rng.uniform(0.2, 0.8)
    return np.concatenate(
        (latch, rest(rng.uniform(10, 60)), thud * envelope(thud.size, 2, rng.uniform(4, 7)) * 2)
    )


def keyboard(rng: Rng) -> Wave:
    parts: list[Wave] = []
    for _ in range(rng.integers(4, 16)):
        click = through(noise(rng, rng.uniform(6, 18)), ((2200, 1200), (4500, 1500)))
        parts += [
            click / click.std() * envelope(click.size, 1, 4) * rng.uniform(0.4, 1),
            rest(rng.uniform(40, 180)),
        ]
    return np.concatenate(parts)


def hum(rng: Rng) -> Wave:
    """Something electric is switched on."""
    t, mains = times(rng.uniform(600, 2500)), rng.choice((50.0, 60.0))
    wave = sum((np.sin(2 * np.pi * mains * n * t + n) / n for n in (1, 2, 3, 4, 6)), np.zeros(t.size))
    return np.asarray(wave * envelope(t.size, 30, 0.1))


def passing(rng: Rng) -> Wave:
    """A car."""
    wave = falling(rng, rng.uniform(1500, 3000), 1.4)
    return np.asarray(wave * np.sin(np.linspace(0, np.pi, wave.size)) ** 2)


def music(rng: Rng) -> Wave:
    """A few plucked notes or chords."""
    parts: list[Wave] = []
    for _ in range(rng.integers(2, 7)):
        t = times(rng.uniform(150, 500))
        note = np.zeros(t.size)
        for step in rng.choice((0, 3, 4, 7, 12), size=rng.integers(1, 4), replace=False):
            hz = rng.choice((196.0, 220.0, 261.6, 329.6)) * 2 ** (step / 12)
            note += sum((np.sin(2 * np.pi * hz * n * t) / n**1.5 for n in range(1, 6)), np.zeros(t.size))
        parts.append(note * envelope(t.size, 4, 3))
    return np.concatenate(parts)


def ringing(rng: Rng) -> Wave:
    """A telephone or a device that beeps."""
    low, high = rng.uniform(400, 1000), rng.uniform(1000, 2200)
    parts: list[Wave] = []
    for _ in range(rng.integers(1, 5)):
        t = times(rng.uniform(80, 350))
        tone = np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)
        parts += [tone * envelope(t.size, 5, 0.1), rest(rng.uniform(60, 200))]
    return np.concatenate(parts)


def dishes(rng: Rng) -> Wave:
    wave = np.zeros(round(rng.uniform(400, 1200)) * MS)
    for _ in range(rng.integers(2, 7)):
        t = times(rng.uniform(60, 200))
        strike = sum(
            (np.sin(2 * np.pi * hz * t) for hz in rng.uniform(1800, 6500, size=4)), np.zeros(t.size)
        ) * envelope(t.size, 1, 6)
        at = rng.integers(0, max(1, wave.size - strike.size))
        wave[at : at + strike.size] += strike[: wave.size - at]
    return wave


def rustle(rng: Rng) -> Wave:
    """Paper, or cloth at the microphone."""
    wave = through(noise(rng, rng.uniform(300, 1500)), ((3000, 1800),))
    swell = np.interp(np.arange(wave.size), np.linspace(0, wave.size, 12), rng.uniform(0.05, 1, 12))
    return np.asarray(wave * swell)


KINDS: dict[str, Callable[[Rng], Wave]] = {
    "door": door,
    "keyboard": keyboard,
    "hum": hum,
    "passing car": passing,
    "music": music,
    "ringing": ringing,
    "dishes": dishes,
    "rustle": rustle,
}


def single(kind: str, seed: int) -> Sound:
    return sound(f"{kind} {seed}", KINDS[kind](np.random.default_rng(seed)))


def street(rng: Rng) -> Wave:
    """Traffic far away, with cars that pass."""
    wave = falling(rng, LOOP / MS, 1.2) * 0.7
    for _ in range(5):
        car = passing(rng)
        at = rng.integers(0, LOOP - car.size)
        wave[at : at + car.size] += car
    return wave


def room(rng: Rng) -> Wave:
    """Air conditioning and mains."""
    t = times(LOOP / MS)
    return falling(rng, LOOP / MS, 1) + 0.7 * np.sin(2 * np.pi * 100 * t) + 0.4 * np.sin(2 * np.pi * 50 * t)


def line(rng: Rng) -> Wave:
    """The hiss of a cheap line."""
    return noise(rng, LOOP / MS)


BACKGROUNDS: dict[str, Callable[[Rng], Wave]] = {"street": street, "room": room, "line": line}


def background(kind: str, seed: int, level: float) -> Samples:
    """``LOOP`` samples of RMS ``level`` (full scale 1)."""
    wave = BACKGROUNDS[kind](np.random.default_rng(seed))
    return np.asarray(wave * (level / np.sqrt(np.mean(wave**2))), np.float32)
