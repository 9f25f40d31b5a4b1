"""Providers that fail otherwise than they promised, and what the suite says to that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.contract_fakes import ERRORS, FaultyConfig, GoodLlm, GoodTts, examine
from voicepipe.core.calls import Call
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.errors import ProviderError, SetupError
from voicepipe.testing.contract import Broken, Unsupplied

PROMISES = {
    "refused_key": "a_refused_key_is_told_as_such",
    "rate_limit": "a_rate_limit_is_told_as_such",
    "malformed": "a_malformed_answer_is_told_as_such",
    "dropped": "a_dropped_connection_is_told_as_such",
}


def failing(**fields: Any) -> type[GoodLlm]:
    """A provider whose errors have these ``fields`` instead of what is right."""

    class Failing(GoodLlm):
        def failure(self, fault: str) -> Exception:
            message = fields.get("message", "it failed")
            right = ERRORS[fault] | {name: value for name, value in fields.items() if name != "message"}
            return ProviderError(message, provider="x", **right)

    return Failing


class Patient(GoodLlm):
    """Ends its answer as if all were well."""

    async def after_the_first(self, call: Call) -> None:
        return


class Foreign(GoodLlm):
    def failure(self, fault: str) -> Exception:
        return ConnectionResetError("by peer")


@pytest.mark.parametrize("fault", PROMISES)
def test_an_error_of_another_kind(fault: str) -> None:
    with pytest.raises(Broken, match="a ProviderError of kind 'internal'"):
        examine(PROMISES[fault], failing(kind="internal"))


@pytest.mark.parametrize("fault", PROMISES)
def test_no_error_at_all(fault: str) -> None:
    with pytest.raises(Broken, match="no error, but 2 events"):
        examine(PROMISES[fault], Patient)


@pytest.mark.parametrize("fault", PROMISES)
def test_an_error_of_somebody_elses(fault: str) -> None:
    with pytest.raises(ConnectionResetError):
        examine(PROMISES[fault], Foreign)


@pytest.mark.parametrize(
    ("fault", "retryable"), [("refused_key", True), ("rate_limit", False), ("dropped", False)]
)
def test_an_error_that_is_wrong_about_another_try(fault: str, retryable: bool) -> None:
    with pytest.raises(Broken, match=f"retryable={retryable}"):
        examine(PROMISES[fault], failing(retryable=retryable))


def test_a_delay_that_was_asked_for_and_not_passed_on() -> None:
    with pytest.raises(Broken, match="retry_after_ns=None, where the server asked for 2000000000 ns"):
        examine(PROMISES["rate_limit"], failing(retry_after_ns=None))


class SecretConfig(FaultyConfig):
    keys: dict[str, SecretStr] = {"first": SecretStr("sk-secret")}  # noqa: RUF012 - pydantic copies it


def test_a_message_that_tells_the_key() -> None:
    class Telling(failing(message="wrong key: sk-secret")):  # type: ignore[misc]  # a class, made just before
        Config = SecretConfig

    with pytest.raises(Broken, match="a message that holds the key"):
        examine(PROMISES["refused_key"], Telling)


def test_a_refused_key_may_be_told_when_starting() -> None:
    class Early(GoodLlm):
        async def start(self) -> None:
            raise SetupError("the server refused the key")

    examine(PROMISES["refused_key"], Early)
    with pytest.raises(Broken, match="SetupError, expected a ProviderError of kind 'rate_limit'"):
        examine(PROMISES["rate_limit"], Early)


class Revives(GoodLlm):
    """Goes on after its failure."""

    def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        events = super().generate(call, messages, tools)

        class Reviving:
            failed = False

            def __aiter__(self) -> Any:
                return self

            async def __anext__(self) -> Any:
                if self.failed:
                    return TextDelta(text="As I was saying")
                try:
                    return await anext(events)
                except ProviderError:
                    self.failed = True
                    raise

            async def aclose(self) -> None:
                return

        return Reviving()


def test_an_event_after_the_failure() -> None:
    with pytest.raises(Broken, match="an event after the failure"):
        examine(PROMISES["dropped"], Revives)


def test_a_subject_that_brings_no_fault_about_says_how_that_is_done() -> None:
    class Connected(GoodTts):
        clock = "real"

    with pytest.raises(Unsupplied, match=r"name a subclass of voicepipe\.testing.contract.Subject"):
        examine(PROMISES["dropped"], Connected)
