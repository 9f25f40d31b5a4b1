"""Spans → a collector, by OpenTelemetry's SDK and its exporter for OTLP/HTTP.

https://opentelemetry.io/docs/specs/otlp/#otlphttp and, for the packages,
https://opentelemetry-python.readthedocs.io/en/latest/sdk/trace.export.html. Spans are given to the SDK when
they are over, so nothing of it is in a call's way: its batch processor has a thread of its own, which encodes
and posts them. What the queue can't hold is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from voicepipe.config.telemetry import TracesConfig
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.extras import require
from voicepipe.core.units import SECOND
from voicepipe.observe.spans import Attributes, Span

QUEUE = 2048
"""Spans that wait; a turn has about a dozen."""

BATCH = 128
"""Spans of one request: to encode more at once holds the interpreter for longer than a frame lasts."""

EVERY_MS = 2000
TIMEOUT_S = 5.0
"""For one batch, with all its attempts."""

FAREWELL = 3 * SECOND
"""How long the end of a pipeline waits until what is left has been sent."""

MAX_REASON = 300
"""Characters of what the exporter says."""

_LOGGER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def unix_ns(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


class _Quiet(logging.Filter):
    """Keeps what the exporter says in one thread out of the log: it says so again with each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.thread: int | None = None
        self.said = ""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self.thread:
            return True  # another exporter's of the same process
        self.said = record.getMessage()
        return False


class TraceExport:
    """Of one started pipeline. ``warn`` is told once, in the loop, if the collector can't be reached.

    Raises ``SetupError`` if a package is missing.
    """

    def __init__(self, config: TracesConfig, *, service: str, warn: Callable[[str], None]) -> None:
        def needed(module: str) -> Any:
            return require(module, extra="traces", purpose="traces")

        self._sdk = needed("opentelemetry.sdk.trace")
        self._api = needed("opentelemetry.trace")
        export = needed("opentelemetry.sdk.trace.export")
        otlp = needed("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        http = needed("opentelemetry.exporter.otlp.proto.http")
        ids = needed("opentelemetry.sdk.trace.id_generator")
        resources = needed("opentelemetry.sdk.resources")
        scopes = needed("opentelemetry.sdk.util.instrumentation")
        self._url = config.url
        self._warn = warn
        self._loop = asyncio.get_running_loop()
        self._ids = ids.RandomIdGenerator()
        self._resource = resources.Resource({"service.name": service})
        self._scope = scopes.InstrumentationScope("voicepipe")
        self._success = export.SpanExportResult.SUCCESS
        self._told = False
        self._shut = False
        self._failing = False
        """The last time the collector wasn't reached."""
        self._put, self._taken = 0, 0
        """Spans that were queued, counted in the loop, and that were taken, counted in the SDK's thread."""
        self._quiet = _Quiet()
        logging.getLogger(_LOGGER).addFilter(self._quiet)
        self._exporter = otlp.OTLPSpanExporter(
            endpoint=config.url,
            headers={name: value.get_secret_value() for name, value in config.headers.items()},
            timeout=TIMEOUT_S,
            compression=http.Compression.Gzip,
        )
        self._processor = export.BatchSpanProcessor(
            self,
            max_queue_size=QUEUE,
            schedule_delay_millis=EVERY_MS,
            max_export_batch_size=BATCH,
            export_timeout_millis=TIMEOUT_S * 1000,
        )

    def trace(self, session: str, clock: Clock) -> SessionSpans:
        """Where the spans of one call go, whose session begins now."""
        began = unix_ns(datetime.now(UTC)) - clock.now()
        return SessionSpans(self, {"session.id": session, "gen_ai.conversation.id": session}, began)

    async def close(self, workers: Workers, *, patience_ns: int = FAREWELL) -> None:
        """Send what is left, as far as that can be done in ``patience_ns``.

        A collector that wasn't reached the last time isn't waited for.
        """
        try:
            await workers.call(self._processor.shutdown, deadline_ns=0 if self._failing else patience_ns)
        except TimeoutError:  # what hangs is left behind, with the filter for what it will say
            self.shutdown()
            if not self._told:
                self._told = True
                self._warn(self._sentence())
        else:
            logging.getLogger(_LOGGER).removeFilter(self._quiet)

    # ── what the SDK asks for, in its own thread (``SpanExporter``) ──────────────────────────────

    def export(self, spans: Sequence[Any]) -> Any:
        self._quiet.thread = threading.get_ident()
        self._taken += len(spans)
        result = self._exporter.export(spans)
        self._failing = result is not self._success
        if self._failing and not self._told:
            self._told = True
            with suppress(RuntimeError):  # the loop has been closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._warn, self._sentence())
        return result

    def shutdown(self) -> None:
        if not self._shut:
            self._shut = True
            self._exporter.shutdown()

    def _sentence(self) -> str:
        why = f" ({self._quiet.said[:MAX_REASON]})" if self._quiet.said else ""
        return f"traces don't reach {self._url}, and are lost until they do{why}"

    # ── spans ────────────────────────────────────────────────────────────────────────────────────

    def context(self, trace_id: int) -> Any:
        """A new span's own."""
        return self._api.SpanContext(
            trace_id,
            self._ids.generate_span_id(),
            is_remote=False,
            trace_flags=self._api.TraceFlags(self._api.TraceFlags.SAMPLED),
        )

    def new_trace(self) -> int:
        return int(self._ids.generate_trace_id())

    def put(self, span: Span, began: int, common: Attributes, context: Any, parent: Any | None) -> None:
        """Queue a span that is over, of a session that began at ``began`` (Unix time in ns)."""
        if self._put - self._taken >= QUEUE:
            return  # the SDK would drop one, too, but say so each time
        self._put += 1
        kinds, codes = self._api.SpanKind, self._api.StatusCode
        status = self._api.Status(codes.ERROR, span.error) if span.error is not None else self._api.Status()
        self._processor.on_end(
            self._sdk.ReadableSpan(
                span.name,
                context=context,
                parent=parent,
                resource=self._resource,
                attributes={**common, **span.attributes},
                kind=kinds.CLIENT if span.client else kinds.INTERNAL,
                status=status,
                start_time=began + span.start_ns,
                end_time=began + span.end_ns,
                instrumentation_scope=self._scope,
            )
        )


class SessionSpans:
    """One trace: the call around its turns, and what is inside them. A ``traces.Sink``."""

    def __init__(self, export: TraceExport, common: Attributes, began: int) -> None:
        self._export = export
        self._common = common
        self._began = began
        self._trace = export.new_trace()
        self._call = export.context(self._trace)

    def send(self, turn: Span, inside: list[Span]) -> None:
        """A turn, whose id stands on all that is inside it, too."""
        context = self._export.context(self._trace)
        common = {**self._common, "voicepipe.turn": turn.attributes["voicepipe.turn"]}
        for span in inside:
            self._export.put(span, self._began, common, self._export.context(self._trace), context)
        self._export.put(turn, self._began, self._common, context, self._call)

    def end(self, call: Span) -> None:
        self._export.put(call, self._began, self._common, self._call, None)
