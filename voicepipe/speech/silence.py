"""How long nobody has made a sound while the caller waits, and what to say of it."""

from __future__ import annotations

from voicepipe.speech.turn_rules import MAX_NOTICES
from voicepipe.speech.turn_table import Event


class Silence:
    """``dead_air`` and ``notice_after`` in nanoseconds: without, and with a stage that is recovering."""

    def __init__(self, dead_air: int, notice_after: int) -> None:
        self.since_ns = 0
        """Since when there is no sound of anybody."""
        self.lasted_ns = 0
        """How long it had lasted when it was too long."""
        self._dead_air = dead_air
        self._notice_after = notice_after
        self._notices = 0
        self._recovering: dict[str, int | None] = {}
        """Which stages are, and for which turn; None: whatever becomes of the turns."""
        self._told = False
        """The caller knows that it takes longer."""

    def begin_reply(self) -> None:
        """A reply is due: the caller hasn't been told anything of it."""
        self._notices = 0
        self._recovering = {stage: turn for stage, turn in self._recovering.items() if turn is None}
        self._told = self._told and bool(self._recovering)

    def recovering(self, stage: str, turn: int | None) -> None:
        self._recovering[stage] = turn

    def recovered(self, stage: str) -> Event:
        """Or it has failed for good."""
        self._recovering.pop(stage, None)
        told = self._told and not self._recovering
        self._told = self._told and not told
        return Event.RECOVERED_TOLD if told else Event.RECOVERED

    @property
    def deadline(self) -> int:
        """When something is to be said, if nothing is heard until then."""
        soon = self._recovering and not self._told
        return self.since_ns + (min(self._notice_after, self._dead_air) if soon else self._dead_air)

    def over(self, now: int, *, processing: bool) -> Event:
        """The deadline has passed; ``processing``: no tool is waited for, which may take its time."""
        self._told = True
        if now < self.since_ns + self._dead_air:
            return Event.RECOVERY_SLOW
        self.lasted_ns, self.since_ns = now - self.since_ns, now
        if processing and self._notices >= MAX_NOTICES:
            return Event.DEAD_AIR_AGAIN
        self._notices += 1
        return Event.DEAD_AIR
