"""What a provider is: one vendor's or library's language behind one async generator.

A provider knows nothing of queues, turns, metrics, retries or other stages. Its class carries

* ``kind`` and ``name``: the slot kinds that it can fill and the word users write in the pipeline file;
* ``Config``: a frozen pydantic model of its keys (``model`` is what stands after the slash);
* ``extra`` and ``packages``: what has to be installed, for hints and ``voicepipe doctor``;
* ``keys``: the environment variables that it reads without being told, for ``voicepipe doctor``;
* ``clock``: ``"real"`` for whatever holds a socket, a device or a thread of its own;
* ``local``: True if it works on the user's own machine: its time is what it costs, nobody sends a bill.

The class is registered under the entry-point group ``voicepipe.providers`` as ``KIND.NAME``, ours and
yours alike, or is written as ``use: package.module:Class``. One instance serves all sessions of a
process: state of a call lives in the generator, state of a session in what ``open()`` returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from voicepipe.core.calls import Call, Host
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.records import UsageUnit

__all__ = [
    "BatchedVadStream",
    "Call",
    "Host",
    "Hypothesis",
    "LlmProvider",
    "Message",
    "Pcm",
    "Provider",
    "ProviderConfig",
    "ProviderKind",
    "Speech",
    "SttProvider",
    "TextDelta",
    "ToolCall",
    "ToolOffer",
    "TtsProvider",
    "VadProvider",
    "VadStream",
    "Word",
]

ProviderKind = Literal["vad", "stt", "llm", "tts", "realtime"]


class ProviderConfig(BaseModel):
    """The keys of a provider. Unknown ones are errors; secrets are ``SecretStr``."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Provider(ABC):
    """Common to all kinds. ``Config`` is written by users; ``host`` is where the instance lives."""

    kind: ClassVar[ProviderKind]
    name: ClassVar[str]
    clock: ClassVar[Literal["any", "real"]] = "any"
    local: ClassVar[bool] = False
    extra: ClassVar[str | None] = None
    packages: ClassVar[tuple[str, ...]] = ()
    keys: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type[ProviderConfig]] = ProviderConfig

    def __init__(self, config: Any, host: Host) -> None:
        self.config = config
        self.host = host

    async def start(self) -> None:  # noqa: B027 - nothing to load is the common case
        """Load and warm up before the first call begins. Raises ``SetupError`` with the remedy."""

    async def close(self) -> None:  # noqa: B027 - nothing to give back is the common case
        """Give everything back; may be called twice."""

    def check(self) -> list[str]:
        """What is missing on this computer for ``start`` to work, each with what to do, for ``doctor``.

        Must not load models nor open connections.
        """
        return []

    def found(self) -> list[str]:
        """The models on this computer, as a pipeline file names them, for ``doctor``; none is loaded."""
        return []

    def billed(self, silence_ms: int) -> Mapping[UsageUnit, int]:
        """What the vendor would bill for the caller's silence, were it sent along; nothing by default."""
        return {}

    async def pull(self) -> None:  # noqa: B027 - most have nothing to fetch
        """Fetch what the provider needs from the network, telling ``host.progress``."""


# ── voice activity detection ─────────────────────────────────────────────────────────────────────


class VadStream(Protocol):
    """The state of one session. Called for each window on the event loop: well under a millisecond."""

    window: int
    """Samples per window."""

    def probability(self, window: Pcm) -> float:
        """The probability, 0 to 1, that this window (int16, shape ``(self.window,)``) holds speech."""
        ...


@runtime_checkable
class BatchedVadStream(VadStream, Protocol):
    """A stream that can be judged along with those of other sessions whose windows are complete just now.

    The stage then calls ``submit`` instead of ``probability``. Only one window is under way at a time:
    ``settle`` comes before the next one, and at the end.
    """

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        """Judge ``window``, which isn't changed before that. ``answer`` is called once, in this loop: now,
        or when all that is due in this turn of the loop is. An exception ends the call."""
        ...

    def settle(self) -> None:
        """Have the answer given now, if one is due."""
        ...


class VadProvider(Provider):
    """Tells speech from everything else, window by window; a model is shared, its state is not."""

    kind: ClassVar[ProviderKind] = "vad"

    @abstractmethod
    def open(self, rate: int) -> VadStream:
        """A new stream for audio at ``rate`` Hz (8000 or 16000)."""


# ── speech to text ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """All of what was said so far in this utterance. The last one of a call is final.

    Speech in which the recogniser knows no words is ``voicepipe.core.frames.UNRECOGNISED``; noise
    without speech is the empty string. Word times count from the first sample of the utterance.
    ``ends_turn``: the recogniser itself is sure that the caller has finished, which ends the turn where
    the pipeline has ``turn: {strategy: provider}``. It may be wrong: more may follow, also in this call.
    """

    text: str
    final: bool
    words: tuple[Word, ...] = ()
    ends_turn: bool = False


class SttProvider(Provider):
    """Hears one utterance per call, while it is being spoken."""

    kind: ClassVar[ProviderKind] = "stt"
    rate: ClassVar[int] = 16_000
    """The rate of the audio that ``transcribe`` wants."""
    captions: ClassVar[bool] = False
    """Whether ``Call.captions`` is filled while the audio passes. Only ``sim`` may read scripted words."""

    @abstractmethod
    def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        """Transcribe one utterance. ``audio`` (int16 at ``rate``, blocks of any length) ends at the pause.

        Partials while the caller speaks are optional; exactly one final one comes last.
        """


# ── language model ───────────────────────────────────────────────────────────────────────────────


class LlmProvider(Provider):
    """Answers a conversation, piece by piece; tools are called by who asked, not here."""

    kind: ClassVar[ProviderKind] = "llm"

    @abstractmethod
    def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        """One completion. Tool calls are yielded when their arguments are complete, in the model's order."""


# ── text to speech ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Audio: int16 mono at the voice's ``rate``, of any length."""

    pcm: Pcm


class TtsProvider(Provider):
    """Speaks one chunk of a reply per call."""

    kind: ClassVar[ProviderKind] = "tts"

    @property
    @abstractmethod
    def rate(self) -> int:
        """Samples per second of ``Speech.pcm``; known once ``start`` has returned."""

    @abstractmethod
    def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        """Speak one chunk. A ``Word`` may come before or after its audio; it counts from the chunk's
        start."""
