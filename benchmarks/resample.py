"""Resampling between the rates that meet on live calls: CPU per 20 ms block."""

from __future__ import annotations

import timeit
from functools import partial

from benchmarks._results import Figure
from tests.support.tones import LIVE_RATIOS, tone, worst_alias_db
from voicepipe.audio.resample import Resampler

PACKAGES = ("numpy",)
BLOCKS = 500


def measure(quick: bool) -> list[Figure]:
    return [_figure(*ratio, runs=2 if quick else 7) for ratio in LIVE_RATIOS]


def _figure(from_rate: int, to_rate: int, *, runs: int) -> Figure:
    resampler = Resampler(from_rate, to_rate)
    block = tone(1000, from_rate, seconds=0.02)
    seconds = timeit.repeat(partial(resampler.process, block), number=BLOCKS, repeat=runs)
    alias = worst_alias_db(from_rate, to_rate)
    return Figure(
        what=f"resampling 20 ms from {from_rate} to {to_rate} Hz",
        unit="µs",
        values=[one / BLOCKS * 1e6 for one in seconds],
        how=f"{BLOCKS} blocks; delay {resampler.delay_ms:.2f} ms, loudest alias {alias:.0f} dB",
    )
