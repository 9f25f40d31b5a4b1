"""Who goes along with a call: observes it from its beginning, and finishes its own work at the end."""

from __future__ import annotations

from typing import Any, Protocol

from voicepipe.core.calls import Workers
from voicepipe.observe.report import CallReport


class Companion(Protocol):
    """One for each call: ``Pipeline.session`` makes them from what the file asks for."""

    def __call__(self, at_ns: int, event: Any) -> None:
        """See something happen, at session time ``at_ns``; synchronous, and quick: the call waits."""
        ...

    async def end(self, report: CallReport, workers: Workers) -> None:
        """The call is over, however it ended; ``workers`` do what blocks.

        Raises ``SetupError`` for what can't be finished; the other companions still end.
        """
        ...
