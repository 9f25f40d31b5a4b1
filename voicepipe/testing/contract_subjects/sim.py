"""The ``sim`` providers, whose faults are keys of their configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, ClassVar, get_args

from voicepipe.core.messages import Message, ToolOffer
from voicepipe.providers.sim_llm import SimLlm
from voicepipe.providers.sim_stt import SimStt
from voicepipe.providers.sim_tts import SimTts
from voicepipe.providers.sim_vad import SimVad
from voicepipe.testing.contract import Fault, Scene, Subject

FAILURES: Mapping[Fault, Mapping[str, Any]] = MappingProxyType(
    {
        "refused_key": {"kind": "authentication"},
        "rate_limit": {"kind": "rate_limit"},
        "malformed": {"kind": "protocol"},
        "dropped": {"kind": "connection", "after": 1},
        "stall": {"kind": "hang", "after": 1},
    }
)


class _Simulated(Subject):
    keys: ClassVar[Mapping[str, Any]]
    """Quick, since one examination is in real time."""
    faults = frozenset(get_args(Fault))

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        failure = {"fail": FAILURES[fault]} if fault else {}
        yield Scene(config={**self.keys, **failure})


class SimVadSubject(Subject):
    provider = SimVad


class SimSttSubject(_Simulated):
    provider = SimStt
    keys: ClassVar[Mapping[str, Any]] = {"final_after": "1ms"}


class SimLlmSubject(_Simulated):
    provider = SimLlm
    keys: ClassVar[Mapping[str, Any]] = {
        "first_token": "1ms",
        "per_token": "1ms",
        "replies": [
            {"when": "name", "say": "My name is Sim, and I know what I was told."},
            {"when": "weather", "call": {"weather": {"city": "Paris"}}, "say": "I was told {result}."},
            "You can have a new one sent to your address.",
        ],
    }
    tool_question = (Message(role="user", text="What is the weather in Paris?"),)
    tools = (ToolOffer(name="weather", description="The weather in a city.", parameters={"type": "object"}),)


class SimTtsSubject(_Simulated):
    provider = SimTts
    keys: ClassVar[Mapping[str, Any]] = {"first_audio": "1ms", "realtime_factor": 0.001}
