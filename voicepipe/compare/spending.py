"""What a variant costs: exact sums, and None where anything has no price."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from voicepipe.compare.intervals import Estimate, quotient
from voicepipe.compare.latencies import Grouped, rounded
from voicepipe.compare.measured import Item, MeasuredCall
from voicepipe.core.clock import ClockName

MINUTE_NS = 60 * 10**9

NOTHING_METERED = "everything: none of its providers says what it used"


@dataclass(frozen=True, slots=True)
class Spending:
    """Money in picodollars, over all calls of a variant.

    If anything has no price, ``unpriced`` names it, and each figure that it is a part of is None:
    never a smaller one. ``priced`` is the part that has one.

    ``per_task`` is all the money over the calls that reached what was expected of them; ``why_no_task`` says
    why it is None, unless that is for want of a price. ``waste`` is of ``total``, and is what nobody heard.
    ``saved`` is what silence would have cost that wasn't sent.
    """

    clock: ClockName
    calls: int
    duration_ns: int
    priced: int
    total: int | None
    per_minute: Estimate | None
    per_call: Estimate | None
    per_task: Estimate | None
    waste: int | None
    saved: int | None
    by_slot: tuple[tuple[str, int], ...]
    """Slot → what of ``priced`` it cost, the dearest first."""
    unpriced: tuple[str, ...]
    """``stt deepgram/nova-3 (audio_in_ms)``"""
    why_no_task: str | None

    @property
    def waste_share(self) -> float | None:
        """Of all the money; None if it isn't known or nothing was spent."""
        return self.waste / self.total if self.waste is not None and self.total else None


def spending(
    grouped: Grouped, clock: ClockName, seed: int, reached: Callable[[MeasuredCall], bool | None]
) -> Spending:
    """``reached``: whether a call reached what was expected of it, None if nothing was."""
    calls = [call for group in grouped.values() for call in group]
    unpriced = _unpriced(calls)
    known = bool(calls) and not unpriced
    priced = sum(map(cost_of, calls))
    duration = sum(call.duration_ns for call in calls)
    tasks = [reached(call) for call in calls]

    def over(
        below: Callable[[MeasuredCall], int],
        times: int = 1,
        wanted: Callable[[MeasuredCall], bool] = lambda _: True,
    ) -> Estimate | None:
        groups = [[call for call in group if wanted(call)] for group in grouped.values()]
        groups = [group for group in groups if group]
        found = quotient(
            [sum(map(cost_of, group)) for group in groups], [sum(map(below, group)) for group in groups], seed
        )
        return rounded(*found, times) if known and found is not None else None

    saved = [item for call in calls for item in call.saved]
    why = None
    if not any(tasks):
        expected = any(task is not None for task in tasks)
        why = "no call reached what was expected of it" if expected else "nothing was expected of the calls"
    return Spending(
        clock=clock,
        calls=len(calls),
        duration_ns=duration,
        priced=priced,
        total=priced if known else None,
        per_minute=over(lambda call: call.duration_ns, MINUTE_NS),
        per_call=over(lambda _: 1),
        per_task=over(lambda call: int(bool(reached(call))), wanted=lambda call: reached(call) is not None),
        waste=sum(item.wasted for call in calls for item in call.items) if known else None,
        saved=None if not calls or any(item.unpriced for item in saved) else sum(i.cost for i in saved),
        by_slot=_by_slot(calls),
        unpriced=unpriced,
        why_no_task=why,
    )


def cost_of(call: MeasuredCall) -> int:
    """Picodollars for all of it that has a price."""
    return sum(item.cost for item in call.items)


def _unpriced(calls: Sequence[MeasuredCall]) -> tuple[str, ...]:
    """What has no price. If nothing was metered of calls that were answered, nobody knows their cost."""
    items = [item for call in calls for item in call.items]
    if not items and any(turn.answered for call in calls for turn in call.turns):
        return (NOTHING_METERED,)
    return tuple(dict.fromkeys(_named(item) for item in items if item.unpriced))


def _named(item: Item) -> str:
    """A model that is a file goes by its name alone: where it lies is nobody's business."""
    model = item.model or ""
    if PurePath(model).is_absolute():
        model = PurePath(model).name
    return f"{item.slot} {item.provider}{'/' if model else ''}{model} ({item.unit})"


def _by_slot(calls: Sequence[MeasuredCall]) -> tuple[tuple[str, int], ...]:
    sums: dict[str, int] = {}
    for call in calls:
        for item in call.items:
            sums[item.slot] = sums.get(item.slot, 0) + item.cost
    return tuple(sorted(sums.items(), key=lambda entry: -entry[1]))
