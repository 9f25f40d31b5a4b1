"""One call as its holder has it in hand: held once, observed, and ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from voicepipe.core.beside import Beside
from voicepipe.core.clock import Clock
from voicepipe.core.io import AudioInput, AudioOutput
from voicepipe.core.messages import Message
from voicepipe.errors import UsageError
from voicepipe.observe.door import Door
from voicepipe.observe.report import CallReport
from voicepipe.runtime.carrier import Carried
from voicepipe.runtime.live import events
from voicepipe.runtime.session import Session


class Call:
    """One call, made by ``Pipeline.session``."""

    def __init__(
        self, session: Session, report: CallReport, door: Door | None = None, *, carrier: str | None = None
    ) -> None:
        """``carrier``: whose telephone line it is on, if it is on one."""
        self._session = session
        self._carrier = carrier
        self._door = door
        self._held: Beside[None] | None = None
        self.report = report
        """What is known of the call so far, and all of it once it has ended."""

    @property
    def clock(self) -> Clock:
        return self._session.clock

    def run(self, audio_in: AudioInput, audio_out: AudioOutput) -> AsyncGenerator[tuple[int, Any], None]:
        """Hold the call; yields ``(session time in ns, event)``. See ``docs/events.md`` for the events.

        Leaving the iteration early ends the call, and so does leaving the session. An unexpected exception
        of a stage is raised here. Raises ``UsageError`` if it was called before.
        """
        if self._held is not None:
            raise UsageError("a call is held once", hint="open another session for another call")
        if self._carrier is not None and getattr(audio_in, "telephone", False):
            audio_in = Carried(audio_in, self._carrier)
        self._held = Beside()
        return events(self._session, audio_in, audio_out, self._held)

    def observe(self, observer: Callable[[int, Any], None], *, redacted: bool = False) -> None:
        """Call ``observer(at_ns, event)`` synchronously for everything that happens from now on.

        ``redacted``: as it may be written down, with what the pipeline's ``record.redact`` names masked.
        """
        (self._door if redacted and self._door is not None else self._session).observe(observer)

    def remembered(self, turn: int) -> str:
        """What the history, which the model is given, holds of the agent's words in a finished turn."""
        return self._session.conversation.remembered(turn)

    def recall(self, past: Sequence[Message]) -> None:
        """Replace what the model is told of the call so far: turns that begin from now on follow ``past``.

        To ask a model the questions of a recorded call, each after what was said in the recording. Only
        from the call's own loop. Raises ``UsageError`` where the model remembers the call itself.
        """
        if self._session.fused:
            raise UsageError(
                "a fused model remembers the call itself, so that it can't be given another history",
                hint="compare it with the history that it makes: --history free",
            )
        self._session.conversation.recall(past)

    def skip(self) -> None:
        """Cut off the reply that is due or being spoken, as if the caller had spoken up but said nothing.

        Like ``repeat``, it does nothing where there is nothing to do. Both only from the call's own loop.
        """
        self._session.skip()

    def repeat(self) -> None:
        """Have the agent say its last reply again, word by word; the model isn't asked, nor charged.

        A reply that is being spoken is repeated when it has ended; ``skip`` first to begin it anew.
        """
        self._session.repeat()

    def hang_up(self, reason: str = "hung up") -> None:
        """End the call; what is being said is cut off. Only from the call's own event loop."""
        self._session.hang_up(reason)

    async def end(self) -> None:
        """Break the call off if it still goes on, and wait until all of it has gone."""
        if self._held is not None:
            await self._held.stop()
