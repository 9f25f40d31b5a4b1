"""Event logs, read back: line by line, with the line in every complaint.

::

    log = read_log(Path("calls/20261123T160215Z-5f0c6a1e/events.jsonl"))
    for entry in log.events:
        print(entry.at_ns, entry.name, entry.fields)
    for at_ns, event in log.replay():
        report(at_ns, event)  # an observer of a session, such as a CallReport
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, NoReturn, Self

from voicepipe.core.units import MS
from voicepipe.errors import LogError
from voicepipe.observe.log import FORMAT
from voicepipe.observe.log import MAX_BYTES as LONGEST_LOG
from voicepipe.observe.rebuilt import BadEvent, rebuilt

MAX_LINE = 16 << 20
"""Bytes of one line. Its texts are bounded when it is written, but not how many a tool is called with."""

MAX_EVENTS = 1_000_000
"""That ``read_log`` holds in memory: a day of lively talk."""

SHOWN = 60
"""Characters of what was found that a complaint shows."""


class Entry(NamedTuple):
    """One line. ``event`` is what the session's observers were called with; None for one that this version
    doesn't know. ``fields`` are those of the line, as ``docs/events.md`` names them."""

    line: int
    at_ns: int
    name: str
    fields: dict[str, Any]
    event: Any


class LogReader:
    """Iterates over the entries of the log at ``path``, however long it is, without holding them.

    ``LogBegan`` isn't among them: its ``session``, ``clock`` and ``format`` are attributes. A log whose last
    line is cut off, since its process was killed, is read up to there, and ``note`` says so afterwards.

    Raises ``LogError`` with the line: for a file that can't be read, and for a line that is no event.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note: str | None = None
        """What a person should know of the log; complete once all of it has been read."""
        self._line = 0
        self._at_ns = 0
        try:
            self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 - close() does, and so does __exit__
        except OSError as error:
            raise self._unreadable(error) from None
        try:
            self.session, self.clock, self.format = self._head()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """May be called twice."""
        self._file.close()

    def __iter__(self) -> Iterator[Entry]:
        while (found := self._next()) is not None:
            name, line = found
            if name == "LogFull":
                self.note = f"it ends before the call did: a log is no longer than {LONGEST_LOG >> 20} MiB"
                continue
            try:
                event = rebuilt(line)
            except BadEvent as error:
                self._fail(f"{name}: {error}")
            fields = {key: value for key, value in line.items() if key not in ("t_ms", "event")}
            yield Entry(self._line, self._at_ns, name, fields, event)

    def _head(self) -> tuple[str, str, int]:
        found = self._next()
        if found is None:
            self._fail("the file is empty, the line LogBegan was expected", hint=_NO_LOG)
        name, line = found
        if name != "LogBegan":
            self._fail(f"found {name}, expected LogBegan, the first line of a log", hint=_NO_LOG)
        number, session, clock = (line.get(key) for key in ("format", "session", "clock"))
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            self._fail(f"LogBegan.format: found {_shown(number)}, expected a number from 1 on")
        if number > FORMAT:
            self._fail(
                f"found a log of format {number}, expected at most {FORMAT}",
                hint="a newer voicepipe wrote it: read it with that one",
            )
        if not isinstance(session, str) or not isinstance(clock, str):
            self._fail("LogBegan names no session and clock")
        return session, clock, number

    def _next(self) -> tuple[str, dict[str, Any]] | None:
        """The name and the values of the next line; None at the end."""
        try:
            data = self._file.readline(MAX_LINE + 1)
        except OSError as error:
            raise self._unreadable(error) from None
        if not data:
            return None
        self._line += 1
        if len(data) > MAX_LINE:
            self._fail(f"the line is longer than {MAX_LINE >> 20} MiB", hint=_NO_LOG)
        line = self._parsed(data)
        if line is None:
            self.note = f"its last line, {self._line}, is cut off: the process that wrote it was killed"
            return None
        return self._checked(line)

    def _parsed(self, data: bytes) -> Any:
        """None for a last line that was cut off."""
        try:
            return json.loads(
                data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite, parse_int=_whole
            )
        except (ValueError, RecursionError):
            if not data.endswith(b"\n") and self._line > 1:
                return None
            found = data.decode("utf-8", "replace").strip()
            self._fail(f"found {_shown(found)}, which is no JSON; expected an event", hint=_NO_LOG)

    def _checked(self, line: Any) -> tuple[str, dict[str, Any]]:
        if not isinstance(line, dict):
            self._fail(f"found {_shown(line)}, expected an object")
        name, t_ms = line.get("event"), line.get("t_ms")
        if not isinstance(name, str):
            self._fail(f"event: found {_shown(name)}, expected a name")
        if isinstance(t_ms, bool) or not isinstance(t_ms, int | float):
            self._fail(f"t_ms: found {_shown(t_ms)}, expected milliseconds")
        at_ns = round(t_ms * MS)
        if at_ns < self._at_ns:
            self._fail(f"t_ms: found {t_ms}, expected {self._at_ns / MS} or later: time never goes back")
        self._at_ns = at_ns
        return name, line

    def _fail(self, message: str, *, hint: str | None = None) -> NoReturn:
        raise LogError(f"{self.path}:{max(1, self._line)}: {message}", hint=hint)

    def _unreadable(self, error: OSError) -> LogError:
        return LogError(
            f"the event log {self.path} can't be read: {error.strerror or error}",
            hint="check the path and its permissions",
        )


_NO_LOG = "is it a log that voicepipe run --events, or record:, has written?"


@dataclass(frozen=True, slots=True)
class EventLogFile:
    """A whole log. ``note`` is what a person should know of it, such as that it is cut off."""

    path: Path
    session: str
    clock: str
    format: int
    events: tuple[Entry, ...]
    note: str | None = None

    def replay(self) -> Iterator[tuple[int, Any]]:
        """``(session time in ns, event)`` as an observer of the session was called, without the events that
        this version doesn't know."""
        return ((entry.at_ns, entry.event) for entry in self.events if entry.event is not None)

    def dicts(self) -> tuple[dict[str, Any], ...]:
        """The lines after the first one, as they are in the file."""
        return tuple({"t_ms": one.at_ns / MS, "event": one.name, **one.fields} for one in self.events)


def read_log(path: Path, *, max_events: int = MAX_EVENTS) -> EventLogFile:
    """All of a log at once. Raises ``LogError`` as ``LogReader`` does, and beyond ``max_events``."""
    events: list[Entry] = []
    with LogReader(path) as reader:
        for entry in reader:
            if len(events) == max_events:
                raise LogError(f"{path}:{entry.line}: more than {max_events} events were found")
            events.append(entry)
        return EventLogFile(path, reader.session, reader.clock, reader.format, tuple(events), reader.note)


def _finite(number: str) -> float:
    found = float(number)
    return found if isfinite(found) else _refuse(number)


def _whole(number: str) -> int:
    """One that a float could hold too: whatever divides it mustn't break."""
    _finite(number)
    return int(number)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _shown(found: Any) -> str:
    if found is None:
        return "nothing"
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
