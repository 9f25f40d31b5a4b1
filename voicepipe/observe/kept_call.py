"""Recorded calls, read back: what the caller said and when, and what came of it.

A folder of ``record.dir`` holds one call::

    20261123T160215Z-5f0c6a1e9b1d/     the time it began (UTC) and the session's name
        events.jsonl                   the event log
        audio.wav                      caller left, agent right; not with `audio: none`
        call.json                      the report; not of a call whose process was killed

Time zero of the audio is that of the session: what the log says of ``t`` milliseconds is heard at sample
``t * rate / 1000`` of ``audio.wav``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicepipe.core.frames import PlaybackStarted, SpeechStarted, SpeechStopped, Transcript, TypedText
from voicepipe.core.records import (
    SpeechIgnored,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnEnded,
    TurnReworded,
    TurnStatus,
)
from voicepipe.errors import LogError
from voicepipe.observe.log_reader import EventLogFile, read_log

EVENTS_FILE, AUDIO_FILE, REPORT_FILE = "events.jsonl", "audio.wav", "call.json"


@dataclass(slots=True)
class KeptUtterance:
    """What the caller said, or typed, in one piece.

    ``start_ns`` and ``end_ns`` are its first and last speech in session time; ``end_ns`` is None where the
    log ends before. ``ignored``: it was a backchannel or a noise, and got no answer.
    """

    start_ns: int
    end_ns: int | None = None
    text: str = ""
    typed: bool = False
    ignored: bool = False
    position: int = -1
    """The number of its first sample in the caller's audio; -1 for what was typed."""


@dataclass(slots=True)
class KeptTool:
    """``result`` is what the model saw; None where the log ends before. ``took_ns``: how long it ran."""

    name: str
    arguments: dict[str, Any] | str
    result: str | None = None
    error: bool = False
    took_ns: int = 0
    call_id: str = ""
    began_ns: int = 0


@dataclass(slots=True)
class KeptTurn:
    """A turn that the caller, or a greeting, began. ``audible_ns``: its first audio, None if there was none.

    ``status``, and ``said`` and ``heard``, are None and empty where the log ends before the turn did.
    """

    turn: int
    began_ns: int
    user: str
    said: str = ""
    heard: str = ""
    status: TurnStatus | None = None
    audible_ns: int | None = None
    ended_ns: int | None = None
    tools: list[KeptTool] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A recorded call. ``audio`` is None where it wasn't recorded, or lies elsewhere."""

    folder: Path
    log: EventLogFile
    audio: Path | None
    utterances: tuple[KeptUtterance, ...]
    turns: tuple[KeptTurn, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def tools(self) -> Iterator[KeptTool]:
        """All that were answered, in the order in which they were called."""
        return (tool for turn in self.turns for tool in turn.tools if tool.result is not None)


def read_call(folder: Path) -> KeptCall:
    """The call in ``folder``. Raises ``LogError`` for a folder without a log, and for a corrupted log."""
    if not (folder / EVENTS_FILE).is_file():
        raise LogError(
            f"{folder}: no {EVENTS_FILE} was found, which every recorded call has",
            hint="give a folder that record: has written, or the folder that holds them",
        )
    log = read_log(folder / EVENTS_FILE)
    audio = folder / AUDIO_FILE
    return KeptCall(
        folder,
        log,
        audio if audio.is_file() else None,
        tuple(utterances_of(log.replay())),
        tuple(turns_of(log.replay())),
    )


def kept_calls(folder: Path) -> list[Path]:
    """The recorded calls in ``folder``, the oldest first; ``folder`` itself if it is one."""
    if (folder / EVENTS_FILE).is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{EVENTS_FILE}"))


def utterances_of(events: Iterable[tuple[int, Any]]) -> list[KeptUtterance]:
    """What the caller said and typed, in the order in which it began."""
    found: list[KeptUtterance] = []
    spoken: dict[int, KeptUtterance] = {}
    last: KeptUtterance | None = None
    for _, event in events:
        match event:
            case SpeechStarted():
                last = KeptUtterance(event.onset_ns, position=event.position)
                spoken[event.position] = last
                found.append(last)
            case SpeechStopped() if last is not None:
                last.end_ns = event.offset_ns
            case Transcript(final=True) if event.utterance in spoken:
                spoken[event.utterance].text = event.text
            case SpeechIgnored() if event.utterance in spoken:
                spoken[event.utterance].ignored = True
            case TypedText():
                found.append(KeptUtterance(event.at_ns, event.at_ns, event.text, typed=True))
    return sorted(found, key=lambda one: one.start_ns)


def turns_of(events: Iterable[tuple[int, Any]]) -> list[KeptTurn]:
    """The turns that were committed and not begun anew, each with its tools, also those of its draft."""
    turns: dict[int, KeptTurn] = {}
    running: dict[tuple[int, str], KeptTool] = {}
    tools: dict[int, list[KeptTool]] = {}
    for _, event in events:
        match event:
            case TurnBegan():
                turns[event.turn] = KeptTurn(event.turn, event.at_ns, event.user)
            case TurnReworded() if event.turn in turns:
                turns[event.turn].user = event.user
            case ToolStarted():
                tool = KeptTool(event.name, event.arguments, call_id=event.call_id, began_ns=event.at_ns)
                running[event.turn, event.call_id] = tool
                tools.setdefault(event.turn, []).append(tool)
            case ToolFinished() if (event.turn, event.call_id) in running:
                tool = running.pop((event.turn, event.call_id))
                tool.result, tool.error = event.result, event.error
                tool.took_ns = event.at_ns - tool.began_ns
            case PlaybackStarted() if event.turn in turns and turns[event.turn].audible_ns is None:
                turns[event.turn].audible_ns = event.at_ns
            case TurnEnded(status="discarded"):
                turns.pop(event.turn, None)
            case TurnEnded() if event.turn in turns:
                turn = turns[event.turn]
                turn.status, turn.said, turn.heard = event.status, event.said, event.heard
                turn.ended_ns = event.at_ns
    for number, turn in turns.items():
        turn.tools = tools.get(number, [])
    return list(turns.values())
