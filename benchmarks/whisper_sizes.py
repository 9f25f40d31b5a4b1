"""What Whisper costs on a CPU: models of the real sizes, greedy, with weights of 8 bits.

The weights are random, which changes nothing about the time; how many tokens they say would. So the model
is made to say what a person says in the time, four tokens a second (``TOKENS_A_SECOND``), and not to end
earlier: only tokens that are words are allowed. Whisper's encoder works on 30 s, whatever is heard.

*Measured*: what a decode takes, alone and eight at once, of 2 and of 6 s; and how long a lone caller waits
for the final words through the provider as it ships, on the charged clock. *Computed from what a decode
takes*: the same once more, and how many callers can share a core (``benchmarks.whisper_load``). With one
thread a computer that does other things besides gives the same answer, since CPU time tells it; with more
threads the computer should be idle.

The table is in docs/local.md: afterwards, ``python -m docs.generate``.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import whisper_load as load
from benchmarks._results import ROOT, Figure
from benchmarks.random_whisper import CHARACTERS, SIZES, TEXT, TOKENS, Size, build
from benchmarks.whisper_table import THREADS, Row, name_of
from voicepipe.core.calls import Host
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.providers.whisper_model import RATE, SILENCE, Clip, DecodeOptions, WhisperBatch
from voicepipe.runtime.inline_workers import InlineWorkers
from voicepipe.transports.wav import load_clip

PACKAGES = ("faster-whisper", "ctranslate2", "numpy")
CLIPS = ROOT / "tests" / "fixtures" / "commands"
SENTENCES = ("kal_set_a_timer_for_five_minutes", "kal_turn_on_the_kitchen_lights")

TOKENS_A_SECOND = 4
"""Of quick English: three words, of four tokens together."""

LENGTHS = (2, 6)
TYPICAL = 4
"""Seconds of speech that are decoded, and those that the figures are given for, between them."""

AT_ONCE = 8
MOST_CALLERS = 64


class Taken(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


class TypicalWhisper(WhisperBatch):
    """Says four words for each second that it hears, whatever was said."""

    def configure(self, language: str, options: DecodeOptions) -> None:
        super().configure(language, options)
        self._suppressed = [*range(CHARACTERS), *range(TEXT, TOKENS)]

    def _max_length(self, seconds: float, prompt: int) -> int:
        """Twice the words and the end of the text: see ``WhisperBatch``."""
        return 2 * (round(TOKENS_A_SECOND * seconds) + 1)


def measure(quick: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return [
            figure
            for size in SIZES[: 1 if quick else None]
            for model in (build(Path(folder), size),)
            for threads in THREADS[: 1 if quick else None]
            for figure in _figures(size, model, threads, quick)
        ]


def _figures(size: Size, model: Path, threads: int, quick: bool) -> list[Figure]:
    speech = the_speech()
    repeated, at_once, utterances = (1, 2, 1) if quick else (3 * threads, AT_ONCE, 5)
    with closing(_loaded(model, threads)) as whisper:
        whisper.decode([SILENCE])  # the first one is slower than any later one
        alone = [_pair(whisper, speech, 1) for _ in range(repeated)]
        many = _pair(whisper, speech, at_once)
    waited = run_on("charged", _alone(model, threads, speech, utterances))
    cost = cost_of(alone, many, at_once, threads)
    how = f"int8, greedy, {_busy()}"
    four = f"{TYPICAL} s of speech, {TOKENS_A_SECOND * TYPICAL} tokens"

    def figure(row: Row, unit: str, values: Sequence[float], told: str) -> Figure:
        return Figure(what=name_of(size.name, threads, row), unit=unit, values=values, how=f"{told}; {how}")

    return [
        figure("cpu", "s of CPU", [_typical(pair).cpu for pair in alone], four),
        figure("many", "s of CPU", [_typical(many).cpu / at_once], f"{four}, each of {at_once}"),
        figure("rtf", "× real time", [cost.of(1, TYPICAL) / TYPICAL], f"the least of {repeated}, {four}"),
        figure("final", "ms", [one / MS for one in waited], _how_alone("charged")),
        figure("computed", "ms", [one / MS for one in _lone(cost, speech, quick)], _how_alone("simulated")),
        *(
            figure(row, "", [borne / threads], f"{told}; a decode takes {cost.of(1, TYPICAL):.2f} s")
            for row, borne, told in _borne(cost, speech, quick)
        ),
    ]


def the_speech() -> Pcm:
    """Two commands, 4 s, up to the end of what is said."""
    clips = [load_clip(CLIPS / f"{name}.wav", RATE) for name in SENTENCES]
    return np.concatenate([clip.pcm for clip in clips])


def _loaded(model: Path, threads: int) -> WhisperBatch:
    whisper = TypicalWhisper(
        model, device="cpu", compute_type=None, threads=threads, progress=lambda message: None
    )
    whisper.configure("en", DecodeOptions())
    return whisper


def _pair(whisper: WhisperBatch, speech: Pcm, clips: int) -> tuple[Taken, Taken]:
    """What the shorter and the longer one of ``LENGTHS`` take."""
    short, long = (_decode(whisper, [Clip(np.resize(speech, s * RATE))] * clips) for s in LENGTHS)
    return short, long


def _decode(whisper: WhisperBatch, clips: Sequence[Clip]) -> Taken:
    wall, cpu = time.perf_counter(), time.process_time()
    whisper.decode(clips)
    return Taken(time.perf_counter() - wall, time.process_time() - cpu)


def _typical(pair: tuple[Taken, Taken]) -> Taken:
    """``TYPICAL`` is the mean of the two lengths."""
    short, long = pair
    return Taken((short.wall + long.wall) / 2, (short.cpu + long.cpu) / 2)


def cost_of(
    alone: Sequence[tuple[Taken, Taken]], many: tuple[Taken, Taken], at_once: int, threads: int
) -> load.Cost:
    """What decodes take on an idle computer: the least that was seen, since noise only adds.

    With one thread that may be the CPU time. What many take is told by their CPU time, in proportion.
    """

    def least(length: int, part: Callable[[Taken], float]) -> float:
        return min(part(pair[length]) for pair in alone)

    def passed(taken: Taken) -> float:
        return min(taken) if threads == 1 else taken.wall

    singly = least(0, passed), least(1, passed)
    together = tuple(
        one * max(1.0, many[length].cpu / least(length, lambda taken: taken.cpu))
        for length, one in enumerate(singly)
    )
    return load.fitted(singly, (together[0], together[1]), clips=at_once, lengths=LENGTHS)


async def _alone(model: Path, threads: int, speech: Pcm, utterances: int) -> list[int]:
    clock, host = Clock(), Host(workers=InlineWorkers("charged"), language="en-US")
    async with load.provider(lambda _: _loaded(model, threads), host, model=str(model)) as stt:
        # Not always as long: where the last partial decode falls into the pause is a matter of luck.
        ends = (len(speech) - number * RATE // 5 for number in range(utterances))
        return [await load.final_after(stt, clock, host, speech[:end]) for end in ends]


def _busy() -> str:
    """How many processes of this computer compete for its cores."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def _how_alone(clock: str) -> str:
    return f"a lone caller, about 4 s, then {load.PAUSE_NS / MS:.0f} ms of silence; {clock} clock"


def _lone(cost: load.Cost, speech: Pcm, quick: bool) -> list[int]:
    return run_on("simulated", load.waits(cost, 1, speech, 10 if quick else load.UTTERANCES))


def _borne(cost: load.Cost, speech: Pcm, quick: bool) -> Iterator[tuple[Row, int, str]]:
    """How many callers share the threads, by CPU alone, one decode at a time, and several at once."""
    yield "bound", int(load.MEAN_S / load.TALKS / cost.of(1, load.MEAN_S)), "without any waiting considered"
    rows: tuple[tuple[Row, int], ...] = (("one by one", 1), ("together", AT_ONCE))
    for row, at_once in rows:
        soon_enough = partial(_soon_enough, cost, speech, quick, at_once)
        borne = load.most(soon_enough, 1 if quick else MOST_CALLERS)
        yield row, borne, f"nine of ten final results within {load.SOON_NS / SECOND} s of the end of speech"


def _soon_enough(cost: load.Cost, speech: Pcm, quick: bool, at_once: int, callers: int) -> bool:
    utterances = 10 if quick else load.UTTERANCES
    waits = run_on("simulated", load.waits(cost, callers, speech, utterances, max_batch=at_once))
    return bool(np.percentile(waits, 90) <= load.SOON_NS)
