"""What the clients of OpenAI and Anthropic have in common; their own tests show the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.openai_llm import SECRET
from tests.support.workers import make_host
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.endpoint import Endpoint, EndpointConfig
from voicepipe.providers.openai_endpoint import Connection
from voicepipe.testing.openai_server import OpenAIServer

pytest.importorskip("openai", reason="needs the extra 'local'")

ACME = Endpoint(provider="acme", kind="tts", vendor="Acme", extra="local", key="ACME_KEY", hosts=("a.b",))


class AcmeConfig(EndpointConfig):
    endpoint = ACME
    base_url: str = ACME.url_field()
    api_key: SecretStr | None = ACME.key_field()


def _opened(server: OpenAIServer, model: str = "m", *, lists_all: bool = True, **config: Any) -> Connection:
    async def main() -> Connection:
        async with server:
            connection = Connection(AcmeConfig(base_url=server.base_url, **config), make_host())
            try:
                await connection.open(model, lists_all=lists_all)
            finally:
                await connection.close()
                await connection.close()
            return connection

    return asyncio.run(main())


def test_a_client_that_is_not_open_is_an_error_of_its_provider() -> None:
    connection = _opened(OpenAIServer(models=["m"]))
    with pytest.raises(ProviderError, match=r"^acme: used before start\(\) or after close\(\)$") as caught:
        _ = connection.client
    assert caught.value.kind == "internal"


def test_a_model_that_the_server_lists_not_is_refused_unless_the_list_is_short_of_some() -> None:
    with pytest.raises(SetupError, match="has no model 'm'"):
        _opened(OpenAIServer(models=["n"]))
    _opened(OpenAIServer(models=["n"]), lists_all=False)


def test_a_refused_key_is_a_setup_error_even_where_the_list_is_short_of_some() -> None:
    with pytest.raises(SetupError, match="refused the key"):
        _opened(OpenAIServer(models=["n"], key="right"), lists_all=False, api_key=SecretStr(SECRET))


def test_only_what_is_needed_is_sent_to_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Private: yes")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-private")
    server = OpenAIServer(models=["m"])
    _opened(server)
    assert set(server.requests[0].headers) <= {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "content-type",
    }


def test_doctor_is_told_of_a_key_that_is_missing() -> None:
    config = AcmeConfig(base_url="https://a.b/v1")
    (problem,) = Connection(config, make_host(env={})).check()
    assert "tts 'acme' needs a key, and the environment has no ACME_KEY" in problem
    assert Connection(config, make_host(env={"ACME_KEY": SECRET})).check() == []
