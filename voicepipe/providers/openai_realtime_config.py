"""The keys of ``realtime: {use: openai/…}``.

https://developers.openai.com/api/reference/resources/realtime/client-events (``session.update``); each is a
field of ``openai.types.realtime.RealtimeSessionCreateRequest``.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from voicepipe.core.units import MS, SECOND, Duration
from voicepipe.providers.endpoint import Endpoint, EndpointConfig
from voicepipe.providers.openai_realtime_events import PROVIDER

OPENAI = Endpoint(
    provider=PROVIDER,
    kind="realtime",
    vendor="OpenAI",
    extra="realtime",
    url="https://api.openai.com/v1",
    hosts=("api.openai.com", ".api.openai.com"),
    key="OPENAI_API_KEY",
)

AudioFormat = Literal["pcm", "pcmu", "pcma"]


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Transcription(_Keys):
    model: str = Field(
        "gpt-transcribe", min_length=1, max_length=200, description="that writes down the caller"
    )
    language: str | None = Field(
        None, pattern="^[a-z]{2,3}$", description="ISO 639; default: that of `agent.language`"
    )
    prompt: str | None = Field(None, max_length=10_000, description="what the caller may talk about")
    keywords: tuple[str, ...] = Field((), max_length=100, description="names and terms to expect")

    def as_sent(self, language: str) -> dict[str, Any]:
        code = self.language or language.partition("-")[0].lower()
        # The newer models may be told several languages, the older ones know the other field only.
        several = self.model.startswith(("gpt-transcribe", "gpt-live-transcribe"))
        sent: dict[str, Any] = {
            "model": self.model,
            **({"languages": [code]} if several else {"language": code}),
        }
        if self.prompt:
            sent["prompt"] = self.prompt
        if self.keywords:
            sent["keywords"] = list(self.keywords)
        return sent


class ServerVad(_Keys):
    """Loudness decides."""

    type: Literal["server_vad"] = Field("server_vad", description="loudness decides")
    threshold: float = Field(0.5, ge=0, le=1, description="the higher, the louder speech has to be")
    prefix_padding: Duration = Field(300 * MS, ge=0, description="audio before the beginning that is kept")
    silence_duration: Duration = Field(500 * MS, gt=0, description="silence that ends a turn")
    idle_timeout: Duration | None = Field(None, gt=0, description="silence after a reply that is told")

    def as_sent(self) -> dict[str, Any]:
        sent = {
            "type": self.type,
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_padding // MS,
            "silence_duration_ms": self.silence_duration // MS,
        }
        return sent if self.idle_timeout is None else {**sent, "idle_timeout_ms": self.idle_timeout // MS}


class SemanticVad(_Keys):
    """A model decides by what was said."""

    type: Literal["semantic_vad"] = Field(description="a model decides by what was said")
    eagerness: Literal["low", "medium", "high", "auto"] = Field(
        "auto", description="how soon it takes a turn for finished: after 8 s, 4 s or 2 s at the latest"
    )

    def as_sent(self) -> dict[str, Any]:
        return {"type": self.type, "eagerness": self.eagerness}


class Retention(_Keys):
    retention_ratio: float = Field(gt=0, le=1, description="the share of the conversation that is kept")
    tokens: int | None = Field(None, gt=0, description="beyond which it is cut; default: the model's limit")

    def as_sent(self) -> dict[str, Any]:
        sent: dict[str, Any] = {"type": "retention_ratio", "retention_ratio": self.retention_ratio}
        return sent if self.tokens is None else {**sent, "token_limits": {"post_instructions": self.tokens}}


class OpenAIRealtimeConfig(EndpointConfig):
    endpoint: ClassVar[Endpoint] = OPENAI
    model: str = Field(min_length=1, max_length=200, description="as the server calls it")
    base_url: str = OPENAI.url_field()
    api_key: SecretStr | None = OPENAI.key_field()
    read_timeout: Duration = Field(
        5 * SECOND, gt=0, description="until a new connection has taken the session's settings"
    )
    voice: str | None = Field(
        None, min_length=1, max_length=100, description="such as marin; default: `agent.voice`"
    )
    speed: float | None = Field(None, ge=0.25, le=1.5, description="1 is the voice's own")
    input_format: AudioFormat = Field("pcm", description="24 kHz, or G.711 μ-law or A-law at 8 kHz")
    output_format: AudioFormat = Field("pcm", description="as `input_format`")
    transcription: Transcription | Literal["off"] = Field(
        Transcription(), description="off: the caller isn't written down"
    )
    noise_reduction: Literal["near_field", "far_field"] | None = Field(
        None, description="for a headset, or for a microphone of a laptop or a room"
    )
    turn_detection: Annotated[ServerVad | SemanticVad, Field(discriminator="type")] = Field(
        ServerVad(), description="used with `turn: {strategy: provider}`"
    )
    tool_choice: str = Field(
        "auto", min_length=1, max_length=64, description="auto, none, required, or the name of a tool"
    )
    max_output_tokens: int | None = Field(None, ge=1, le=4096, description="of one reply; default: no limit")
    truncation: Literal["auto", "disabled"] | Retention = Field(
        "auto", description="what happens to a conversation that is too long for the model"
    )
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = Field(
        None, description="how long a model that reasons may think; the less, the sooner it speaks"
    )

    @property
    def writer(self) -> Transcription | None:
        """Who writes down the caller."""
        return None if self.transcription == "off" else self.transcription

    @property
    def rate_in(self) -> int:
        return 24_000 if self.input_format == "pcm" else 8_000

    @property
    def rate(self) -> int:
        return 24_000 if self.output_format == "pcm" else 8_000
