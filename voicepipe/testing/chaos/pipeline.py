"""A pipeline whose providers are stand-ins: what is tried is what the file says of its stages.

``timeout``, ``retry``, ``fallback``, ``turn``, the tools' ``timeout`` and the notices are the file's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from voicepipe.config.load import LoadedPipeline
from voicepipe.config.models import AgentConfig
from voicepipe.config.slots import Filling, Slot
from voicepipe.config.tool_models import HttpTool
from voicepipe.core.units import parse_duration
from voicepipe.providers.base import Provider, ProviderConfig
from voicepipe.providers.openai import OpenAI
from voicepipe.providers.openai_realtime import OpenAIRealtime
from voicepipe.providers.openai_speech import OpenAISpeech
from voicepipe.providers.openai_stt import OpenAIStt
from voicepipe.providers.sim_stt import SimStt
from voicepipe.providers.sim_tts import SimTts
from voicepipe.speech.tools import DEFAULT_TIMEOUT
from voicepipe.stages.turn import TurnConfig
from voicepipe.testing.chaos.faults import STRUCK, Struck
from voicepipe.testing.chaos.talk import TOOL

PROMPT = "You answer what you are asked, in one or two sentences."

TALKING: Mapping[str, type[Provider]] = {
    "stt": OpenAIStt,
    "llm": OpenAI,
    "tts": OpenAISpeech,
    "realtime": OpenAIRealtime,
}
"""The providers that talk to a peer, by the kind of their slot."""

SIMULATED: Mapping[str, type[Provider]] = {"stt": SimStt, "tts": SimTts}
"""Those that take the place of a stage that isn't struck: they need nothing and take nobody's time."""

_SCHEMA = {"type": "object", "properties": {"subject": {"type": "string"}}, "required": ["subject"]}


def struck_stages(loaded: LoadedPipeline) -> list[Struck]:
    """What of ``loaded`` can be struck, in the order of the table."""
    kinds = {slot.kind for slot in loaded.slots if slot.name is None}
    kinds |= {"tools"} if loaded.agent.tools else set()
    return [stage for stage in STRUCK if stage in kinds]


def needs_network(config: ProviderConfig | None) -> bool:
    """Whether a provider that is so configured talks to a server."""
    return config is not None and not {"api_key", "base_url"}.isdisjoint(type(config).model_fields)


def with_stand_ins(loaded: LoadedPipeline, struck: Struck, addresses: Mapping[str, str]) -> LoadedPipeline:
    """``loaded``, but that its providers and its tools talk to the stand-ins at ``addresses``.

    These are by the kind of the slot, ``tools`` and ``fallback``; what isn't there is simulated. Only the
    stage that is ``struck`` keeps its fallbacks: those that need no network as they are, the others as
    stand-ins.
    """
    slots = tuple(_slot(slot, addresses, keep_fallbacks=slot.kind == struck) for slot in loaded.slots)
    top = loaded.top.model_copy(update={"agent": _agent(loaded.agent, addresses)})
    return replace(loaded, slots=slots, top=top)


def _slot(slot: Slot, addresses: Mapping[str, str], *, keep_fallbacks: bool) -> Slot:
    if isinstance(slot.config, TurnConfig):
        return replace(slot, config=_turn(slot.config, addresses))
    if slot.kind not in TALKING:
        return slot
    if slot.kind in addresses:
        provider, config = _talking(slot.kind, addresses[slot.kind])
        use = "openai"
    else:
        provider = SIMULATED[slot.kind]
        config, use = provider.Config(), "sim"
    fallbacks = (
        tuple(_fallback(slot.kind, one, addresses) for one in slot.fallbacks) if keep_fallbacks else ()
    )
    return replace(slot, use=use, provider=provider, provider_config=config, fallbacks=fallbacks)


def _fallback(kind: str, filling: Filling, addresses: Mapping[str, str]) -> Filling:
    if not needs_network(filling.config):
        return filling
    provider, config = _talking(kind, addresses["fallback"])
    return replace(filling, use="openai", provider=provider, config=config)


def _talking(kind: str, url: str) -> tuple[type[Provider], ProviderConfig]:
    provider = TALKING[kind]
    keys: dict[str, Any] = {"model": "stand-in", "base_url": url}
    if kind == "tts":
        keys["stream_format"] = "sse"
    return provider, provider.Config.model_validate(keys)


def _turn(config: TurnConfig, addresses: Mapping[str, str]) -> TurnConfig:
    """The stand-ins' recognisers don't know where a turn ends."""
    if config.strategy != "provider" or "realtime" in addresses:
        return config
    return config.model_copy(update={"strategy": "adaptive"})


def _agent(agent: AgentConfig, addresses: Mapping[str, str]) -> AgentConfig:
    tools = (_tool(agent, addresses["tools"]),) if agent.tools else ()
    plain: dict[str, Any] = {"prompt": PROMPT, "variables": {}, "greeting": None, "voice": {}, "tools": tools}
    return agent.model_copy(update=plain)


def _tool(agent: AgentConfig, url: str) -> HttpTool:
    """It may take as long as the tool of the file that may take longest."""
    longest = max(getattr(tool, "timeout", None) or parse_duration(DEFAULT_TIMEOUT) for tool in agent.tools)
    words = [said for tool in agent.tools if (said := getattr(tool, "say_while_running", None))]
    return HttpTool.model_validate(
        {
            "http": url,
            "method": "POST",
            "name": TOOL,
            "description": "Look something up.",
            "schema": _SCHEMA,
            "allow_private": True,
            "side_effect": False,
            "timeout": f"{longest // 1_000_000}ms",
            "say_while_running": words[0] if words and "{{" not in words[0] else None,
        }
    )
