from __future__ import annotations

import asyncio
from random import Random
from statistics import NormalDist, median, quantiles
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.support.workers import make_call
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, Deadlock, run_on
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.sim import MAX_SESSIONS, Failure, Latency, Script, SimConfig, Spread, constant

latency: TypeAdapter[Spread] = TypeAdapter(Latency)


def config(**fields: Any) -> SimConfig:
    return SimConfig.model_validate(fields)


async def events(script: Script, call: Call, count: int) -> list[int]:
    """The times of ``count`` events, 10 ms apart, until the call fails."""
    run = script.begin(call)
    times: list[int] = []
    for _ in range(count):
        await call.clock.sleep(10 * MS)
        await run.event()
        times.append(call.clock.now())
    return times


# ── latencies ────────────────────────────────────────────────────────────────────────────────────


def test_a_latency_in_one_piece_is_constant() -> None:
    spread = latency.validate_python("80ms")
    assert [spread.sample(Random(seed)) for seed in range(5)] == [80 * MS] * 5


def test_a_latency_has_the_median_and_the_99th_percentile_that_are_written() -> None:
    spread = latency.validate_python({"p50": "80ms", "p99": "300ms"})
    chance = Random(1)
    samples = [spread.sample(chance) for _ in range(40_000)]
    assert median(samples) == pytest.approx(80 * MS, rel=0.02)
    assert quantiles(samples, n=100)[98] == pytest.approx(300 * MS, rel=0.05)


def test_a_latency_is_log_normal() -> None:
    class Fixed(Random):
        def gauss(self, mu: float = 0, sigma: float = 1) -> float:
            return NormalDist().inv_cdf(0.99)

    assert Spread.model_validate({"p50": "100ms", "p99": "900ms"}).sample(Fixed()) == pytest.approx(900 * MS)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (80, "needs a unit"),
        ("soon", "expected a duration"),
        ({"p50": "80ms"}, "p99"),
        ({"p50": "80ms", "p99": "70ms"}, "p99 must not be less than p50"),
        ({"p50": "0ms", "p99": "70ms"}, "p50 must be more than 0"),
        ({"p50": "1ms", "p99": "2ms", "p95": "2ms"}, "p95"),
    ],
)
def test_a_latency_that_makes_no_sense_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        latency.validate_python(value)


def test_the_schema_of_a_latency_offers_both_ways_of_writing_it() -> None:
    string, mapping = latency.json_schema()["anyOf"]
    assert string["type"] == "string"
    assert set(mapping["properties"]) == {"p50", "p99"}


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


def outcomes(fail: dict[str, Any] | None, calls: int, *, seed: int = 0) -> list[str]:
    async def main() -> list[str]:
        script = Script("stt.sim", config(fail=fail, seed=seed))
        found: list[str] = []
        for _ in range(calls):
            try:
                await events(script, make_call(), 3)
                found.append("ok")
            except ProviderError as error:
                found.append(error.kind)
        return found

    return run_on("simulated", main())


def test_without_a_failure_in_the_script_no_call_fails() -> None:
    assert outcomes(None, 3) == ["ok"] * 3


def test_the_calls_that_the_script_names_fail() -> None:
    expected = ["ok", "rate_limit", "ok", "ok", "rate_limit"]
    assert outcomes({"kind": "rate_limit", "on": [2, 5]}, 5) == expected


def test_a_failure_without_on_and_rate_strikes_each_call() -> None:
    assert outcomes({"kind": "timeout"}, 3) == ["timeout"] * 3


def test_a_share_of_the_calls_fails_by_chance_and_the_same_ones_each_time() -> None:
    first = outcomes({"kind": "connection", "rate": 0.25}, 400)
    assert first == outcomes({"kind": "connection", "rate": 0.25}, 400)
    assert first != outcomes({"kind": "connection", "rate": 0.25}, 400, seed=1)
    assert 70 < first.count("connection") < 130


def test_a_rate_of_zero_is_none() -> None:
    assert outcomes({"kind": "connection", "rate": 0}, 50) == ["ok"] * 50


@pytest.mark.parametrize(
    ("kind", "retryable", "status"),
    [("connection", True, None), ("rate_limit", True, 429), ("authentication", False, 401)],
)
def test_a_failure_says_whether_to_try_again(kind: str, retryable: bool, status: int | None) -> None:
    async def main() -> None:
        with pytest.raises(ProviderError) as caught:
            await events(Script("tts.sim", config(fail={"kind": kind})), make_call(), 1)
        error = caught.value
        assert (error.provider, error.kind, error.retryable) == ("tts.sim", kind, retryable)
        assert error.status == status

    run_on("simulated", main())


def test_a_call_can_fail_in_the_middle() -> None:
    async def main() -> None:
        call = make_call()
        with pytest.raises(ProviderError):
            await events(Script("tts.sim", config(fail={"kind": "internal", "after": 2})), call, 9)
        assert call.clock.now() == 30 * MS

    run_on("simulated", main())


def test_a_call_that_hangs_ends_with_the_patience_of_its_caller() -> None:
    async def main() -> int:
        call = make_call()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await events(Script("tts.sim", config(fail={"kind": "hang", "after": 1})), call, 9)
        return call.clock.now()

    assert run_on("simulated", main()) == 2000 * MS


def test_a_call_that_hangs_without_a_deadline_is_found_on_a_virtual_clock() -> None:
    async def main() -> None:
        await events(Script("tts.sim", config(fail={"kind": "hang"})), make_call(), 1)

    with pytest.raises(Deadlock):
        run_on("simulated", main())


@pytest.mark.parametrize(
    "fail", [{"kind": "gremlins"}, {"kind": "hang", "on": [0]}, {"kind": "hang", "rate": 2}]
)
def test_a_failure_that_makes_no_sense_is_refused(fail: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Failure.model_validate(fail)


# ── sessions and chance ──────────────────────────────────────────────────────────────────────────


def waits(sessions: list[str], *, seed: int = 0) -> list[int]:
    """How long each call of these sessions waits, one after the other."""
    spread = Spread.model_validate({"p50": "100ms", "p99": "400ms"})

    async def main() -> list[int]:
        script = Script("llm.sim", config(seed=seed))
        clock = Clock()
        times: list[int] = []
        for session in sessions:
            began = clock.now()
            await script.begin(make_call(session, clock=clock)).wait(spread)
            times.append(clock.now() - began)
        return times

    return run_on("simulated", main())


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=8), st.integers())
def test_latencies_are_the_same_each_time_whatever_the_sessions_are_called(
    sessions: list[str], seed: int
) -> None:
    renamed = [f"another-{session}" for session in sessions]
    assert waits(sessions, seed=seed) == waits(sessions, seed=seed) == waits(renamed, seed=seed)


def test_calls_sessions_and_seeds_differ_in_their_latencies() -> None:
    times = waits(["a", "b", "a", "b"]) + waits(["a"], seed=1)
    assert len(set(times)) == 5


def test_calls_are_counted_by_session() -> None:
    async def main() -> list[int]:
        script = Script("llm.sim", config())
        return [script.begin(make_call(session)).number for session in "abaab"]

    assert run_on("simulated", main()) == [1, 1, 2, 3, 2]


def test_the_memory_for_sessions_is_bounded_and_the_idlest_is_forgotten() -> None:
    async def main() -> tuple[int, int]:
        script = Script("llm.sim", config())
        call = make_call("busy")
        script.begin(call)
        script.begin(make_call("idle", clock=call.clock))
        for n in range(MAX_SESSIONS - 1):
            call.session = f"session-{n}"
            script.begin(call)
            call.session = "busy"
            script.begin(call)
        busy = script.begin(call).number
        call.session = "idle"
        return busy, script.begin(call).number

    assert run_on("simulated", main()) == (MAX_SESSIONS + 1, 1)


def test_a_default_latency_is_read_like_a_written_one() -> None:
    assert constant("80ms") == latency.validate_python("80ms")
