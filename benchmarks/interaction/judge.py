"""What became of each trial, from the call's log and from what left the loudspeaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.interaction.caller import OUTPUT_RATE, Held
from benchmarks.interaction.trials import ANSWER_WITHIN, SETTLED, Kind, Mark
from benchmarks.mocks import HUM_LEVEL
from voicepipe.core.frames import PlaybackStarted
from voicepipe.core.records import SpeechIgnored, TurnBegan, TurnEnded
from voicepipe.core.units import MS, SECOND

YIELD_WITHIN = 2 * SECOND
"""After the onset, the reply that a caller wants to interrupt is dead and silent."""

BACK_WITHIN = 1500 * MS
"""After a sound that isn't to interrupt, the reply is as loud as before, until the next trial."""

GRAIN_MS = 5
FULL_DB = 20 * np.log10(HUM_LEVEL)
DUCKED_DB = FULL_DB - 6
SILENT_DB = -50.0
HELD = 4
"""Grains that a level has to last: 20 ms."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``good`` is what the class asks for. Times in ms from the onset, None for what didn't happen.

    ``answered_ms`` counts from the end of the speech, ``pause_ms`` is the length of a pause in a sentence.
    """

    call: str
    conditions: str
    """Who speaks in the call, how loud, and over which noise."""
    kind: Kind
    column: str
    sound: str
    at_s: float
    good: bool
    why: str
    ducked_ms: float | None = None
    silent_ms: float | None = None
    committed_ms: float | None = None
    answered_ms: float | None = None
    pause_ms: float | None = None
    cost_ms: float | None = None


class Judge:
    def __init__(self, name: str, conditions: str, held: Held) -> None:
        self._name = name
        self._conditions = conditions
        self._events = [event for _, event in held.events]
        grain = OUTPUT_RATE * GRAIN_MS // 1000
        whole = held.played[: held.played.size // grain * grain].astype(np.float64) / 32768
        power = (whole.reshape(-1, grain) ** 2).mean(axis=1)
        self._level: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-10))

    def judge(self, mark: Mark) -> Outcome:
        match mark.kind:
            case "interruption":
                return self._interruption(mark)
            case "pause":
                return self._pause(mark)
            case "answer":
                return self._answer(mark)
            case _:
                return self._ignored(mark)

    def _interruption(self, mark: Mark) -> Outcome:
        ended = self._ended(mark, YIELD_WITHIN)
        silent = self._first(mark.span.onset_ns, YIELD_WITHIN, below=SILENT_DB)
        good = ended is not None and ended.status == "interrupted" and silent is not None
        why = "" if good else ("the reply went on" if ended is None else f"the reply {ended.status}")
        return self._outcome(mark, good, why, committed_ms=self._since(mark, ended))

    def _ignored(self, mark: Mark) -> Outcome:
        until = mark.span.end_ns + SETTLED - mark.span.onset_ns
        ended = self._ended(mark, until)
        back = self._between(mark.span.end_ns + BACK_WITHIN, mark.span.end_ns + SETTLED - 100 * MS)
        good = ended is None and bool(back.size) and bool((back > DUCKED_DB).all())
        why = ""
        if ended is not None:
            why = f"the reply was {ended.status}"
        elif not good:
            why = "the reply didn't come back"
        return self._outcome(mark, good, why, committed_ms=self._since(mark, ended), cost_ms=self._cost(mark))

    def _pause(self, mark: Mark) -> Outcome:
        assert mark.paused is not None
        begin, end = mark.paused
        cuts = [one.at_ns for one in self._of(TurnBegan) if begin < one.at_ns <= mark.span.end_ns]
        why = f"the turn was over {(cuts[0] - begin) / MS:.0f} ms after the pause began" if cuts else ""
        return self._outcome(mark, not cuts, why, pause_ms=(end - begin) / MS)

    def _answer(self, mark: Mark) -> Outcome:
        end = mark.span.end_ns
        heard = [
            one.at_ns
            for one in self._of(PlaybackStarted)
            if end - SECOND < one.at_ns <= end + ANSWER_WITHIN
            and one.turn != mark.turn
            and not self._over(one.turn, end)
        ]
        answered = (heard[0] - end) / MS if heard else None
        return self._outcome(mark, bool(heard), "" if heard else "no answer", answered_ms=answered)

    # ── evidence ─────────────────────────────────────────────────────────────────────────────────

    def _of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self._events if isinstance(event, kind)]

    def _over(self, turn: int, at_ns: int) -> bool:
        """Whether ``turn`` had ended by then."""
        return any(one.turn == turn and one.at_ns <= at_ns for one in self._of(TurnEnded))

    def _ended(self, mark: Mark, within_ns: int) -> TurnEnded | None:
        """The end of the turn that was heard, if it came after the onset and in time."""
        begin = mark.span.onset_ns
        ends = [
            one for one in self._of(TurnEnded) if one.turn == mark.turn and one.at_ns <= begin + within_ns
        ]
        return ends[0] if ends else None

    def _since(self, mark: Mark, ended: TurnEnded | None) -> float | None:
        return None if ended is None else (ended.at_ns - mark.span.onset_ns) / MS

    def _cost(self, mark: Mark) -> float | None:
        found = [
            one.paused_ns / MS
            for one in self._of(SpeechIgnored)
            if one.turn == mark.turn and mark.span.onset_ns < one.at_ns <= mark.span.end_ns + SETTLED
        ]
        return sum(found) if found else None

    def _between(self, begin_ns: int, end_ns: int) -> npt.NDArray[np.float64]:
        """The levels of what left the loudspeaker, a grain at a time."""
        return self._level[begin_ns // MS // GRAIN_MS : end_ns // MS // GRAIN_MS]

    def _first(self, begin_ns: int, within_ns: int, *, below: float) -> float | None:
        """How many ms after ``begin_ns`` the loudspeaker's level was ``below``, and for 20 ms at least."""
        quiet = self._between(begin_ns, begin_ns + within_ns) < below
        if quiet.size < HELD:
            return None
        lasting = np.lib.stride_tricks.sliding_window_view(quiet, HELD).all(axis=1)
        return float(np.argmax(lasting)) * GRAIN_MS if lasting.any() else None

    def _outcome(self, mark: Mark, good: bool, why: str, **times: float | None) -> Outcome:
        onset = mark.span.onset_ns
        if mark.turn is not None and mark.kind != "answer":
            times["ducked_ms"] = self._first(onset, YIELD_WITHIN, below=DUCKED_DB)
            times["silent_ms"] = self._first(onset, YIELD_WITHIN, below=SILENT_DB)
        return Outcome(
            self._name,
            self._conditions,
            mark.kind,
            mark.column,
            mark.sound,
            onset / SECOND,
            good,
            why,
            **times,
        )
