"""Servers that speak OpenAI's Chat Completions under names of their own: where each is, and its key.

Nothing else differs from ``openai``. The pages that say so: https://console.groq.com/docs/openai,
https://docs.ollama.com/api/openai-compatibility,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server,
https://openrouter.ai/docs/api/reference/overview and
https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle (Azure's v1 API: the key is a bearer
token, a model is named by its deployment, and the list has the models that could be deployed).
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr, create_model

from voicepipe.providers.endpoint import Endpoint
from voicepipe.providers.openai import OpenAI, OpenAIConfig


def _preset(endpoint: Endpoint, *, lists_all: bool = True) -> type[OpenAI]:
    config = create_model(
        f"{endpoint.vendor}Config",
        __base__=OpenAIConfig,
        __module__=__name__,
        base_url=(str, endpoint.url_field()),
        api_key=(SecretStr | None, endpoint.key_field()),
    )
    config.endpoint = endpoint
    attributes: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": f"Language models at {endpoint.vendor}, by the protocol of ``openai``.",
        "name": endpoint.provider,
        "extra": endpoint.extra,
        "keys": (endpoint.key,) if endpoint.key else (),
        "Config": config,
        "lists_all": lists_all,
    }
    return type(endpoint.vendor, (OpenAI,), attributes)


Groq = _preset(
    Endpoint(
        provider="groq",
        kind="llm",
        vendor="Groq",
        extra="cloud",
        url="https://api.groq.com/openai/v1",
        hosts=("api.groq.com",),
        key="GROQ_API_KEY",
    )
)
OpenRouter = _preset(
    Endpoint(
        provider="openrouter",
        kind="llm",
        vendor="OpenRouter",
        extra="cloud",
        url="https://openrouter.ai/api/v1",
        hosts=("openrouter.ai",),
        key="OPENROUTER_API_KEY",
    )
)
Azure = _preset(
    Endpoint(
        provider="azure",
        kind="llm",
        vendor="Azure",
        extra="cloud",
        hosts=(".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"),
        key="AZURE_OPENAI_API_KEY",
        example="https://RESOURCE.openai.azure.com/openai/v1",
    ),
    lists_all=False,
)
Ollama = _preset(
    Endpoint(provider="ollama", kind="llm", vendor="Ollama", extra="local", url="http://localhost:11434/v1")
)
Vllm = _preset(
    Endpoint(provider="vllm", kind="llm", vendor="vLLM", extra="local", url="http://localhost:8000/v1")
)
