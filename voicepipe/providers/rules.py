"""LLM ``rules``: the offline stand-in for a language model. It understands the sentences of a rules file.

It sits behind the same interface as a real model, so that swapping it for one is one line. There is no
model of language in it: what isn't written in the file isn't understood, and it says so.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

from pydantic import Field

from voicepipe.core.calls import Call
from voicepipe.core.extras import missing
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.units import ConfigPath
from voicepipe.errors import ProviderError
from voicepipe.providers.base import LlmProvider, ProviderConfig
from voicepipe.speech.rules import PLACEHOLDER, read_rules
from voicepipe.speech.templates import Match, Templates

MEMORY = 6
"""Turns looked back on for a reply to a question of the agent's own."""


class RulesConfig(ProviderConfig):
    file: ConfigPath = Field(description="the rules: sentence templates, tools and answers")


class Rules(LlmProvider):
    name: ClassVar[str] = "rules"
    extra: ClassVar[str | None] = "quickstart"
    packages: ClassVar[tuple[str, ...]] = ("hassil",)
    Config: ClassVar[type[ProviderConfig]] = RulesConfig
    config: RulesConfig
    _templates: Templates

    async def start(self) -> None:
        self._templates = await self.host.workers.call(self._load)

    def check(self) -> list[str]:
        return missing("hassil", extra="quickstart")

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        call.add_usage("requests", 1)
        turns = _turns(messages)
        if not turns:
            return
        intents = self._intents([turn[0].text for turn in turns[-MEMORY:]])
        match, told = intents[-1], turns[-1][1:]
        if match is not None and (name := self._tool(match)) and not any(m.role == "tool" for m in told):
            yield self._call(match, name, len(messages), tools)
            return
        if match is None:
            answer = self._fallback(turns[-1][0].text, len(turns))
        else:
            answer = self._answer(match, told, intents)
        for word in answer.split(" "):
            yield TextDelta(text=word + " ")

    def _load(self) -> Templates:
        templates = Templates(*read_rules(self.config.file), purpose="llm 'rules'")
        templates.match("hello")  # the first match compiles what the others use
        return templates

    def _intents(self, texts: Sequence[str]) -> list[Match | None]:
        """What each text means, given what was answered to the one before."""
        found: list[Match | None] = []
        for text in texts:
            before = found[-1].intent if found and found[-1] else None
            found.append(None if text == UNRECOGNISED else self._templates.match(text, after=before))
        return found

    def _tool(self, match: Match) -> str | None:
        return self._templates.rules.intents[match.intent].tool

    def _call(self, match: Match, name: str, number: int, tools: Sequence[ToolOffer]) -> ToolCall:
        if name not in {tool.name for tool in tools}:
            offered = ", ".join(sorted(tool.name for tool in tools)) or "none"
            raise ProviderError(
                f"the rule '{match.intent}' calls the tool '{name}', which the agent doesn't have",
                provider=self.name,
                kind="bad_request",
                hint=f"add it to agent.tools; it has: {offered}",
            )
        arguments = self._templates.rules.intents[match.intent].arguments
        values = {key: _argument(value, match.slots) for key, value in arguments.items()}
        return ToolCall(id=f"rules-{number}", name=name, arguments=json.dumps(values, ensure_ascii=False))

    def _answer(self, match: Match, told: Sequence[Message], intents: Sequence[Match | None]) -> str:
        spec = self._templates.rules.intents[match.intent]
        values: dict[str, Any] = dict(match.slots)
        texts = spec.answer
        for message in told:
            if message.role != "tool":
                continue
            result = _parsed(message.text)
            if isinstance(result, dict) and set(result) == {"error"}:
                values["error"] = result["error"]
                texts = spec.error or self._templates.rules.fallback.error
            else:
                values["result"] = result
        times = sum(1 for other in intents if other and other.intent == match.intent)
        filled = [text for template in texts if (text := _fill(template, values)) is not None]
        if filled:
            return filled[(times - 1) % len(filled)]
        raise ProviderError(
            f"no answer of the rule '{match.intent}' fits the result {str(values.get('result'))[:200]}",
            provider=self.name,
            kind="bad_request",
            hint="an answer may name only fields that the result has",
        )

    def _fallback(self, text: str, times: int) -> str:
        fallback = self._templates.rules.fallback
        texts = fallback.unrecognised if text == UNRECOGNISED else fallback.unknown
        return texts[(times - 1) % len(texts)]


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Each of the caller's messages with what followed it."""
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user":
            turns.append([message])
        elif turns:
            turns[-1].append(message)
    return turns


def _argument(value: Any, slots: dict[str, Any]) -> Any:
    """A text that is nothing but a slot keeps the slot's type: a number stays a number."""
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    return slots.get(whole[1]) if whole else _fill(value, slots)


def _fill(template: str, values: dict[str, Any]) -> str | None:
    """``template`` with its placeholders replaced; None if one of them has no value."""
    out: list[str] = []
    end = 0
    for found in PLACEHOLDER.finditer(template):
        value: Any = values
        for key in found[1].split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return None
        out += template[end : found.start()], str(value)
        end = found.end()
    return "".join((*out, template[end:]))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
