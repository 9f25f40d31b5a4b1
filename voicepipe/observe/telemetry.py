"""What watches all calls of a pipeline, as the file asks for it: objectives, metrics and traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from voicepipe.config.load import LoadedPipeline
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.records import Record
from voicepipe.observe.alerts import Alerts
from voicepipe.observe.companion import Companion
from voicepipe.observe.metrics import Meters, Metrics
from voicepipe.observe.metrics_server import MetricsServer
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
        self._asked_metrics = loaded.top.metrics
        self._metrics: Metrics | None = None
        self._server: MetricsServer | None = None

    async def start(self, workers: Workers, clock: Clock, progress: Callable[[str], None]) -> None:
        """Nothing is served from a virtual clock. Raises ``SetupError``, and then leaves nothing behind."""
        if clock.virtual or self._asked_metrics is None:
            return
        self._metrics = Metrics()
        self._server = MetricsServer(self._metrics.page, workers)
        where = self._asked_metrics.prometheus
        port = await self._server.start(where.host, where.port)
        self._metrics.watch_loop()
        progress(f"metrics: http://{where.host}:{port}/metrics")

    async def close(self) -> None:
        """Serve no more."""
        if self._server is not None:
            await self._server.close()
        if self._metrics is not None:
            self._metrics.close()

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
        if self._metrics is not None:
            yield Meters(self._metrics, report, self._prices)
