from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.workers import make_host
from voicepipe.errors import SetupError
from voicepipe.providers.base import ToolOffer
from voicepipe.providers.openai import OPENAI, OpenAI, OpenAIConfig
from voicepipe.providers.openai_endpoint import KEY_VARIABLE, OWN_URL

SECRET = "sk-very-secret-0123456789"


def _problem(**config: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        OpenAIConfig(model="m", **config)
    return str(caught.value)


def test_openai_itself_is_the_default() -> None:
    assert OpenAIConfig(model="m").base_url == OWN_URL
    assert OPENAI.is_own(OWN_URL)
    assert OPENAI.is_own("https://eu.api.openai.com/v1")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com.evil.example/v1",
        "https://evil.example/api.openai.com",
        "https://notapi.openai.com/v1",
    ],
)
def test_a_host_that_only_looks_like_openais_is_a_stranger(url: str) -> None:
    assert not OPENAI.is_own(url)
    assert "api_key is needed" in _problem(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:password@api.openai.com/v1",
        "https://api.openai.com\\@evil.example/v1",
        "https://api.openai.com/v1?x=y",
        "ftp://api.openai.com",
        "api.openai.com/v1",
        "https:///v1",
        "http://localhost:99999/v1",
        "https://[::1/v1",
    ],
)
def test_an_address_that_could_mean_something_else_is_refused(url: str) -> None:
    assert "base_url" in _problem(base_url=url, api_key=SECRET)


def test_speech_is_not_sent_in_the_clear() -> None:
    assert "expected https" in _problem(base_url="http://example.com/v1", api_key=SECRET)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_this_computer_needs_neither_https_nor_a_key(host: str) -> None:
    url = f"http://{host}:11434/v1/"
    assert OpenAIConfig(model="m", base_url=url).base_url == url.rstrip("/")
    assert OPENAI.find_key(url, None) is None


def test_a_strangers_key_has_to_be_written() -> None:
    config = OpenAIConfig(model="m", base_url="https://api.groq.com/openai/v1", api_key=SECRET)
    assert SECRET not in repr(config)


def test_the_environments_key_goes_to_openais_own_hosts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    assert OPENAI.find_key(OWN_URL, None) == SECRET
    assert OPENAI.find_key("http://localhost:8000/v1", None) is None
    assert OPENAI.find_key(OWN_URL, "written") == "written"


def test_a_key_that_is_missing_is_named_by_doctor_and_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(SetupError, match=f"no {KEY_VARIABLE}"):
        OPENAI.find_key(OWN_URL, None)
    (problem,) = OpenAI(OpenAIConfig(model="m"), make_host()).check()
    assert f"no {KEY_VARIABLE}" in problem
    assert f"set {KEY_VARIABLE}, or write it into a file .env" in problem


def test_a_key_that_only_the_env_file_holds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the process's environment was asked instead of the host's."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert OpenAI(OpenAIConfig(model="m"), make_host(env={KEY_VARIABLE: SECRET})).check() == []


def test_openai_is_given_the_new_name_of_the_limit_and_others_the_old_one() -> None:
    own = OpenAI(OpenAIConfig(model="m", max_tokens=5), make_host())
    other = OpenAI(OpenAIConfig(model="m", max_tokens=5, base_url="http://localhost/v1"), make_host())
    assert own._request([], ())["max_completion_tokens"] == 5
    assert other._request([], ())["max_tokens"] == 5


@pytest.mark.parametrize(
    ("model", "written", "sent"),
    [
        ("gpt-6-luna", None, "none"),
        ("gpt-6.1-terra", None, "none"),
        ("gpt-5.6-luna", None, "none"),
        ("gpt-5.10", None, "none"),
        ("gpt-6-luna", "low", "low"),
        ("gpt-41", None, None),
        ("gpt-35-turbo", None, None),
        ("gpt-5-mini", None, None),
        ("gpt-4.1", None, None),
        ("ft:gpt-6-luna:acme", None, None),
    ],
)
def test_openai_is_told_not_to_think_where_it_would_refuse_tools_otherwise(
    model: str, written: Any, sent: str | None
) -> None:
    """It answered 400 to every request with tools: its models think unless they are told not to."""
    tools = (ToolOffer(name="t", description="", parameters={}),)
    config = OpenAIConfig(model=model, reasoning_effort=written)
    assert OpenAI(config, make_host())._request([], tools).get("reasoning_effort") == sent
    assert OpenAI(config, make_host())._request([], ()).get("reasoning_effort") == written
    other = config.model_copy(update={"base_url": "http://localhost/v1"})
    assert OpenAI(other, make_host())._request([], tools).get("reasoning_effort") == written
