"""A provider for each promise of a request that breaks it, and what the suite says to that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support.contract_fakes import ASKED, STOPPED, GoodLlm, GoodStt, GoodTts, examine
from tests.support.workers import PATIENCE
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis, Speech, Word
from voicepipe.testing.contract import Broken

HELD: list[threading.Event] = []


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    """Ends the jobs that a provider left behind."""
    yield
    while HELD:
        HELD.pop().set()


def broken(name: str, provider: type[Any], found: str, **attributes: Any) -> None:
    with pytest.raises(Broken, match=found):
        examine(name, provider, **attributes)


# ── whole answers ────────────────────────────────────────────────────────────────────────────────


class TwoFinals(GoodStt):
    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for hypothesis in super().transcribe(call, audio):
            yield hypothesis
        yield hypothesis


def test_an_answer_that_is_not_what_the_interface_says() -> None:
    broken("an_answer_is_what_the_interface_says", TwoFinals, "2 final hypotheses .* expected exactly one")


class Imagines(GoodStt):
    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for hypothesis in super().transcribe(call, audio):
            yield Hypothesis(text=hypothesis.text or "Thanks for watching!", final=hypothesis.final)


class Stumbles(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        if not text.strip():
            raise ProviderError("boom", provider="x", kind="server")
        async for event in super().synthesize(call, text):
            yield event


class Beeps(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        async for event in super().synthesize(call, text or "beep"):
            yield event


@pytest.mark.parametrize(
    ("provider", "found"),
    [(Imagines, "Thanks for watching"), (Stumbles, "kind 'server': x: boom"), (Beeps, "a sound, although")],
)
def test_empty_input_that_is_answered_with_something_or_fails(provider: type[Any], found: str) -> None:
    broken("empty_input_is_answered_with_nothing_or_refused", provider, found)


class Refuses(GoodTts):
    """As vendors do with what they can't take."""

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        if len(text) > 1000 or not text.strip():
            raise ProviderError("expected 1 to 1000 characters", provider="x", kind="bad_request")
        async for event in super().synthesize(call, text):
            yield event


class CutsOff(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        if len(text) < 1000:
            async for event in super().synthesize(call, text):
                yield event


class BreaksDown(Refuses):
    down = False

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        self.down = self.down or len(text) > 1000
        async for event in super().synthesize(call, "" if self.down else text):
            yield event


def test_input_may_be_refused() -> None:
    examine("empty_input_is_answered_with_nothing_or_refused", Refuses)
    examine("very_long_input_is_answered_or_refused", Refuses)


def test_long_input_without_an_answer_and_a_provider_that_does_not_recover() -> None:
    broken("very_long_input_is_answered_or_refused", CutsOff, "without a sound")
    broken("very_long_input_is_answered_or_refused", BreaksDown, "bad_request")


class Shares(GoodLlm):
    """Keeps on itself what belongs to a call."""

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        self.asked = messages[-1].text
        await call.clock.sleep(10 * MS)
        yield TextDelta(text=self.asked)


class Deaf(GoodLlm):
    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        yield TextDelta(text="Yes.")


def test_sessions_that_mix() -> None:
    broken("two_sessions_at_once_do_not_mix", Shares, "session 1 got .*password.* and alone .*name")


def test_inputs_that_are_too_alike_to_tell_whether_sessions_mix() -> None:
    broken("two_sessions_at_once_do_not_mix", Deaf, "the same answer to both inputs")
    examine("two_sessions_at_once_do_not_mix", Deaf, repeatable=False)


# ── cancellation ─────────────────────────────────────────────────────────────────────────────────


class TalksOn(GoodTts):
    """Has a last word when it is closed."""

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        try:
            async for event in super().synthesize(call, text):
                yield event
        except GeneratorExit:
            yield Word(text="Wait!", start_ms=0, end_ms=0)


class NoGenerator(GoodTts):
    """Its answers can't be closed: ``aclose`` changes nothing."""

    def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        events = super().synthesize(call, text)

        class Stubborn:
            def __aiter__(self) -> Any:
                return self

            async def __anext__(self) -> Any:
                return await anext(events)

            async def aclose(self) -> None:
                return

        return Stubborn()


def test_output_after_a_request_was_closed() -> None:
    broken("a_request_may_be_closed_after_its_first_event", NoGenerator, "after the request was closed")
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        examine("a_request_may_be_closed_after_its_first_event", TalksOn)


class Swallows(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        try:
            async for event in super().synthesize(call, text):
                yield event
        except asyncio.CancelledError:
            return


class GoesOn(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        try:
            async for event in super().synthesize(call, text):
                yield event
        except asyncio.CancelledError:
            yield Word(text="Wait!", start_ms=0, end_ms=0)


class Complains(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        try:
            async for event in super().synthesize(call, text):
                yield event
        except asyncio.CancelledError:
            raise ProviderError("broken off", provider="x", kind="connection") from None


@pytest.mark.parametrize(
    ("provider", "found"),
    [
        (Swallows, "the cancellation was swallowed"),
        (GoesOn, "Wait!.* after the cancellation"),
        (Complains, "ProviderError instead of the cancellation: x: broken off"),
    ],
)
def test_a_cancellation_that_does_not_get_through(provider: type[Any], found: str) -> None:
    broken("a_request_may_be_cancelled_at_any_moment", provider, found)


class EndsEarly(GoodStt):
    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async with asyncio.timeout(5):  # of the caller's silence
            try:
                async for hypothesis in super().transcribe(call, audio):
                    yield hypothesis
            except asyncio.CancelledError:
                return


def test_a_recogniser_is_cancelled_while_the_caller_may_go_on() -> None:
    broken("a_request_may_be_cancelled_at_any_moment", EndsEarly, "the cancellation was swallowed")


class WorksOn(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        yield Speech(pcm=np.full(16_000, 1000, np.int16))
        begun, hold = threading.Event(), threading.Event()
        HELD.append(hold)
        job = asyncio.ensure_future(call.workers.call(lambda: begun.set() or hold.wait(PATIENCE)))
        await asyncio.sleep(0)
        assert begun.wait(PATIENCE)
        await job


def test_a_job_that_goes_on_without_its_request() -> None:
    broken("a_cancelled_request_leaves_no_job_in_a_thread", WorksOn, "a job that still runs")


class HoldsOn(GoodLlm):
    async def after_the_first(self, call: Call) -> None:
        try:
            await super().after_the_first(call)
        finally:
            STOPPED.clear()


def test_a_server_that_is_never_told_to_stop() -> None:
    broken("a_cancelled_request_lets_go_of_the_server", HoldsOn, "waits for something that doesn't come")


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


class Usage(GoodTts):
    """Tells what ``tell`` says, in place of the characters."""

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        async for event in super().synthesize(call, text):
            call.usage.clear()
            self.tell(call, text)
            yield event

    def tell(self, call: Call, text: str) -> None: ...


class Silent(Usage): ...


class Twice(Usage):
    def tell(self, call: Call, text: str) -> None:
        call.add_usage("characters", len(text))
        call.add_usage("characters", len(text))


class Both(Usage):
    def tell(self, call: Call, text: str) -> None:
        call.add_usage("characters", len(text))
        call.add_usage("characters", len(text), estimated=True)


class Fraction(Usage):
    def tell(self, call: Call, text: str) -> None:
        call.add_usage("characters", len(text) / 2)  # type: ignore[arg-type]  # that is the point


class Strange(Usage):
    def tell(self, call: Call, text: str) -> None:
        call.add_usage("syllables", 3)  # type: ignore[arg-type]  # that is the point


class Later(GoodTts):
    """Adds to the usage when it is closed."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.calls: list[Call] = []

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        self.calls.append(call)
        async for event in super().synthesize(call, text):
            yield event

    async def close(self) -> None:
        for call in self.calls:
            call.add_usage("characters", 1)


class Miscounts(GoodLlm):
    tokens = 8


@pytest.mark.parametrize(
    ("provider", "found"),
    [
        (Silent, "no usage at all"),
        (Twice, "characters: 86, where 43 were used"),
        (Both, "characters both as reported and as estimated"),
        (Fraction, "characters: 21.5, expected a whole number"),
        (Strange, "usage in 'syllables', which isn't one of"),
        (Later, "usage that changes after the answer"),
        (Miscounts, "tokens_out: 8, where the server reported 7"),
    ],
)
def test_usage_that_is_wrong(provider: type[Any], found: str) -> None:
    broken("usage_is_told_once", provider, found)


class Afterwards(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        async for event in super().synthesize(call, text):
            call.usage.clear()
            yield event
        call.add_usage("characters", len(text))


class Overcharges(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        call.add_usage("characters", 1000)
        async for event in super().synthesize(call, text):
            yield event
        call.set_usage("characters", len(text))


@pytest.mark.parametrize(
    ("provider", "found"), [(Afterwards, "no usage at all"), (Overcharges, "characters: 1043 of 43")]
)
def test_usage_of_a_request_that_was_left(provider: type[Any], found: str) -> None:
    broken("usage_of_a_request_that_was_left_is_told", provider, found)


class Certain(GoodLlm):
    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        assert messages != ASKED
        try:
            async for event in super().generate(call, messages, tools):
                yield event
        finally:
            call.set_usage("tokens_out", 1)


def test_usage_that_nobody_reported_but_is_not_marked() -> None:
    broken("usage_that_was_never_reported_is_marked_as_estimated", Certain, "as if it had been reported")
