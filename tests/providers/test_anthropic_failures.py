"""The ``anthropic`` LLM against a real HTTP server on loopback: what goes wrong, keys, and the start."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.support.anthropic_llm import answer, failure, started
from tests.support.openai_llm import SECRET
from tests.support.programs import told_under
from tests.support.starting import setup_failure
from tests.support.workers import make_call, make_host
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.anthropic import Anthropic, AnthropicConfig
from voicepipe.providers.base import TextDelta
from voicepipe.testing.anthropic_server import AnthropicServer, Reply

pytest.importorskip("anthropic", reason="needs the extra 'anthropic'")


# ── failures during a call ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "type_", "kind", "retryable"),
    [
        (400, "invalid_request_error", "bad_request", False),
        (401, "authentication_error", "authentication", False),
        (402, "billing_error", "rate_limit", False),
        (403, "permission_error", "authentication", False),
        (404, "not_found_error", "bad_request", False),
        (413, "invalid_request_error", "bad_request", False),
        (429, "rate_limit_error", "rate_limit", True),
        (500, "api_error", "server", True),
        (504, "timeout_error", "server", True),
        (529, "overloaded_error", "server", True),
    ],
)
def test_a_refused_request_is_classed_by_its_status_and_costs_nothing(
    status: int, type_: str, kind: str, retryable: bool
) -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        reply = Reply(status=status, error={"type": type_, "message": "so it is"})
        async with AnthropicServer(reply) as server, started(server.base_url) as llm:
            with pytest.raises(ProviderError) as caught:
                await answer(llm, call)
        error = caught.value
        assert (error.provider, error.kind, error.retryable) == ("anthropic", kind, retryable)
        assert error.status == status
        return call.usage

    assert asyncio.run(main()) == {}


def test_a_limit_says_when_to_ask_again() -> None:
    error = failure(Reply(status=429, headers={"retry-after": "7"}))
    assert (error.kind, error.retry_after_ns) == ("rate_limit", 7 * SECOND)


def test_a_month_that_is_spent_is_not_asked_again() -> None:
    told = {
        "type": "rate_limit_error",
        "message": "spent",
        "details": {"error_code": "enforced_spend_limit_reached"},
    }
    error = failure(Reply(status=429, error=told))
    assert (error.kind, error.retryable) == ("rate_limit", False)


@pytest.mark.parametrize(
    ("type_", "kind", "status"),
    [("overloaded_error", "server", 529), ("rate_limit_error", "rate_limit", 429), ("new", "server", None)],
)
def test_an_error_in_the_middle_of_a_stream_is_classed_by_its_type(
    type_: str, kind: str, status: int | None
) -> None:
    error = failure(Reply(text=["x"], fault="error_event", error={"type": type_, "message": "Overloaded"}))
    assert (error.kind, error.status, error.retryable) == (kind, status, True)
    assert "Overloaded" in error.message


@pytest.mark.parametrize(("stop", "words"), [("refusal", "kept from answering"), ("max_tokens", "thought")])
def test_an_answer_without_words_is_not_silence(stop: str, words: str) -> None:
    error = failure(Reply(stop=stop))
    assert (error.kind, words in error.message) == ("protocol", True)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


_WITH_ENVIRONMENT = """
import asyncio, json
from tests.support.anthropic_llm import AnthropicServer, Reply, answer, started
async def main():
    async with AnthropicServer(Reply(text=["x"])) as server, started(server.base_url) as llm:
        await answer(llm)
        return server.messages[0].headers
print(json.dumps(asyncio.run(main())))
"""


def test_what_the_environment_holds_for_anthropic_does_not_reach_another_server() -> None:
    private = {
        "ANTHROPIC_API_KEY": SECRET,
        "ANTHROPIC_AUTH_TOKEN": SECRET,
        "ANTHROPIC_PROFILE": "private",
        "ANTHROPIC_CUSTOM_HEADERS": "X-Private: yes\nAuthorization: Bearer private",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    told = told_under(_WITH_ENVIRONMENT, private)
    assert not {"authorization", "x-api-key", "x-private"} & set(json.loads(told))
    assert "private" not in told
    assert SECRET not in told


# ── before the call ──────────────────────────────────────────────────────────────────────────────


def test_a_model_that_the_server_does_not_have_is_found_out_before_the_call() -> None:
    error = setup_failure(started, AnthropicServer(models=["claude-haiku-5-5"]), model="claude-haiku-55")
    assert "has no model 'claude-haiku-55'. Did you mean 'claude-haiku-5-5'?" in error.message


def test_a_server_that_does_not_tell_its_models_is_accepted() -> None:
    async def main() -> Any:
        async with AnthropicServer(Reply(text=["x"]), models=None) as server, started(server.base_url) as llm:
            return await answer(llm)

    assert asyncio.run(main()) == [TextDelta(text="x")]


def test_a_refused_key_is_found_out_before_the_call() -> None:
    error = setup_failure(started, AnthropicServer(key="right"), api_key=SECRET)
    assert "refused the key" in error.message
    assert SECRET not in str(error)
    assert "wants a key" in setup_failure(started, AnthropicServer(key="right")).message


def test_another_endpoint_than_anthropics_is_said_aloud() -> None:
    said: list[str] = []

    async def main() -> None:
        async with AnthropicServer() as server:
            config = AnthropicConfig(model="test-model", base_url=server.base_url)
            llm = Anthropic(config, make_host(progress=said.append))
            await llm.start()
            await llm.close()
            assert said == [f"llm anthropic: test-model at {server.base_url}"]

    asyncio.run(main())
