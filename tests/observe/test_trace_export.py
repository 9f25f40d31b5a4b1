from __future__ import annotations

import asyncio
import gzip
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.scenes import PIPELINE
from voicepipe.api import Pipeline
from voicepipe.config.telemetry import TracesConfig
from voicepipe.core.clock import Clock
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.spans import Span
from voicepipe.observe.trace_export import TraceExport, unix_ns
from voicepipe.runtime.workers import ThreadWorkers
from voicepipe.testing.http import HttpServer, Request, head
from voicepipe.transports.wav import Typed, WavCall

TURN = Span("invoke_agent desk", 0, 2 * SECOND, {"voicepipe.turn": 7, "voicepipe.kept": "slow"})
CHAT = Span("chat m", 100 * MS, 900 * MS, {"gen_ai.usage.input_tokens": 12}, error="no answer", client=True)
CALL = Span("call desk", 0, 9 * SECOND)


class Collector(HttpServer):
    """Takes traces as OTLP/HTTP has it: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request."""

    def __init__(self, status: int = 200) -> None:
        super().__init__()
        self.status = status

    async def answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        body = ExportTraceServiceResponse().SerializeToString()
        writer.write(head(self.status, "application/x-protobuf", f"Content-Length: {len(body)}") + body)
        return True

    def spans(self) -> dict[str, Any]:
        """The spans that have come, by their names."""
        found = {}
        for request in self.requests:
            message = ExportTraceServiceRequest()
            message.ParseFromString(gzip.decompress(request.body))
            for resource in message.resource_spans:
                for scope in resource.scope_spans:
                    found |= {span.name: span for span in scope.spans}
        return found


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def config(url: str, **keys: Any) -> TracesConfig:
    return TracesConfig.model_validate({"otlp": url, **keys})


async def sent(collector: Collector, *, patience_ns: int = 30 * SECOND, **keys: Any) -> None:
    """One call of one turn, sent by an export that is closed then."""
    workers = ThreadWorkers()
    export = TraceExport(config(collector.origin, **keys), service="desk", warn=print)
    spans = export.trace("s-1", Clock())
    spans.send(TURN, [CHAT])
    spans.end(CALL)
    await export.close(workers, patience_ns=patience_ns)
    workers.close()


def test_a_call_is_one_trace_that_a_collector_can_read() -> None:
    async def hold() -> Collector:
        async with Collector() as collector:
            await sent(collector, headers={"Authorization": "Bearer t"})
        return collector

    before = unix_ns(datetime.now(UTC))
    collector = asyncio.run(hold())
    (request,) = collector.requests
    assert (request.method, request.path) == ("POST", "/v1/traces")
    assert request.headers["authorization"] == "Bearer t"
    assert request.headers["content-type"] == "application/x-protobuf"
    spans = collector.spans()
    call, turn, chat = (spans[name] for name in ("call desk", "invoke_agent desk", "chat m"))
    assert len({span.trace_id for span in spans.values()}) == 1
    assert (call.parent_span_id, turn.parent_span_id, chat.parent_span_id) == (
        b"",
        call.span_id,
        turn.span_id,
    )
    assert 0 <= call.start_time_unix_nano - before < 60 * SECOND
    assert call.end_time_unix_nano - call.start_time_unix_nano == 9 * SECOND
    assert chat.start_time_unix_nano - call.start_time_unix_nano == 100 * MS
    assert all(attributes(span)["session.id"] == "s-1" for span in spans.values())
    assert attributes(turn)["voicepipe.turn"] == attributes(chat)["voicepipe.turn"] == 7
    assert attributes(chat)["gen_ai.usage.input_tokens"] == 12
    assert (chat.kind, turn.kind) == (3, 1), "client, internal"
    assert (chat.status.code, chat.status.message, turn.status.code) == (2, "no answer", 0)


def test_the_service_is_named_after_the_pipeline() -> None:
    async def hold() -> Collector:
        async with Collector() as collector:
            await sent(collector)
        return collector

    message = ExportTraceServiceRequest()
    message.ParseFromString(gzip.decompress(asyncio.run(hold()).requests[0].body))
    (resource,) = message.resource_spans
    assert attributes(resource.resource)["service.name"] == "desk"


def test_a_collector_that_refuses_is_told_of_once_and_nothing_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = list[str]()

    async def refuse() -> str:
        async with Collector(status=400) as collector:
            workers = ThreadWorkers()
            export = TraceExport(config(collector.origin), service="desk", warn=told.append)
            for _ in range(3):
                spans = export.trace("s-1", Clock())
                spans.end(CALL)
                await workers.call(export._processor.force_flush)
            await export.close(workers)
            workers.close()
            return collector.origin

    with caplog.at_level(logging.DEBUG, "opentelemetry.exporter"):
        origin = asyncio.run(refuse())
    assert len(told) == 1
    assert told[0].startswith(f"traces don't reach {origin}/v1/traces, and are lost until they do (")
    assert caplog.records == []


def test_what_other_exporters_of_the_process_say_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    before = list(logger.filters)

    async def hold() -> None:
        async with Collector() as collector:
            workers = ThreadWorkers()
            export = TraceExport(config(collector.origin), service="desk", warn=print)
            logger.warning("of somebody else")
            await export.close(workers)
            workers.close()

    asyncio.run(hold())
    assert [record.getMessage() for record in caplog.records] == ["of somebody else"]
    assert logger.filters == before


def test_the_end_waits_for_a_collector_that_hangs_but_not_for_long() -> None:
    class Hangs(Collector):
        async def answer(
            self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> bool:
            return await self.until_hung_up(request, reader)

    async def hold() -> tuple[int, bool]:
        async with Hangs() as collector:
            await sent(collector, patience_ns=300 * MS)
            return len(collector.requests), any(one.hung_up.is_set() for one in collector.requests)

    assert asyncio.run(hold()) == (1, False), "it still hangs when everything else has ended"


# ── a pipeline ───────────────────────────────────────────────────────────────────────────────────


def test_a_pipeline_sends_the_turns_of_its_calls_masked_as_its_log(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"

    async def hold() -> Collector:
        async with Collector() as collector:
            file.write_text(
                f"{PIPELINE}name: desk\nrecord: {{redact: [email]}}\n"
                f'traces: {{otlp: "{collector.origin}", sample: 1, content: true}}\n'
            )
            pipe = Pipeline.from_yaml(file, set={"stages.llm.replies": ["Yes."]})
            async with pipe, pipe.session(name="s-9") as one:
                script = [Typed("i am ann@example.com")]
                ends = WavCall(one.clock, script=script, rate=16_000, gap_ns=0, recording=None)
                async for _ in one.run(ends.caller, ends.output):
                    pass
            return collector

    collector = asyncio.run(hold())
    spans = collector.spans()
    assert {"call desk", "invoke_agent desk", "chat sim", "text_to_speech sim"} <= spans.keys()
    turn = attributes(spans["invoke_agent desk"])
    assert turn["gen_ai.conversation.id"] == "s-9"
    assert "[email]" in turn["gen_ai.input.messages"]
    assert not any(b"ann@example.com" in gzip.decompress(one.body) for one in collector.requests)
    assert "Yes." in turn["gen_ai.output.messages"]
