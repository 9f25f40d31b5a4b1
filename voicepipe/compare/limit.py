"""The money that a comparison may cost: a hard stop, before a call and in it."""

from __future__ import annotations

from collections.abc import Callable

from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Run
from voicepipe.observe.usage import MACHINE
from voicepipe.speech.pricing import usd

Estimate = Callable[[Run], int]
"""What a call is expected to cost, in picodollars."""


class Limit:
    """``most``: picodollars for all calls of a comparison together, those that were held before included;
    None: as much as it takes.

    Before each call as much must be left as the dearest one of its variant has cost so far, and at least what
    was estimated. One that costs more than is left is broken off by the request that does. A call on a
    virtual clock, or against a stand-in, costs nobody anything.
    """

    def __init__(self, most: int | None, estimate: Estimate | None = None) -> None:
        self._most = most
        self._estimate = estimate
        self.spent = 0
        self._dearest: dict[str, int] = {}
        self._unpriced: str | None = None

    def forbids(self, run: Run) -> str | None:
        """Why ``run`` may not be held."""
        if self._most is None or _free(run):
            return None
        if self._unpriced is not None:
            return f"{self._unpriced} has no price, so that {usd(self._most):f} USD can't be kept"
        estimated = 0 if self._estimate is None else self._estimate(run)
        reserve = max(estimated, self._dearest.get(run.variant.name, 0))
        if self.spent + reserve <= self._most and self.spent < self._most:
            return None
        return (
            f"{usd(self.spent):f} of {usd(self._most):f} USD were spent, and the next call on"
            f" '{run.variant.name}' may cost {usd(reserve):f} USD"
        )

    def lose(self, run: Run, cost: int) -> None:
        """``cost`` picodollars were spent on ``run`` before, when it broke off."""
        if not _free(run):
            self.spent += cost

    def left(self, run: Run) -> int | None:
        """Picodollars that ``run`` may cost; None: as much as it takes."""
        return None if self._most is None or _free(run) else max(0, self._most - self.spent)

    def exceeded(self, run: Run) -> str | None:
        """Why nothing more may be held, now that ``run`` was; None if it kept to what was left."""
        if self._most is None or _free(run) or self.spent <= self._most:
            return None
        return f"{usd(self.spent):f} USD were spent of {usd(self._most):f}, in a call on '{run.variant.name}'"

    def note(self, run: Run, call: MeasuredCall) -> None:
        """``run`` was held."""
        if _free(run):
            return
        cost = sum(item.cost for item in call.items)
        self.spent += cost
        self._dearest[run.variant.name] = max(cost, self._dearest.get(run.variant.name, 0))
        for item in call.items:
            if item.unpriced and item.unit != MACHINE:
                self._unpriced = f"{item.provider}/{item.model}" if item.model else item.provider


def _free(run: Run) -> bool:
    return run.variant.clock != "real" or run.variant.server is not None
