"""Fused models that break what they promise of their connections, and what the suite says to that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.contract_fakes import promise_of
from tests.support.contract_realtime import GoodConnection, RealtimeSubject, examine
from voicepipe.core.calls import Call
from voicepipe.core.messages import ToolCall
from voicepipe.errors import ProviderError
from voicepipe.providers.realtime_base import ReplyText
from voicepipe.testing.contract import Broken, Unsupplied, keep


def responding(respond: Any) -> type[GoodConnection]:
    """A connection whose replies are those of ``respond(connection, call, …)``."""
    return type("Connection", (GoodConnection,), {"respond": respond})


def broken(name: str, connection: type[GoodConnection], found: str) -> None:
    with pytest.raises(Broken, match=found):
        examine(name, connection)


def test_a_connection_that_ends_with_a_reply_that_was_left() -> None:
    class Fragile(GoodConnection):
        left = False

        async def respond(self, call: Call, **how: Any) -> Any:
            if self.left:
                raise self.lost()
            self.left = True
            async for event in super().respond(call, **how):
                yield event

    broken("a_reply_that_is_left_does_not_end_the_connection", Fragile, "ProviderError of kind 'connection'")


def test_a_reply_without_anything() -> None:
    async def nothing(self: Any, call: Call, **how: Any) -> Any:
        return
        yield

    broken("a_reply_that_is_left_does_not_end_the_connection", responding(nothing), "without any event")


def test_a_model_that_speaks_although_it_is_to_write() -> None:
    class Loud(GoodConnection):
        def reply(self, say: str | None) -> list[Any]:
            self.setup = type(self.setup)(instructions="", speaks=True)
            return super().reply(say)

    broken("a_reply_may_be_text_only", Loud, "audio, although the reply was to be text")


def test_words_that_are_not_read_out() -> None:
    class Silent(GoodConnection):
        def reply(self, say: str | None) -> list[Any]:
            return [] if say else super().reply(say)

    broken("words_can_be_read_out", Silent, "a reply without words")


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (None, "no tool call for the question"),
        (ToolCall(id="1", name="look_up", arguments='{"a'), "the arguments"),
        (ToolCall(id="1", name="other", arguments="{}"), "the tool 'other', offered were"),
    ],
)
def test_tool_calls_that_can_not_be_run(call: ToolCall | None, found: str) -> None:
    async def respond(self: Any, asked: Call, **how: Any) -> Any:
        yield call or ReplyText(item_id="item_2", text="No.")

    broken("a_tool_is_called_and_its_result_is_answered", responding(respond), found)


def test_a_result_that_is_not_answered() -> None:
    class Mute(GoodConnection):
        def reply(self, say: str | None) -> list[Any]:
            return []

    broken("a_tool_is_called_and_its_result_is_answered", Mute, "a reply without words")


def test_without_a_question_for_tools_there_is_nothing_to_examine() -> None:
    class Without(RealtimeSubject):
        tool_question = None

    with pytest.raises(Unsupplied, match="tool_question"):
        keep(promise_of(Without(), "a_tool_is_called_and_its_result_is_answered"), Without())


class KeepsQuiet(GoodConnection):
    """Its events end as if the connection had been closed."""

    async def strike(self) -> None:
        if self.fault == "dropped":
            raise self.lost()


class TellsAnother(GoodConnection):
    async def strike(self) -> None:
        if self.fault == "dropped":
            self.over.set_exception(ProviderError("odd", provider="x", kind="protocol"))
            raise self.lost()


class NoticesNothing(GoodConnection):
    async def strike(self) -> None:
        return


@pytest.mark.parametrize(
    ("connection", "found"),
    [
        (KeepsQuiet, r"None from events\(\), and ProviderError.* from the reply"),
        (TellsAnother, "a ProviderError of kind 'protocol'"),
        (NoticesNothing, "no error, as if all had gone well"),
    ],
)
def test_a_connection_that_was_lost_unnoticed(connection: type[GoodConnection], found: str) -> None:
    broken("events_tell_that_the_connection_was_lost", connection, found)
