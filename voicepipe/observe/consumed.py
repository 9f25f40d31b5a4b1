"""What the providers consumed in one call, and for whom: for a turn, for a draft, or for the call itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from voicepipe.core.records import NotSent, ProviderAttempt
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.requests import for_nothing, tally, unsent
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Tally


class Consumed:
    """Each turn counts what was for it; the others, and the turns that aren't kept, are counted here."""

    def __init__(self, prices: PriceBook | None) -> None:
        self.on_request: list[Callable[[ProviderAttempt, Tally], None]] = []
        """Called with each request that has ended, and with what it consumed."""
        self.saved = Tally()
        """What billed inputs would have consumed if they had been sent the caller's silence."""
        self.not_sent_ms = 0
        """How long that silence was."""
        self._prices = prices
        self._of_no_turn = Tally()
        self._failed = Tally()
        """Of those for no turn, the ones that failed."""
        self._of_drafts = Tally()
        """Of those that were discarded."""
        self._left_used = Tally()
        """Of the turns that aren't kept."""
        self._left_wasted = Tally()

    def count(self, request: ProviderAttempt, turn: TurnReport | None) -> None:
        """Put down a request, which was for ``turn`` if that is still known."""
        used = tally(request, self._prices)
        for callback in self.on_request:
            callback(request, used)
        if turn is not None:
            place, failed = turn.usage, turn.failed
        elif request.turn is None:
            place, failed = self._of_no_turn, self._failed
        else:  # what a draft was charged for is told when its calls are broken off, after its end
            self._of_drafts.add_all(used)
            return
        place.add_all(used)
        if for_nothing(request):
            failed.add_all(used)

    def save(self, silence: NotSent) -> None:
        """What wasn't sent."""
        saved = unsent(silence, self._prices)
        self.saved.add_all(saved)
        self.not_sent_ms += silence.ms if saved.amounts else 0

    def discard(self, turn: TurnReport) -> None:
        """All that it consumed was for nothing."""
        self._of_drafts.add_all(turn.usage)

    def leave(self, turn: TurnReport) -> None:
        """It isn't kept. What is told of it from now on counts as that of a draft: nobody hears it."""
        self._left_used.add_all(turn.usage)
        self._left_wasted.add_all(turn.wasted)

    def used(self, turns: Iterable[TurnReport]) -> Tally:
        """All of it, waste included; ``turns``: those that are kept, and the drafts."""
        return _sum(self._of_no_turn, self._of_drafts, self._left_used, *(turn.usage for turn in turns))

    def wasted(self, turns: Iterable[TurnReport]) -> Tally:
        """What of it was for nothing; ``turns``: those that are kept."""
        return _sum(self._of_drafts, self._failed, self._left_wasted, *(turn.wasted for turn in turns))


def _sum(*tallies: Tally) -> Tally:
    total = Tally()
    for one in tallies:
        total.add_all(one)
    return total
