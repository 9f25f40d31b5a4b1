"""One call: its stages in one task tree, playout beside them, and the log of what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import (
    AudioIn,
    AudioOut,
    Control,
    EndOfText,
    Frame,
    Repeat,
    Shutdown,
    Skip,
    StreamFrame,
    Text,
    TurnFailed,
    Upward,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.io import AudioInput, AudioOutput, AudioTap
from voicepipe.core.records import BudgetExceeded, HistoryForgot, Record, StateChanged, Tapped
from voicepipe.core.turns import Turns
from voicepipe.core.units import format_duration
from voicepipe.observe.caller_level import LevelMeter
from voicepipe.observe.observers import Observer, Observers
from voicepipe.providers.base import Provider
from voicepipe.runtime.cap import Cap
from voicepipe.runtime.context import Context
from voicepipe.runtime.farewell import GOODBYE, Farewell
from voicepipe.runtime.graph import INPUT, OUTPUT, TURN, Graph
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.runtime.onsets import onset_reach
from voicepipe.runtime.outcome import first_of, let_go_of_frames
from voicepipe.runtime.playout import CAPACITY as PLAYOUT_CAPACITY
from voicepipe.runtime.playout import Playout
from voicepipe.runtime.probes import Prober
from voicepipe.runtime.spender import Spender
from voicepipe.runtime.tools import SessionTools, ToolSet
from voicepipe.runtime.waiting import CallsUnderWay
from voicepipe.speech.conversation import Conversation
from voicepipe.speech.policy import State
from voicepipe.stages.base import Agent, Stage

MAX_CALL = "max_call"
"""The budget of time, in the log."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of the pipeline, ready to run: one per session, its providers shared by all sessions.

    ``lineup`` None: ``provider`` alone, and nothing is known of it to other sessions.
    """

    name: str
    stage: Stage
    provider: Provider | None
    lineup: Lineup | None = None

    @property
    def tap(self) -> bool:
        return "/" in self.name


class Session:
    """Made for one call; ``run`` may be called once. ``hang_up`` ends it from anywhere in its loop."""

    def __init__(
        self,
        *,
        name: str,
        graph: Graph,
        slots: Sequence[Slot],
        agent: Agent,
        tools: ToolSet,
        workers: Workers,
        clock: Clock,
        notices: Mapping[str, SpokenNotice] | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.turns = Turns()
        self.conversation = Conversation(
            agent.prompt,
            most=agent.history_turns,
            forgot=lambda turns: self.record(HistoryForgot(at_ns=clock.now(), turns=turns)),
        )
        self._graph = graph
        self._slots = slots
        self._workers = workers
        self._notices = {} if notices is None else notices  # it may still be empty
        self._configs = {slot.name: slot.stage.config for slot in slots}
        turn = self._configs.get(TURN)
        self._speculative: tuple[str, ...] = getattr(turn, "speculate", ())
        self._finds_turns = getattr(turn, "strategy", None) == "provider"
        self._lineups = {slot.name: lineup for slot in slots if (lineup := self._lineup(slot)) is not None}
        self._observers = Observers()
        self._meter = LevelMeter()
        self._under_way = CallsUnderWay()
        self._inboxes = self._make_inboxes()
        self._idle_since: int | None = None if agent.greeting else 0
        self._hang_up_when_idle: str | None = None
        self._farewell = Farewell(self.clock, self.turns, self.record)
        self._spender: Spender | None = None
        self._cap: Cap | None = None
        self._tap: AudioTap | None = None
        self._tools = SessionTools(
            tools,
            clock=clock,
            workers=workers,
            conversation=self.conversation,
            record=self.record,
            hang_up=self.hang_up_after_reply,
        )

    def observe(self, observer: Observer) -> None:
        """Call ``observer`` synchronously with everything that happens from now on."""
        self._observers.append(observer)

    @property
    def fused(self) -> bool:
        """Whether one model hears and answers, and keeps the conversation on its own side."""
        return any(slot.name == "realtime" for slot in self._slots)

    def tap(self, tap: AudioTap) -> None:
        """Let ``tap`` hear both sides of the call, which hasn't begun."""
        self._tap = tap
        for name in self._graph.routes(INPUT)[AudioIn][:1]:
            self._inboxes[name].attach("in", tap.hear)
            self._inboxes[name].attach("drop", tap.hear)

    # ── what the caller's side may know (core.io.Line) ───────────────────────────────────────────

    @property
    def idle_since(self) -> int | None:
        return self._idle_since

    def record(self, record: Record) -> None:
        """Write to the call's log; synchronous, and never dropped."""
        if isinstance(record, StateChanged):
            self._note_state(State(record.state), record.at_ns)
        self._emit(record)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def hang_up(self, reason: str) -> None:
        """End the call now; a reply that is under way is cut off."""
        self._turn_inbox.send_control(Shutdown(reason=reason))

    def skip(self) -> None:
        """Cut the reply off that is due or being spoken, if there is one."""
        if self.turns.live is not None:
            self._report(Skip(turn=self.turns.live, at_ns=self.clock.now()))

    def repeat(self) -> None:
        """Say the last reply again; one that is being spoken is repeated when it has ended."""
        self._report(Repeat(at_ns=self.clock.now()))

    def part(self, reason: str) -> None:
        """End the call now, with the notice `GOODBYE` if there is one."""
        self._farewell.due = True
        self.hang_up(reason)

    def limit(self, spender: Spender | None, max_call: int | None) -> None:
        """Have ``spender`` asked before each request, and the call end ``max_call`` ns after it began."""
        self._spender = spender
        if max_call is not None:
            self._cap = Cap(
                self.clock,
                max_call,
                goodbye_ns=self._farewell.takes(self._notices.get(GOODBYE)),
                warn=lambda: self._time_is_up(max_call),
            )

    def hang_up_after_reply(self, reason: str) -> None:
        """End the call once the agent has finished what it is saying, or now if nothing is due."""
        self._hang_up_when_idle = reason
        if self._idle_since is not None:
            self.hang_up(reason)

    async def run(self, audio_in: AudioInput, audio_out: AudioOutput) -> None:
        """Hold the call until somebody hangs up. A stage's unexpected exception ends it and is raised."""
        call = self._hold(audio_in, audio_out)
        await (call if self._cap is None else self._cap.hold(call))

    async def _hold(self, audio_in: AudioInput, audio_out: AudioOutput) -> None:
        if self._tap is not None:
            audio_out = self._tap.listen(audio_out, self.clock)
        playout = Playout(
            audio_out, clock=self.clock, turns=self.turns, report=self._report, notices=self._notices
        )
        speaker = self._inboxes[OUTPUT]
        speaker.open()  # it may have to say something when all stages have left
        hurry = failed = False
        try:
            async with asyncio.TaskGroup() as call:
                player = call.create_task(self._ending(playout.run(speaker), voice=True), name="playout")
                aside = [call.create_task(self._prober().run(), name="prober")]
                if self._spender is not None:
                    aside.append(call.create_task(self._spender.run(), name="budget"))
                if self._tap is not None:
                    aside.append(call.create_task(self._tap.run(self._workers), name="recording"))
                await self._run_stages(audio_in)
                await self._farewell.say(self._notices.get(GOODBYE), speaker, self._observers)
                player.cancel()  # it has told what was heard, or its loudspeaker hangs
                for task in aside:
                    task.cancel()
        except asyncio.CancelledError:
            hurry = True
            raise
        except BaseExceptionGroup as group:
            failed, hurry = True, self._is_broken_off()
            raise first_of(group) from None
        finally:
            speaker.close()
            try:
                await self._tools.close(hurry=hurry)
            except asyncio.CancelledError:
                if not (failed and self._is_broken_off()):
                    raise  # else what ended the call is told, not that its time was over meanwhile
            if (level := self._meter.record(self.clock.now())) is not None:
                self.record(level)

    def _is_broken_off(self) -> bool:
        return self._cap is not None and self._cap.is_over

    async def _ending(self, work: Awaitable[None], *, voice: bool = False) -> None:
        """``work``, which is left where it hangs when the longest time of a call is over."""
        await (work if self._cap is None else self._cap.leash(work, voice=voice))

    def _time_is_up(self, max_call: int) -> None:
        limit = format_duration(max_call)
        self.record(
            BudgetExceeded(
                at_ns=self.clock.now(),
                turn=None,
                slot=None,
                budget=MAX_CALL,
                limit=limit,
                action="hang_up",
            )
        )
        self.part(f"the call has lasted {limit}")

    async def _run_stages(self, audio_in: AudioInput) -> None:
        live = audio_in.live and not self.clock.virtual
        outlets = {name: self._outlet(name, live) for name in (INPUT, *(slot.name for slot in self._slots))}
        turn_inbox = self._turn_inbox
        turn_inbox.open()  # it hears from playout after the caller has gone
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._run_stage(slot, outlets[slot.name]), name=slot.name)
                    for slot in self._slots
                ]
                tasks.append(group.create_task(self._run_caller(audio_in, outlets[INPUT]), name=INPUT))
                turn = next(task for task in tasks if task.get_name() == TURN)
                await asyncio.wait([turn])
                for task in tasks:
                    task.cancel()
        finally:
            turn_inbox.close()
            for outlet in outlets.values():
                outlet.close()

    async def _run_stage(self, slot: Slot, outlet: Outlet[Any]) -> None:
        try:
            await self._ending(slot.stage.run(self._context(slot), self._inboxes[slot.name], outlet))
        finally:
            outlet.close()
            if slot.name != TURN:  # with the turn stage the call ends, and nobody is told off for writing
                self._inboxes[slot.name].leave()

    async def _run_caller(self, audio_in: AudioInput, outlet: Outlet[Any]) -> None:
        try:
            await self._ending(audio_in.run(outlet, self))
        finally:
            outlet.close()
        self.hang_up("the caller has left")

    # ── wiring ───────────────────────────────────────────────────────────────────────────────────

    def _make_inboxes(self) -> dict[str, Inbox[Any]]:
        inboxes: dict[str, Inbox[Any]] = {
            slot.name: Inbox(slot.name, self.turns, capacity=slot.stage.capacity, tap=slot.tap)
            for slot in self._slots
        }
        for name in self._graph.routes(INPUT)[AudioIn][:1]:
            inboxes[name].attach("in", self._meter)
        inboxes[OUTPUT] = Inbox(OUTPUT, self.turns, capacity=PLAYOUT_CAPACITY)
        for name in {TURN, "tts"} & inboxes.keys():
            inboxes[name].attach("in", self._emit)
        return inboxes

    def _outlet(self, name: str, live: bool) -> Outlet[Any]:
        routes = {
            kind: tuple(self._inboxes[target] for target in targets)
            for kind, targets in self._graph.routes(name).items()
        }
        if any(slot.name == name and slot.tap for slot in self._slots):
            return _ToldOutlet(name, routes, live=live, tell=lambda frame: self._tell_tapped(name, frame))
        if routes.get(Text) == ():  # a stage that speaks its own words
            return _ToldOutlet(name, routes, live=live, tell=self._tell_words)
        return Outlet(name, routes, live=live)

    def _tell_words(self, frame: Frame) -> None:
        if isinstance(frame, Text | EndOfText):
            self._emit(frame)

    def _tell_tapped(self, slot: str, frame: Frame) -> None:
        if not isinstance(frame, AudioIn | AudioOut):
            self.record(Tapped(at_ns=self.clock.now(), slot=slot, frame=frame))

    def _lineup(self, slot: Slot) -> Lineup | None:
        if slot.lineup is not None or slot.provider is None:
            return slot.lineup
        return Lineup.of(slot.stage.config, [slot.provider], clock=self.clock, seed=slot.name)

    def _prober(self) -> Prober:
        return Prober(
            self._lineups,
            session=self.name,
            clock=self.clock,
            workers=self._workers,
            record=self.record,
            spender=self._spender,
        )

    def _context(self, slot: Slot) -> Context:
        return Context(
            session=self.name,
            slot=slot.name,
            clock=self.clock,
            turns=self.turns,
            workers=self._workers,
            conversation=self.conversation,
            tools=self._tools,
            speculates=slot.name.partition("/")[0] in self._speculative,
            tells=self._graph.tells(slot.name),
            told=self._graph.told(slot.name),
            finds_turns=self._finds_turns,
            onset_reach=onset_reach(slot.name, self._graph, self._configs),
            lineup=self._lineups.get(slot.name),
            report=self._report,
            broadcast=self._broadcast,
            record=self.record,
            spender=self._spender,
            under_way=self._under_way,
        )

    @property
    def _turn_inbox(self) -> Inbox[Any]:
        return self._inboxes[TURN]

    def _report(self, frame: Upward | StreamFrame) -> None:
        if type(frame) is TurnFailed:
            let_go_of_frames(frame.error)
        self._emit(frame)
        self._turn_inbox.send_control(frame)

    def _broadcast(self, control: Control) -> None:
        for name, inbox in self._inboxes.items():
            if name != TURN:
                inbox.send_control(control)

    def _emit(self, event: Any) -> None:
        self._observers(self.clock.now(), event)

    def _note_state(self, state: State, at_ns: int) -> None:
        self._idle_since = at_ns if state is State.IDLE else None
        if state is State.IDLE and self._hang_up_when_idle is not None:
            self.hang_up(self._hang_up_when_idle)


class _ToldOutlet(Outlet[Any]):
    """What is sent is told to the log, wherever else it goes."""

    def __init__(
        self,
        name: str,
        routes: dict[type[Frame], tuple[Inbox[Any], ...]],
        *,
        live: bool,
        tell: Callable[[Frame], None],
    ) -> None:
        super().__init__(name, routes, live=live)
        self._tell = tell

    async def send(self, frame: Frame) -> None:
        self._tell(frame)
        await super().send(frame)
