"""Sounds of a throat that aren't words: a source (noise, or the pulses of a voice) through formants.

There are no recordings of coughs that could be used, so these are made, each a little different. They are
cruder than the real ones, and harder for a VAD where they are voiced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.interaction.sounds import MS, RATE, Sound, sound

Wave = npt.NDArray[np.float64]
Rng = np.random.Generator

OPEN = ((650, 90), (1250, 130), (2500, 200), (3500, 300))
"""Formants of an open throat: Hz and bandwidth in Hz."""

NASAL = ((280, 60), (1000, 250), (2300, 300))


def through(source: Wave, formants: Sequence[tuple[float, float]], tilt_hz: float = 0) -> Wave:
    """``source`` filtered by the formants in parallel; ``tilt_hz``: quieter by 6 dB an octave above it."""
    spectrum = np.fft.rfft(source)
    hz = np.fft.rfftfreq(source.size, 1 / RATE)
    shape = np.full(hz.size, 0.02)
    for middle, width in formants:
        shape += 1 / (1 + ((hz - middle) / width) ** 2)
    if tilt_hz:
        shape /= np.sqrt(1 + (hz / tilt_hz) ** 2)
    return np.asarray(np.fft.irfft(spectrum * shape, source.size))


def noise(rng: Rng, ms: float) -> Wave:
    return np.asarray(rng.standard_normal(round(ms * MS)))


def pulses(rng: Rng, ms: float, from_hz: float, to_hz: float, jitter: float = 0.02) -> Wave:
    """A voice's source, its pitch going from one frequency to another and trembling a little."""
    size = round(ms * MS)
    pitch = np.geomspace(from_hz, to_hz, size) * (
        1 + jitter * np.repeat(rng.standard_normal(size // 80 + 1), 80)[:size]
    )
    phase = np.cumsum(pitch) / RATE
    return np.asarray((np.diff(np.floor(phase), prepend=0) > 0).astype(float) * np.sqrt(RATE / from_hz))


def envelope(size: int, attack_ms: float, decay: float) -> Wave:
    """A quick rise and an exponential fall to ``exp(-decay)``."""
    attack = min(size, round(attack_ms * MS))
    shape = np.exp(-decay * np.arange(size) / size)
    shape[:attack] *= np.linspace(0, 1, attack)
    shape[-FADE:] *= np.linspace(1, 0, FADE)[-size:]
    return np.asarray(shape)


FADE = 5 * MS


def moved(rng: Rng, formants: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The formants of another throat."""
    size = rng.uniform(0.85, 1.2)
    return [(hz * size * rng.uniform(0.95, 1.05), width) for hz, width in formants]


def rest(ms: float) -> Wave:
    return np.zeros(round(ms * MS))


def cough(rng: Rng) -> Wave:
    """One to three bursts: the glottis opens with a bang, the breath follows, often a voice at its end."""
    throat = moved(rng, OPEN)
    parts: list[Wave] = []
    for _ in range(rng.integers(1, 4)):
        bang = through(noise(rng, rng.uniform(30, 60)), throat)
        breath = through(noise(rng, rng.uniform(80, 200)), throat, 2500) * 0.5
        both = np.concatenate((bang, breath))
        both *= envelope(both.size, 2, rng.uniform(2, 4))
        parts.append(both / both.std())
        if rng.random() < 0.7:
            pitch = rng.uniform(110, 260)
            voice = through(pulses(rng, rng.uniform(60, 180), pitch, pitch * 0.8, 0.05), throat, 1500)
            parts.append(voice / voice.std() * 0.8 * envelope(voice.size, 10, 2))
        parts.append(rest(rng.uniform(60, 250)))
    return np.concatenate(parts)


def clearing(rng: Rng) -> Wave:
    """ "Ahem": a rough, low voice, often twice."""
    throat = moved(rng, OPEN)
    parts: list[Wave] = []
    for _ in range(rng.integers(1, 3)):
        ms, pitch = rng.uniform(150, 400), rng.uniform(70, 140)
        rough = pulses(rng, ms, pitch, pitch * 0.9, 0.15) + 0.6 * noise(rng, ms)[: round(ms * MS)]
        rattle = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * rng.uniform(22, 38) * np.arange(rough.size) / RATE))
        wave = through(rough * rattle, throat, 1200)
        parts += [wave / wave.std() * envelope(wave.size, 30, 1.0), rest(rng.uniform(50, 150))]
    return np.concatenate(parts)


def sneeze(rng: Rng) -> Wave:
    """Air is drawn in, then comes out at once, mostly as a hiss."""
    inhale = through(noise(rng, rng.uniform(150, 350)), moved(rng, OPEN), 3000)
    inhale *= np.linspace(0, 0.25, inhale.size) / inhale.std()
    hiss = through(noise(rng, rng.uniform(100, 220)), ((4200, 1500), (6000, 1500)))
    hiss *= envelope(hiss.size, 3, 1.5) / hiss.std()
    pitch = rng.uniform(140, 280)
    tail = through(pulses(rng, rng.uniform(80, 180), pitch, pitch * 0.6), moved(rng, OPEN), 1200)
    tail *= envelope(tail.size, 8, 2.5) / tail.std() * 0.6
    return np.concatenate((inhale, hiss, tail))


def laugh(rng: Rng) -> Wave:
    """Short voiced breaths, five a second, falling."""
    throat, pitch = moved(rng, OPEN), rng.uniform(160, 330)
    parts: list[Wave] = []
    for number in range(rng.integers(2, 6)):
        start = pitch * 0.94**number
        breath = through(noise(rng, 50), throat, 3000)
        voice = through(pulses(rng, rng.uniform(60, 110), start * 1.1, start * 0.9), throat, 1500)
        parts += [
            breath / breath.std() * 0.4 * envelope(breath.size, 10, 0.5),
            voice / voice.std() * envelope(voice.size, 8, 1.5) * 0.9**number,
            rest(rng.uniform(30, 80)),
        ]
    return np.concatenate(parts)


def breath(rng: Rng) -> Wave:
    """In or out, near the microphone."""
    wave = through(noise(rng, rng.uniform(300, 1100)), moved(rng, OPEN), 2000)
    return np.asarray(wave * np.sin(np.linspace(0, np.pi, wave.size)) ** rng.uniform(0.6, 2))


def sniff(rng: Rng) -> Wave:
    parts: list[Wave] = []
    for _ in range(rng.integers(1, 3)):
        wave = through(noise(rng, rng.uniform(120, 300)), ((1800, 900), (3500, 1500)))
        parts += [wave / wave.std() * envelope(wave.size, 40, 0.5), rest(rng.uniform(60, 160))]
    return np.concatenate(parts)


def smack(rng: Rng) -> Wave:
    """Lips or a tongue."""
    parts: list[Wave] = []
    for _ in range(rng.integers(1, 4)):
        wave = through(noise(rng, rng.uniform(8, 25)), ((1500, 600), (4000, 1500)))
        parts += [wave / wave.std() * envelope(wave.size, 1, 4), rest(rng.uniform(60, 200))]
    return np.concatenate(parts)


def sigh(rng: Rng) -> Wave:
    """A breath with a little voice in it."""
    throat, ms, pitch = moved(rng, OPEN), rng.uniform(350, 800), rng.uniform(120, 240)
    voiced = pulses(rng, ms, pitch, pitch * 0.7, 0.03) * 0.3 + noise(rng, ms)
    wave = through(voiced, throat, 1500)
    return np.asarray(wave * np.sin(np.linspace(0, np.pi, wave.size)))


VOWELS = (
    ((500, 90), (1500, 140), (2500, 200)),
    ((650, 90), (1100, 130), (2500, 200)),
    ((400, 80), (900, 130), (2400, 200)),
)


def groan(rng: Rng) -> Wave:
    """ "Uh" or "ah", as somebody makes who stretches or hurts a toe: a voice, but no word."""
    throat, pitch = moved(rng, VOWELS[rng.integers(len(VOWELS))]), rng.uniform(90, 240)
    wave = through(pulses(rng, rng.uniform(180, 600), pitch, pitch * rng.uniform(0.75, 1.05)), throat, 1200)
    return wave * envelope(wave.size, 25, 1.2)


KINDS: dict[str, Callable[[Rng], Wave]] = {
    "cough": cough,
    "throat clearing": clearing,
    "sneeze": sneeze,
    "laugh": laugh,
    "breath": breath,
    "sniff": sniff,
    "smack": smack,
    "sigh": sigh,
    "groan": groan,
}


def vocal(kind: str, seed: int) -> Sound:
    return sound(f"{kind} {seed}", KINDS[kind](np.random.default_rng(seed)))


def humming(seed: int) -> Sound:
    """ "Mm-hmm": two nasal syllables, the second one higher, without a word's consonants."""
    rng = np.random.default_rng(seed)
    throat, pitch = moved(rng, NASAL), rng.uniform(95, 220)
    first = through(pulses(rng, rng.uniform(100, 170), pitch, pitch * 0.95, 0.01), throat, 800)
    second = through(pulses(rng, rng.uniform(130, 220), pitch * 1.05, pitch * 1.25, 0.01), throat, 800)
    parts = (
        first * envelope(first.size, 20, 0.7),
        rest(rng.uniform(20, 60)),
        second * envelope(second.size, 25, 0.9),
    )
    return sound(f"humming {seed}", np.concatenate(parts))
