"""Keeping the agent's own voice out of the microphone, so that it doesn't interrupt itself.

A gate, not a canceller: a frame that holds nothing but echo and noise is replaced by noise of the same level,
any other one passes as it is. Two things are known of an echo: it is *like* what was played some time before
(`DelayFinder`), and in every band it is as *loud* as the room makes what was played (`EchoPath`). Expecting
powers instead of waveforms is the idea of C. Avendano, "Acoustic echo suppression in the STFT domain", IEEE
WASPAA, 2001: it withstands clocks that drift apart, moving people and small loudspeakers, from which a linear
canceller never recovers; and a gate needs no more.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from voicepipe.audio.bands import Bands, Powers
from voicepipe.audio.delay import DelayFinder
from voicepipe.audio.echo_path import FAINTEST, Background, EchoPath
from voicepipe.audio.pcm import FULL_SCALE, Pcm, check_rate, to_pcm
from voicepipe.audio.trail import Trail

FRAME_MS = 20

REVERBERATION_MS = 400
"""How long after the last sample, and its delay, an echo may still be heard."""
SLACK_MS = 1000
"""How far what is played may be ahead of the microphone's frames: they wait for a busy event loop."""
EARLY_MS = 3
"""What is played is expected so much sooner than it was found to come: too late is worse, since what rings on
covers the other side."""
INAUDIBLE = 16
"""Samples up to this (−66 dBFS) aren't played in earnest: voices that pause leave a little hiss."""
PAUSE_MS = 500
"""A shorter pause doesn't end a stretch of playing."""

MARGIN_DB, MOST_DB = 4.0, 12.0
"""Of each band, what exceeds the expected power by more than the margin counts, up to a most: a few bands
that a bad loudspeaker fills with distortion weigh less than a voice, which is in many."""
OVER_NOISE = 1.4
"""The background's level is a low quantile of it."""
SOUND = 0.7
"""The mean of that over the bands, in dB, from which noise isn't only noise."""
VOICE, MEMORY = 1.2, 0.6
"""The sum of it, with so much of the sum before, from which somebody else is heard. Tuned on rooms like
those of benchmarks/echo.py: 1.1 lets more of a large room through, 1.3 hears quiet callers later."""
HOLD = 5
"""Frames for which the gate stays open: the gaps inside words. More of them would add echo to short words."""

LIKE = 0.22
"""The likeness from which a sound is an echo."""
ALIKE = 0.4
"""The likeness that needs no confirmation, whatever was believed before."""
UNLIKE = 0.12
LOOK_DOUBTFUL, LOOK_OPEN, LOOK_SHUT = 3, 8, 25
"""Frames between two looks for the delay: how urgent an answer is."""
SAME_MS = 2
"""Delays found that differ by less are one."""

FIRST_LOOK = 5
"""Frames of a sound after which it can be told from an echo."""
ACQUITTED = 15
"""Frames of a sound, while something is played, after which it would have been recognised as an echo."""
SOON_MS = 450
SILENT = 20
"""Where so long after the beginning of a reply, since few echoes come later, nothing was heard in so many
frames, there is no echo."""
ALREADY_TALKING = 15
"""Frames: who spoke just before anything was played is no echo."""
IDLE = 5
"""While nothing is played, one frame in so many is looked at, for the noise."""
GUESSED_FROM = 12
"""Frames from which the first guess of the path is made."""


class EchoGate:
    """Takes what is played and what the microphone hears, both on the microphone's time line at ``rate`` Hz.

    One thread feeds it. It has no clock: positions are samples, and what is played by a moment has to be told
    before the frame that was heard then. Delays from 0 to `reach_ms` are found.
    """

    def __init__(self, rate: int) -> None:
        self._frame = check_rate(rate) * FRAME_MS // 1000
        self._bands = Bands(rate, self._frame)
        self._finder = DelayFinder(rate)
        self._reverberation = rate * REVERBERATION_MS // 1000
        self._early = rate * EARLY_MS // 1000
        self._same = rate * SAME_MS // 1000
        self._soon = rate * SOON_MS // 1000
        self._pause = rate * PAUSE_MS // 1000
        self._slack = rate * SLACK_MS // 1000
        self.reach_ms: Final = 1000 * self._finder.reach // rate
        self._heard = Trail(self._finder.window + self._bands.window)
        self._played = Trail(self._finder.window + self._finder.reach + self._slack)
        self._noise = Background(self._bands.count)
        self._path = EchoPath(self._bands.count)
        self._comfort = np.random.default_rng(0).standard_normal(rate).astype(np.float32) * FULL_SCALE
        self._sounds_from = self._sounds_until = -(1 << 62)
        """The latest stretch of playing."""
        self._counter = 0
        self._talking = 0
        self.delay: int | None = None
        """Of the echo, in samples; None while none was recognised."""
        self.gated = 0
        """Frames that were replaced."""
        self._acquitted = False
        self._sound = self._quiet = self._lull = 0
        self._evidence = 0.0
        self._hold = 0
        self._since_look = 0
        self._unlike = 0
        self._found = -self._finder.reach

    def play(self, pcm: Pcm, at: int) -> None:
        """``pcm`` (at most a second) goes to the loudspeaker from position ``at`` on."""
        at = min(at, self._heard.end + self._slack - pcm.size)
        if np.abs(pcm).max(initial=0) > INAUDIBLE:
            if at > self._sounds_until + self._pause:
                self._sounds_from = at
            self._sounds_until = at + pcm.size
        self._played.write(pcm, at)

    def hear(self, pcm: Pcm, at: int) -> Pcm:
        """The frame of 20 ms at position ``at``, or noise instead of it. Frames may be missing."""
        self._heard.write(pcm, at)
        end = self._heard.end
        reach = self._finder.reach if self.delay is None else self.delay
        if end > self._sounds_until + reach + self._reverberation:
            self._listen(end)
            return pcm
        self._played.skip_to(end + self._early)
        power = self._bands.measure(self._heard.between(end - self._bands.window, end))
        if self.delay is None:
            opened = self._passes_unknown(power, end)
        else:
            opened = self._passes(power, end, self.delay)
        if opened:
            return pcm
        self.gated += 1
        return self._comfort_noise(pcm.size)

    # ── nothing is played ────────────────────────────────────────────────────────────────────────

    def _listen(self, end: int) -> None:
        if self._counter == 0:  # a reply has just ended
            self._path.forget_sound()
            self._evidence, self._hold, self._sound = 0.0, 0, 0
        self._counter += 1
        if self._counter % IDLE:
            return
        power = self._bands.measure(self._heard.between(end - self._bands.window, end))
        self._noise.update(power, frames=IDLE)
        if _excess(power, OVER_NOISE * self._noise.level) > SOUND:
            self._talking = ALREADY_TALKING
        else:
            self._talking = max(0, self._talking - IDLE)

    # ── an echo may come, but none was recognised yet ────────────────────────────────────────────

    def _passes_unknown(self, power: Powers, end: int) -> bool:
        self._counter = 0
        self._noise.update(power)
        if _excess(power, OVER_NOISE * self._noise.level) <= SOUND:
            return self._passes_noise(end)
        self._lull = 0
        self._sound += 1
        if self._talking:
            self._talking = ALREADY_TALKING
        self._since_look += 1
        between = LOOK_OPEN if self._acquitted else LOOK_DOUBTFUL
        if self._sound >= FIRST_LOOK and self._since_look >= between:
            delay, likeness = self._look(end)
            if likeness > LIKE and (self._confirmed(delay) or not self._acquitted or likeness > ALIKE):
                self._recognise(end, delay)
                return False
        if self._sound >= ACQUITTED:
            self._acquitted = True
        return self._acquitted or self._talking > 0

    def _passes_noise(self, end: int) -> bool:
        """A gap in what sounds, or silence: the longer it lasts, the surer it is that nothing echoes."""
        self._talking = max(0, self._talking - 1)
        self._lull += 1
        if self._lull > ALREADY_TALKING:
            self._sound = 0
        if self._sounds_from + self._soon < end <= self._sounds_until + self._soon:
            self._quiet += 1
            self._acquitted = self._acquitted or self._quiet >= SILENT
        return self._acquitted or self._talking > 0 or self._sound == 0

    def _recognise(self, end: int, delay: int) -> None:
        self.delay = delay
        self._quiet = self._sound = self._unlike = 0
        frames = range((GUESSED_FROM - 1) * self._frame, -1, -self._frame)
        heard = [self._measure(self._heard, end - ago) for ago in frames]
        played = [self._measure(self._played, end - ago - delay + self._early) for ago in frames]
        self._path.begin(np.array(heard), np.array(played))

    # ── an echo is expected ──────────────────────────────────────────────────────────────────────

    def _passes(self, power: Powers, end: int, delay: int) -> bool:
        self._counter = 0
        played = self._measure(self._played, end - delay + self._early)
        expected = self._path.expect(played)
        self._evidence *= MEMORY
        self._evidence += _excess(power, expected + OVER_NOISE * self._noise.level)
        self._hold = HOLD if self._evidence > VOICE else max(0, self._hold - 1)
        opened = self._hold > 0
        self._noise.update(power, expected)
        comparable = self._path.learn(power, played, self._noise.level, talking=opened)
        self._since_look += 1
        if comparable and self._since_look >= (LOOK_OPEN if opened else LOOK_SHUT):
            self._check(end, delay, opened=opened)
        return opened

    def _check(self, end: int, delay: int, *, opened: bool) -> None:
        """Whether the echo still comes, and when: clocks drift, and devices are changed."""
        found, likeness = self._look(end)
        if likeness > LIKE:
            self._unlike = 0
            if abs(found - delay) <= self._same:
                self.delay = found
            elif self._confirmed(found):
                self._recognise(end, found)
        elif likeness < UNLIKE and opened:
            self._unlike += 1
            if self._unlike == 3:
                self.delay, self._acquitted = None, True

    # ── tools ────────────────────────────────────────────────────────────────────────────────────

    def _look(self, end: int) -> tuple[int, float]:
        self._since_look = 0
        window = self._finder.window
        return self._finder.find(
            self._heard.between(end - window, end),
            self._played.between(end - window - self._finder.reach, end),
        )

    def _confirmed(self, delay: int) -> bool:
        """Whether it was found at the last look, too: once is chance, or another period of the voice."""
        before, self._found = self._found, delay
        return abs(delay - before) <= self._same

    def _measure(self, trail: Trail, end: int) -> Powers:
        return self._bands.measure(trail.between(end - self._bands.window, end))

    def _comfort_noise(self, size: int) -> Pcm:
        """After mere silence a detector would have forgotten the room, and take its noise for speech."""
        start = self.gated * 997 % (self._comfort.size - size)  # a prime: no rhythm to be heard
        loudness = np.sqrt(self._noise.level.sum())
        return to_pcm(self._comfort[start : start + size] * loudness)


def _excess(power: Powers, expected: Powers) -> float:
    """How far ``power`` exceeds what is expected: the mean over the bands in dB."""
    over = 10 * np.log10((power + FAINTEST) / (expected + FAINTEST)) - MARGIN_DB
    return float(np.clip(over, 0, MOST_DB).mean())
