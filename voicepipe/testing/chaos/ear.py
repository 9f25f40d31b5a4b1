"""What a caller heard from the end of their speech on, and how long they heard nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np

from voicepipe.audio.level import first_audible
from voicepipe.audio.pcm import FULL_SCALE, Pcm, amplitude, samples_in
from voicepipe.core.frames import Heard
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.speech.heard import heard_text
from voicepipe.speech.notices import FAILED, NOT_HEARD, RECONNECTED, WAIT

AUDIBLE_DBFS = -50.0
"""As for the first audio of a reply."""

BREATH_MS = 20

Kind = Literal["reply", "meanwhile", "wait", "failed", "not_heard", "reconnected"]
"""A reply of the model, what is said while a tool runs, or one of the notices."""

EXPLAINS: frozenset[Kind] = frozenset({"failed", "not_heard", "reconnected"})
"""What tells the caller that there will be no answer, or whose turn it is."""


_KINDS: Mapping[str, Kind] = {
    WAIT: "wait",
    FAILED: "failed",
    NOT_HEARD: "not_heard",
    RECONNECTED: "reconnected",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What the caller ``heard`` of a reply or of a notice, and whether that was the ``whole`` of it."""

    kind: Kind
    heard: str
    whole: bool


def said(
    events: Sequence[tuple[int, Any]], from_ns: int, notices: Mapping[str, str], answer: str
) -> list[Words]:
    """What was said from ``from_ns`` on, as far as it was heard; ``notices`` are the agent's own texts.

    A reply is whole if its turn came to its end, and if it is more than a beginning of ``answer``, which the
    model was to give.
    """
    kinds = {text: _KINDS[name] for name, text in notices.items()}
    completed = {
        event.turn for _, event in events if isinstance(event, TurnEnded) and event.status == "completed"
    }
    found: dict[tuple[int, int], tuple[Kind, str, str]] = {}
    for at_ns, event in events:
        if not isinstance(event, Heard) or event.segment is None or at_ns < from_ns:
            continue
        segment = event.segment
        kind: Kind = "reply" if segment.in_history else kinds.get(segment.text, "meanwhile")
        if heard := heard_text(segment, event.samples):
            found[event.turn, segment.index] = (kind, segment.text.strip(), heard.strip())
    told: list[Words] = []  # a reply as one, however many segments it is spoken in
    for (turn, kind, _), pieces in groupby(found.items(), key=_thing):
        each = [piece for _, piece in pieces]
        text, heard = (" ".join(one[side] for one in each) for side in (1, 2))
        whole = heard == text
        if kind == "reply":
            whole = whole and turn in completed and not _is_beginning(text, answer)
        told.append(Words(kind, heard, whole))
    return told


def _thing(item: tuple[tuple[int, int], tuple[Kind, str, str]]) -> tuple[int, Kind, int | None]:
    """What of the same kind belongs together: the segments of a reply, and nothing else."""
    (turn, index), (kind, _, _) = item
    return turn, kind, None if kind == "reply" else index


def _is_beginning(text: str, answer: str) -> bool:
    given, whole = text.split(), answer.split()
    return len(given) < len(whole) and whole[: len(given)] == given


def silences(played: Pcm, rate: int, start_ns: int, end_ns: int) -> tuple[int | None, int]:
    """When the first sound was after ``start_ns``, and the longest silence until ``end_ns``, both in ns."""
    window = played[start_ns * rate // SECOND : end_ns * rate // SECOND]
    frame = samples_in(rate, BREATH_MS)
    frames = window[: window.size // frame * frame].reshape(-1, frame).astype(np.float64)
    loud = np.flatnonzero((frames**2).mean(axis=1) > (FULL_SCALE * amplitude(AUDIBLE_DBFS)) ** 2)
    edges = np.concatenate(([-1], loud, [len(frames)]))
    longest = int(np.diff(edges).max()) - 1
    first = first_audible(window, rate, AUDIBLE_DBFS)
    return None if first is None else first * SECOND // rate, longest * BREATH_MS * SECOND // 1000


def replies_over(events: Sequence[tuple[int, Any]], from_ns: int) -> int | None:
    """When the last reply ended that had been due from ``from_ns`` on."""
    return max(
        (at_ns for at_ns, event in events if isinstance(event, TurnEnded) and at_ns > from_ns), default=None
    )
