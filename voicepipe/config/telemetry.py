"""What ``metrics:`` and ``traces:`` may say: where figures of all calls are served, and traces are sent."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, WithJsonSchema, field_validator, model_validator

from voicepipe.config.tool_models import Model, checked_headers, checked_url
from voicepipe.core.addresses import is_private_host
from voicepipe.core.units import SECOND, Duration

PORT = 9464
"""The one that OpenTelemetry's Prometheus exporter has by default."""


class PrometheusConfig(Model):
    """Where Prometheus fetches the metrics: `http://HOST:PORT/metrics`."""

    host: str = Field(
        "127.0.0.1",
        pattern=r"^[A-Za-z0-9.:-]{1,253}$",
        description="the address to listen on; whoever reaches it can read the metrics",
    )
    port: int = Field(PORT, ge=0, le=65535, description="0 for any that is free, which is told at the start")


class MetricsConfig(Model):
    """Counters and histograms of all calls of the process; on the real clock only."""

    prometheus: PrometheusConfig = Field(
        default_factory=PrometheusConfig, description="served over HTTP, at `/metrics`"
    )


class TracesConfig(Model):
    """A trace for each call; on the real clock only."""

    otlp: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^https?://"})] = Field(
        description="the collector (OTLP/HTTP), such as http://127.0.0.1:4318; http only in a private network"
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="sent along, such as Authorization: ${env:OTLP_TOKEN}"
    )
    sample: float = Field(
        0.1, ge=0, le=1, description="share of the turns that are kept; slow, failed and interrupted ones are"
    )
    slow: Duration = Field(
        SECOND, gt=0, le=600 * SECOND, description="a turn is slow if it takes longer from voice to voice"
    )
    content: bool = Field(False, description="whether words go along: of the caller, the agent and the tools")

    @field_validator("otlp")
    @classmethod
    def _address(cls, url: str) -> str:
        return checked_url(url)

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        return checked_headers(headers)

    @model_validator(mode="after")
    def _private(self) -> TracesConfig:
        url = urlsplit(self.otlp)
        host = url.hostname or ""
        if url.scheme == "http" and not (is_private_host(host) or "." not in host):
            raise ValueError("http sends all in the clear: expected https, but for a private address")
        return self

    @property
    def url(self) -> str:
        """Where spans are posted: the collector's address itself, if it has a path, else its `/v1/traces`."""
        return self.otlp if urlsplit(self.otlp).path.strip("/") else self.otlp.rstrip("/") + "/v1/traces"
