"""LLM ``rules``: the offline stand-in for a language model. It understands the sentences of a rules file.

It sits behind the same interface as a real model, so that swapping it for one is one line. There is no
model of language in it: what isn't written in the file isn't understood, and it says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from pydantic import Field

from voicepipe.core.calls import Call
from voicepipe.core.extras import missing
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.units import ConfigPath
from voicepipe.errors import ProviderError
from voicepipe.providers.base import LlmProvider, ProviderConfig
from voicepipe.speech.answers import argument, fill, parsed_result
from voicepipe.speech.rules import RulesFile, read_rules
from voicepipe.speech.templates import Match, Templates

MEMORY = 50
"""Turns looked back on, to know what was asked and which answers were given already."""

CACHE = 4096
"""Texts whose meaning is kept, of all sessions: a turn then matches only what is new, in about 0.5 ms."""

_WORD = re.compile(r"\s*\S+\s*")


class RulesConfig(ProviderConfig):
    file: ConfigPath = Field(description="the rules: sentence templates, tools and answers")


class Rules(LlmProvider):
    name: ClassVar[str] = "rules"
    local = True
    extra: ClassVar[str | None] = "quickstart"
    packages: ClassVar[tuple[str, ...]] = ("hassil",)
    Config: ClassVar[type[ProviderConfig]] = RulesConfig
    config: RulesConfig
    _templates: Templates | None = None
    _match: Callable[[str, str | None], Match | None]

    async def start(self) -> None:
        self._templates = await self.host.workers.call(self._load)
        self._match = lru_cache(CACHE)(self._templates.match)

    def check(self) -> list[str]:
        return missing("hassil", extra="quickstart")

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        rules = self._rules()
        call.add_usage("requests", 1)
        turns = _turns(messages)[-MEMORY:]
        if not turns:
            return
        texts = [turn[0].text for turn in turns]
        meanings = self._meanings(texts)
        kinds = [(_intent(match), text == UNRECOGNISED) for match, text in zip(meanings, texts, strict=True)]
        match, (_, unrecognised), times = meanings[-1], kinds[-1], kinds.count(kinds[-1])
        results = [message.text for message in turns[-1] if message.role == "tool"]
        if match is None:
            fallback = rules.fallback
            answer = _in_turn(fallback.unrecognised if unrecognised else fallback.unknown, times)
        elif rules.intents[match.intent].tool and not results:
            yield self._call(match, len(messages), tools)
            return
        else:
            answer = self._answer(match, results, times)
        for word in _WORD.findall(answer):
            yield TextDelta(text=word)

    def _load(self) -> Templates:
        templates = Templates(*read_rules(self.config.file), purpose="llm 'rules'")
        templates.match("hello")  # the first match compiles what the others use
        return templates

    def _rules(self) -> RulesFile:
        if self._templates is None:
            raise ProviderError("used before start()", provider=self.name, kind="internal")
        return self._templates.rules

    def _meanings(self, texts: Sequence[str]) -> list[Match | None]:
        """What each text means, given what was answered to the one before."""
        found: list[Match | None] = []
        before: Match | None = None
        for text in texts:
            if text == UNRECOGNISED:  # a question of the agent's own stays open: the caller says it again
                found.append(None)
                continue
            before = self._match(text, _intent(before))
            found.append(before)
        return found

    def _call(self, match: Match, number: int, tools: Sequence[ToolOffer]) -> ToolCall:
        spec = self._rules().intents[match.intent]
        offered = sorted(tool.name for tool in tools)
        if spec.tool not in offered:
            raise ProviderError(
                f"the rule '{match.intent}' calls the tool '{spec.tool}', which the agent doesn't have",
                provider=self.name,
                kind="bad_request",
                hint=f"add it to agent.tools; it has: {', '.join(offered) or 'none'}",
            )
        values = {key: argument(value, match.slots) for key, value in spec.arguments.items()}
        given = {key: value for key, value in values.items() if value is not None}
        return ToolCall(id=f"rules-{number}", name=spec.tool, arguments=json.dumps(given, ensure_ascii=False))

    def _answer(self, match: Match, results: Sequence[str], times: int) -> str:
        spec = self._rules().intents[match.intent]
        values: dict[str, Any] = dict(match.slots)
        texts = spec.answer
        for result in map(parsed_result, results):
            if isinstance(result, dict) and set(result) == {"error"}:
                values["error"] = result["error"]
                texts = spec.error or self._rules().fallback.error
            else:
                values["result"] = result
        filled = [text for template in texts if (text := fill(template, values)) is not None]
        if filled:
            return _in_turn(filled, times)
        raise ProviderError(
            f"no answer of the rule '{match.intent}' fits the result {str(values.get('result'))[:200]}",
            provider=self.name,
            kind="bad_request",
            hint="an answer may name only fields that the result has",
        )


def _intent(match: Match | None) -> str | None:
    return match.intent if match else None


def _in_turn(texts: Sequence[str], times: int) -> str:
    """The first text the first time, then the next one."""
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
