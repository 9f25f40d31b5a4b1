from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.openai_llm import QUESTION, SECRET
from tests.support.workers import make_call, make_host
from voicepipe.config.registry import Registry
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import TextDelta
from voicepipe.providers.openai import OpenAI
from voicepipe.providers.openai_presets import Azure, Groq, Ollama, OpenRouter, Vllm
from voicepipe.testing.openai_server import OpenAIServer, Reply

PRESETS = [Groq, OpenRouter, Azure, Ollama, Vllm]
AZURE_URL = "https://clinic.openai.azure.com/openai/v1"


def _config(preset: type[OpenAI], **keys: Any) -> Any:
    return preset.Config(model="m", **keys)  # type: ignore[call-arg] # every model has one


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_each_is_registered_under_its_name(preset: type[OpenAI]) -> None:
    assert Registry.installed().provider("llm", preset.name) is preset


@pytest.mark.parametrize(
    ("preset", "url"),
    [
        (Groq, "https://api.groq.com/openai/v1"),
        (OpenRouter, "https://openrouter.ai/api/v1"),
        (Ollama, "http://localhost:11434/v1"),
        (Vllm, "http://localhost:8000/v1"),
    ],
)
def test_its_server_needs_no_line(preset: type[OpenAI], url: str) -> None:
    assert _config(preset).base_url == url


def test_azure_asks_for_the_address_of_the_resource() -> None:
    with pytest.raises(ValidationError, match="base_url"):
        _config(Azure)
    assert _config(Azure, base_url=AZURE_URL + "/").base_url == AZURE_URL


@pytest.mark.parametrize(
    ("preset", "key", "url"),
    [
        (Groq, "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
        (OpenRouter, "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
        (Azure, "AZURE_OPENAI_API_KEY", AZURE_URL),
        (Azure, "AZURE_OPENAI_API_KEY", "https://clinic.services.ai.azure.com/openai/v1"),
    ],
)
def test_its_own_key_goes_to_its_own_hosts_only(preset: type[OpenAI], key: str, url: str) -> None:
    everyones = {
        name: f"{name}-value"
        for name in ("OPENAI_API_KEY", "GROQ_API_KEY", "OPENROUTER_API_KEY", "AZURE_OPENAI_API_KEY")
    }
    assert preset.keys == (key,)
    assert _config(preset, base_url=url).find_key(everyones) == f"{key}-value"
    assert _config(preset, base_url="http://127.0.0.1:1/v1").find_key(everyones) is None
    for stranger in ("https://api.openai.com/v1", "https://openrouter.ai.evil.example/v1"):
        with pytest.raises(ValidationError, match=f"{key} goes to"):
            _config(preset, base_url=stranger)


@pytest.mark.parametrize("preset", [Groq, OpenRouter])
def test_doctor_is_told_which_key_is_missing(preset: type[OpenAI]) -> None:
    pytest.importorskip("openai", reason="needs the extra 'local'")
    (problem,) = preset(_config(preset), make_host(env={"OPENAI_API_KEY": SECRET})).check()
    assert f"llm '{preset.name}' needs a key, and the environment has no {preset.keys[0]}" in problem


@pytest.mark.parametrize("preset", [Ollama, Vllm])
def test_a_server_of_ones_own_needs_no_key_on_this_computer(preset: type[OpenAI]) -> None:
    assert preset.keys == ()
    assert _config(preset).find_key({"OPENAI_API_KEY": SECRET}) is None
    with pytest.raises(ValidationError, match="api_key is needed"):
        _config(preset, base_url="https://gpu.example/v1")


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_it_talks_as_openai_does_and_fails_under_its_own_name(preset: type[OpenAI]) -> None:
    pytest.importorskip("openai", reason="needs the extra 'local'")
    said: list[str] = []

    async def main() -> None:
        async with OpenAIServer(Reply(text=["Hello."]), models=["m"]) as server:
            host = make_host(progress=said.append)
            llm = preset(_config(preset, base_url=server.base_url, max_tokens=9), host)
            await llm.start()
            try:
                assert [event async for event in llm.generate(make_call(), QUESTION, ())] == [
                    TextDelta(text="Hello.")
                ]
                assert server.completions[0].json["max_tokens"] == 9
                with pytest.raises(ProviderError) as caught:
                    [event async for event in llm.generate(make_call(), QUESTION, ())]
                assert (caught.value.provider, caught.value.kind) == (preset.name, "server")
            finally:
                await llm.close()
            assert said == [f"llm {preset.name}: m at {server.base_url}"]

    asyncio.run(main())


def test_the_limit_has_its_new_name_where_the_vendor_knows_it() -> None:
    request = Groq(_config(Groq, max_tokens=5), make_host())._request([], ())
    assert request["max_completion_tokens"] == 5


@pytest.mark.parametrize(
    ("preset", "model", "known"),
    [
        (Azure, "reception", "gpt-6-luna"),  # a deployment: the list has the models that could be deployed
        (OpenRouter, "meta/llama:nitro", "meta/llama"),
        (Ollama, "llama3.2", "llama3.2:latest"),
    ],
)
def test_a_model_may_have_another_name_than_in_the_list(preset: type[OpenAI], model: str, known: str) -> None:
    pytest.importorskip("openai", reason="needs the extra 'local'")

    async def main() -> None:
        async with OpenAIServer(models=[known]) as server:
            config = preset.Config(model=model, base_url=server.base_url)  # type: ignore[call-arg]
            llm = preset(config, make_host())
            await llm.start()
            await llm.close()

    asyncio.run(main())


def test_a_model_that_ollama_has_not_pulled_is_found_out_before_the_call() -> None:
    pytest.importorskip("openai", reason="needs the extra 'local'")

    async def main() -> None:
        async with OpenAIServer(models=["llama3.2:3b"]) as server:
            llm = Ollama(Ollama.Config(model="llama3.2:1b", base_url=server.base_url), make_host())  # type: ignore[call-arg]
            await llm.start()

    with pytest.raises(SetupError, match=r"has no model 'llama3\.2:1b'"):
        asyncio.run(main())
