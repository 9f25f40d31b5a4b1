"""What a carrier bills: the time of a call over its line (``cost.carrier``)."""

from __future__ import annotations

from typing import ClassVar

from voicepipe.core.inbox import Outlet
from voicepipe.core.io import AudioInput, FromCaller, Line
from voicepipe.core.records import ProviderAttempt, Usage
from voicepipe.core.units import MS

SLOT = "line"
"""Where a carrier's usage is counted; no stage of a pipeline file."""


class Carried:
    """A caller over a telephone line of ``carrier``, named as in ``cost.prices``: ``twilio/us-inbound``.

    Records one request when the call is over: the milliseconds since the session began. The carrier itself
    counts from when it answered until it hangs up, so that a call close to a full minute may be off by one.
    """

    live: ClassVar[bool] = True

    def __init__(self, caller: AudioInput, carrier: str) -> None:
        self.rate = caller.rate
        self._caller = caller
        self._carrier = carrier

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        try:
            await self._caller.run(out, line)
        finally:
            provider, _, model = self._carrier.partition("/")
            now = line.clock.now()
            line.record(
                ProviderAttempt(
                    at_ns=now,
                    turn=None,
                    slot=SLOT,
                    provider=provider,
                    began_ns=0,
                    first_event_ns=None,
                    status="ok",
                    model=model or None,
                    usage=(Usage(unit="call_ms", amount=-(-now // MS)),),
                )
            )
