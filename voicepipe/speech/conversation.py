"""The history of a call: what was said to the agent, what it did, and what of its replies was heard.

A reply that is under way keeps its working context apart. The caller's words of a draft are a branch:
they become history at the commit, or vanish with the draft. Pure: the turn stage and the llm stage call it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from voicepipe.core.frames import Segment
from voicepipe.core.messages import Message, ToolCall
from voicepipe.speech.heard import heard_text

LAST_WORDS = 8
"""Words by which a model is told how far its reply was heard; the reply itself is in its history."""


@dataclass(frozen=True, slots=True)
class Over:
    """A turn that is over: what the caller said, if it is known, and what the agent answered.

    ``utterances``: those that it was made of, by the positions of their onsets.
    """

    turn: int
    question: list[Message]
    answer: list[Message]
    utterances: tuple[int, ...]


@dataclass(slots=True)
class _Exchange:
    user: str
    utterances: tuple[int, ...] = ()
    past: list[Message] = field(default_factory=list)
    """What went before the first of the turns: see ``recall``."""
    committed: bool = False
    finished: bool = False
    note: str = ""
    """How the reply was interrupted, for the model; once finished."""
    messages: list[Message] = field(default_factory=list)
    """What the model wrote and the tools answered, in order; once finished, what of it is history."""
    heard: dict[int, tuple[Segment, int]] = field(default_factory=dict)
    """Segment index → the segment and how many of its samples left the loudspeaker."""

    @property
    def question(self) -> list[Message]:
        return [Message(role="user", text=self.user)] if self.user else []


class Conversation:
    """One call's messages. Turns are begun, committed or discarded, and finished, by their ids.

    A turn may be finished after the next one was begun: what was heard of it is known a little later.

    ``most``: turns that are remembered when another one is begun, None for all. Beyond that the oldest
    quarter is forgotten at once, whole turns only, and ``forgot`` is told how many. Between two such moments
    each request begins as the one before, so that a vendor's cache of it goes on being used.
    """

    def __init__(
        self, prompt: str, *, most: int | None = None, forgot: Callable[[int], None] = lambda turns: None
    ) -> None:
        self.prompt = prompt
        self._exchanges: dict[int, _Exchange] = {}
        self._past: list[Message] = []
        self._most = most
        self._forgot = forgot

    def begin(self, turn: int, user: str, utterances: tuple[int, ...] = ()) -> None:
        """A draft to answer ``user``; the empty string asks for nothing (a greeting), unless there are
        ``utterances`` whose words aren't known yet."""
        if self._most is not None:
            self._forget(self._most)
        self._exchanges[turn] = _Exchange(user, utterances, self._past)

    def recall(self, past: Sequence[Message]) -> None:
        """For turns that are begun from now on, ``past`` is what went before, and nothing else is.

        Those that were begun already go on from what they know.
        """
        self._past = _with_answers(past)

    def reword(self, turn: int, user: str) -> None:
        """The caller's words as they are known in the end; too late for a turn that is forgotten."""
        if turn in self._exchanges:
            self._exchanges[turn].user = user

    def commit(self, turn: int) -> None:
        """The caller's words are history from here on, whatever becomes of the reply."""
        self._exchanges[turn].committed = True

    def discard(self, turn: int) -> None:
        """The draft and its branch never happened."""
        self._exchanges.pop(turn, None)

    def add_text(self, turn: int, text: str) -> None:
        """The model goes on writing."""
        exchange = self._open(turn)
        if exchange is None:
            return
        messages = exchange.messages
        if messages and messages[-1].role == "assistant" and not messages[-1].tool_calls:
            messages[-1] = replace(messages[-1], text=messages[-1].text + text)
        else:
            messages.append(Message(role="assistant", text=text))

    def add_tool_calls(self, turn: int, calls: Sequence[ToolCall]) -> None:
        """The model asked for tools, after whatever it wrote in the same breath."""
        exchange = self._open(turn)
        if exchange is None:
            return
        self.add_text(turn, "")
        exchange.messages[-1] = replace(exchange.messages[-1], tool_calls=tuple(calls))

    def add_tool_result(self, turn: int, call_id: str, result: str) -> None:
        """The answer to a call, in place of an earlier one. It isn't lost if its turn has ended meanwhile."""
        exchange = self._exchanges.get(turn)
        if exchange is None:
            return
        message = Message(role="tool", text=result, tool_call_id=call_id)
        index = _answer(exchange.messages, call_id)
        if index is not None:
            exchange.messages[index] = message
        elif not exchange.finished:
            exchange.messages.append(message)

    def add_heard(self, turn: int, segment: Segment, samples: int) -> None:
        """``samples`` of ``segment`` have been heard so far."""
        exchange = self._open(turn)
        if exchange is not None:
            exchange.heard[segment.index] = (segment, samples)

    def said(self, turn: int) -> str:
        """All that the model has written for this turn so far; empty once the turn is finished."""
        exchange = self._open(turn)
        return "" if exchange is None else _said(exchange)

    def heard(self, turn: int) -> str:
        """What of it was heard so far, notices and fillers included; empty once the turn is finished."""
        exchange = self._open(turn)
        return "" if exchange is None else _heard(exchange, history_only=False)

    def untouched(self, turn: int) -> bool:
        """Whether nothing of the reply was heard and no tool was called, so that it may be begun anew."""
        exchange = self._open(turn)
        if exchange is None:
            return False
        heard = any(segment.in_history and samples for segment, samples in exchange.heard.values())
        return not heard and not any(message.tool_calls for message in exchange.messages)

    def remembered(self, turn: int) -> str:
        """The agent's words that the history holds of a finished turn; none of one that is forgotten."""
        exchange = self._exchanges.get(turn)
        return "" if exchange is None or not exchange.finished else _said(exchange)

    def finish(self, turn: int, *, completed: bool, failed: bool = False) -> None:
        """The reply is over. It becomes history: whole, or cut to what was heard.

        If it neither was completed nor has failed, the caller has interrupted it, and the model is told so.
        """
        exchange = self._open(turn)
        if exchange is None:
            return
        if not exchange.committed:
            self.discard(turn)
            return
        exchange.note = "" if completed or failed else _note(exchange)
        exchange.messages = _with_answers(exchange.messages if completed else _cut(exchange))
        exchange.finished = True
        exchange.heard.clear()

    def messages(self, turn: int) -> list[Message]:
        """What the model is asked for ``turn``: the prompt, the history, and the turn's own context.

        Of an earlier reply that isn't finished it contains what is known to have been heard. The caller's
        words that interrupted a reply carry a note of that.
        """
        own = self._exchanges[turn]
        messages = [Message(role="system", text=self.prompt)] if self.prompt else []
        messages += own.past
        note = ""
        for other in self._exchanges.values():
            if other.committed and other is not own and other.past is own.past:
                messages += [replace(message, note=note) for message in other.question]
                messages += _as_history(other)
                note = other.note if other.finished else _note(other)
        return messages + [replace(message, note=note) for message in own.question] + own.messages

    def working(self, turn: int) -> list[Message]:
        """The turn's own context so far: what the model wrote, the tools it called and their answers."""
        return _with_answers(self._exchanges[turn].messages)

    @property
    def over(self) -> list[Over]:
        """The turns that are over and remembered, in order."""
        return [
            Over(turn, exchange.question, list(exchange.messages), exchange.utterances)
            for turn, exchange in self._exchanges.items()
            if exchange.committed and exchange.finished
        ]

    def answers(self, utterance: int) -> int | None:
        """The turn that was made of ``utterance`` and others, and committed; None if none is remembered."""
        for turn, exchange in self._exchanges.items():
            if exchange.committed and utterance in exchange.utterances:
                return turn
        return None

    @property
    def history(self) -> list[Message]:
        """What the caller said, and all finished replies, without the prompt."""
        return self._past + [
            message
            for exchange in self._exchanges.values()
            if exchange.committed and exchange.past is self._past
            for message in exchange.question + (exchange.messages if exchange.finished else [])
        ]

    def _forget(self, most: int) -> None:
        """If more than ``most`` turns are remembered, only the last three quarters of that are kept."""
        committed = [turn for turn, exchange in self._exchanges.items() if exchange.committed]
        if len(committed) <= most:
            return
        oldest = committed[: len(committed) - most + most // 4]
        over = list(takewhile(lambda turn: self._exchanges[turn].finished, oldest))
        for turn in over:
            del self._exchanges[turn]
        if over:
            self._forgot(len(over))

    def _open(self, turn: int) -> _Exchange | None:
        exchange = self._exchanges.get(turn)
        return None if exchange is None or exchange.finished else exchange


def _answer(messages: Sequence[Message], call_id: str) -> int | None:
    """Where the answer to the last call of this id stands, if there is one."""
    for index in reversed(range(len(messages))):
        message = messages[index]
        if message.role == "tool" and message.tool_call_id == call_id:
            return index
        if any(call.id == call_id for call in message.tool_calls):
            break
    return None


def _said(exchange: _Exchange) -> str:
    parts = (m.text.strip() for m in exchange.messages if m.role == "assistant")
    return " ".join(part for part in parts if part)


def _heard(exchange: _Exchange, *, history_only: bool) -> str:
    parts = [
        heard_text(segment, samples)
        for _, (segment, samples) in sorted(exchange.heard.items())
        if segment.in_history or not history_only
    ]
    return " ".join(part for part in parts if part)


def _cut(exchange: _Exchange) -> list[Message]:
    """The messages with the assistant's words replaced by the heard ones, dealt out by word counts."""
    words = _heard(exchange, history_only=True).split()
    cut: list[Message] = []
    for message in exchange.messages:
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


def _note(exchange: _Exchange) -> str:
    """Of an interrupted reply; nothing if it was over but for its end."""
    heard = _heard(exchange, history_only=True).split()
    if not heard:
        return "(I interrupted you before you had said anything.)"
    if len(heard) >= len(_said(exchange).split()):
        return ""
    dots = "… " if len(heard) > LAST_WORDS else ""
    last = " ".join(heard[-LAST_WORDS:])
    return f"(I interrupted you. Of your last reply I heard only what ends with: “{dots}{last}”)"


def _as_history(exchange: _Exchange) -> list[Message]:
    return exchange.messages if exchange.finished else _with_answers(_cut(exchange))


def _with_answers(messages: Sequence[Message]) -> list[Message]:
    """Every tool call is followed by its answer; models refuse a history in which one is missing."""
    answers: dict[str | None, deque[Message]] = defaultdict(deque)
    for message in messages:
        if message.role == "tool":
            answers[message.tool_call_id].append(message)
    out: list[Message] = []
    for message in messages:
        if message.role == "tool":
            continue
        out.append(message)
        for call in message.tool_calls:
            unanswered = Message(role="tool", text="interrupted before it finished", tool_call_id=call.id)
            # There are models that number the calls of each request from 0.
            out.append(answers[call.id].popleft() if answers[call.id] else unanswered)
    return out
