"""The report of a call: what was said, what was done, and how long the caller waited."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from voicepipe.core.frames import (
    EndOfText,
    Heard,
    PlaybackStarted,
    Prosody,
    ProviderBegan,
    Skip,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Talk,
    Text,
    ToolWaiting,
    Transcript,
    TypedText,
)
from voicepipe.core.records import (
    CallerLevel,
    ClipEnded,
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
    Usage,
    VoiceAudible,
)
from voicepipe.core.units import MS
from voicepipe.observe.cost import Cost
from voicepipe.observe.events import plain
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.requests import Request, Requests, unsent
from voicepipe.observe.silenced import Silences
from voicepipe.observe.timeline import Timelines, TurnTimeline
from voicepipe.observe.turn_report import ToolReport, TurnReport
from voicepipe.observe.usage import Tally

MAX_TOOL_CALLS = 256
"""Of one turn, in the report; the llm stage stops a model long before."""

_OF_OTHERS = frozenset(
    {
        *(Usage, ProviderAttempt, ProviderBegan, VoiceAudible, ClipEnded),
        *(Transcript, Prosody, SpeechPaused, SpeechResumed, SpeechStopped, EndOfText, ToolWaiting),
    }
)
"""Half of all events: what is in them, timelines and requests tell."""

MAX_NOTED = 1000
"""Failures, ignored sounds and moments of dead air, of each the first so many."""


class CallReport:
    """An observer that sums a call up: ``session.observe(report)``.

    ``secrets`` are masked in ``to_dict`` and ``failures``. Without ``prices`` nothing has a price. Memory is
    bounded per turn.
    """

    def __init__(
        self, *, session: str, clock: str, secrets: Collection[str] = (), prices: PriceBook | None = None
    ) -> None:
        self.session = session
        self.clock = clock
        self.turns: list[TurnReport] = []
        self.ignored: list[SpeechIgnored] = []
        self.dead_air: list[DeadAir] = []
        self.switches: list[ProviderSwitched] = []
        """Each time when another provider began to fill a slot."""
        self.written: CallReport = self
        """The words of the call as they may be written down: see ``record.redact``."""
        self.discarded_drafts = 0
        """Replies that were prepared and dropped, since the caller went on or they failed unheard."""
        self.level: CallerLevel | None = None
        """How loud the caller's side was; known at the end of a call that had any audio."""
        self.heard_speech = False
        """Whether the VAD heard any speech."""
        self.saved = Tally()
        """What billed inputs would have consumed if they had been sent the caller's silence."""
        self.not_sent_ms = 0
        """How long that silence was."""
        self.until_ns = 0
        """Session time of the last event: how long the call has taken."""
        self.secrets = secrets
        self._failures: list[str] = []
        self._by_id: dict[int, TurnReport] = {}
        self._drafts: dict[int, TurnReport] = {}
        self.on_request: list[Callable[[Request, Tally], None]] = []
        """Called with each request that is complete, and with what it consumed."""
        self._prices = prices
        self._requests = Requests()
        self._of_no_turn = Tally()
        self._failed = Tally()
        """Of those for no turn, the ones that failed."""
        self._of_drafts = Tally()
        """Of those that were discarded."""
        self._timelines = Timelines(self._add_timeline)
        self._silences = Silences()

    @property
    def failures(self) -> list[str]:
        """What went wrong, for a person to read, in the order in which it happened."""
        return [plain(text, self.secrets) for text in self._failures]

    @property
    def unanswered(self) -> list[TurnReport]:
        """The committed turns that weren't answered, or haven't been so far."""
        return [turn for turn in self.turns if not turn.answered]

    def settle(self) -> None:
        """Count the last request, too: nothing more will be told of it."""
        self._settle(self._requests.take())

    @property
    def usage(self) -> Tally:
        """All that the providers consumed in this call, waste included."""
        self.settle()
        turns = (*self.turns, *self._drafts.values())
        return _sum(self._of_no_turn, self._of_drafts, *(turn.usage for turn in turns))

    @property
    def wasted(self) -> Tally:
        """What of ``usage`` was for discarded drafts, for requests that failed and for speech that nobody
        heard."""
        self.settle()
        return _sum(self._of_drafts, self._failed, *(turn.wasted for turn in self.turns))

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
                {
                    "turn": one.turn,
                    "slot": one.slot,
                    "previous": one.previous,
                    "provider": one.provider,
                    "reason": one.reason,
                }
                for one in self.written.switches
            ],
            "discarded_drafts": self.discarded_drafts,
            "usage": self.usage.to_list(),
            "wasted": self.wasted.to_list(),
            "not_sent_ms": self.not_sent_ms,
            "saved": self.saved.to_list(),
            "cost_usd": None if total is None else float(total),
            "cost": None if cost is None else cost.to_dict(),
        }
        return {name: plain(value, self.secrets) for name, value in report.items()}

    def __call__(self, at_ns: int, event: Any) -> None:
        self.until_ns = at_ns
        if type(event) is Text:  # a third of all events, and the reply's end tells the words
            return
        request = self._requests.read(event)
        if request is not None:
            self._settle(request)
        if type(event) not in _OF_OTHERS:
            self._read(event)
        self._timelines(at_ns, event)

    def _read(self, event: Any) -> None:
        silenced_ns = self._silences.read(event)
        match event:
            case TurnDrafted():
                self._drafts[event.turn] = TurnReport(event.turn, event.user)
            case TurnBegan():
                self._begin(event)
            case SpeechStarted() | TypedText() | Talk():
                self._note_caller(event)
            case SpeechIgnored():
                self._ignore(event)
            case DeadAir():
                self._note_dead_air(event)
            case ProviderSwitched():
                if len(self.switches) < MAX_NOTED:
                    self.switches.append(event)
            case TurnEnded(status="discarded"):
                self._discard(event)
            case CallerLevel():
                self.level = event
            case NotSent():
                self._save(event)
            case Failed():
                self._fail(f"{event.stage}: {event.error}")
            case _:
                turn = self._find(getattr(event, "turn", None))
                if turn is not None:
                    turn.silenced_ns = turn.silenced_ns if silenced_ns is None else silenced_ns
                    self._note(turn, event)

    def _find(self, turn: int | None) -> TurnReport | None:
        """The turn or the draft with that id."""
        return None if turn is None else self._by_id.get(turn) or self._drafts.get(turn)

    def _begin(self, event: TurnBegan) -> None:
        turn = self._drafts.pop(event.turn, None) or TurnReport(event.turn, event.user)
        turn.user = event.user
        self.turns.append(turn)
        self._by_id[event.turn] = turn

    def _discard(self, event: TurnEnded) -> None:
        """A draft, or a reply that is begun anew: what it consumed was for nothing."""
        turn = self._drafts.pop(event.turn, None) or self._by_id.pop(event.turn, None)
        self.discarded_drafts += 1
        if turn is not None:
            self._of_drafts.add_all(turn.usage)
            self.turns = [one for one in self.turns if one is not turn]

    def _note(self, turn: TurnReport, event: Any) -> None:
        match event:
            case TurnReworded():
                turn.user = event.user
            case Skip():
                turn.cut_in = True
            case PlaybackStarted() if not turn.audible:
                turn.audible, turn.filler = True, event.filler
            case Heard():
                turn.listened.note(event)
            case ToolStarted():
                self._start_tool(turn, event)
            case ToolFinished():
                self._finish_tool(turn, event)
            case TurnEnded():
                self._end(turn, event)

    def _note_caller(self, event: SpeechStarted | TypedText | Talk) -> None:
        self.heard_speech = self.heard_speech or isinstance(event, SpeechStarted)
        if not self.turns or self.turns[-1].status is not None:
            return
        turn = self.turns[-1]
        if isinstance(event, SpeechStarted):
            turn.spoken_into = event.position
        elif isinstance(event, TypedText):
            turn.cut_in = True
        elif event.pressed and turn.spoken_into is None:
            turn.spoken_into = -1

    def _ignore(self, event: SpeechIgnored) -> None:
        turn = self._find(event.turn)
        if turn is not None and turn.spoken_into is not None and turn.spoken_into <= event.utterance:
            turn.spoken_into = None
        if len(self.ignored) < MAX_NOTED:
            self.ignored.append(event)

    def _note_dead_air(self, event: DeadAir) -> None:
        if len(self.dead_air) < MAX_NOTED:
            self.dead_air.append(event)
        if event.turn is None:
            self._fail(f"{event.stage}: nothing came of what the caller said")

    def _settle(self, request: Request | None) -> None:
        """Put down what a request consumed, now that it is complete."""
        if request is None:
            return
        used, turn = request.tally(self._prices), self._find(request.turn)
        for callback in self.on_request:
            callback(request, used)
        if request.turn is None:
            places = [self._of_no_turn, self._failed]
        elif turn is not None:
            places = [turn.usage, turn.failed]
        else:  # what a draft was charged for is told when its calls are broken off, after its end
            places = [self._of_drafts]
        for place in places if request.for_nothing else places[:1]:
            place.add_all(used)

    def _save(self, event: NotSent) -> None:
        saved = unsent(event, self._prices)
        self.saved.add_all(saved)
        self.not_sent_ms += event.ms if saved.amounts else 0

    def _start_tool(self, turn: TurnReport, event: ToolStarted) -> None:
        if len(turn.tool_calls) < MAX_TOOL_CALLS:
            turn.tool_calls.append(ToolReport(event.call_id, event.name, event.arguments))

    def _finish_tool(self, turn: TurnReport, event: ToolFinished) -> None:
        for call in turn.tool_calls:
            if call.call_id == event.call_id and call.result is None:
                call.result, call.error = event.result, event.error
                break

    def _end(self, turn: TurnReport, event: TurnEnded) -> None:
        turn.agent, turn.heard, turn.status = event.said, event.heard, event.status
        if event.status == "failed":
            self._fail(event.error or f"turn {event.turn} failed")

    def _fail(self, text: str) -> None:
        if len(self._failures) < MAX_NOTED:
            self._failures.append(text)

    def _add_timeline(self, timeline: TurnTimeline) -> None:
        if timeline.turn in self._by_id:  # it may have been begun anew
            self._by_id[timeline.turn].timeline = timeline


def _sum(*tallies: Tally) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add_all(tally)
    return total
