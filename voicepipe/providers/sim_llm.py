"""LLM ``sim``: scripted replies, token by token, with tool calls. A token is a word."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

from voicepipe.core.calls import Call, Host
from voicepipe.errors import ProviderError
from voicepipe.providers.base import LlmProvider, Message, TextDelta, ToolCall, ToolOffer
from voicepipe.providers.sim import Latency, Script, SimConfig, constant

_TOKEN = re.compile(r"\s*\S+|\s+\Z")
_RESULT = re.compile(r"\{result(?:\.(\w+))?\}")


class Reply(BaseModel):
    """``call`` comes first, then ``say``, in which ``{result}`` is what the tools answered.

    Where the answer is a JSON object, ``{result.slot}`` is its value for ``slot``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str | None = Field(None, description="a regular expression that is found in what the caller said")
    say: str = Field("{result}", description="the reply")
    call: dict[str, dict[str, Any]] = Field({}, description="tools with their arguments")

    @field_validator("when")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"expected a regular expression, found {value!r}: {error}") from None
        return value


def _reply(value: Any) -> Any:
    return {"say": value} if isinstance(value, str) else value


_Reply = Annotated[
    Reply,
    BeforeValidator(_reply),
    WithJsonSchema({"anyOf": [{"type": "string"}, Reply.model_json_schema()]}),
]


class SimLlmConfig(SimConfig):
    replies: tuple[_Reply, ...] = Field(
        (
            Reply(
                say="Sure, I can help you with that order right away for you. It left the warehouse this "
                "morning and it should arrive on Friday before noon. Please let me know if you would like "
                "me to change the delivery address."
            ),
        ),
        min_length=1,
        description="The first whose `when` fits what the caller said; else those without, one a turn.",
    )
    first_token: Latency = Field(constant("200ms"), description="Until the first token.")
    per_token: Latency = Field(constant("20ms"), description="Between two tokens.")


class SimLlm(LlmProvider):
    name = "sim"
    local = True
    Config = SimLlmConfig
    config: SimLlmConfig

    def __init__(self, config: SimLlmConfig, host: Host) -> None:
        super().__init__(config, host)
        self._script = Script("llm.sim", config)
        self._ruled = [(re.compile(reply.when, re.I), reply) for reply in config.replies if reply.when]
        self._plain = [reply for reply in config.replies if not reply.when]

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        run = self._script.begin(call)
        reply = self._choose(messages)
        results = tool_results(messages)
        call.add_usage("tokens_in", sum(len(message.text.split()) for message in messages))
        await run.wait(self.config.first_token)
        if reply.call and not results:
            for index, (name, arguments) in enumerate(reply.call.items()):
                text = json.dumps(arguments, ensure_ascii=False)
                await run.event()
                call.add_usage("tokens_out", 1 + len(text.split()))
                yield ToolCall(id=f"call_{run.number}_{index}", name=name, arguments=text)
        else:
            for index, token in enumerate(_TOKEN.findall(insert(results, reply.say))):
                if index:
                    await run.wait(self.config.per_token)
                await run.event()
                call.add_usage("tokens_out", 1)
                yield TextDelta(text=token)
        await run.event()

    def _choose(self, messages: Sequence[Message]) -> Reply:
        """By what was said and by how many turns there were, so that a repeated request is answered alike."""
        said = [message.text for message in messages if message.role == "user"]
        last = said[-1] if said else ""
        for pattern, reply in self._ruled:
            if pattern.search(last):
                return reply
        if not self._plain:
            raise ProviderError(
                f"no scripted reply fits {last!r}",
                provider="llm.sim",
                kind="bad_request",
                hint="add one to `replies` that has no `when`",
            )
        return self._plain[max(0, len(said) - 1) % len(self._plain)]


def tool_results(messages: Sequence[Message]) -> list[str]:
    """What the tools have answered since the caller spoke, or the model, without calling any."""
    results: list[str] = []
    for message in reversed(messages):
        if message.role == "tool":
            results.insert(0, message.text)
        elif message.role != "assistant" or not message.tool_calls:
            break
    return results


def insert(results: Sequence[str], text: str) -> str:
    """``text`` with the results in it. A key that no result has is left as it is written."""
    values: dict[str | None, str] = {None: ", ".join(results)}
    for result in results:
        try:
            parsed = json.loads(result)
        except ValueError:
            continue  # plain text, which has no keys
        if isinstance(parsed, dict):
            values |= {
                key: value if isinstance(value, str) else json.dumps(value) for key, value in parsed.items()
            }
    return _RESULT.sub(lambda match: values.get(match[1], match[0]), text)
