"""The async queues between stages: one inbox per stage, many writers.

A bounded data lane and an unbounded control lane; control comes first. What happens on overflow belongs
to the frame: ``AudioIn`` from a live source is dropped (the reader sees the gap in ``position``),
everything else waits. Frames of a dead turn are dropped wherever they are met.
"""

from __future__ import annotations

import asyncio
from asyncio import get_running_loop
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from voicepipe.core.frames import AudioIn, Control, Frame, StreamFrame
from voicepipe.core.turns import Turns
from voicepipe.errors import LinkClosed

F = TypeVar("F", covariant=True)
ProbePoint = Literal["in", "out", "drop"]
Probe = Callable[[Any], None]

CAPACITY = 50
"""Data frames that an inbox holds unless told otherwise: one second of 20 ms frames."""

ROOM = 4
"""A full inbox lets its writers go on when a quarter of it is free: to wake one for each frame that is read
costs more than the frame."""


class Inbox(Generic[F]):
    """What a stage reads: ``async for frame in inbox``. Ends when the last writer has closed.

    Writers are ``open``ed before the reader begins: an inbox without any is at its end. ``tap``: an inbox
    that must not slow the call down drops what doesn't fit, whatever it is.
    """

    def __init__(self, name: str, turns: Turns, *, capacity: int = CAPACITY, tap: bool = False) -> None:
        self.name = name
        self._turns = turns
        self._capacity = capacity
        self._tap = tap
        self._data: deque[Frame] = deque()
        self._control: deque[Control | StreamFrame] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._handler: Callable[[Control | StreamFrame], None] | None = None
        self._listener: Callable[[AudioIn], None] | None = None
        self._failure: Exception | None = None
        """What the listener has raised; the reader is to get it."""
        self._blocked: deque[asyncio.Future[None]] = deque()
        self._writers = 0
        self._left = False
        self._low = capacity - capacity // ROOM
        """Data frames that are left when blocked writers are woken."""
        self._swept = turns.changes
        """Transitions until when dead frames were looked for; -1: one has come since."""
        self._on_in: tuple[Probe, ...] = ()
        self._on_out: tuple[Probe, ...] = ()
        self._on_drop: tuple[Probe, ...] = ()
        turns.watch(self._turns_changed)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """One more writer."""
        self._writers += 1

    def close(self) -> None:
        """One writer less; with the last one, the reader comes to the end after what is waiting."""
        self._writers -= 1
        if self._writers == 0:
            self._wake_reader()

    def offer(self, frame: Frame) -> bool:
        """Put ``frame`` if there is room, else drop it (the ``drop`` probe sees it) and say so.

        Room that blocked writers can use is theirs: a source that never stops would keep them out for good.
        """
        if len(self._data) + len(self._blocked) >= self._capacity:
            self._drop_dead()
            if len(self._data) + len(self._blocked) >= self._capacity:
                self._share_room()
                self._drop(frame)
                return False
        self._append(frame)
        return True

    def put_now(self, frame: Frame) -> bool:
        """Put ``frame`` if there is room at once, as it mostly is: `put` without a coroutine.

        Not past writers that are blocked: who always has the next frame would keep them out for good.
        """
        if self._blocked or len(self._data) >= self._capacity:
            return False
        self._append(frame)
        return True

    async def put(self, frame: Frame) -> None:
        """Put ``frame``, waiting for room. Returns without having put it if its turn dies meanwhile.

        Raises ``LinkClosed`` once the reader has left.
        """
        if self._tap:
            self.offer(frame)
            return
        behind = bool(self._blocked)  # others came before: once
        while behind or len(self._data) >= self._capacity:
            self._drop_dead()
            if not behind and len(self._data) < self._capacity:
                break
            behind = False
            if self._is_dead(frame):
                self._drop(frame)
                return
            if self._left:
                raise LinkClosed(
                    f"'{self.name}' has left the call, but a {type(frame).__name__} was sent to it"
                )
            room: asyncio.Future[None] = get_running_loop().create_future()
            self._blocked.append(room)
            try:
                await room
            except asyncio.CancelledError:
                if room in self._blocked:
                    self._blocked.remove(room)
                elif room.done() and not room.cancelled():
                    self._wake_one()  # the room that was ours goes to the next one
                raise
        self._append(frame)

    def send_control(self, control: Control | StreamFrame) -> None:
        """Put ``control`` in front of all data, behind the control frames that wait already.

        A stream frame travels so where it goes against the stream (``Stage.tells``).
        """
        if self._left:
            return
        if self._handler is not None:
            self._handler(control)
        self._control.append(control)
        self._wake_reader()

    def _append(self, frame: Frame) -> None:
        for probe in self._on_in:
            probe(frame)
        reader = self._reader
        waits = reader is not None and not reader.done()
        listener = self._listener
        if listener is not None and waits and not self._data and type(frame) is AudioIn:
            self._hand_over(frame, listener)
            return
        turn = frame.turn
        if turn is not None and turn != self._turns.live and turn != self._turns.draft:
            self._swept = -1
        self._data.append(frame)
        if waits:
            self._wake_reader()

    def _hand_over(self, frame: AudioIn, listener: Callable[[AudioIn], None]) -> None:
        """Nothing is before it."""
        for probe in self._on_out:
            probe(frame)
        try:
            listener(frame)
        except Exception as error:  # it isn't the writer's: raised again where the reader waits
            self._failure = error
            self._wake_reader()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def __aiter__(self) -> Inbox[F]:
        return self

    def obey(self, handler: Callable[[Control | StreamFrame], None]) -> None:
        """Call ``handler`` with each control frame at once, in the middle of whatever the reader awaits.

        The reader still gets the frame, so that it looks again.
        """
        self._handler = handler
        for control in self._control:  # what was sent before the reader began
            handler(control)

    def listen(self, listener: Callable[[AudioIn], None] | None) -> None:
        """Call ``listener`` with each `AudioIn` that comes while the reader waits, in the writer's step.

        It has been read then, without a future and without waking the reader's task. One that comes while
        the reader is busy waits for it, as ever. ``None``: the reader gets them all again.

        What the listener raises is raised where the reader waits.
        """
        self._listener = listener

    async def control(self) -> Control | StreamFrame | None:
        """The next control frame, while the data waits; None when the last writer has left."""
        listener, self._listener = self._listener, None
        try:
            while not self._control:
                if self._writers <= 0:
                    return None
                await self._news()
            return self._control.popleft()
        finally:
            self._listener = listener

    async def __anext__(self) -> Any:
        """The next control or data frame; the iteration ends when the last writer has left."""
        control, data, turns = self._control, self._data, self._turns
        while True:
            if self._failure is not None:
                raise self._failure
            if control:
                return control.popleft()
            if data:
                frame = data.popleft()
                if self._blocked and len(data) <= self._low:
                    self._share_room()
                turn = frame.turn
                if turn is not None and turn != turns.live and turn != turns.draft:
                    self._drop(frame)
                    continue
                for probe in self._on_out:
                    probe(frame)
                return frame
            if self._writers <= 0:
                raise StopAsyncIteration
            # As `_news`, but without a coroutine of its own: most frames come along here.
            self._reader = get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    async def _news(self) -> None:
        self._reader = get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def leave(self) -> None:
        """The reader reads no more: what waits is dropped, and writers get ``LinkClosed``."""
        self._left = True
        self._capacity = 0
        self._control.clear()
        while self._data:
            self._drop(self._data.popleft())
        self._wake_blocked()

    # ── observing ────────────────────────────────────────────────────────────────────────────────

    def attach(self, point: ProbePoint, probe: Probe) -> None:
        """Call ``probe(frame)`` synchronously for each frame that comes in, goes out or is dropped."""
        if point == "in":
            self._on_in += (probe,)
        elif point == "out":
            self._on_out += (probe,)
        else:
            self._on_drop += (probe,)

    def statistics(self) -> dict[str, int]:
        return {
            "waiting": len(self._data),
            "capacity": self._capacity,
            "blocked_writers": len(self._blocked),
            "open_writers": self._writers,
        }

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _is_dead(self, frame: Frame) -> bool:
        return frame.turn is not None and not self._turns.alive(frame.turn)

    def _drop_dead(self) -> None:
        if self._swept == self._turns.changes:
            return
        self._swept = self._turns.changes
        for frame in [frame for frame in self._data if self._is_dead(frame)]:
            self._data.remove(frame)  # by identity: frames don't compare equal
            self._drop(frame)

    def _drop(self, frame: Frame) -> None:
        for probe in self._on_drop:
            probe(frame)

    def _turns_changed(self) -> None:
        if self._blocked:
            self._wake_blocked()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _wake_one(self) -> None:
        while self._blocked:
            room = self._blocked.popleft()
            if not room.done():
                room.set_result(None)
                return

    def _share_room(self) -> None:
        """Wake as many blocked writers as there is room for."""
        for _ in range(self._capacity - len(self._data)):
            self._wake_one()

    def _wake_blocked(self) -> None:
        while self._blocked:
            self._wake_one()


class Outlet(Generic[F]):
    """Where a stage sends: ``await out.send(frame)``. Routes are fixed when the graph is compiled.

    ``live``: the frames come from a device that won't wait, so a droppable frame is offered.
    """

    def __init__(self, name: str, routes: dict[type[Frame], tuple[Inbox[Any], ...]], *, live: bool) -> None:
        self.name = name
        self._routes = routes
        self._live = live
        self._consumers = tuple({id(inbox): inbox for route in routes.values() for inbox in route}.values())
        for inbox in self._consumers:
            inbox.open()

    async def send(self, frame: Frame) -> None:
        for inbox in self._route(frame):
            if self._live and frame.droppable:
                inbox.offer(frame)
            elif not inbox.put_now(frame):
                await inbox.put(frame)

    def offer(self, frame: Frame) -> None:
        """Hand ``frame`` over at once, dropping it where there is no room: for live sources."""
        for inbox in self._route(frame):
            inbox.offer(frame)

    def close(self) -> None:
        consumers, self._consumers = self._consumers, ()
        for inbox in consumers:
            inbox.close()

    def _route(self, frame: Frame) -> tuple[Inbox[Any], ...]:
        try:
            return self._routes[type(frame)]
        except KeyError:
            declared = ", ".join(sorted(kind.__name__ for kind in self._routes)) or "nothing"
            raise TypeError(
                f"{self.name} sent a {type(frame).__name__}, but its outlet declares {declared}"
            ) from None
