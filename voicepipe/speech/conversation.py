"""The history of a call: what was said to the agent, what it did, and what of its replies was heard.

A reply that is under way keeps its working context apart. The caller's words of a draft are a branch:
they become history at the commit, or vanish with the draft. Pure: the turn stage and the llm stage call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from voicepipe.core.frames import Segment
from voicepipe.core.messages import Message, ToolCall


@dataclass(slots=True)
class _Reply:
    user: str
    committed: bool = False
    messages: list[Message] = field(default_factory=list)
    """What the model wrote and the tools answered, in order."""
    heard: dict[int, tuple[Segment, int]] = field(default_factory=dict)
    """Segment index → the segment and how many of its samples left the loudspeaker."""


class Conversation:
    """One call's messages. Turns are begun, committed or discarded, and finished, by their ids."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self._history: list[Message] = []
        self._replies: dict[int, _Reply] = {}

    def begin(self, turn: int, user: str) -> None:
        """A draft to answer ``user``; the empty string asks for nothing (a greeting)."""
        self._replies[turn] = _Reply(user)

    def commit(self, turn: int) -> None:
        """The caller's words are history from here on, whatever becomes of the reply."""
        reply = self._replies[turn]
        reply.committed = True
        if reply.user:
            self._history.append(Message(role="user", text=reply.user))

    def discard(self, turn: int) -> None:
        """The draft and its branch never happened."""
        self._replies.pop(turn, None)

    def add_text(self, turn: int, text: str) -> None:
        """The model goes on writing."""
        reply = self._replies.get(turn)
        if reply is None:
            return
        if reply.messages and reply.messages[-1].role == "assistant" and not reply.messages[-1].tool_calls:
            last = reply.messages[-1]
            reply.messages[-1] = replace(last, text=last.text + text)
        else:
            reply.messages.append(Message(role="assistant", text=text))

    def add_tool_calls(self, turn: int, calls: Sequence[ToolCall]) -> None:
        """The model asked for tools, after whatever it wrote in the same breath."""
        reply = self._replies.get(turn)
        if reply is None:
            return
        self.add_text(turn, "")
        reply.messages[-1] = replace(reply.messages[-1], tool_calls=tuple(calls))

    def add_tool_result(self, turn: int, call_id: str, result: str) -> None:
        """A result that comes after its turn has ended isn't lost: it is history at once."""
        message = Message(role="tool", text=result, tool_call_id=call_id)
        reply = self._replies.get(turn)
        if reply is not None:
            reply.messages.append(message)
            return
        for index, old in enumerate(self._history):
            if old.role == "tool" and old.tool_call_id == call_id:
                self._history[index] = message

    def add_heard(self, turn: int, segment: Segment, samples: int) -> None:
        """``samples`` of ``segment`` have been heard so far."""
        reply = self._replies.get(turn)
        if reply is not None:
            reply.heard[segment.index] = (segment, samples)

    def said(self, turn: int) -> str:
        """All that the model wrote for this turn so far."""
        reply = self._replies.get(turn)
        return "" if reply is None else _said(reply)

    def heard(self, turn: int) -> str:
        """What of it was heard so far, notices and fillers included."""
        reply = self._replies.get(turn)
        return "" if reply is None else _heard(reply, history_only=False)

    def finish(self, turn: int, *, completed: bool) -> None:
        """The reply is over. It becomes history: whole, or cut to what was heard."""
        reply = self._replies.pop(turn, None)
        if reply is None or not reply.committed:
            return
        messages = reply.messages if completed else _cut(reply)
        self._history.extend(_with_answers(messages))

    def messages(self, turn: int) -> list[Message]:
        """What the model is asked for ``turn``: the prompt, the history, and the turn's own context."""
        reply = self._replies[turn]
        branch = [] if reply.committed or not reply.user else [Message(role="user", text=reply.user)]
        prompt = [Message(role="system", text=self.prompt)] if self.prompt else []
        return prompt + self._history + branch + reply.messages

    @property
    def history(self) -> list[Message]:
        """All finished messages, without the prompt."""
        return list(self._history)


def heard_text(segment: Segment, samples: int) -> str:
    """The words of ``segment`` of which at least the first half was heard.

    By the voice's own word times where it gives them, else in proportion to the length of the audio.
    """
    if segment.samples is not None and samples >= segment.samples:
        return segment.text
    if samples <= 0:
        return ""
    if segment.words:
        heard_ms = (samples + segment.trimmed) * 1000 / segment.rate
        return " ".join(word.text for word in segment.words if (word.start_ms + word.end_ms) / 2 <= heard_ms)
    words = segment.text.split()
    if segment.samples is None:
        return ""  # without the length nothing can be said yet; the voice is still speaking
    return " ".join(words[: round(len(words) * samples / segment.samples)])


def _said(reply: _Reply) -> str:
    parts = (m.text.strip() for m in reply.messages if m.role == "assistant")
    return " ".join(part for part in parts if part)


def _heard(reply: _Reply, *, history_only: bool) -> str:
    parts = [
        heard_text(segment, samples)
        for _, (segment, samples) in sorted(reply.heard.items())
        if segment.in_history or not history_only
    ]
    return " ".join(part for part in parts if part)


def _cut(reply: _Reply) -> list[Message]:
    """The messages with the assistant's words replaced by the heard ones, dealt out by word counts."""
    words = _heard(reply, history_only=True).split()
    cut: list[Message] = []
    for message in reply.messages:
        if message.role != "assistant":
            cut.append(message)
            continue
        share = len(message.text.split())
        text, words = " ".join(words[:share]), words[share:]
        if text or message.tool_calls:
            cut.append(replace(message, text=text))
    if words and cut and cut[-1].role == "assistant":
        cut[-1] = replace(cut[-1], text=" ".join([cut[-1].text, *words]))
    return cut


def _with_answers(messages: Sequence[Message]) -> list[Message]:
    """Every tool call is followed by its answer; models refuse a history in which one is missing."""
    answers = {m.tool_call_id: m for m in messages if m.role == "tool"}
    out: list[Message] = []
    for message in messages:
        if message.role == "tool":
            continue
        out.append(message)
        for call in message.tool_calls:
            unanswered = Message(role="tool", text="interrupted before it finished", tool_call_id=call.id)
            out.append(answers.get(call.id, unanswered))
    return out
