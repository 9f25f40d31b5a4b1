"""What a session is told in the beginning, and what it tells of the caller's turns.

https://developers.openai.com/api/reference/resources/realtime/client-events (``session.update``) and
/server-events (``input_audio_buffer.…``).
"""

from __future__ import annotations

from typing import Any

from voicepipe.core.units import MS
from voicepipe.providers import openai_realtime_events as wire
from voicepipe.providers.openai_realtime_config import OpenAIRealtimeConfig, Retention, SemanticVad, ServerVad
from voicepipe.providers.realtime_base import CallerSilent, CallerStarted, CallerStopped, RealtimeSetup

Edge = CallerStarted | CallerStopped | CallerSilent

_FORMATS = {
    "pcm": {"type": "audio/pcm", "rate": 24_000},
    "pcmu": {"type": "audio/pcmu"},
    "pcma": {"type": "audio/pcma"},
}
_OWN_VOICE = "voice_"
"""How the ids of voices begin that a customer had made."""


def session_of(
    config: OpenAIRealtimeConfig, setup: RealtimeSetup, language: str, voice: str | None
) -> dict[str, Any]:
    """The ``session`` of ``session.update``. We ask for each response ourselves."""
    noise, words = config.noise_reduction, config.writer
    detection = None
    if setup.finds_turns:
        quiet = {"create_response": False, "interrupt_response": False}
        detection = {**config.turn_detection.as_sent(), **quiet}
    session: dict[str, Any] = {
        "type": "realtime",
        "instructions": setup.instructions,
        "output_modalities": ["audio" if setup.speaks else "text"],
        "tools": wire.tools_of(setup.tools),
        "audio": {
            "input": {
                "format": _FORMATS[config.input_format],
                "transcription": words.as_sent(language) if words else None,
                "noise_reduction": {"type": noise} if noise else None,
                "turn_detection": detection,
            }
        },
    }
    if setup.speaks:
        output: dict[str, Any] = {"format": _FORMATS[config.output_format]}
        if chosen := config.voice or voice:
            output["voice"] = {"id": chosen} if chosen.startswith(_OWN_VOICE) else chosen
        if config.speed is not None:
            output["speed"] = config.speed
        session["audio"]["output"] = output
    return session | _optional(config, setup)


def _optional(config: OpenAIRealtimeConfig, setup: RealtimeSetup) -> dict[str, Any]:
    """What goes only to servers that were asked for it, since not every compatible one knows it."""
    sent: dict[str, Any] = {}
    if setup.tools:
        mode = config.tool_choice in ("auto", "none", "required")
        sent["tool_choice"] = config.tool_choice if mode else {"type": "function", "name": config.tool_choice}
    if config.max_output_tokens is not None:
        sent["max_output_tokens"] = config.max_output_tokens
    if isinstance(config.truncation, Retention):
        sent["truncation"] = config.truncation.as_sent()
    elif config.truncation != "auto":
        sent["truncation"] = config.truncation
    if config.reasoning_effort is not None:
        sent["reasoning"] = {"effort": config.reasoning_effort}
    return sent


def edge_of(vad: ServerVad | SemanticVad, event: dict[str, Any]) -> Edge | None:
    """What ``event`` tells of the caller's turns.

    The server counts the padding to the beginning and the silence to the end; of those of a model that
    decides by the words nobody knows the length.
    """
    kind = event["type"]
    if kind == "input_audio_buffer.speech_started":
        padding = vad.prefix_padding if isinstance(vad, ServerVad) else 0
        return CallerStarted(audio_ms=wire.number_in(event, "audio_start_ms") + padding // MS)
    if kind == "input_audio_buffer.speech_stopped":
        silence = vad.silence_duration if isinstance(vad, ServerVad) else 0
        end = max(wire.number_in(event, "audio_end_ms") - silence // MS, 0)
        return CallerStopped(audio_ms=end, item_id=wire.text_in(event, "item_id"))
    return CallerSilent() if kind == "input_audio_buffer.timeout_triggered" else None
