from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from voicepipe.errors import SetupError
from voicepipe.providers.endpoint import Endpoint, EndpointConfig, checked_url, how_to_start

ACME = Endpoint(
    provider="acme",
    kind="stt",
    vendor="Acme",
    extra="local",
    url="wss://api.acme.example/v1/listen",
    hosts=("api.acme.example", ".acme.example.net"),
    key="ACME_API_KEY",
)
KEYLESS = Endpoint(provider="mine", kind="llm", vendor="nobody", extra="local", url="http://localhost:9/v1")
SECRET = "very-secret-0123456789"


class AcmeConfig(EndpointConfig):
    endpoint = ACME
    base_url: str = ACME.url_field()
    api_key: SecretStr | None = ACME.key_field()


class KeylessConfig(EndpointConfig):
    endpoint = KEYLESS
    base_url: str = KEYLESS.url_field()
    api_key: SecretStr | None = KEYLESS.key_field()


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("wss://api.acme.example/v1", True),
        ("https://API.ACME.example:443/", True),
        ("https://eu.acme.example.net", True),
        ("https://acme.example.net", False),
        ("https://api.acme.example.evil.example", False),
        ("https://evil.example/api.acme.example", False),
        ("https://evilacme.example.net", False),
        ("", False),
    ],
)
def test_a_vendors_own_hosts_are_known_by_their_whole_name(url: str, own: bool) -> None:
    assert ACME.is_own(url) == own


def test_the_environments_key_goes_to_the_vendors_own_hosts_only() -> None:
    env = {"ACME_API_KEY": f" {SECRET}\n", "MINE_API_KEY": SECRET}
    assert AcmeConfig().find_key(env) == SECRET
    assert AcmeConfig(base_url="ws://127.0.0.1:1").find_key(env) is None
    assert AcmeConfig(base_url="wss://else.example", api_key=SecretStr("other")).find_key(env) == "other"
    assert KeylessConfig().find_key(env) is None


def test_a_missing_key_is_named_with_what_to_do() -> None:
    with pytest.raises(SetupError, match="stt 'acme' needs a key, and the environment has no ACME_API_KEY"):
        AcmeConfig().find_key({"ACME_API_KEY": " "})


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (AcmeConfig, "ACME_API_KEY goes to Acme's own hosts only"),
        (KeylessConfig, "which isn't this computer"),
    ],
)
def test_a_stranger_needs_a_key_that_is_written(config: type[EndpointConfig], why: str) -> None:
    with pytest.raises(ValidationError, match=f"api_key is needed for https://else.example, {why}|{why}"):
        config(base_url="https://else.example")
    with pytest.raises(ValidationError) as caught:
        config(base_url="http://else.example", api_key=SecretStr(SECRET))
    assert "expected https" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_address_loses_the_slash_at_its_end() -> None:
    assert checked_url("ws://localhost:8000/v1/") == "ws://localhost:8000/v1"
    assert AcmeConfig(base_url="wss://api.acme.example/").base_url == "wss://api.acme.example"


def test_a_websocket_in_the_clear_leads_to_this_computer_only() -> None:
    with pytest.raises(ValueError, match="expected wss"):
        checked_url("ws://example.com/v1")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost:11434/v1", "ollama serve"),
        ("http://localhost:8000/v1", "vllm serve"),
        ("http://localhost:8080/v1", "llama-server"),
        ("http://localhost:1234/v1", "start the server there"),
        ("https://example.com/v1", "connection to the network"),
    ],
)
def test_the_hint_fits_the_server_that_is_usually_found_there(url: str, words: str) -> None:
    assert words in how_to_start(url)
