"""The keys of ``tts: elevenlabs``, and the address that they make.

Query: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input;
models and languages: https://elevenlabs.io/docs/overview/models.
"""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr, field_validator

from voicepipe.errors import SetupError
from voicepipe.providers.endpoint import Endpoint, EndpointConfig

KEY_VARIABLE = "ELEVENLABS_API_KEY"

ENDPOINT = Endpoint(
    provider="elevenlabs",
    kind="tts",
    vendor="ElevenLabs",
    extra="cloud",
    url="wss://api.elevenlabs.io",
    hosts=("api.elevenlabs.io", "api.us.elevenlabs.io", ".residency.elevenlabs.io"),
    key=KEY_VARIABLE,
)

SERVERS_IDLE_S = 180
"""The longest that the server lets a connection rest, if it is asked to."""


class ElevenLabsConfig(EndpointConfig):
    endpoint: ClassVar[Endpoint] = ENDPOINT
    model: str = Field("eleven_flash_v2_5", min_length=1, max_length=200, description="as they call it")
    voice: str | None = Field(
        None, min_length=1, max_length=100, description="the id of a voice; default: `agent.voice`"
    )
    language: str | None = Field(
        None, pattern="^[a-z]{2,3}$", description="default: `agent.language`, for the models that can be told"
    )
    rate: Literal[8000, 16000, 22050, 24000, 44100] = Field(
        24000, description="samples per second; 44100 needs a larger plan"
    )
    stability: float | None = Field(None, ge=0, le=1, description="low is lively, high is even")
    similarity: float | None = Field(None, ge=0, le=1, description="to the recorded voice")
    style: float | None = Field(
        None, ge=0, le=1, description="how far the speaker's manner is exaggerated; costs time"
    )
    speaker_boost: bool | None = Field(None, description="more similar still; costs time")
    speed: float | None = Field(None, ge=0.7, le=1.2, description="1 is the voice's own")
    base_url: str = ENDPOINT.url_field()
    api_key: SecretStr | None = ENDPOINT.key_field()

    @field_validator("model")
    @classmethod
    def _over_this_protocol(cls, model: str) -> str:
        if model.startswith(("eleven_v3", "eleven_v4")):
            raise ValueError(f"{model} can't stream this way; expected one such as eleven_flash_v2_5")
        return model

    def path(self, voice: str | None, language: str) -> str:
        """Where to connect to; ``voice`` and ``language`` (BCP 47) are the agent's. Raises ``SetupError``."""
        voice = self.voice or voice
        if voice is None:
            raise SetupError(
                "tts 'elevenlabs' was given no voice",
                hint="give the id of one: `voice:` of the stage, or `agent: {voice: {elevenlabs: …}}`",
            )
        # The other models know the language by the text, and refuse to be told.
        own = language.partition("-")[0].lower() if self.model.endswith("_v2_5") else None
        query = {
            "model_id": self.model,
            "output_format": f"pcm_{self.rate}",
            "sync_alignment": "true",
            "auto_mode": "true",  # a chunk is a clause or a sentence: nothing is to be waited for
            "inactivity_timeout": SERVERS_IDLE_S,
            "language_code": self.language or own,
        }
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return f"/v1/text-to-speech/{quote(voice, safe='')}/multi-stream-input?{given}"

    def voice_settings(self) -> dict[str, float | bool]:
        """Those that were given, under the server's names."""
        settings = {
            "stability": self.stability,
            "similarity_boost": self.similarity,
            "style": self.style,
            "use_speaker_boost": self.speaker_boost,
            "speed": self.speed,
        }
        return {name: value for name, value in settings.items() if value is not None}
