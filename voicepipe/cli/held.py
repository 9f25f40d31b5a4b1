"""What the terminal does with a call: shows it, hangs up at Ctrl-C, and takes keys."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

from voicepipe.api import Call
from voicepipe.cli.indicator import indicator
from voicepipe.cli.keys import Keyboard
from voicepipe.cli.main import INTERRUPTED
from voicepipe.cli.terminal import Terminal
from voicepipe.cli.transcript import LiveTranscript
from voicepipe.core.clock import Clock
from voicepipe.core.io import AudioInput, AudioOutput
from voicepipe.core.records import StateChanged
from voicepipe.core.units import MS
from voicepipe.speech.policy import State
from voicepipe.transports.local import LocalCall

REFRESH = 100 * MS
"""Of the level meter: as often as eyes follow."""


class HeldCall:
    """Shows a call, and hangs up at Ctrl-C."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._interrupted = False

    def begin(self, call: Call) -> None:
        call.observe(LiveTranscript(self.terminal))
        loop = asyncio.get_running_loop()

        def hang_up() -> None:
            if self._interrupted:  # a second time: whatever hangs is left behind
                loop.remove_signal_handler(signal.SIGINT)
            self._interrupted = True
            call.hang_up("Ctrl-C")

        loop.add_signal_handler(signal.SIGINT, hang_up)

    def status(self, verdict: Callable[[], int]) -> int:
        """The exit status: that of ``verdict``, unless the call was ended by Ctrl-C."""
        return INTERRUPTED if self._interrupted else verdict()


class DeskCall(HeldCall):
    """A call by microphone: it is told how loud it is, and keys act on it. Also the call's ``CallEnds``."""

    def __init__(
        self,
        terminal: Terminal,
        keyboard: Keyboard,
        open_ends: Callable[[Clock], LocalCall],
        *,
        verbose: bool = False,
    ) -> None:
        super().__init__(terminal)
        self._keyboard = keyboard
        self._open_ends = open_ends
        self._verbose = verbose
        self._state = State.IDLE
        self._talking = False
        self._timer: asyncio.TimerHandle | None = None
        self._shown = ""

    def begin(self, call: Call) -> None:
        super().begin(call)
        call.observe(self._note)
        self._call = call
        self._keyboard.listen(self.press)

    # ── the ends of the call ─────────────────────────────────────────────────────────────────────

    def open(self, clock: Clock) -> DeskCall:
        """Open the devices, and show what happens there."""
        self._clock = clock
        self._ends = self._open_ends(clock)
        end = "q ends" if self._keyboard.available else "Ctrl-C ends"
        self.terminal.line(
            self.terminal.style(
                f"microphone: {self._ends.input_name}, loudspeaker: {self._ends.output_name}; {end} the call",
                "dim",
            )
        )
        self._tick()
        return self

    @property
    def caller(self) -> AudioInput:
        return self._ends.caller

    @property
    def output(self) -> AudioOutput:
        return self._ends.output

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.terminal.footer("")
        self._ends.close()
        lost = {name: count for name, count in self._ends.statistics().items() if count}
        if self._verbose and lost:
            told = ", ".join(f"{name} {count}" for name, count in lost.items())
            self.terminal.line(self.terminal.style(f"sound devices: {told}", "dim"))

    # ── the screen ───────────────────────────────────────────────────────────────────────────────

    def _note(self, at_ns: int, event: Any) -> None:
        if isinstance(event, StateChanged):
            self._state = State(event.state)
            self._show()

    def _tick(self) -> None:
        self._show()
        self._timer = self._clock.call_at(self._clock.now() + REFRESH, self._tick)

    def _show(self) -> None:
        if not self.terminal.interactive:
            return
        microphone = self._ends.caller
        line = indicator(
            self.terminal,
            self._state,
            microphone.level_dbfs(),
            muted=microphone.muted,
            talking=self._talking,
            keys=self._keyboard.available,
        )
        if line != self._shown:
            self._shown = line
            self.terminal.footer(line)

    # ── the keys ─────────────────────────────────────────────────────────────────────────────────

    def press(self, key: str) -> None:
        """What ``key`` does; a key without a meaning does nothing."""
        match key:
            case "m":
                self._mute(not self._ends.caller.muted and not self._talking)
            case " ":
                self._push_to_talk()
            case "r":
                self._call.repeat()
            case "s":
                self._call.skip()
            case "q":
                self._call.skip()  # what is being said isn't owed any more
                self._call.hang_up("q was pressed")

    def _mute(self, muted: bool) -> None:
        self._ends.caller.muted = muted
        self._talking = False
        self._show()

    def _push_to_talk(self) -> None:
        """Opens a muted microphone until it is pressed again; terminals don't tell when a key is let go."""
        if self._ends.caller.muted or self._talking:
            self._talking = not self._talking
            self._ends.caller.muted = not self._talking
            self._show()
