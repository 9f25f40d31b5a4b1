"""What goes wrong with language models over HTTP, against real servers on loopback: alike for all vendors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from tests.support import anthropic_llm, openai_llm
from tests.support.openai_llm import SECRET, gather_into
from tests.support.workers import make_call, make_host
from voicepipe.errors import ProviderError
from voicepipe.providers.anthropic import Anthropic, AnthropicConfig
from voicepipe.providers.base import TextDelta
from voicepipe.providers.openai import OpenAI, OpenAIConfig
from voicepipe.testing import anthropic_server, openai_server


@dataclass(frozen=True, slots=True)
class Vendor:
    """``support``: how a provider of theirs is asked; ``server``: the module of theirs."""

    name: str
    support: ModuleType
    server: ModuleType
    serving: Callable[..., Any]
    make: Callable[[str], Any]


VENDORS = [
    Vendor(
        "openai",
        openai_llm,
        openai_server,
        openai_server.OpenAIServer,
        lambda url: OpenAI(OpenAIConfig(model="test-model", base_url=url), make_host()),
    ),
    Vendor(
        "anthropic",
        anthropic_llm,
        anthropic_server,
        anthropic_server.AnthropicServer,
        lambda url: Anthropic(AnthropicConfig(model="test-model", base_url=url), make_host()),
    ),
]


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    pytest.importorskip(request.param.name, reason="needs the extra of that vendor")
    found: Vendor = request.param
    return found


def reply(vendor: Vendor, **how: Any) -> Any:
    return vendor.server.Reply(**how)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", "connection"),
        ("no_finish", "connection"),
        ("malformed", "protocol"),
        ("error_event", "server"),
    ],
)
def test_an_answer_that_breaks_off_is_an_error_after_the_text_that_came(
    vendor: Vendor, fault: str, kind: str
) -> None:
    async def main() -> tuple[list[Any], ProviderError, dict[Any, int]]:
        call = make_call()
        seen: list[Any] = []
        broken = reply(vendor, text=["Half an "], fault=fault)
        async with vendor.serving(broken) as server, vendor.support.started(server.base_url) as llm:
            with pytest.raises(ProviderError) as caught:
                await gather_into(seen, llm, call)
        return seen, caught.value, call.usage

    seen, error, usage = asyncio.run(main())
    assert seen == [TextDelta(text="Half an ")]
    assert (error.kind, error.retryable, error.provider) == (kind, True, vendor.name)
    assert usage["tokens_out", True] == 2
    assert usage.get(("tokens_in", False)) == {"openai": None, "anthropic": 11}[vendor.name]


def test_a_server_that_falls_silent_is_a_timeout_in_the_end(vendor: Vendor) -> None:
    for silent in (reply(vendor, text=["Half"], fault="stall"), reply(vendor, silent=True)):
        error = vendor.support.failure(silent, read_timeout="50ms")
        assert (error.kind, error.retryable) == ("timeout", True)


def test_a_server_that_has_gone_away_is_a_connection_error_and_costs_nothing(vendor: Vendor) -> None:
    async def main() -> None:
        call = make_call()
        async with vendor.serving() as server:
            llm = vendor.make(server.base_url)
            await llm.start()
        try:
            with pytest.raises(ProviderError) as caught:
                await vendor.support.answer(llm, call)
            assert (caught.value.kind, caught.value.retryable) == ("connection", True)
            assert call.usage == {}
        finally:
            await llm.close()

    asyncio.run(main())


def test_a_request_is_not_repeated_behind_the_back_of_the_wrapper(vendor: Vendor) -> None:
    async def main() -> int:
        replies = reply(vendor, status=529), reply(vendor, text=["x"])
        async with vendor.serving(*replies) as server:
            async with vendor.support.started(server.base_url) as llm:
                with pytest.raises(ProviderError):
                    await vendor.support.answer(llm)
            return sum(request.method == "POST" for request in server.requests)

    assert asyncio.run(main()) == 1


def test_a_tool_call_without_a_name_is_a_bad_answer(vendor: Vendor) -> None:
    nameless = reply(vendor, tools=[vendor.server.Tool(name="")])
    assert vendor.support.failure(nameless).kind == "protocol"


def test_an_answer_without_end_is_cut_off(vendor: Vendor) -> None:
    error = vendor.support.failure(reply(vendor, text=["x" * 100_000] * 6))
    assert error.kind == "protocol"
    assert "longer than" in error.message


def test_use_before_start_is_a_provider_error(vendor: Vendor) -> None:
    with pytest.raises(ProviderError, match="before start"):
        asyncio.run(vendor.support.answer(vendor.make("http://localhost:1/v1")))


def test_the_written_key_is_sent_and_never_shown(vendor: Vendor) -> None:
    async def main() -> list[str]:
        wrong = {"message": f"Incorrect key {SECRET}", "type": "api_error", "code": "invalid_api_key"}
        replies = [reply(vendor, status=status, error=wrong) for status in (400, 401, 429, 500)]
        shown = []
        async with vendor.serving(*replies, key=SECRET) as server:
            async with vendor.support.started(server.base_url, api_key=SECRET) as llm:
                for _ in replies:
                    with pytest.raises(ProviderError) as caught:
                        await vendor.support.answer(llm)
                    shown += [str(caught.value), repr(caught.value.__cause__), repr(llm.config)]
            assert not server.replies, "a request without the key would have taken none"
        return shown

    assert not [text for text in asyncio.run(main()) if SECRET in text]
