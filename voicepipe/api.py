"""The public door: a pipeline file becomes a ``Pipeline``, and a ``Pipeline`` holds calls.

::

    async with Pipeline.from_yaml("pipeline.yaml") as pipe, pipe.session(vars={"name": "Ann"}) as call:
        async for at_ns, event in call.run(audio_in, audio_out):
            print(event)

    report = Pipeline.from_yaml("pipeline.yaml").run_sync(input="question.wav", output="call.wav")

Nothing here installs a signal handler, and all of it but ``run_sync`` works inside a running loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from voicepipe.config.layers import Overrides
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.slots import Code
from voicepipe.config.variables import agent_for_call, values_for_call
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.io import CallEnds
from voicepipe.core.units import MS
from voicepipe.errors import UsageError
from voicepipe.observe.account import Account
from voicepipe.observe.alerts import Alerts, OnAlert
from voicepipe.observe.companion import Companion
from voicepipe.observe.door import Door
from voicepipe.observe.ledger import Ledger
from voicepipe.observe.log import EventLog
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.recorder import recorder_of
from voicepipe.observe.report import CallReport
from voicepipe.observe.tail import KEPT_TURNS
from voicepipe.observe.telemetry import Telemetry
from voicepipe.runtime import pauses
from voicepipe.runtime.call import Call as Call
from voicepipe.runtime.checked_transport import resolver
from voicepipe.runtime.engines import Engines, Tell
from voicepipe.runtime.graph import graph_of
from voicepipe.runtime.limits import WhoseCall, check_prices, goodbye, limit
from voicepipe.runtime.notice_cache import NoticeCache, voices_of
from voicepipe.runtime.session import Session, Slot
from voicepipe.runtime.tool_doors import DoorHost
from voicepipe.runtime.tool_modes import ToolMode
from voicepipe.runtime.tool_sets import ToolSet, check_answers, tools_of
from voicepipe.runtime.workers import InlineWorkers, ThreadWorkers, make_workers
from voicepipe.speech.tools import tool_spec
from voicepipe.stages.base import Agent
from voicepipe.stages.turn import TurnConfig
from voicepipe.transports.wav import Typed, WavCall, load_clip

RATE = 16_000
"""Samples per second of the caller's audio inside a pipeline."""


def _nobody(message: str) -> None:
    """Tells nobody."""


class Pipeline:
    """A checked pipeline file. Its providers start with the first session and serve all of them."""

    def __init__(self, loaded: LoadedPipeline) -> None:
        self.loaded = loaded
        self.graph = graph_of(loaded)
        self._engines = Engines(loaded)
        self._prices = PriceBook(loaded)
        self._alerts = Alerts()
        self._telemetry: Telemetry | None = None
        self._workers: ThreadWorkers | InlineWorkers | None = None
        self._tools: ToolSet | None = None
        self._connected = False
        """Whether what the tools need of the outside world has been opened."""
        self._notices = NoticeCache()
        self._users = 0
        self._frozen = False
        self._starting = asyncio.Lock()

    @classmethod
    def from_yaml(
        cls,
        path: str | Path,
        *,
        profile: str | None = None,
        set: Overrides = (),
        env: Mapping[str, str] | None = None,
        code: Code = "run",
    ) -> Pipeline:
        """Load and check the file. Raises ``ConfigErrors`` with all its problems, or ``GraphError``.

        ``set`` overrides values (``{"stages.tts": "espeak"}``), ``env`` replaces the environment, and
        ``code="forbid"`` refuses a file that runs Python code of its own.
        """
        return cls(load_pipeline(path, profile=profile, overrides=set, env=env, code=code))

    @property
    def push_to_talk(self) -> bool:
        """Whether only the key to talk says when it is the caller's turn: see ``core.frames.Talk``."""
        configs = [slot.config for slot in self.loaded.slots]
        return any(isinstance(config, TurnConfig) and config.strategy == "push_to_talk" for config in configs)

    def on_alert(self, callback: OnAlert) -> None:
        """Call ``callback(alert)``, in the event loop of the calls, when something should be known.

        That is an objective of ``slo:`` that begins to be missed, or is met again (``docs/latency.md``), or a
        budget that is nearly spent (``docs/budgets.md``).
        """
        self._alerts.add(callback)

    # ── providers ────────────────────────────────────────────────────────────────────────────────

    def check_answers(
        self, answers: Mapping[str, Callable[..., Any]] | None = None, tool_mode: ToolMode | None = None
    ) -> None:
        """Raise what a ``session`` with these would, before anything is loaded."""
        tools, places = self.loaded.agent.tools, self.loaded.tool_places
        check_answers(tools, answers or {}, live=tool_mode is None, places=places)

    async def start(
        self,
        progress: Tell = _nobody,
        warn: Tell | None = None,
        *,
        live_tools: bool = True,
        all_notices: bool = True,
    ) -> None:
        """Load the tools and the models, warm up, and have the notices spoken. Balanced by ``close``.

        ``warn``, or else ``progress``, is told what a call can be held without: notices that the voice
        couldn't speak, one of several providers of a slot. ``live_tools`` False contacts no server of a tool
        and starts none. ``all_notices`` False doesn't wait for a service to speak the notices, as ``async
        with`` and ``session`` don't: a call can be held before they are there.

        Raises ``ConfigError`` for tools that can't be used, ``SetupError`` for what is missing.
        """
        async with self._starting:  # a second session waits until the first has loaded all
            try:
                if self._users == 0:
                    await self._start(progress, warn or progress)
                if live_tools and not self._connected:
                    await self._connect_tools(progress)
            except BaseException:
                if self._users == 0:
                    await self._stop()
                raise
            self._users += 1
        if all_notices:
            try:
                await self._notices.whole()
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Give everything back once the last user has closed."""
        async with self._starting:
            self._users -= 1
            if self._users == 0:
                await self._stop()

    async def _start(self, progress: Tell, warn: Tell) -> None:
        clock = Clock()
        self._tools = tools_of(self.loaded)
        self._workers = make_workers(clock)
        if self._prices.wants_package:
            await self._workers.call(self._prices.load)
        if not clock.virtual:
            check_prices(self.loaded, self._prices)
        await self._engines.start(self._workers, clock, progress, warn)
        self._telemetry = Telemetry(self.loaded, self._alerts)
        await self._telemetry.start(self._workers, clock, progress, warn)
        texts, last_words = self.loaded.agent.notices.texts(self.loaded.agent.language), goodbye(self.loaded)
        voices = voices_of(self._engines)
        await self._notices.begin(texts, last_words, voices, clock=clock, workers=self._workers, warn=warn)
        pauses.freeze()
        self._frozen = True

    async def _connect_tools(self, progress: Tell) -> None:
        assert self._tools is not None, "_start() loaded them"
        assert self._workers is not None, "_start() made them"
        mask = self.loaded.environment.mask
        self._tools.check_clock(Clock())
        await self._tools.connect(DoorHost(self._workers, resolver(self._workers), mask, progress))
        self._connected = True

    async def _stop(self) -> None:
        async with AsyncExitStack() as stack:
            if self._workers is not None:
                stack.callback(self._workers.close)
            stack.push_async_callback(self._engines.close)
            if self._telemetry is not None and self._workers is not None:
                stack.push_async_callback(self._telemetry.close, self._workers)
            if self._tools is not None and self._connected:
                stack.push_async_callback(self._tools.close)
            if self._frozen:
                stack.callback(pauses.thaw)
            stack.push_async_callback(self._notices.stop)
        self._connected = self._frozen = False
        self._notices, self._workers, self._tools, self._telemetry = NoticeCache(), None, None, None

    async def __aenter__(self) -> Pipeline:
        await self.start(all_notices=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ── calls ────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def session(
        self,
        *,
        vars: Mapping[str, str] | None = None,
        tools: Sequence[Callable[..., Any]] = (),
        answers: Mapping[str, Callable[..., Any]] | None = None,
        tool_mode: ToolMode | None = None,
        name: str | None = None,
        user: str | None = None,
        groups: Mapping[str, str] | None = None,
        keep_turns: int | None = KEPT_TURNS,
    ) -> AsyncIterator[Call]:
        """One call. ``tools`` are added to those of the file; ``vars`` fill its variables. ``user`` and
        ``groups`` (``{"team": "sales"}``) say whose budgets count it; ``BudgetError`` if one is spent.

        ``call.report`` sums up the whole call, and tells its last ``keep_turns`` turns in full; None: all.

        When it is over it is added to ``cost.ledger``, if there is one; ``SetupError`` if that fails.

        ``answers`` has a function for each tool that the file declares with ``{schema: …}``, by its name: it
        is called with the model's arguments, which have been validated. It may be ``async``, and wait for
        somebody else's answer as long as the tool's ``timeout`` allows.
        """
        agent = agent_for_call(self.loaded.agent, vars or {})
        values = values_for_call(self.loaded.agent, vars or {})
        own = tuple(tool_spec(function) for function in tools)
        self.check_answers(answers or {}, tool_mode)
        await self.start(live_tools=tool_mode is None, all_notices=False)
        try:
            assert self._workers is not None, "start() made them"
            assert self._tools is not None, "start() loaded them"
            known = self._tools.answered(answers or {})
            known = replace(known, specs=known.specs + own, mode=tool_mode, variables=values)
            session = self._session(name or secrets.token_hex(6), agent, known, self._workers)
            report, door = self._report(session, agent.language, self._tools.secrets, keep_turns)
            spender = limit(
                session,
                self.loaded,
                WhoseCall(user, groups or {}, values),
                prices=self._prices,
                engines=self._engines,
                workers=self._workers,
                alerts=self._alerts,
            )
            companions = [*self._companions(session, report, door), *filter(None, [spender])]
            for companion in companions:
                (door or session).observe(companion)
            call = Call(session, report, door, carrier=self.loaded.cost.carrier)
            async with AsyncExitStack() as stack:
                for companion in companions:
                    stack.push_async_callback(companion.end, report, self._workers)
                stack.push_async_callback(call.end)  # before the providers that it uses
                if spender is not None:
                    await spender.open()
                yield call
        finally:
            await self.close()

    def _report(
        self, session: Session, language: str, secrets: Collection[str], keep: int | None
    ) -> tuple[CallReport, Door | None]:
        """The report of ``session``, and the door that whoever writes the call down stands behind."""
        name, clock = session.name, session.clock.name
        report = CallReport(session=name, clock=clock, secrets=secrets, prices=self._prices, keep_turns=keep)
        session.observe(report)
        door = Door.of(self.loaded.top.record, language)
        if door is not None:
            report.written = CallReport(session=name, clock=clock, secrets=secrets, keep_turns=keep)
            session.observe(door)
            door.observe(report.written)
        return report, door

    def _session(self, name: str, agent: Agent, tools: ToolSet, workers: Workers) -> Session:
        slots = []
        for slot in self.loaded.slots:
            provider = self._engines.provider(slot.key)
            stage = slot.stage(slot.config, provider, agent)
            slots.append(Slot(slot.key, stage, provider, self._engines.lineups.get(slot.key)))
        return Session(
            name=name,
            graph=self.graph,
            slots=slots,
            agent=agent,
            tools=tools,
            workers=workers,
            clock=Clock(),
            notices=self._notices,
        )

    def _companions(self, session: Session, report: CallReport, door: Door | None) -> Iterator[Companion]:
        """Who goes along with ``session``, as the file asks for it."""
        cost = self.loaded.cost
        if cost.ledger is not None and not session.clock.virtual:  # what is simulated costs nobody anything
            name, ledger = session.name, Ledger(cost.ledger)
            yield Account(self._prices, ledger, session=name, pipeline=self.loaded.name, report=report)
        assert self._telemetry is not None, "start() made it"
        yield from self._telemetry.companions(session, report)
        if (record := self.loaded.top.record).dir is not None:
            secrets = self.loaded.environment.secrets
            yield recorder_of(record, session, door, pipeline=self.loaded.name, secrets=secrets)

    async def hold(
        self,
        open_ends: Callable[[Clock], CallEnds],
        *,
        vars: Mapping[str, str] | None = None,
        events: str | Path | None = None,
        answers: Mapping[str, Callable[..., Any]] | None = None,
        tool_mode: ToolMode | None = None,
        on_call: Callable[[Call], None] = lambda call: None,
        user: str | None = None,
        groups: Mapping[str, str] | None = None,
        keep_turns: int | None = None,
    ) -> CallReport:
        """Hold one whole call between the ends that ``open_ends`` makes; they are closed at its end.

        ``events`` gets the log. The report tells every turn, for calls of hours its last ``keep_turns``.
        ``on_call`` is given the call before it begins, to observe it or to be able to hang up.
        """
        opened = self.session(
            vars=vars, answers=answers, tool_mode=tool_mode, user=user, groups=groups, keep_turns=keep_turns
        )
        async with opened as call, AsyncExitStack() as stack:
            if events is not None:
                log = EventLog(
                    Path(events),
                    session=call.report.session,
                    clock=call.clock.name,
                    secrets=self.loaded.environment.secrets,
                )
                stack.callback(log.close)
                call.observe(log, redacted=True)
            on_call(call)
            ends = open_ends(call.clock)
            stack.callback(ends.close)
            async for _ in call.run(ends.caller, ends.output):
                pass
            return call.report

    def run_sync(
        self,
        *,
        input: str | Path | Sequence[str | Path] = (),
        text: str | Sequence[str] = (),
        output: str | Path | None = None,
        events: str | Path | None = None,
        vars: Mapping[str, str] | None = None,
        answers: Mapping[str, Callable[..., Any]] | None = None,
        gap_ns: int = 500 * MS,
        clock: ClockName = "real",
    ) -> CallReport:
        """Hold one call with WAV files and typed lines, one after the other; not in a running loop.

        ``output`` gets both sides in stereo. Raises ``AudioError`` for a file that can't be used.
        """
        script = [load_clip(Path(path), RATE) for path in _many(input)] + [
            Typed(line) for line in _many(text)
        ]
        if not script:
            raise UsageError("a call needs something to say", hint="give input= or text=")
        ends = partial(
            WavCall,
            script=script,
            rate=RATE,
            gap_ns=gap_ns,
            recording=Path(output) if output is not None else None,
        )
        return run_on(clock, self.hold(ends, vars=vars, events=events, answers=answers))


def _many(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | Path) else list(value)
