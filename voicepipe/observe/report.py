"""The report of a call: what was said, what was done, and how long the caller waited."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from voicepipe.core.frames import (
    Heard,
    PlaybackStarted,
    Skip,
    SpeechStarted,
    Talk,
    Text,
    TypedText,
)
from voicepipe.core.records import (
    CallerLevel,
    DeadAir,
    Failed,
    NotSent,
    ProviderAttempt,
    ProviderSwitched,
    SpeechIgnored,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    TurnReworded,
)
from voicepipe.core.units import MS
from voicepipe.errors import UsageError
from voicepipe.observe.consumed import Consumed
from voicepipe.observe.cost import Cost
from voicepipe.observe.events import plain
from voicepipe.observe.observers import Observer, ReadsByType
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.silenced import Silences
from voicepipe.observe.tail import Tail
from voicepipe.observe.timeline import Timelines, TurnTimeline
from voicepipe.observe.turn_report import ToolReport, TurnReport
from voicepipe.observe.usage import Tally

MAX_TOOL_CALLS = 256
"""Of one turn, in the report; the llm stage stops a model long before."""

MAX_NOTED = 1000
"""Failures, ignored sounds, moments of dead air and switches, of each the last so many."""


class CallReport(ReadsByType):
    """An observer that sums a call up: ``session.observe(report)``.

    ``secrets`` are masked in ``to_dict`` and ``failures``. Without ``prices`` nothing has a price.

    ``keep_turns``: how many of the last turns are told in full, None for all of them. The others are summed
    up as they leave, so that sums and counts are those of the whole call. The other lists are cut at the same
    length; ``left_out`` tells what is missing of each. A turn that hasn't ended is never left out.
    """

    def __init__(
        self,
        *,
        session: str,
        clock: str,
        secrets: Collection[str] = (),
        prices: PriceBook | None = None,
        keep_turns: int | None = None,
    ) -> None:
        self.session = session
        self.clock = clock
        self.turns: Tail[TurnReport] = Tail(keep_turns)
        noted = MAX_NOTED if keep_turns is None else min(keep_turns, MAX_NOTED)
        self.ignored: Tail[SpeechIgnored] = Tail(noted)
        self.dead_air: Tail[DeadAir] = Tail(noted)
        self.switches: Tail[ProviderSwitched] = Tail(noted)
        """Each time when another provider began to fill a slot."""
        self._written: CallReport | None = None
        self.discarded_drafts = 0
        """Replies that were prepared and dropped, since the caller went on or they failed unheard."""
        self.level: CallerLevel | None = None
        """How loud the caller's side was; known at the end of a call that had any audio."""
        self.heard_speech = False
        """Whether the VAD heard any speech."""
        self.until_ns = 0
        """Session time of the last event but the pieces of a reply's text: how long the call has taken."""
        self.secrets = secrets
        self._failures: Tail[str] = Tail(noted)
        self._by_id: dict[int, TurnReport] = {}
        self._drafts: dict[int, TurnReport] = {}
        self._consumed = Consumed(prices)
        self.on_request = self._consumed.on_request
        """Called with each request that has ended, and with what it consumed."""
        self.on_turn_left: list[Callable[[TurnReport], None]] = []
        """Called with each turn that leaves ``turns``."""
        self.on_turn_ended: list[Callable[[TurnReport], None]] = []
        """Called with each turn whose end has been told."""
        self._prices = prices
        self._left_unanswered = 0
        """Of the turns that aren't in ``turns`` any more."""
        self._silences = Silences()
        self._timelines = Timelines(partial(_add_timeline, self._by_id))

    @property
    def written(self) -> CallReport:
        """The words of the call as they may be written down: see ``record.redact``."""
        return self._written or self

    @written.setter
    def written(self, report: CallReport) -> None:
        self._written = report

    @property
    def failures(self) -> list[str]:
        """What went wrong, for a person to read, in the order in which it happened."""
        return [plain(text, self.secrets) for text in self._failures]

    @property
    def all_turns(self) -> list[TurnReport]:
        """For whoever needs every one of them. Raises ``UsageError`` if some were left out."""
        if self.turns.left_out:
            raise UsageError(
                f"the report of this call keeps its last {len(self.turns)} turns;"
                f" {self.turns.left_out} were left out",
                hint="keep all of them: pipeline.session(keep_turns=None)",
            )
        return self.turns

    @property
    def left_out(self) -> dict[str, int]:
        """How many are missing of each list; nothing for those that are whole."""
        tails: dict[str, Tail[Any]] = {
            "turns": self.turns,
            "ignored": self.ignored,
            "dead_air": self.dead_air,
            "switches": self.switches,
            "failures": self._failures,
        }
        return {name: tail.left_out for name, tail in tails.items() if tail.left_out}

    @property
    def turn_count(self) -> int:
        """All turns of the call."""
        return self.turns.left_out + len(self.turns)

    @property
    def unanswered(self) -> list[TurnReport]:
        """The committed turns in ``turns`` that weren't answered, or haven't been so far."""
        return [turn for turn in self.turns if not turn.answered]

    @property
    def unanswered_count(self) -> int:
        """Those of the whole call."""
        return self._left_unanswered + len(self.unanswered)

    def find(self, turn: int | None) -> TurnReport | None:
        """The turn or the draft with that id, as long as it is told in full."""
        return None if turn is None else self._by_id.get(turn) or self._drafts.get(turn)

    @property
    def saved(self) -> Tally:
        """What billed inputs would have consumed if they had been sent the caller's silence."""
        return self._consumed.saved

    @property
    def not_sent_ms(self) -> int:
        """How long that silence was."""
        return self._consumed.not_sent_ms

    @property
    def usage(self) -> Tally:
        """All that the providers consumed in this call, waste included."""
        return self._consumed.used((*self.turns, *self._drafts.values()))

    @property
    def wasted(self) -> Tally:
        """What of ``usage`` was for discarded drafts, for requests that failed and for speech that nobody
        heard."""
        return self._consumed.wasted(self.turns)

    @property
    def cost(self) -> Cost | None:
        """What ``usage`` costs; None for a report that was made without prices."""
        if self._prices is None:
            return None
        return Cost(self.usage, self.wasted, self._prices, self.saved, self.not_sent_ms)

    def to_dict(self) -> dict[str, Any]:
        """What ``voicepipe run --json`` prints; ``docs/events.md`` describes it.

        ``cost_usd`` is None if anything has no price. A tool's result is parsed if it is a JSON object or
        array, and is text otherwise.
        """
        cost, words = self.cost, {turn.turn: turn for turn in self.written.turns}
        total = cost.total if cost is not None else None
        report = {
            "session": self.session,
            "clock": self.clock,
            "turns": [turn.to_dict(words.get(turn.turn)) for turn in self.turns],
            "ignored": [
                {"turn": one.turn, "text": one.text, "reason": one.reason, "paused_ms": one.paused_ns / MS}
                for one in self.written.ignored
            ],
            "dead_air": [
                {"turn": one.turn, "stage": one.stage, "silent_ms": one.silent_ns / MS}
                for one in self.dead_air
            ],
            "switches": [
                {name: getattr(one, name) for name in ("turn", "slot", "previous", "provider", "reason")}
                for one in self.written.switches
            ],
            "left_out": self.left_out,
            "unanswered": self.unanswered_count,
            "discarded_drafts": self.discarded_drafts,
            "usage": self.usage.to_list(),
            "wasted": self.wasted.to_list(),
            "not_sent_ms": self.not_sent_ms,
            "saved": self.saved.to_list(),
            "cost_usd": None if total is None else float(total),
            "cost": None if cost is None else cost.to_dict(),
        }
        return {name: plain(value, self.secrets) for name, value in report.items()}

    def reader(self, kind: type[Any]) -> Observer | None:
        """Not the pieces of a reply, a quarter of all events: its end tells the words."""
        own = partial(_READ[kind], self) if kind in _READ else None
        parts = [self._silences.reads(kind), self._timelines.reads(kind), own]
        reads = tuple(part for part in parts if part is not None)

        def read(at_ns: int, event: Any) -> None:
            self.until_ns = at_ns
            for part in reads:
                part(event)

        return None if kind is Text else read

    def _count(self, request: ProviderAttempt) -> None:
        self._consumed.count(request, self.find(request.turn))

    # ── the turns ────────────────────────────────────────────────────────────────────────────────

    def _draft(self, event: TurnDrafted) -> None:
        self._drafts[event.turn] = TurnReport(event.turn, event.user)

    def _begin(self, event: TurnBegan) -> None:
        turn = self._drafts.pop(event.turn, None) or TurnReport(event.turn, event.user)
        turn.user = event.user
        self._by_id[event.turn] = turn
        for left in self.turns.add(turn, over=lambda one: one.status is not None):
            self._leave(left)

    def _leave(self, turn: TurnReport) -> None:
        """Sum up a turn that isn't kept. What is told of it so much later counts as for nobody."""
        self._by_id.pop(turn.turn, None)
        self._consumed.leave(turn)
        self._left_unanswered += not turn.answered
        for callback in self.on_turn_left:
            callback(turn)

    def _discard(self, event: TurnEnded) -> None:
        """A draft, or a reply that is begun anew: what it consumed was for nothing."""
        turn = self._drafts.pop(event.turn, None) or self._by_id.pop(event.turn, None)
        self.discarded_drafts += 1
        if turn is not None:
            self._consumed.discard(turn)
            self.turns[:] = [one for one in self.turns if one is not turn]

    def _reword(self, event: TurnReworded) -> None:
        turn = self.find(event.turn)
        if turn is not None:
            turn.user = event.user

    def _skip(self, event: Skip) -> None:
        turn = self.find(event.turn)
        if turn is not None:
            turn.cut_in = True

    def _play(self, event: PlaybackStarted) -> None:
        turn = self.find(event.turn)
        if turn is not None and not turn.audible:
            turn.audible, turn.filler = True, event.filler

    def _hear(self, event: Heard) -> None:
        turn = self.find(event.turn)
        if turn is not None:
            turn.listened.note(event)

    def _start_tool(self, event: ToolStarted) -> None:
        turn = self.find(event.turn)
        if turn is not None and len(turn.tool_calls) < MAX_TOOL_CALLS:
            turn.tool_calls.append(ToolReport(event.call_id, event.name, event.arguments))

    def _finish_tool(self, event: ToolFinished) -> None:
        turn = self.find(event.turn)
        for call in turn.tool_calls if turn is not None else ():
            if call.call_id == event.call_id and call.result is None:
                call.result, call.error = event.result, event.error
                break

    def _end(self, event: TurnEnded) -> None:
        silenced_ns = self._silences.end(event)
        if event.status == "discarded":
            self._discard(event)
            return
        turn = self.find(event.turn)
        if turn is None:
            return
        turn.silenced_ns = silenced_ns
        turn.agent, turn.heard, turn.status = event.said, event.heard, event.status
        turn.listened.settle(whole=event.status == "completed")
        if event.status == "failed":
            self._failures.add(event.error or f"turn {event.turn} failed")
        for callback in self.on_turn_ended:
            callback(turn)

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    @property
    def _under_way(self) -> TurnReport | None:
        """The last turn, if it hasn't ended."""
        return self.turns[-1] if self.turns and self.turns[-1].status is None else None

    def _speak(self, event: SpeechStarted) -> None:
        self.heard_speech = True
        turn = self._under_way
        if turn is not None:
            turn.spoken_into = event.position

    def _type(self, event: TypedText) -> None:
        turn = self._under_way
        if turn is not None:
            turn.cut_in = True

    def _press(self, event: Talk) -> None:
        turn = self._under_way
        if turn is not None and event.pressed and turn.spoken_into is None:
            turn.spoken_into = -1

    def _ignore(self, event: SpeechIgnored) -> None:
        turn = self.find(event.turn)
        if turn is not None and turn.spoken_into is not None and turn.spoken_into <= event.utterance:
            turn.spoken_into = None
        self.ignored.add(event)

    # ── the call ─────────────────────────────────────────────────────────────────────────────────

    def _note_dead_air(self, event: DeadAir) -> None:
        self.dead_air.add(event)
        if event.turn is None:
            self._failures.add(f"{event.stage}: nothing came of what the caller said")

    def _note_level(self, event: CallerLevel) -> None:
        self.level = event


def _add_timeline(turns: Mapping[int, TurnReport], timeline: TurnTimeline) -> None:
    if timeline.turn in turns:  # it may have been begun anew
        turns[timeline.turn].timeline = timeline


_READ: Mapping[type[Any], Callable[[CallReport, Any], object]] = {
    TurnDrafted: CallReport._draft,
    TurnBegan: CallReport._begin,
    TurnReworded: CallReport._reword,
    TurnEnded: CallReport._end,
    PlaybackStarted: CallReport._play,
    Heard: CallReport._hear,
    Skip: CallReport._skip,
    ToolStarted: CallReport._start_tool,
    ToolFinished: CallReport._finish_tool,
    SpeechStarted: CallReport._speak,
    SpeechIgnored: CallReport._ignore,
    TypedText: CallReport._type,
    Talk: CallReport._press,
    DeadAir: CallReport._note_dead_air,
    ProviderSwitched: lambda report, event: report.switches.add(event),
    Failed: lambda report, event: report._failures.add(f"{event.stage}: {event.error}"),
    CallerLevel: CallReport._note_level,
    NotSent: lambda report, event: report._consumed.save(event),
    ProviderAttempt: CallReport._count,
}
"""What is in other events, the timelines tell."""
