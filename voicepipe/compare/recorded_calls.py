"""Recorded calls as calls that can be held again: what the caller said, when its turn comes.

The caller's channel is cut into pieces. A piece begins with the first speech after the agent was heard, or
with speech into a reply, and ends with the last speech before the agent is heard again: so what belongs to
one turn stays together, with its pauses. One that was said into a reply is said as long after the reply's
first sound as it was then, or after the reply where that is shorter now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voicepipe.api import RATE
from voicepipe.audio.level import end_of_speech
from voicepipe.audio.pcm import Pcm
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.compare.plan import History, Scripted
from voicepipe.core.units import MS, SECOND, format_duration
from voicepipe.errors import AudioError
from voicepipe.observe.kept_call import (
    AUDIO_FILE,
    EVENTS_FILE,
    KeptCall,
    KeptTool,
    KeptTurn,
    KeptUtterance,
    read_call,
)
from voicepipe.runtime.tool_modes import error_told
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.spoken import with_words
from voicepipe.transports.wav import Clip, Typed

LEAD = 300 * MS
"""Before the speech that the detector found, whose onset is an estimate: as a recogniser's prefix padding."""

TAIL = 200 * MS
"""Behind it, likewise."""

MAX_REFERENCE = 256 << 10
"""Bytes of a text with the words of a call."""

REFERENCE_FILE = "reference.txt"
"""In the folder of a recorded call: what was really said, a line for each piece."""


@dataclass(slots=True)
class _Piece:
    """What the caller said in one go; ``into_ns``: so long after a reply's first sound, which went on."""

    utterances: list[KeptUtterance]
    into_ns: int | None

    @property
    def start_ns(self) -> int:
        return self.utterances[0].start_ns

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.utterances if one.text)


def recorded_call(
    folder: Path, history: History, tell: Callable[[str], None] = lambda sentence: None
) -> Scripted:
    """The call in ``folder``; ``tell`` is called with what a person should know of its log.

    Raises ``LogError``, with the line where it is corrupted, and ``AudioError`` for one without audio or
    without speech.
    """
    call = read_call(folder)
    if call.log.note is not None:
        tell(f"{folder / EVENTS_FILE}: {call.log.note}")
    pieces = _pieces(call)
    if not pieces:
        raise AudioError(f"{folder}: the caller said nothing in this call", hint="leave it out")
    channel = _channel(call) if any(not piece.utterances[0].typed for piece in pieces) else None
    script = [_item(piece, channel, call.name) for piece in pieces]
    return Scripted(
        name=call.name,
        kind="recorded",
        script=script,
        speech_ns=sum(one.what.pcm.size * SECOND // RATE for one in script if isinstance(one.what, Clip)),
        reference=_reference(folder, len(pieces)),
        tool_results=_stubs(call.tools),
        remembered=tuple(_before(call.turns, piece.start_ns) for piece in pieces)
        if history == "recorded"
        else (),
    )


def _channel(call: KeptCall) -> Pcm:
    """The caller's side at our rate; sample 0 is the beginning of the session."""
    if call.audio is None:
        raise AudioError(
            f"{call.folder}: no {AUDIO_FILE} was found, so that nobody can say it again",
            hint="record: {audio: none} keeps no audio; a call can only be replayed with it",
        )
    wav = read_wav(call.audio, channel=0)
    if wav.channels != 2:
        raise AudioError(
            f"{call.audio}: found {wav.channels} channel, expected 2: the caller left, the agent right"
        )
    return resample(wav.pcm, wav.rate, RATE)


# ── what the caller does ─────────────────────────────────────────────────────────────────────────


def _pieces(call: KeptCall) -> list[_Piece]:
    pieces: list[_Piece] = []
    for utterance in call.utterances:
        reply = _spoken_at(call.turns, utterance.start_ns)
        if reply is not None and reply.audible_ns is not None:
            pieces.append(_Piece([utterance], utterance.start_ns - reply.audible_ns))
        elif pieces and not utterance.typed and not _heard_since(call.turns, pieces[-1], utterance):
            pieces[-1].utterances.append(utterance)
        else:
            pieces.append(_Piece([utterance], None))
    return pieces


def _spoken_at(turns: Sequence[KeptTurn], at_ns: int) -> KeptTurn | None:
    """The reply that was being heard then."""
    for turn in turns:
        over = turn.ended_ns is not None and turn.ended_ns <= at_ns
        if turn.audible_ns is not None and turn.audible_ns <= at_ns and not over:
            return turn
    return None


def _heard_since(turns: Sequence[KeptTurn], piece: _Piece, now: KeptUtterance) -> bool:
    """Whether a reply began between ``piece`` and ``now``; what was typed is by itself."""
    last = piece.utterances[-1]
    return last.typed or any(
        turn.audible_ns is not None and last.start_ns < turn.audible_ns <= now.start_ns for turn in turns
    )


def _item(piece: _Piece, channel: Pcm | None, name: str) -> Utterance:
    first, last = piece.utterances[0], piece.utterances[-1]
    if first.typed or channel is None:
        return Utterance(Typed(first.text), piece.into_ns, or_after=True)
    start_ns = max(0, first.start_ns - LEAD)
    end = channel.size if last.end_ns is None else (last.end_ns + TAIL) * RATE // SECOND
    pcm = channel[start_ns * RATE // SECOND : end]
    if not np.any(pcm):
        at = f"{first.start_ns / SECOND:.1f} s"
        raise AudioError(
            f"{name}: the log tells of speech at {at}, and the recording holds none there",
            hint="do events.jsonl and audio.wav belong to the same call?",
        )
    clip = Clip(f"{name} at {start_ns / SECOND:.1f} s", pcm, end_of_speech(pcm, RATE) or pcm.size)
    into_ns = None if piece.into_ns is None else max(0, piece.into_ns - (first.start_ns - start_ns))
    return Utterance(with_words(clip, piece.text, RATE) if piece.text else clip, into_ns, or_after=True)


def _reference(folder: Path, pieces: int) -> tuple[str | None, ...]:
    path = folder / REFERENCE_FILE
    if not path.is_file():
        return ()
    lines = reference_lines(path)
    if len(lines) != pieces:
        raise AudioError(
            f"{path}: found {len(lines)} lines, expected {pieces}: one for each time that the caller spoke",
            hint="speech without the agent's voice between is one line",
        )
    return tuple(lines)


def reference_lines(path: Path) -> list[str]:
    """The lines of a text that hold something. Raises ``AudioError``."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_REFERENCE + 1)
        if len(data) > MAX_REFERENCE:
            raise AudioError(
                f"{path} is larger than {MAX_REFERENCE >> 10} KiB; the words of a call were expected"
            )
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise AudioError(f"{path} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise AudioError(f"{path} isn't UTF-8 text", hint="it holds the words that are said") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


# ── what the agent had said and done ─────────────────────────────────────────────────────────────


def _stubs(tools: Iterable[KeptTool]) -> dict[str, Any]:
    """What each tool answered first, as late as it did."""
    stubs: dict[str, Any] = {}
    for tool in tools:
        answer = {"error": error_told(tool.result or "")} if tool.error else {"result": tool.result}
        stubs.setdefault(tool.name, {**answer, "delay": format_duration(tool.took_ns // MS * MS)})
    return stubs


def _before(turns: Sequence[KeptTurn], start_ns: int) -> tuple[Mapping[str, Any], ...]:
    """What was said and done in the turns that began before: a model's history, of what was heard."""
    messages: list[Mapping[str, Any]] = []
    for turn in turns:
        if turn.began_ns >= start_ns:
            break
        if turn.user:
            messages.append({"role": "user", "text": turn.user})
        answered = [tool for tool in turn.tools if tool.result is not None]
        if answered:
            calls = [{"id": one.call_id, "name": one.name, "arguments": _written(one)} for one in answered]
            messages.append({"role": "assistant", "text": "", "tool_calls": calls})
            messages += [
                {"role": "tool", "text": one.result, "tool_call_id": one.call_id} for one in answered
            ]
        if turn.heard:
            messages.append({"role": "assistant", "text": turn.heard})
    return tuple(messages)


def _written(tool: KeptTool) -> str:
    """The arguments as a model writes them."""
    return (
        tool.arguments if isinstance(tool.arguments, str) else json.dumps(tool.arguments, ensure_ascii=False)
    )
