"""Many calls of the chaos, side by side in waves, and whether this computer kept up with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product

from voicepipe.config.load import LoadedPipeline
from voicepipe.core.clock import Clock
from voicepipe.core.units import MS, SECOND
from voicepipe.testing.chaos.call import Cell, Outcome, Rehearsal
from voicepipe.testing.chaos.faults import Fault, Struck
from voicepipe.transports.wav import Clip

AT_ONCE, FEW = 44, 4
"""Calls side by side: all of a cascade, since each waits most of its time; and where that was too much."""

LOOK_EVERY, TOO_LATE = 20 * MS, 200 * MS
"""How often it is looked whether this computer keeps up, and what is no sign of it any more."""


@dataclass(frozen=True, slots=True)
class Held:
    """``outcomes`` in the order of the cells; ``warnings`` are for a person to read."""

    outcomes: list[Outcome]
    warnings: list[str]


def cells_of(stages: Sequence[Struck], faults: Sequence[Fault]) -> list[Cell]:
    """Each of ``stages`` with each of ``faults``."""
    return [Cell(stage, fault) for stage, fault in product(stages, faults)]


async def hold_all(
    loaded: LoadedPipeline,
    cells: Sequence[Cell],
    clip: Clip,
    *,
    at_once: int = AT_ONCE,
    tell: Callable[[str], None] = lambda message: None,
) -> Held:
    """Wave by wave. What failed while this computer was too busy is held once more, a few at a time."""
    done: dict[Cell, Outcome] = {}
    doubtful: list[Cell] = []
    warnings: dict[str, None] = {}
    for wave in _waves(cells, at_once):
        tell(f"calls {len(done) + 1} to {len(done) + len(wave)} of {len(cells)}")
        held = await _hold_wave(loaded, wave, clip)
        done |= held.outcomes
        warnings |= dict.fromkeys(held.warnings)
        if held.late_ns > TOO_LATE:
            doubtful += [cell for cell, outcome in held.outcomes.items() if outcome.problems]
    for wave in _waves(doubtful, FEW):
        tell(f"once more: {len(doubtful)} calls, since this computer was too busy")
        held = await _hold_wave(loaded, wave, clip)
        done |= held.outcomes
        if held.late_ns > TOO_LATE:
            late = f"{held.late_ns / SECOND:.1f} s"
            warnings[f"this computer was too busy, by up to {late}: silences may be its own"] = None
    return Held([done[cell] for cell in cells], list(warnings))


def _waves(cells: Sequence[Cell], size: int) -> Iterator[Sequence[Cell]]:
    for begin in range(0, len(cells), size):
        yield cells[begin : begin + size]


@dataclass(frozen=True, slots=True)
class _Wave:
    """``late_ns``: by how much the event loop was late while the calls were held, at the most."""

    outcomes: dict[Cell, Outcome]
    warnings: list[str]
    late_ns: int


async def _hold_wave(loaded: LoadedPipeline, cells: Sequence[Cell], clip: Clip) -> _Wave:
    """Side by side; nothing is started while calls are held."""
    async with AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(Rehearsal(loaded, cell, clip)) for cell in cells]
        lag = Lag(Clock())
        async with asyncio.TaskGroup() as group:
            tasks = {call.cell: group.create_task(call.hold()) for call in calls}
        late = lag.stop()
        outcomes = {cell: task.result() for cell, task in tasks.items()}
        return _Wave(outcomes, [text for call in calls for text in call.warnings], late)


class Lag:
    """By how much the event loop was late at the most, while it lasted: then silences are the computer's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._most = 0
        self._due = clock.now()
        self._look()

    def stop(self) -> int:
        """In ns."""
        self._timer.cancel()
        return self._most

    def _look(self) -> None:
        self._most = max(self._most, self._clock.now() - self._due)
        self._due = self._clock.now() + LOOK_EVERY
        self._timer = self._clock.call_at(self._due, self._look)
