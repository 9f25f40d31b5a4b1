"""What a fused provider is: a model that hears and speaks, behind one lasting connection.

It replaces ``stt``, ``llm`` and ``tts``, and its two calls look like theirs: ``hear`` is given one utterance
and tells its words, ``respond`` gives one reply. Both are async generators in a guarded provider call of
their own, so that deadlines, usage and cancellation work as everywhere. One task reads the socket
(``events``) and deals out what comes to those that wait for it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.providers.base import Hypothesis, Provider, ProviderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeSetup:
    """What a connection begins with, whoever the vendor is.

    ``finds_turns``: the server is to find the beginning and the end of the caller's turns; otherwise the
    audio is one utterance until ``hear`` is called. It never answers unasked in either case.
    ``speaks``: whether its replies are to be audio with their words, or words only.
    """

    instructions: str
    tools: Sequence[ToolOffer] = ()
    finds_turns: bool = False
    speaks: bool = True


# ── what ``events`` tells: the server's own view of the caller, with ``finds_turns`` ──────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerStarted:
    """Speech began ``audio_ms`` after the first sample that this connection was given."""

    audio_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerStopped:
    """The caller's turn ended at ``audio_ms``, and the server keeps its audio as ``item_id``."""

    audio_ms: int
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerSilent:
    """The server's idle time-out is over: the caller has said nothing since the last reply."""


# ── what ``hear`` and ``respond`` give besides ``Hypothesis`` and ``ToolCall`` ───────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerItem:
    """The utterance stands in the server's conversation as ``item_id``."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudio:
    """Audio of the reply: int16 mono at the provider's ``rate``, of any length; part of ``item_id``."""

    item_id: str
    pcm: Pcm


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyText:
    """The next piece of the reply's words: those of its audio, or of a reply that is text only."""

    item_id: str
    text: str


class RealtimeConnection(Protocol):
    """One connection; everything but ``events`` and the two calls only sends.

    Each method raises ``ProviderError`` once the connection is lost; so do the generators.
    """

    def events(self) -> AsyncGenerator[CallerStarted | CallerStopped | CallerSilent, None]:
        """Read the socket until the connection ends; to be iterated all the time, by one task.

        Ends after a ``close`` by us, and raises ``ProviderError`` for anything else.
        """
        ...

    async def append(self, pcm: Pcm) -> None:
        """The caller's next audio: int16 mono at the provider's ``rate_in``."""
        ...

    async def clear(self) -> None:
        """Forget the audio that belongs to no utterance yet."""
        ...

    def hear(self, call: Call, item_id: str | None = None) -> AsyncGenerator[CallerItem | Hypothesis, None]:
        """The words of one utterance: all audio since the last one, or ``item_id`` of ``CallerStopped``.

        ``CallerItem`` comes first, unless there was no audio at all; exactly one final ``Hypothesis`` comes
        last, which is then empty.
        """
        ...

    def respond(
        self, call: Call, *, say: str | None = None, remember: bool = True
    ) -> AsyncGenerator[ReplyAudio | ReplyText | ToolCall, None]:
        """One reply to the conversation as it stands. Closing the generator early cancels the reply.

        ``say``: words that the model is to read out instead of answering. ``remember`` False: neither the
        conversation so far is looked at, nor is the reply kept in it.
        """
        ...

    async def add(self, message: Message, *, before: str | None = None) -> str:
        """Continue the server's conversation: typed words, the result of a tool, what was said to another
        connection. It stands at the end, or ``before`` an item where that is known. Returns the item's id."""
        ...

    async def replace(self, item_id: str, message: Message) -> str:
        """Put ``message`` in the place of an item, since it wasn't so. Returns the new item's id."""
        ...

    async def truncate(self, item_id: str, audio_ms: int) -> None:
        """Only the first ``audio_ms`` of the reply's ``item_id`` were heard."""
        ...

    async def delete(self, item_id: str) -> None:
        """Forget an item, such as an "uh-huh" that isn't to be answered."""
        ...


class RealtimeProvider(Provider):
    """A speech-to-speech model."""

    kind: ClassVar[ProviderKind] = "realtime"

    @property
    @abstractmethod
    def rate_in(self) -> int:
        """Samples per second that ``append`` takes."""

    @property
    @abstractmethod
    def rate(self) -> int:
        """Samples per second of ``ReplyAudio.pcm``."""

    @abstractmethod
    def connect(self, call: Call, setup: RealtimeSetup) -> AbstractAsyncContextManager[RealtimeConnection]:
        """Open a connection; it is ready, with ``setup`` accepted, when the context is entered."""
