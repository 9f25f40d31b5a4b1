"""Resampling: CPU per 20 ms block, delay, and the loudest alias. Run: python -m benchmarks.resample"""

from __future__ import annotations

import timeit
from functools import partial

from tests.support.tones import LIVE_RATIOS, tone, worst_alias_db
from voicepipe.audio.resample import Resampler

print("from  to     µs/20 ms  delay ms  alias dB")
for from_rate, to_rate in LIVE_RATIOS:
    resampler = Resampler(from_rate, to_rate)
    block = tone(1000, from_rate, seconds=0.02)
    runs = timeit.repeat(partial(resampler.process, block), number=500, repeat=7)
    cost, alias = min(runs) / 500 * 1e6, worst_alias_db(from_rate, to_rate)
    print(f"{from_rate:5} {to_rate:5}  {cost:8.0f}  {resampler.delay_ms:8.2f}  {alias:8.1f}")
