"""Holds the calls of the trials, on as many cores as there are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from benchmarks._results import cores
from benchmarks.interaction.caller import OUTPUT_RATE, Held, hold
from benchmarks.interaction.corpus import Corpus, build
from benchmarks.interaction.judge import Judge, Outcome
from benchmarks.interaction.sounds import RATE
from benchmarks.interaction.trials import EVENTS, Kind, Plan, Trials
from voicepipe.api import Pipeline
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import write_wav
from voicepipe.core.clock import run_on
from voicepipe.core.units import SECOND

FILE = Path(__file__).with_name("pipeline.yaml")

ARMS: Mapping[str, Mapping[str, object]] = {
    "oracle": {},
    "acoustic": {
        "stages.stt": {
            "use": "pocketsphinx",
            "rules": str(FILE.parents[2] / "pipelines/household.rules.yaml"),
        }
    },
}
"""What differs from ``pipeline.yaml``. The offline recogniser knows the words of a household, no others."""


@cache
def _pipeline(arm: str) -> Pipeline:
    return Pipeline.from_yaml(FILE, set=ARMS[arm], env={})


def perform(plan: Plan, arm: str, corpora: Mapping[str, Corpus]) -> tuple[Trials, Held, list[Outcome]]:
    """Hold one call and judge its trials."""
    trials = Trials(plan, corpora)
    held = run_on("simulated", hold(_pipeline(arm), trials.caller()))
    judge = Judge(plan.name, trials.described, held)
    return trials, held, [judge.judge(mark) for mark in trials.marks]


def plans(kind: Kind, column: str, events: int) -> list[Plan]:
    """As many calls as hold ``events`` of the kind, or a few more."""
    return [Plan(kind, column, number) for number in range(-(-events // EVENTS[kind]))]


_corpora: dict[str, Corpus] = {}
"""Of this process."""


def _prepare(folders: Sequence[Path], all_voices: bool) -> None:
    _corpora.update(build(folders, all_voices=all_voices))


def _columns() -> list[str]:
    return list(_corpora)


def _outcomes(task: tuple[Plan, str]) -> list[Outcome]:
    return perform(*task, _corpora)[2]


class Crew:
    """Processes that hold calls. Each makes the sounds for itself, all alike: in the same order."""

    def __init__(self, folders: Sequence[Path] = (), *, all_voices: bool = True) -> None:
        # Not forks: the process that asks may have threads, of onnxruntime's or of its own.
        context = multiprocessing.get_context("spawn")
        self._pool = context.Pool(cores(), initializer=_prepare, initargs=(folders, all_voices))
        self.columns: list[str] = self._pool.apply(_columns)
        """Those that there are voices for."""

    def run(self, calls: Sequence[Plan], arm: str) -> Iterator[Outcome]:
        """The outcomes in the order of the calls, whichever process they come from."""
        for outcomes in self._pool.imap(_outcomes, [(plan, arm) for plan in calls]):
            yield from outcomes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.terminate()
        self._pool.join()


def save(held: Held, path: Path) -> None:
    """Both sides of a call as a stereo WAV file: caller left, agent right."""
    caller = np.concatenate(
        (
            np.zeros(held.said_from_ns * OUTPUT_RATE // SECOND, np.int16),
            resample(held.said, RATE, OUTPUT_RATE),
        )
    )
    length = max(caller.size, held.played.size)
    both = [np.pad(side, (0, length - side.size)) for side in (caller, held.played)]
    write_wav(path, np.stack(both, axis=1), OUTPUT_RATE)
