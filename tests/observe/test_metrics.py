from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prometheus_client")

from tests.observe.money import CLOUD, book
from tests.observe.test_cost import call
from tests.observe.test_metrics_server import ask
from tests.observe.test_objectives import turn
from tests.support.happenings import AT, EXAMPLES, Story
from tests.support.scenes import PIPELINE
from voicepipe.api import Pipeline
from voicepipe.errors import SetupError
from voicepipe.observe.metrics import Meters, Metrics
from voicepipe.observe.report import CallReport
from voicepipe.runtime.workers import ThreadWorkers
from voicepipe.transports.wav import Typed, WavCall


def measured(tmp_path: Path, story: Story, *more: Any) -> Metrics:
    """What one call leaves behind."""

    async def hold() -> Metrics:
        metrics, prices = Metrics(), book(tmp_path, CLOUD)
        report = CallReport(session="s-secret", clock="real", prices=prices)
        meters = Meters(metrics, report)
        assert value(metrics, "active_calls") == 1
        for at_ns, event in [*story.events, *((AT, one) for one in more)]:
            report(at_ns, event)
            meters(at_ns, event)
        await meters.end(report, ThreadWorkers())
        return metrics

    return asyncio.run(hold())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"voicepipe_{name}", labels)  # type: ignore[no-any-return]


def test_turns_are_counted_by_how_they_ended_and_measured(tmp_path: Path) -> None:
    story = turn(turn(Story(), 1, 700), 2, 1400, "failed").draft(40_000, turn=3)
    metrics = measured(tmp_path, story.end(41_000, turn=3, status="discarded"))
    ended = [value(metrics, "turns_total", status=one) for one in ("completed", "failed", "discarded")]
    assert ended == [1, 1, 1]
    assert value(metrics, "voice_to_voice_seconds_count") == 2
    assert value(metrics, "voice_to_voice_seconds_sum") == pytest.approx(2.1)
    assert value(metrics, "voice_to_voice_seconds_bucket", le="0.8") == 1
    assert value(metrics, "step_seconds_sum", step="endpoint") == pytest.approx(0.2)
    assert value(metrics, "step_seconds_count", step="tools") is None
    assert (value(metrics, "calls_total"), value(metrics, "active_calls")) == (1, 0)


def test_requests_are_counted_and_priced(tmp_path: Path) -> None:
    story = call(Story(), 1000, "llm", None, tokens_in=100_000, tokens_out=1000)
    call(story, 2000, "llm", None, "failed", tokens_in=100_000)
    metrics = measured(tmp_path, story)
    labels = {"slot": "llm", "provider": "openai"}
    assert value(metrics, "provider_attempts_total", **labels, status="ok") == 1
    assert value(metrics, "provider_attempts_total", **labels, status="failed") == 1
    assert value(metrics, "usage_total", **labels, unit="tokens_in") == 200_000
    assert value(metrics, "cost_usd_total", **labels) == pytest.approx(0.0205)
    assert value(metrics, "unpriced_usage_total", **labels, unit="tokens_in") is None


def test_what_has_no_price_is_counted_as_such(tmp_path: Path) -> None:
    metrics = measured(tmp_path, Story().used(1000, "llm", "tokens_out", 7))
    labels = {"slot": "llm", "provider": "sim"}
    assert value(metrics, "unpriced_usage_total", **labels, unit="tokens_out") == 7
    assert value(metrics, "cost_usd_total", **labels) is None


def test_every_other_event_has_its_counter_or_none(tmp_path: Path) -> None:
    metrics = measured(tmp_path, Story().dead_air(900, "tool whatever the model calls it"), *EXAMPLES)
    assert value(metrics, "ignored_total", reason="backchannel") == 1
    assert value(metrics, "dead_air_total", stage="tool") == 1
    assert value(metrics, "dead_air_total", stage="stt") == 1
    assert value(metrics, "tool_calls_total", status="ok") == 1
    assert value(metrics, "provider_switches_total", slot="llm") == 1
    assert value(metrics, "objective_missed", objective="voice_to_voice.p90") == 1
    assert value(metrics, "objective_missed", objective="answered") == 0


def test_no_text_session_or_tool_of_a_call_is_on_the_page(tmp_path: Path) -> None:
    story = turn(Story(), 1, 700).tool(20_000, "made_up").told(20_100, "a result", "made_up")
    kind, page = measured(tmp_path, story, *EXAMPLES).page()
    assert kind.startswith("text/plain")
    for word in (b"s-secret", b"made_up", b"hello", b"Thursday", b"thursday"):
        assert word not in page


def test_how_late_the_loop_rings_is_measured_until_it_is_closed() -> None:
    async def watch() -> tuple[float | None, bool]:
        metrics = Metrics()
        metrics.watch_loop()
        timer = metrics._timer
        assert timer is not None
        timer._run()  # type: ignore[attr-defined]  # as if the second had passed
        found = value(metrics, "event_loop_lag_seconds_count")
        metrics.close()
        assert metrics._timer is not None
        return found, metrics._timer.cancelled()

    assert asyncio.run(watch()) == (1, True)


# ── a pipeline ───────────────────────────────────────────────────────────────────────────────────


def serving(tmp_path: Path, port: int = 0) -> Pipeline:
    file = tmp_path / "pipeline.yaml"
    file.write_text(f"{PIPELINE}metrics: {{prometheus: {{port: {port}}}}}\n")
    return Pipeline.from_yaml(file)


def test_a_pipeline_serves_the_figures_of_its_calls_while_it_is_started(tmp_path: Path) -> None:
    told = list[str]()

    async def hold() -> tuple[bytes, int]:
        pipe = serving(tmp_path)
        await pipe.start(told.append)
        port = int(told[-1].rpartition(":")[2].partition("/")[0])
        try:
            async with pipe.session() as one:
                ends = WavCall(one.clock, script=[Typed("hi")], rate=16_000, gap_ns=0, recording=None)
                async for _ in one.run(ends.caller, ends.output):
                    break
            return await ask(port, b"GET /metrics HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n"), port
        finally:
            await pipe.close()

    page, port = asyncio.run(hold())
    assert b"voicepipe_calls_total 1.0" in page
    assert told[-1] == f"metrics: http://127.0.0.1:{port}/metrics"

    async def gone() -> None:
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(gone())


def test_a_pipeline_whose_port_is_taken_does_not_start(tmp_path: Path) -> None:
    async def twice() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(SetupError, match="can't be served"):
                await serving(tmp_path, port).start()
        finally:
            server.close()

    asyncio.run(twice())


def test_nothing_is_imported_for_a_pipeline_without_metrics(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    code = (
        "import sys; from voicepipe.api import Pipeline\n"
        "Pipeline.from_yaml('pipeline.yaml').run_sync(text='hi', clock='simulated')\n"
        "assert not {'prometheus_client', 'opentelemetry'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
