"""Counters and histograms of all calls of a process, for Prometheus (``metrics:``).

Told by ``prometheus-client``, from a registry of its own: https://prometheus.github.io/client_python/ and,
for the names, https://prometheus.io/docs/practices/naming/. Labels have few values, all of them known from
the pipeline file: never a session, a turn, a tool that a model made up, or a text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from types import MethodType
from typing import Any

from voicepipe.core.calls import Workers
from voicepipe.core.extras import require
from voicepipe.core.records import (
    DeadAir,
    ObjectiveMet,
    ObjectiveMissed,
    ProviderAttempt,
    ProviderSwitched,
    SpeechIgnored,
    ToolFinished,
    TurnEnded,
)
from voicepipe.core.units import SECOND
from voicepipe.observe.objectives import spent_by_step
from voicepipe.observe.observers import Observer, ReadsByType
from voicepipe.observe.report import CallReport
from voicepipe.observe.series import NO_LABELS, Counter, Gauge, Histogram
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Tally
from voicepipe.speech.pricing import PICO

LATENCY_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Seconds; closest where a conversation begins to feel slow."""

STEP_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 5.0)

LAG_EVERY_S = 1.0


class Metrics:
    """Of one started pipeline. Raises ``SetupError`` if the package is missing."""

    def __init__(self) -> None:
        client = require("prometheus_client", extra="metrics", purpose="metrics")
        self._client = client
        self.registry = client.CollectorRegistry()

        self._series: list[Counter | Histogram] = []

        def counter(name: str, about: str, *labels: str, per: int = 1) -> Counter:
            self._series.append(made := Counter(f"voicepipe_{name}", about, *labels, per=per))
            return made

        def gauge(name: str, about: str, *labels: str) -> Gauge:
            self._series.append(made := Gauge(f"voicepipe_{name}", about, *labels))
            return made

        def seconds(name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            self._series.append(made := Histogram(f"voicepipe_{name}_seconds", about, buckets, *labels))
            return made

        self.calls = counter("calls", "Calls that have begun")
        self.active = gauge("active_calls", "Calls that are being held")
        self.turns = counter("turns", "Turns that have ended; discarded: prepared and dropped", "status")
        self.voice_to_voice = seconds(
            "voice_to_voice", "End of the caller's speech to the first sound of the reply", LATENCY_BUCKETS
        )
        self.steps = seconds("step", "What a turn spent on a step of its critical path", STEP_BUCKETS, "step")
        self.silenced = seconds(
            "silent_after_interruption", "Onset of an interruption to the reply's last sound", LATENCY_BUCKETS
        )
        self.ignored = counter("ignored", "Sounds of the caller that did not interrupt", "reason")
        self.dead_air = counter("dead_air", "Times when nothing was heard for too long", "stage")
        self.tools = counter("tool_calls", "Calls of tools that have ended", "status")
        self.attempts = counter("provider_attempts", "Requests to providers", "slot", "provider", "status")
        self.first_event = seconds(
            "provider_first_event", "Begin of a request to its first event", STEP_BUCKETS, "slot", "provider"
        )
        self.switches = counter("provider_switches", "Times when another provider took over", "slot")
        self.usage = counter("usage", "What providers consumed", "slot", "provider", "unit")
        self.cost = counter(
            "cost_usd", "What it cost, as far as it has a price", "slot", "provider", per=PICO
        )
        self.unpriced = counter("unpriced_usage", "What has no price", "slot", "provider", "unit")
        self.missed = gauge("objective_missed", "1 while an objective of slo: is missed", "objective")
        self.lag = seconds("event_loop_lag", "How late the event loop rings", STEP_BUCKETS)
        self._timer: asyncio.TimerHandle | None = None
        self.registry.register(self)

    def collect(self) -> Iterator[Any]:
        """What the registry asks for; from any thread."""
        families = self._client.metrics_core
        return (series.family(families) for series in self._series)

    def page(self) -> tuple[str, bytes]:
        """The content type and the text, in Prometheus' text format."""
        return self._client.CONTENT_TYPE_LATEST, self._client.generate_latest(self.registry)

    def watch_loop(self) -> None:
        """Measure the lag of the running loop once a second, until ``close``."""
        loop = asyncio.get_running_loop()
        due = loop.time() + LAG_EVERY_S

        def ring() -> None:
            self.lag.observe(max(0.0, loop.time() - due))
            self.watch_loop()

        self._timer = loop.call_at(due, ring)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Meters(ReadsByType):
    """The companion of one call; what it sees goes to ``metrics``. ``report`` observes the call before it."""

    def __init__(self, metrics: Metrics, report: CallReport) -> None:
        self._metrics = metrics
        report.on_request.append(self._count)
        report.on_turn_ended.append(self._measure)
        metrics.calls.sums[NO_LABELS] += 1
        metrics.active.sums[NO_LABELS] += 1

    def reader(self, kind: type[Any]) -> Observer | None:
        read = _READ.get(kind)
        return None if read is None else MethodType(read, self)

    async def end(self, report: CallReport, workers: Workers) -> None:
        self._metrics.active.sums[NO_LABELS] -= 1

    def _end_turn(self, at_ns: int, event: TurnEnded) -> None:
        self._metrics.turns.sums[(event.status,)] += 1

    def _measure(self, turn: TurnReport) -> None:
        metrics = self._metrics
        if turn.silenced_ns is not None:
            metrics.silenced.observe(turn.silenced_ns / SECOND)
        if turn.timeline is None:
            return
        for step, spent in spent_by_step(turn.timeline).items():
            metrics.steps.observe(spent / SECOND, (step,))
        if turn.timeline.spoken and turn.timeline.audible:
            metrics.voice_to_voice.observe(turn.timeline.total_ns / SECOND)

    def _attempt(self, at_ns: int, event: ProviderAttempt) -> None:
        self._metrics.attempts.sums[event.slot, event.provider, event.status] += 1
        if event.first_event_ns is not None:
            first_s = (event.first_event_ns - event.began_ns) / SECOND
            self._metrics.first_event.observe(first_s, (event.slot, event.provider))

    def _finish_tool(self, at_ns: int, event: ToolFinished) -> None:
        self._metrics.tools.sums[("error" if event.error else "ok",)] += 1

    def _ignore(self, at_ns: int, event: SpeechIgnored) -> None:
        self._metrics.ignored.sums[(event.reason,)] += 1

    def _note_dead_air(self, at_ns: int, event: DeadAir) -> None:
        self._metrics.dead_air.sums[(event.stage.partition(" ")[0],)] += 1

    def _switch(self, at_ns: int, event: ProviderSwitched) -> None:
        self._metrics.switches.sums[(event.slot,)] += 1

    def _judge(self, at_ns: int, event: ObjectiveMissed | ObjectiveMet) -> None:
        self._metrics.missed.sums[(event.objective,)] = isinstance(event, ObjectiveMissed)

    def _count(self, request: ProviderAttempt, used: Tally) -> None:
        metrics = self._metrics
        for meter, amount in used.amounts.items():
            labels = (meter.slot, meter.provider, meter.unit)
            metrics.usage.sums[labels] += amount.total
            if amount.cost:
                metrics.cost.sums[meter.slot, meter.provider] += amount.cost
            if amount.unpriced:
                metrics.unpriced.sums[labels] += amount.unpriced


_READ: Mapping[type[Any], Callable[[Meters, int, Any], None]] = {
    TurnEnded: Meters._end_turn,
    ProviderAttempt: Meters._attempt,
    ToolFinished: Meters._finish_tool,
    SpeechIgnored: Meters._ignore,
    DeadAir: Meters._note_dead_air,
    ProviderSwitched: Meters._switch,
    ObjectiveMissed: Meters._judge,
    ObjectiveMet: Meters._judge,
}
"""What is in other events, the report tells."""
