from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from tests.support.fake_realtime import FakeConnection, FakeRealtime
from tests.support.lineups import HANG, Scripted, failure
from tests.support.stages import FakeStt, FakeTts, settle
from tests.support.tones import tone
from tests.support.workers import make_workers
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import BudgetError, ProviderError, SetupError
from voicepipe.providers.base import Hypothesis, Provider, Speech, Word
from voicepipe.providers.realtime_base import ReplyAudio, ReplyText
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.probes import QUESTION, SENTENCE, Prober
from voicepipe.speech.budget import Asks


class Line:
    """A slot whose first provider has just failed, and sessions that may probe it."""

    def __init__(self, primary: Provider, spender: Any = None, **settings: Any) -> None:
        self.clock = Clock()
        self.spender = spender
        self.records: list[Any] = []
        self.lineup = Lineup([primary, Scripted("b")], clock=self.clock, **settings)
        self.lineup.fail(0, failure())

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncio.Task[None]]:
        prober = Prober(
            {"llm": self.lineup},
            session="s",
            clock=self.clock,
            workers=make_workers(),
            record=self.records.append,
            spender=self.spender,
        )
        task = asyncio.ensure_future(prober.run())
        try:
            await settle()
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or task.result() is None

    @property
    def probes(self) -> list[tuple[int, str]]:
        """When each ended, in milliseconds, and how."""
        return [(one.at_ns // MS, one.status) for one in self.records if isinstance(one, ProviderAttempt)]

    @property
    def back(self) -> bool:
        return self.lineup.can_answer(0)


def on_a_call(line: Callable[[], Line], seconds: float) -> Line:
    async def main() -> Line:
        made = line()
        async with made.session():
            await made.clock.sleep(round(seconds * SECOND))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return made

    return run_on("simulated", main())


def test_what_has_failed_is_asked_after_five_seconds_and_taken_back_if_it_answers() -> None:
    line = on_a_call(lambda: Line(Scripted("a")), 6)
    assert line.back
    assert line.probes == [(5010, "ok")]


def test_a_probe_is_a_call_of_no_turn_with_its_usage() -> None:
    line = on_a_call(lambda: Line(Scripted("a")), 6)
    (attempt,) = [one for one in line.records if isinstance(one, ProviderAttempt)]
    assert (attempt.turn, attempt.probe, attempt.slot, attempt.provider) == (None, True, "llm", "a")
    assert [used.amount for used in attempt.usage] == [1]


class Purse:
    """Allows ``probes``, and remembers what they asked for and how many are settled."""

    def __init__(self, probes: int) -> None:
        self.left, self.settled = probes, 0
        self.asked: list[Asks] = []

    async def reserve(self, slot: str, provider: Provider, asks: Asks, *, total_ns: int) -> Purse:
        if self.left == 0:
            raise BudgetError("nothing is left", budget="session", limit="1 USD")
        self.left -= 1
        self.asked.append(asks)
        return self

    def close(self) -> None:
        self.settled += 1


def test_a_probe_is_made_only_if_the_budget_allows_it() -> None:
    line = on_a_call(lambda: Line(Scripted("a", [failure()]), Purse(1)), 20)
    assert [status for _, status in line.probes] == ["failed"]
    assert not line.back
    assert line.spender.settled == 1
    (asked,) = line.spender.asked
    assert asked.writes
    assert asked.read > len(QUESTION)


def test_a_call_that_can_not_pay_for_a_probe_leaves_it_to_one_that_can() -> None:
    async def main() -> None:
        line = Line(Scripted("a"), Purse(0))
        async with line.session() as poor:
            line.spender = None
            async with line.session():
                await line.clock.sleep(5500 * MS)
                assert line.back, "that the first had no money says nothing of the provider"
            assert line.probes == [(5010, "ok")]
            assert poor.done()

    run_on("simulated", main())


def test_what_still_fails_is_asked_at_growing_intervals() -> None:
    line = on_a_call(lambda: Line(Scripted("a", *[[failure()]] * 99)), 200)
    assert not line.back
    assert [round(at / 1000) for at, _ in line.probes] == [5, 15, 35, 75, 135, 195]


def test_a_probe_that_hangs_is_given_up() -> None:
    line = on_a_call(lambda: Line(Scripted("a", [HANG], ["yes"])), 20)
    assert [status for _, status in line.probes] == ["failed", "ok"]
    assert line.back


def test_nobody_is_asked_while_nobody_is_on_a_call() -> None:
    async def main() -> None:
        line = Line(Scripted("a"))
        await line.clock.sleep(3600 * SECOND)
        assert line.probes == []
        async with line.session():
            await line.clock.sleep(SECOND)
            assert line.back, "and as soon as somebody is"

    run_on("simulated", main())


def test_of_many_calls_one_probes() -> None:
    async def main() -> None:
        line = Line(Scripted("a", *[[failure()]] * 9))
        async with line.session(), line.session(), line.session():
            await line.clock.sleep(20 * SECOND)
        assert len(line.probes) == 2

    run_on("simulated", main())


def test_a_call_that_ends_while_it_probes_leaves_that_to_another_one() -> None:
    async def main() -> None:
        primary = Scripted("a", [HANG], ["yes"])
        line = Line(primary)
        first, second = line.session(), line.session()
        await first.__aenter__()
        async with second:
            await line.clock.sleep(5 * SECOND + MS)
            assert primary.open == 1
            await first.__aexit__(None, None, None)
            await line.clock.sleep(20 * MS)
            assert line.back
        assert primary.open == 0

    run_on("simulated", main())


def test_a_call_hears_of_a_failure_that_comes_later() -> None:
    async def main() -> None:
        line = Line(Scripted("a"))
        line.lineup.restore(0)
        async with line.session():
            await line.clock.sleep(100 * SECOND)
            assert line.probes == []
            line.lineup.fail(0, failure())
            await line.clock.sleep(6 * SECOND)
            assert line.back

    run_on("simulated", main())


def test_a_probe_never_ends_the_call_whatever_is_wrong_with_the_provider() -> None:
    class Broken(Scripted):
        def generate(self, *_: Any) -> Any:
            raise ZeroDivisionError("a bug")

    line = on_a_call(lambda: Line(Broken("a")), 6)
    assert not line.back
    assert line.lineup.health.why(0) == "a bug"


class Unstarted(Scripted):
    """Can be started at the second attempt."""

    def __init__(self, hangs: bool = False) -> None:
        super().__init__("a")
        self.starts = 0
        self._hangs = hangs

    async def start(self) -> None:
        self.starts += 1
        if self._hangs and self.starts == 1:
            await asyncio.Event().wait()
        if self.starts == 1:
            raise SetupError("nothing answers")


@pytest.mark.parametrize("hangs", [False, True])
def test_what_could_not_be_started_is_started_before_it_is_asked(hangs: bool) -> None:
    def line() -> Line:
        made = Line(Unstarted(hangs))
        made.lineup.unstarted.add(0)
        return made

    made = on_a_call(line, 200)
    assert made.back
    assert not made.lineup.unstarted
    assert len(made.probes) == 1


def test_a_slot_with_one_provider_needs_no_probing() -> None:
    async def main() -> None:
        clock = Clock()
        lineup = Lineup([Scripted("a")], clock=clock)
        prober = Prober(
            {"llm": lineup}, session="s", clock=clock, workers=make_workers(), record=lambda record: None
        )
        await prober.run()

    run_on("simulated", main())


# ── what is asked, by kind ───────────────────────────────────────────────────────────────────────


def test_a_voice_speaks_a_word_up_to_its_first_sound() -> None:
    said: list[str] = []

    async def speak(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        said.append(text)
        yield Word(text=text, start_ms=0, end_ms=100)
        yield Speech(pcm=np.zeros(0, np.int16))
        yield Speech(pcm=tone(300, 16_000, 0.1))
        raise AssertionError("it is closed before")

    line = on_a_call(lambda: Line(FakeTts(speak)), 6)
    assert line.back
    assert said == ["OK."]


@pytest.mark.parametrize("fails", [False, True])
def test_a_recogniser_hears_a_little_silence_to_its_end(fails: bool) -> None:
    heard: list[Pcm] = []

    async def hear(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for block in audio:
            heard.append(block)
        yield Hypothesis(text="", final=False)
        if fails:
            raise ProviderError("gone", provider="x", kind="connection")
        yield Hypothesis(text="", final=True)

    line = on_a_call(lambda: Line(FakeStt(hear, rate=8000)), 6)
    assert line.back is not fails
    assert sum(len(block) for block in heard) == 1600
    assert not any(block.any() for block in heard)


@pytest.mark.parametrize("says", [SENTENCE, "How can I help you?"])
def test_a_fused_model_reads_a_sentence_out(says: str) -> None:
    class Readable(FakeConnection):
        async def respond(self, call: Call, **options: Any) -> AsyncGenerator[Any, None]:
            assert options == {"say": SENTENCE, "remember": False}
            yield ReplyText(item_id="a", text=says)
            yield ReplyAudio(item_id="a", pcm=tone(300, 24_000, 0.1))

    model = FakeRealtime()
    model.connection = Readable
    line = on_a_call(lambda: Line(model), 6)
    assert line.back is (says == SENTENCE)
    assert all(connection.over for connection in model.connections)
