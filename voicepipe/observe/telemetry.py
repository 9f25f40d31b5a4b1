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
from voicepipe.observe.report import CallReport
from voicepipe.observe.slo import Objectives, Watcher
from voicepipe.observe.trace_export import TraceExport
from voicepipe.observe.traces import CallTrace


class Watched(Protocol):
    """What is needed of a session."""

    @property
    def name(self) -> str: ...

    @property
    def clock(self) -> Clock: ...

    def record(self, record: Record) -> None: ...


class Telemetry:
    """Made when a pipeline starts, and closed when it stops."""

    def __init__(self, loaded: LoadedPipeline, alerts: Alerts) -> None:
        self._loaded = loaded
        self._alerts = alerts
        self._slo = loaded.top.slo
        self._objectives = Objectives(self._slo) if self._slo is not None else None
        self._metrics: Metrics | None = None
        self._server: MetricsServer | None = None
        self._traces: TraceExport | None = None

    async def start(
        self,
        workers: Workers,
        clock: Clock,
        progress: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        """On a virtual clock nothing is served or sent. Raises ``SetupError``: ``close`` it then as well."""
        top = self._loaded.top
        if clock.virtual:
            return
        if top.metrics is not None:
            where = top.metrics.prometheus
            self._metrics = Metrics()
            self._server = MetricsServer(self._metrics.page, workers)
            port = await self._server.start(where.host, where.port)
            self._metrics.watch_loop()
            progress(f"metrics: http://{where.host}:{port}/metrics")
        if top.traces is not None:
            self._traces = TraceExport(top.traces, service=self._loaded.name, warn=warn)

    async def close(self, workers: Workers) -> None:
        """Serve no more, and send what is left."""
        if self._server is not None:
            await self._server.close()
        if self._metrics is not None:
            self._metrics.close()
        if self._traces is not None:
            await self._traces.close(workers)

    def companions(self, session: Watched, report: CallReport) -> Iterator[Companion]:
        """Who goes along with ``session``; ``report`` observes it before them.

        What they are told may have been masked on its way.
        """
        if self._slo is not None and self._objectives is not None:
            yield Watcher(
                self._slo,
                self._objectives,
                self._alerts,
                clock=session.clock,
                report=report,
                record=session.record,
            )
        if self._metrics is not None:
            yield Meters(self._metrics, report)
        if self._traces is not None:
            yield self._trace(self._traces, session, report)

    def _trace(self, traces: TraceExport, session: Watched, report: CallReport) -> Companion:
        config = self._loaded.top.traces
        assert config is not None, "it asked for them"
        sink = traces.trace(session.name, session.clock)
        return CallTrace(config, sink, agent=self._loaded.name, report=report)
