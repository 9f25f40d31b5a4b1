"""What watches all calls of a pipeline, as the file asks for it: objectives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from voicepipe.config.load import LoadedPipeline
from voicepipe.core.clock import Clock
from voicepipe.core.records import Record
from voicepipe.observe.alerts import Alerts
from voicepipe.observe.companion import Companion
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.report import CallReport
from voicepipe.observe.slo import Objectives, Watcher


class Watched(Protocol):
    """What is needed of a session."""

    @property
    def name(self) -> str: ...

    @property
    def clock(self) -> Clock: ...

    def record(self, record: Record) -> None: ...


class Telemetry:
    """Made when a pipeline starts, and closed when it stops."""

    def __init__(self, loaded: LoadedPipeline, prices: PriceBook, alerts: Alerts) -> None:
        self._prices = prices
        self._alerts = alerts
        self._slo = loaded.top.slo
        self._objectives = Objectives(self._slo) if self._slo is not None else None

    def companions(self, session: Watched, report: CallReport) -> Iterator[Companion]:
        """Who goes along with ``session``; ``report`` observes it before them."""
        if self._slo is not None and self._objectives is not None:
            yield Watcher(
                self._slo,
                self._objectives,
                self._alerts,
                clock=session.clock,
                report=report,
                prices=self._prices,
                record=session.record,
            )
