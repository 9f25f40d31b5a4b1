"""The ``openai`` LLM against a real HTTP server on loopback: what goes wrong, keys, and the start."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest

from tests.support.openai_llm import (
    SECRET,
    answer,
    failure,
    started,
)
from tests.support.programs import told_under
from tests.support.workers import make_host
from voicepipe.errors import SetupError
from voicepipe.providers.base import TextDelta
from voicepipe.providers.openai import OpenAI, OpenAIConfig
from voicepipe.testing.openai_server import OpenAIServer, Reply

pytest.importorskip("openai", reason="needs the extra 'local'")


# ── failures during a call ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [
        (400, None, "bad_request", False),
        (401, "invalid_api_key", "authentication", False),
        (403, None, "authentication", False),
        (404, "model_not_found", "bad_request", False),
        (408, None, "timeout", True),
        (429, "rate_limit_exceeded", "rate_limit", True),
        (429, "insufficient_quota", "rate_limit", False),
        (500, None, "server", True),
        (503, None, "server", True),
    ],
)
def test_a_refused_request_is_classed_by_its_status(
    status: int, code: str | None, kind: str, retryable: bool
) -> None:
    error = failure(Reply(status=status, error={"message": "so it is", "type": "x", "code": code}))
    assert (error.kind, error.retryable, error.status) == (kind, retryable, status)


def test_an_answer_withheld_by_a_filter_is_not_silence() -> None:
    assert "content filter" in failure(Reply(finish="content_filter")).message


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


_WITH_ENVIRONMENT = """
import asyncio, json
from tests.support.openai_llm import Reply, reply_to
events, request = asyncio.run(reply_to(Reply(text=["x"])))
print(json.dumps(request.headers))
"""


def test_what_the_environment_holds_for_openai_does_not_reach_another_server() -> None:
    private = {
        "OPENAI_API_KEY": SECRET,
        "OPENAI_ADMIN_KEY": SECRET,
        "OPENAI_ORG_ID": "org-private",
        "OPENAI_PROJECT_ID": "proj-private",
        "OPENAI_CUSTOM_HEADERS": "X-Private: yes\nAuthorization: Bearer private",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    told = told_under(_WITH_ENVIRONMENT, private)
    assert "authorization" not in json.loads(told)
    assert "private" not in told
    assert SECRET not in told


# ── before the call ──────────────────────────────────────────────────────────────────────────────


def _setup_failure(
    base_url: str | None = None, server: OpenAIServer | None = None, **config: Any
) -> SetupError:
    async def main() -> None:
        if server is None:
            assert base_url is not None
            async with started(base_url, **config):
                return
        async with server, started(server.base_url, **config):
            return

    with pytest.raises(SetupError) as caught:
        asyncio.run(main())
    return caught.value


def test_a_server_that_is_not_there_is_found_out_before_the_call() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening: a connection is refused
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        error = _setup_failure(url)
    assert error.message == f"nothing answers at {url}"
    assert error.hint is not None
    assert "start the server" in error.hint


def test_a_model_that_the_server_does_not_have_is_found_out_before_the_call() -> None:
    error = _setup_failure(
        server=OpenAIServer(models=["llama3.2:latest", "qwen3:4b"]), model="lama3.2:latest"
    )
    assert "has no model 'lama3.2:latest'. Did you mean 'llama3.2:latest'?" in error.message
    assert error.hint == "it has llama3.2:latest, qwen3:4b"


@pytest.mark.parametrize(
    "server",
    [
        OpenAIServer(Reply(text=["x"]), models=None),
        OpenAIServer(Reply(text=["x"]), models=[]),
        OpenAIServer(Reply(text=["x"]), models=["llama3.2:latest"]),
        OpenAIServer(Reply(text=["x"]), models=["/models/some.gguf"], owned_by="llamacpp"),
    ],
    ids=["no list", "empty list", "a tag that may be left out", "llama.cpp answers to any name"],
)
def test_a_server_that_may_well_have_the_model_is_accepted(server: OpenAIServer) -> None:
    async def main() -> list[Any]:
        async with server, started(server.base_url, model="llama3.2") as llm:
            return await answer(llm)

    assert asyncio.run(main()) == [TextDelta(text="x")]


def test_a_refused_key_is_found_out_before_the_call() -> None:
    error = _setup_failure(server=OpenAIServer(key="right"), api_key=SECRET)
    assert "refused the key" in error.message
    assert SECRET not in str(error)
    assert "wants a key" in _setup_failure(server=OpenAIServer(key="right")).message


def test_another_endpoint_than_openais_is_said_aloud() -> None:
    said: list[str] = []

    async def main() -> None:
        async with OpenAIServer() as server:
            host = make_host(progress=said.append)
            llm = OpenAI(OpenAIConfig(model="test-model", base_url=server.base_url), host)
            await llm.start()
            await llm.close()
            assert said == [f"llm openai: test-model at {server.base_url}"]

    asyncio.run(main())
