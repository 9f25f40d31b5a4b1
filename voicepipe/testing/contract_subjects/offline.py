"""Providers of this computer that need a file: the household of ``pipelines/`` has one."""

from __future__ import annotations

from voicepipe.cli.files import shipped
from voicepipe.core.messages import Message, ToolOffer
from voicepipe.providers.pocketsphinx import PocketSphinx
from voicepipe.providers.rules import Rules
from voicepipe.testing.contract import Subject

HOUSEHOLD = "household.rules.yaml"


class RulesSubject(Subject):
    provider = Rules
    config = {"file": str(shipped(HOUSEHOLD))}  # noqa: RUF012 - read, never changed
    questions = (
        (Message(role="user", text="what is your name"),),
        (Message(role="user", text="thank you"),),
    )
    tool_question = (Message(role="user", text="what is the weather in paris"),)
    tools = (
        ToolOffer(name="get_weather", description="The weather in a city.", parameters={"type": "object"}),
    )
    tool_result = '{"city": "Paris", "conditions": "sunny", "celsius": 21}'


class PocketSphinxSubject(Subject):
    provider = PocketSphinx
    config = {"rules": str(shipped(HOUSEHOLD))}  # noqa: RUF012 - read, never changed
