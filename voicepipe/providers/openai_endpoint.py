"""A server that speaks OpenAI's HTTP API, and the client that the providers for it share.

Protocol: https://platform.openai.com/docs/api-reference. ``Endpoint`` says whose server it is.
"""

from __future__ import annotations

from typing import Any

from voicepipe.providers.base import ProviderKind
from voicepipe.providers.endpoint import CONNECT_S, Endpoint
from voicepipe.providers.sdk_connection import SdkConnection

OWN_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"


def openai_itself(kind: ProviderKind) -> Endpoint:
    """OpenAI's own servers, the regional ones included (eu.api.openai.com), for its provider of ``kind``."""
    return Endpoint(
        provider="openai",
        kind=kind,
        vendor="OpenAI",
        extra="local",
        url=OWN_URL,
        hosts=("api.openai.com", ".api.openai.com"),
        key=KEY_VARIABLE,
    )


class Connection(SdkConnection):
    """``client`` is an ``openai.AsyncOpenAI``."""

    package = "openai"

    async def _ask_for(self, model: str) -> list[str]:
        page = await self.client.models.list(timeout=CONNECT_S)
        models = getattr(page, "data", None)
        if not isinstance(models, list) or any(model.owned_by == "llamacpp" for model in models):
            return []  # llama.cpp has one model and answers with it to any name
        return [model.id for model in models]

    def _make_client(self, key: str | None) -> Any:
        client = self.sdk.AsyncOpenAI(
            api_key=key or "none",  # without one the client would take that of the environment
            base_url=self.url,
            max_retries=0,
            http_client=self._http(
                {"authorization": f"Bearer {key}"} if key else {},
                trusted=openai_itself(self.endpoint.kind).is_own(self.url),
            ),
        )
        _ = client.models, client.chat.completions  # imported when first touched: 60 ms of the first turn
        return client
