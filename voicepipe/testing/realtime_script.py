"""What a scripted Realtime server is told to do: what it hears, what it answers, how it fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from voicepipe.audio.pcm import FULL_SCALE, Pcm, to_pcm
from voicepipe.testing.openai_server import Tool

__all__ = ["Answer", "Asked", "Fault", "Heard", "Refusal", "Reply", "Script", "Tool", "hum"]

MS_PER_CHARACTER = 60
"""How long the server's voice needs for a character where no audio is given: about 16 a second, as people."""

Fault = Literal[
    "drop",
    "reset",
    "freeze",
    "stall",
    "malformed",
    "cut_utf8",
    "binary",
    "odd",
    "bad_audio",
    "error",
    "expire",
]
"""What strikes in the middle of a reply:

* ``drop`` closes the connection with 1011, ``reset`` without a word, ``expire`` as after an hour (1001);
* ``freeze``: nothing comes any more, not even an answer to a ping; ``stall``: nothing more of this reply;
* ``malformed`` sends what isn't JSON, ``cut_utf8`` text that breaks off inside a character, ``binary`` a
  frame of bytes, ``bad_audio`` a piece of audio that isn't base64;
* ``odd`` sends JSON that is no event, and one that lacks its words;
* ``error``: the reply fails with ``Reply.error``.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The transcript of one utterance of the caller, as the server's recogniser gives it."""

    text: str = ""
    pieces: Sequence[str] | None = None
    """The deltas; None: the words, one by one. Empty: only the final text."""
    failed: bool = False
    """The recogniser failed; the model hears the caller nevertheless."""
    usage: Mapping[str, Any] | None = None
    """None: the length of the utterance (``{"type": "duration", "seconds": …}``)."""
    silent: bool = False
    """The transcript never comes."""
    late: bool = False
    """It comes only after the next response has been begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server makes of one response: first the words, piece by piece, then calls of tools."""

    text: Sequence[str] = ()
    """Pieces of words, each with its audio where the response has audio."""
    audio: Sequence[Pcm] | None = None
    """The audio of each piece, int16 at the rate of the output format; None: a hum of fitting length."""
    tools: Sequence[Tool] = ()
    usage: Mapping[str, Any] | None = None
    """None: counted by the rules of the vendor (10 and 20 tokens a second, four characters a token)."""
    status: Literal["completed", "failed", "incomplete", "cancelled"] = "completed"
    reason: str | None = None
    """Why it is incomplete or cancelled: ``max_output_tokens``, ``content_filter``, ``turn_detected``."""
    error: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "server_error", "code": None, "message": "The server had an error."}
    )
    """Why it failed."""
    fault: Fault | None = None
    fault_after: int | None = None
    """Pieces of text before the fault strikes; None: all, and the tools as well."""
    hold_after: int | None = None
    """Pieces of text after which it waits until it is cancelled, or for ``RealtimeServer.go_on``."""
    delay: float = 0.0
    """Seconds before each piece; 0: as fast as the network takes it."""
    odd_cuts: bool = False
    """Cut the audio in the middle of samples, as a server may do that counts bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one ``response.create`` asked for, for a script that decides then."""

    params: Mapping[str, Any]
    """The event's ``response``."""
    config: Mapping[str, Any]
    """The effective session."""
    conversation: Sequence[Mapping[str, Any]]
    """The items as the protocol has them; an utterance of the caller has its transcript."""


Answer = Callable[[Asked], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How one connection is refused before it is open."""

    status: int = 401
    error: Mapping[str, Any] = field(
        default_factory=lambda: {"message": "no", "type": "invalid_request_error", "code": None}
    )
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Instead of ``error`` as JSON."""
    silent: bool = False
    """Don't answer at all."""
    mute: bool = False
    """Accept the connection, and never say a word."""
    event: bool = False
    """Accept the connection, then send ``error`` as an event and close, as is done with an unknown key."""


class Script:
    """Each response takes the next of ``replies``, or asks ``answer``; each utterance the next of ``heard``.

    Without a reply left, a response is an empty one; without a transcript left, it is empty as well.
    """

    def __init__(self, replies: Iterable[Reply], heard: Iterable[Heard | str], answer: Answer | None) -> None:
        self.replies = deque(replies)
        self.heard = deque(Heard(text=each) if isinstance(each, str) else each for each in heard)
        self._answer = answer

    def next_reply(self, asked: Asked) -> Reply:
        if self.replies:
            return self.replies.popleft()
        return self._answer(asked) if self._answer else Reply()

    def next_heard(self) -> Heard:
        return self.heard.popleft() if self.heard else Heard()


def hum(text: str, rate: int) -> Pcm:
    """What stands for speech: a tone of −17 dBFS, 60 ms for each character, at ``rate`` Hz."""
    times = np.arange(len(text) * MS_PER_CHARACTER * rate // 1000) / rate
    return to_pcm(0.2 * FULL_SCALE * np.sin(2 * np.pi * 220 * times))
