"""The language of Anthropic's Messages: what an answer's events make.

Protocol: https://platform.claude.com/docs/en/build-with-claude/streaming. ``message_start``; for each block
``content_block_start``, its deltas and ``content_block_stop``; ``message_delta`` with the reason to stop and
the usage so far; ``message_stop``. Events and deltas of other types may be added, and are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voicepipe.providers.anthropic_messages import Blocks, input_of
from voicepipe.providers.base import TextDelta, ToolCall
from voicepipe.providers.token_tally import LONGEST_ANSWER, TokenTally
from voicepipe.providers.vendor_errors import bad_answer, broken_off

_PARTS = {
    "text_delta": "text",
    "input_json_delta": "partial_json",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}
"""The type of a delta → its field."""

_FIELDS = {"text": ("text",), "tool_use": ("partial_json",), "thinking": ("thinking", "signature")}
"""The type of a block → what its deltas add to."""


class Answer:
    """Takes the events of one answer, in order."""

    def __init__(self, provider: str, tally: TokenTally) -> None:
        self.blocks: Blocks = []
        """The complete ones, in the form in which they are sent back."""
        self._provider = provider
        self._tally = tally
        self._open: dict[Any, dict[str, Any]] = {}
        self._input: dict[str, int] = {}
        self._stop: str | None = None
        self._over = False

    def take(self, event: Any) -> Iterator[TextDelta | ToolCall]:
        """What ``event`` brings; raises ``ProviderError`` if it makes no sense or no end."""
        index = getattr(event, "index", None)
        match getattr(event, "type", None):
            case "message_start":
                self._count(getattr(getattr(event, "message", None), "usage", None), final=False)
            case "content_block_start":
                yield from self._begin(index, getattr(event, "content_block", None))
            case "content_block_delta":
                yield from self._add(index, getattr(event, "delta", None))
            case "content_block_stop":
                yield from self._end(self._open.pop(index, None))
            case "message_delta":
                stop = getattr(getattr(event, "delta", None), "stop_reason", None)
                self._stop = stop if isinstance(stop, str) else self._stop
                self._count(getattr(event, "usage", None), final=True)
            case "message_stop":
                self._over = True

    def finish(self) -> None:
        """The stream has ended. Raises ``ProviderError`` unless the answer is whole, and there is one."""
        if not self._over:
            raise broken_off(self._provider, "the server ended the stream before the answer was complete")
        if self._tally.received:
            return
        if self._stop == "refusal":
            raise bad_answer(self._provider, "the model was kept from answering this, by itself or a filter")
        if self._stop == "max_tokens":
            error = bad_answer(self._provider, "the model thought until its tokens were spent")
            error.hint = "raise max_tokens, or lower effort"
            raise error

    def _begin(self, index: Any, block: Any) -> Iterator[TextDelta]:
        kind = getattr(block, "type", None)
        made: dict[str, Any] = {"type": kind}
        if kind == "tool_use":
            made |= {"id": _text(block, "id"), "name": _text(block, "name")}
            self._received(len(made["name"]))
        elif kind == "redacted_thinking":
            made["data"] = _text(block, "data")
        self._open[index] = made | dict.fromkeys(_FIELDS.get(str(kind), ()), "")
        if kind == "text" and (text := _text(block, "text")):
            self._open[index]["text"] = text
            yield self._said(text)

    def _add(self, index: Any, delta: Any) -> Iterator[TextDelta]:
        field = _PARTS.get(str(getattr(delta, "type", None)), "")
        part, block = _text(delta, field), self._open.get(index)
        if block is None or field not in block or not part:
            return
        block[field] += part
        if field == "text":
            yield self._said(part)
        else:
            self._received(len(part) if field == "partial_json" else 0)

    def _end(self, block: dict[str, Any] | None) -> Iterator[ToolCall]:
        if block is None:
            return
        arguments = block.pop("partial_json", None)
        self.blocks.append(block)
        if block["type"] != "tool_use":
            return
        if not (block["name"] and block["id"]):
            raise bad_answer(self._provider, "the model called a tool without naming it")
        call = ToolCall(id=block["id"], name=block["name"], arguments=arguments or "{}")
        block["input"] = input_of(call)
        yield call

    def _said(self, text: str) -> TextDelta:
        self._received(len(text))
        return TextDelta(text=text)

    def _received(self, characters: int) -> None:
        self._tally.received += characters
        if self._tally.received > LONGEST_ANSWER:
            raise bad_answer(self._provider, f"the answer is longer than {LONGEST_ANSWER} characters")

    def _count(self, usage: Any, *, final: bool) -> None:
        """Anthropic tells what was read from its cache and written to it beside the rest of the input."""
        for part in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            tokens = getattr(usage, part, None)
            if isinstance(tokens, int):
                self._input[part] = tokens
        if "input_tokens" in self._input:
            self._tally.report("tokens_in", sum(self._input.values()))
        self._tally.report("tokens_in_cached", self._input.get("cache_read_input_tokens"))
        if written := self._input.get("cache_creation_input_tokens"):
            self._tally.report("tokens_in_written", written)
        if final:  # at the start it is a token or two, which say nothing of an answer that is cut off
            self._tally.report("tokens_out", getattr(usage, "output_tokens", None))


def _text(thing: Any, field: str) -> str:
    value = getattr(thing, field, None) if field else None
    return value if isinstance(value, str) else ""
