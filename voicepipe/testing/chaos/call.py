"""One call in which something is struck: once all was well, the caller asks again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.config.load import LoadedPipeline
from voicepipe.core.clock import Clock
from voicepipe.core.frames import SpeechStarted
from voicepipe.core.records import ClipEnded, TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.stages.turn import TurnConfig
from voicepipe.testing.chaos.ear import EXPLAINS, Words, replies_over, said, silences
from voicepipe.testing.chaos.faults import Fault, Struck
from voicepipe.testing.chaos.peers import Peer, ears, mind, oracle, voice
from voicepipe.testing.chaos.pipeline import needs_network, with_stand_ins
from voicepipe.testing.chaos.realtime import RealtimePeer
from voicepipe.testing.chaos.talk import ANSWER, CALLER, RESULT, TOOL
from voicepipe.transports.conversation import ConversationCall, Utterance
from voicepipe.transports.spoken import with_words
from voicepipe.transports.wav import OUTPUT_RATE, Clip

LONGEST_CALL = 60 * SECOND
"""What goes on for longer doesn't end at all."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in the table."""

    stage: Struck
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the caller heard after the fault.

    ``first_ns``: from the end of the caller's speech to the first sound; ``silent_ns``: the longest silence
    while a reply was due, of which ``bound_ns`` are allowed. ``error``: the call itself went wrong.
    """

    cell: Cell
    words: tuple[Words, ...] = ()
    first_ns: int | None = None
    silent_ns: int = 0
    bound_ns: int = 0
    lasted_ns: int = 0
    """From there to the end of the last reply."""
    error: str | None = None

    @property
    def problems(self) -> list[str]:
        """Why it isn't good enough; nothing if it is."""
        if self.error is not None:
            return [self.error]
        found = []
        if self.silent_ns > self.bound_ns:
            found.append(
                f"silence of {self.silent_ns / SECOND:.2f} s, {self.bound_ns / SECOND:g} s are allowed"
            )
        if not self.explained:
            found.append("the caller was neither answered nor told why not")
        return found

    @property
    def explained(self) -> bool:
        """Whether the last thing that the caller heard was an answer to its end, or why there is none."""
        last = [words for words in self.words if words.kind not in ("wait", "meanwhile")][-1:]
        return bool(last) and last[0].whole and (last[0].kind == "reply" or last[0].kind in EXPLAINS)


class Rehearsal:
    """A call that can be held once it is started; ``async with`` around both.

    Starting loads models and connects, which takes the time of all calls that are being held: start those
    that are held side by side before.
    """

    def __init__(self, loaded: LoadedPipeline, cell: Cell, clip: Clip) -> None:
        """``clip`` is what the caller says, at ``RATE``."""
        self.cell = cell
        self.warnings: list[str] = []
        """What the pipeline had to say when it was started."""
        self._loaded = loaded
        self._clip = with_words(clip, CALLER, RATE)
        self._stack = AsyncExitStack()
        self._stand_ins: dict[str, Peer] = {}
        self._pipeline: Pipeline

    async def __aenter__(self) -> Self:
        """Raises ``SetupError`` for a package that is missing."""
        try:
            for kind, peer in _peers(self._loaded, self.cell.stage):
                self._stand_ins[kind] = await self._stack.enter_async_context(peer)
            addresses = {kind: peer.url for kind, peer in self._stand_ins.items()}
            self._pipeline = Pipeline(with_stand_ins(self._loaded, self.cell.stage, addresses))
            live = self.cell.stage == "tools"
            await self._pipeline.start(warn=self.warnings.append, live_tools=live)
            self._stack.push_async_callback(self._pipeline.close)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def hold(self) -> Outcome:
        """To the end of the call, whatever it is."""
        scene = _Scene(self.cell, self._stand_ins[self.cell.stage], self._clip)
        mode = None if self.cell.stage == "tools" else Stubs({TOOL: RESULT})
        try:
            await self._pipeline.hold(scene.open_ends, tool_mode=mode, on_call=scene.begin)
        except Exception as error:  # one call that breaks mustn't hide what the others show
            return Outcome(cell=self.cell, error=f"the call broke: {type(error).__name__}: {error}")
        return scene.outcome(self._pipeline.loaded)


def _peers(loaded: LoadedPipeline, struck: Struck) -> Iterator[tuple[str, Peer]]:
    """The stand-ins of a call, by what they stand in for; ``fallback`` is that of a server."""
    tools = struck == "tools"
    kinds = {slot.kind for slot in loaded.slots if slot.name is None}
    servers: dict[str, Callable[[], Peer]] = {
        "stt": ears,
        "llm": lambda: mind(tools_struck=tools),
        "tts": voice,
        "realtime": lambda: RealtimePeer(tools_struck=tools),
        "tools": oracle,
    }
    for kind in sorted(kinds & {"llm", "realtime"} | {struck}):
        yield kind, servers[kind]()
    fallbacks = [one for slot in loaded.slots if slot.kind == struck for one in slot.fallbacks]
    if any(needs_network(one.config) for one in fallbacks):
        yield "fallback", servers[struck]()
    if struck != "tools" and loaded.agent.tools:
        yield "tools", oracle()


class _Scene:
    """The caller asks, is answered, and asks again; something is struck when they begin to."""

    def __init__(self, cell: Cell, struck: Peer, clip: Clip) -> None:
        self._cell = cell
        self._struck = struck
        self._clip = clip
        self._events: list[tuple[int, Any]] = []
        self._asked: list[int] = []
        """When the caller had finished each question."""
        self._answered = self._was_struck = False
        self._call: Call | None = None
        self._ends: ConversationCall | None = None

    def begin(self, call: Call) -> None:
        self._call = call
        call.observe(self._note)
        call.clock.call_at(LONGEST_CALL, lambda: call.hang_up("it took too long"))

    def open_ends(self, clock: Clock) -> ConversationCall:
        assert self._call is not None, "the call has begun"
        self._ends = ConversationCall(clock, [Utterance(self._clip), Utterance(self._clip)], rate=RATE)
        self._call.observe(self._ends.caller)
        return self._ends

    def _note(self, at_ns: int, event: Any) -> None:
        self._events.append((at_ns, event))
        if isinstance(event, ClipEnded):
            self._asked.append(event.end_of_speech_ns)
        elif isinstance(event, TurnEnded) and len(self._asked) == 1:
            self._answered = self._answered or event.status == "completed"
        elif isinstance(event, SpeechStarted) and len(self._asked) == 1 and self._answered:
            self._was_struck = True
            self._struck.strike(self._cell.fault)

    def outcome(self, loaded: LoadedPipeline) -> Outcome:
        """Once the call is over."""
        assert self._call is not None, "it was held"
        assert self._ends is not None, "it was held"
        cell, now = self._cell, self._call.clock.now()
        if len(self._asked) < 2 or not self._was_struck:
            return Outcome(cell=cell, error="the call went wrong before anything was struck")
        if now >= LONGEST_CALL:
            return Outcome(cell=cell, error=f"the call had not ended after {LONGEST_CALL // SECOND} s")
        asked = self._asked[1]
        over = replies_over(self._events, asked) or now
        first, longest = silences(self._ends.played(now), OUTPUT_RATE, asked, over)
        notices = loaded.agent.notices.texts(loaded.agent.language)
        words = said(self._events, asked, notices, "".join(ANSWER))
        return Outcome(
            cell=cell,
            words=tuple(words),
            first_ns=first,
            silent_ns=longest,
            bound_ns=_bound(loaded),
            lasted_ns=over - asked,
        )


def _bound(loaded: LoadedPipeline) -> int:
    """``turn.dead_air``."""
    return next(slot.config.dead_air for slot in loaded.slots if isinstance(slot.config, TurnConfig))
