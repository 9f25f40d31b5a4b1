"""What the terminal does with a call: shows it, hangs up at Ctrl-C, judges it, and takes keys."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from voicepipe.api import Call, Pipeline
from voicepipe.cli.cost import cost_lines, cost_warnings
from voicepipe.cli.indicator import indicator
from voicepipe.cli.keys import Keyboard
from voicepipe.cli.main import INTERRUPTED
from voicepipe.cli.terminal import Terminal
from voicepipe.cli.transcript import LiveTranscript
from voicepipe.config.budget import ENDINGS
from voicepipe.config.slo import SloConfig
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.frames import SpeechStarted
from voicepipe.core.io import AudioInput, AudioOutput, CallEnds
from voicepipe.core.records import BudgetAlert, BudgetExceeded, ClipEnded, StateChanged
from voicepipe.core.units import MS
from voicepipe.errors import AudioError, BudgetError, NotKeptError
from voicepipe.observe.caller_level import advice
from voicepipe.observe.cost import Cost
from voicepipe.observe.objectives import judge
from voicepipe.observe.report import CallReport
from voicepipe.speech.policy import State
from voicepipe.transports.local import LocalCall
from voicepipe.transports.wav import Clip, Typed

REFRESH = 100 * MS
"""Of the level meter: as often as eyes follow."""

HELD_KEY = 200 * MS
"""A key that is held comes again sooner than that (terminals repeat it 10 to 40 times a second), and nobody
presses it twice so fast."""


class HeldCall:
    """One call and what the terminal does with it: shows it, hangs up at Ctrl-C, judges it afterwards."""

    def __init__(self, terminal: Terminal, *, verbose: bool = False) -> None:
        self.terminal = terminal
        self._verbose = verbose
        self._ctrl_c = 0
        self._hanging_up = False
        self._clips = _ClipsHeard()
        self._ended_by: BudgetExceeded | None = None
        self._slo: SloConfig | None = None
        self._report: CallReport | None = None
        self._not_kept: NotKeptError | None = None

    def hold(
        self,
        pipeline: Pipeline,
        clock: ClockName,
        open_ends: Callable[[Clock], CallEnds],
        *,
        vars: Mapping[str, str] | None = None,
        events: Path | None = None,
        user: str | None = None,
        groups: Mapping[str, str] | None = None,
    ) -> CallReport:
        """Load the models and hold the call between the ends that ``open_ends`` makes.

        A call that was held, but couldn't be recorded to its end, has its report all the same: ``status``
        tells what is missing.
        """
        mask = pipeline.loaded.environment.mask
        pipeline.check_answers()
        self._slo = pipeline.loaded.top.slo
        self._tell_endpoints(pipeline, mask)

        async def hold() -> CallReport:
            await pipeline.start(
                lambda message: self._tell_progress(mask(message)), lambda message: self._warn(mask(message))
            )
            try:
                return await pipeline.hold(
                    open_ends, vars=vars, events=events, on_call=self.begin, user=user, groups=groups
                )
            finally:
                await pipeline.close()

        before = signal.getsignal(signal.SIGINT)
        try:
            return run_on(clock, hold())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        except NotKeptError as error:
            if error.__context__ is not None:  # the call broke off as well, and that is what matters
                raise error.__context__ from None
            assert self._report is not None, "the call was held"
            self._not_kept = error
            return self._report
        finally:
            self.terminal.done()
            signal.signal(signal.SIGINT, before)

    def begin(self, call: Call) -> None:
        """Called with the call before it begins."""
        self._report = call.report
        call.observe(LiveTranscript(self.terminal))
        call.observe(self._clips)
        call.observe(self._note_budget)
        loop, whole = asyncio.get_running_loop(), asyncio.current_task()
        assert whole is not None, "a call is held by a task"

        def on_ctrl_c(signum: int, frame: FrameType | None) -> None:
            self._ctrl_c += 1
            if self._ctrl_c == 1:
                loop.call_soon_threadsafe(self._hang_up, call)
            elif self._ctrl_c == 2 and self._hanging_up:
                loop.call_soon_threadsafe(whole.cancel)
            else:  # the loop is stuck; its own kind of handler couldn't interrupt that
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, on_ctrl_c)

    def status(self, report: CallReport, script: Sequence[Clip | Typed] = ()) -> int:
        """The exit status, with a sentence for what was missed. ``AudioError`` for clips without speech."""
        if self._not_kept is not None:
            self.terminal.error(str(self._not_kept))
        if self._ctrl_c:
            return INTERRUPTED
        if self._ended_by is not None:
            one = self._ended_by
            self.terminal.error(f"the call was ended by its budget: {one.budget}, {one.limit}")
            return BudgetError.exit_status
        spoken = not script or any(isinstance(item, Clip) for item in script)
        if report.level is not None and spoken:
            for sentence in advice(report.level):
                self._warn(sentence)
        unheard = self._clips.unheard([item.name for item in script if isinstance(item, Clip)])
        if unheard:
            raise AudioError(
                f"no speech was found in {', '.join(unheard)}",
                hint="listen to it; stages.vad.threshold makes the detection more sensitive",
            )
        if report.unanswered_count:
            self.terminal.error(f"{report.unanswered_count} of the caller's turns got no answer")
        missed = self._slo is not None and self._misses(self._slo, report)
        if self._not_kept is not None:
            return NotKeptError.exit_status
        return 1 if missed or report.unanswered_count or report.failures else 0

    def _misses(self, slo: SloConfig, report: CallReport) -> bool:
        """Whether the call missed an objective, and tells which."""
        findings = judge(slo, report)
        missed = [finding for finding in findings if not finding.met]
        for finding in missed:
            self.terminal.error(f"an objective was missed: {finding}")
        left = sum(1 for _ in slo.objectives()) - len(findings)
        if left:
            told = f"{left} of the objectives can't be judged by fewer than {slo.min_count} measurements"
            self.terminal.line(self.terminal.style(told, "dim"))
        return bool(missed)

    def _note_budget(self, at_ns: int, event: Any) -> None:
        if isinstance(event, BudgetAlert):
            spent, limit = event.spent_usd, event.limit_usd
            self._warn(f"{spent:.2f} of {limit:.2f} USD are spent of the budget '{event.budget}'")
        elif isinstance(event, BudgetExceeded) and event.action in ENDINGS:
            self._ended_by = event

    def tell_cost(self, cost: Cost) -> None:
        """What the call has cost, where it has cost anything."""
        for line in cost_lines(cost):
            self.terminal.line(self.terminal.style(line, "dim"))
        for sentence in cost_warnings(cost):
            self._warn(sentence)

    def _hang_up(self, call: Call) -> None:
        self._hanging_up = True
        self.terminal.line("Hanging up; Ctrl-C once more leaves behind what hangs.")
        call.hang_up("Ctrl-C")

    def _tell_endpoints(self, pipeline: Pipeline, mask: Callable[[str], str]) -> None:
        """Where the conversation goes, if that isn't the provider's own address."""
        for filling in (one for slot in pipeline.loaded.slots for one in slot.fillings):
            config = filling.config
            if config is not None and "base_url" in config.model_fields_set:
                url = getattr(config, "base_url", "")
                told = mask(f"{filling.key}: {filling.use} at {url}")
                self.terminal.line(self.terminal.style(told, "dim"))

    def _warn(self, message: str) -> None:
        self.terminal.warn(message)

    def _tell_progress(self, message: str) -> None:
        show = self.terminal.line if self._verbose else self.terminal.status
        show(self.terminal.style(message, "dim"))


class _ClipsHeard:
    """An observer that notes in which of the recorded clips the VAD heard somebody speak."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._onsets: list[int] = []

    def __call__(self, at_ns: int, event: Any) -> None:
        if isinstance(event, ClipEnded):
            self._ends.append(event.end_of_speech_ns)
        elif isinstance(event, SpeechStarted):
            self._onsets.append(event.onset_ns)

    def unheard(self, clips: Sequence[str]) -> list[str]:
        """Those of ``clips``, in the order in which they were played, in which nobody was heard."""
        begin, missed = 0, []
        for name, end in zip(clips, self._ends, strict=False):
            if not any(begin <= onset < end for onset in self._onsets):
                missed.append(name)
            begin = end
        return missed


class DeskCall(HeldCall):
    """A call by microphone: it is told how loud it is, and keys act on it. Also the call's ``CallEnds``."""

    def __init__(
        self,
        terminal: Terminal,
        keyboard: Keyboard,
        open_ends: Callable[[Clock], LocalCall],
        *,
        push_to_talk: bool = False,
        verbose: bool = False,
    ) -> None:
        super().__init__(terminal, verbose=verbose)
        self._keyboard = keyboard
        self._open_ends = open_ends
        self._push_to_talk = push_to_talk
        self._space_ns: int | None = None
        """When the space bar was pressed last."""
        self._state = State.IDLE
        self._timer: asyncio.TimerHandle | None = None
        self._shown: list[str] = []

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
        self._ends.caller.muted = self._push_to_talk
        end = "q ends" if self._keyboard.available else "Ctrl-C ends"
        self.terminal.line(
            self.terminal.style(
                f"microphone: {self._ends.input_name}, loudspeaker: {self._ends.output_name}; {end} the call",
                "dim",
            )
        )
        if self._push_to_talk:
            self.terminal.line("Press the space bar, speak, and press it again when you have finished.")
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
        self.terminal.done()
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
        lines = [
            indicator(
                self.terminal,
                self._state,
                microphone.level_dbfs(),
                muted=microphone.muted,
                push_to_talk=self._push_to_talk,
                keys=keys,
            )
            for keys in ((True, False) if self._keyboard.available else (False,))
        ]
        if lines != self._shown:
            self._shown = lines
            self.terminal.footer(*lines)

    # ── the keys ─────────────────────────────────────────────────────────────────────────────────

    def press(self, key: str) -> None:
        """What ``key`` does; a key without a meaning does nothing."""
        match key:
            case "m" if not self._push_to_talk:
                self._ends.caller.muted = not self._ends.caller.muted
                self._show()
            case " " if self._push_to_talk:
                self._press_space()
            case "r":
                self._call.repeat()
            case "s":
                self._call.skip()
            case "q":
                self._call.skip()  # what is being said isn't owed any more
                self._call.hang_up("q was pressed")

    def _press_space(self) -> None:
        """Begin to talk, or end it: a terminal doesn't tell when a key is let go, only that it is held."""
        now, before = self._clock.now(), self._space_ns
        self._space_ns = now
        if before is None or now - before > HELD_KEY:
            self._ends.caller.talk(self._ends.caller.muted)
            self._show()
