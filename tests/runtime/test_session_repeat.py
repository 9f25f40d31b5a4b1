"""Skipping and repeating replies, in whole calls on the simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from voicepipe.api import Call, Pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import PlaybackStarted, Text
from voicepipe.core.messages import Message
from voicepipe.core.records import ProviderAttempt, StateChanged, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.report import CallReport
from voicepipe.speech.policy import State
from voicepipe.transports.wav import Typed, WavCall

GREETING = "Hello, this is the order desk."
ANSWERS = ("It left the warehouse this morning and should arrive on Friday.", "You are welcome.")

PIPELINE = """
voicepipe: 1
agent: {prompt: "", greeting: "Hello, this is the order desk."}
stages:
  vad: energy
  stt: {use: sim, texts: [never said]}
  llm:
    use: sim
    replies: ["It left the warehouse this morning and should arrive on Friday.", "You are welcome."]
  tts: sim
"""


class Presser:
    """Presses keys: ``when(kind, nth, do, after)`` acts ``after`` ns after the nth event of that kind."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.ended: list[TurnEnded] = []
        self.events: list[Any] = []
        self._plans: list[tuple[Callable[[Any], bool], int, Callable[[Call], None], int]] = []

    def when(
        self, match: Callable[[Any], bool], nth: int, act: Callable[[Call], None], after: int = 0
    ) -> None:
        self._plans.append((match, nth, act, after))

    def begin(self, call: Call) -> None:
        self.call = call
        call.observe(self.see)

    def see(self, at_ns: int, event: Any) -> None:
        assert self.call is not None
        self.events.append(event)
        if isinstance(event, TurnEnded):
            self.ended.append(event)
        for match, nth, act, after in self._plans:
            if match(event) and sum(map(match, self.events)) == nth:
                call = self.call
                call.clock.call_at(at_ns + after, lambda act=act, call=call: act(call))  # type: ignore[misc]

    def asked(self) -> int:
        """How often the model was asked."""
        return sum(isinstance(event, ProviderAttempt) and event.slot == "llm" for event in self.events)


def audible(event: Any) -> bool:
    return isinstance(event, PlaybackStarted)


def idle(event: Any) -> bool:
    return isinstance(event, StateChanged) and event.state == State.IDLE


def hold(tmp_path: Path, keys: Presser, *typed: str) -> tuple[CallReport, list[Message]]:
    """A call in which the caller types; the report, and the history at its end."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE)
    history: list[Message] = []

    def begin(call: Call) -> None:
        keys.begin(call)
        call.observe(
            lambda at_ns, event: history.__setitem__(slice(None), call._session.conversation.history)
        )

    def ends(clock: Clock) -> WavCall:
        return WavCall(clock, [Typed(line) for line in typed], rate=16_000, gap_ns=2 * SECOND)

    report = run_on("simulated", Pipeline.from_yaml(path).hold(ends, on_call=begin))
    return report, history


def said_to_caller(history: list[Message]) -> list[str]:
    return [message.text for message in history if message.role == "assistant"]


def test_the_greeting_can_be_repeated_and_is_in_the_history_once(tmp_path: Path) -> None:
    keys = Presser()
    keys.when(idle, 1, Call.repeat, 500 * MS)
    _, history = hold(tmp_path, keys, "where is it?")
    assert [turn.heard for turn in keys.ended] == [GREETING, GREETING, ANSWERS[0]]
    assert said_to_caller(history) == [GREETING, ANSWERS[0]]


def test_a_repeated_reply_does_not_ask_the_model_again(tmp_path: Path) -> None:
    keys = Presser()
    keys.when(idle, 2, Call.repeat, 500 * MS)
    keys.when(idle, 3, Call.repeat, 500 * MS)
    report, history = hold(tmp_path, keys, "where is it?", "thanks")
    assert [turn.heard for turn in keys.ended] == [GREETING, *[ANSWERS[0]] * 3, ANSWERS[1]]
    assert keys.asked() == 2
    assert said_to_caller(history) == [GREETING, *ANSWERS]
    assert report.unanswered == []
    texts = [event for event in keys.events if isinstance(event, Text) and event.turn == 3]
    assert {text.in_history for text in texts} == {False}


def test_a_reply_that_is_being_spoken_is_repeated_after_its_end(tmp_path: Path) -> None:
    keys = Presser()
    keys.when(audible, 2, Call.repeat, 300 * MS)
    _, history = hold(tmp_path, keys, "where is it?")
    assert [(turn.status, turn.heard) for turn in keys.ended[1:]] == [("completed", ANSWERS[0])] * 2
    assert said_to_caller(history) == [GREETING, ANSWERS[0]]


def test_a_skipped_reply_falls_silent_and_the_history_keeps_what_was_heard(tmp_path: Path) -> None:
    keys = Presser()
    keys.when(audible, 2, Call.skip, 1000 * MS)
    report, history = hold(tmp_path, keys, "where is it?", "thanks")
    skipped = keys.ended[1]
    assert (skipped.status, skipped.said) == ("interrupted", ANSWERS[0])
    assert skipped.heard
    assert ANSWERS[0].startswith(skipped.heard)
    assert said_to_caller(history) == [GREETING, skipped.heard, ANSWERS[1]]
    assert report.unanswered == []


def test_a_reply_that_is_skipped_before_it_sounds_was_not_owed_any_more(tmp_path: Path) -> None:
    keys = Presser()
    keys.when(lambda event: isinstance(event, StateChanged) and event.state == State.PROCESSING, 2, Call.skip)
    report, _ = hold(tmp_path, keys, "where is it?")
    assert [(turn.status, turn.heard) for turn in keys.ended[1:]] == [("interrupted", "")]
    assert report.unanswered == []


def test_a_skipped_reply_that_is_repeated_is_said_from_its_beginning_and_remembered(tmp_path: Path) -> None:
    keys = Presser()
    keys.when(audible, 2, Call.skip, 1000 * MS)
    keys.when(audible, 2, Call.repeat, 1001 * MS)
    _, history = hold(tmp_path, keys, "where is it?")
    assert keys.ended[2].heard == ANSWERS[0]
    assert said_to_caller(history) == [GREETING, keys.ended[1].heard, ANSWERS[0]]


def test_where_there_is_nothing_to_skip_or_repeat_nothing_happens(tmp_path: Path) -> None:
    keys = Presser()
    keys.when(lambda event: isinstance(event, StateChanged), 1, Call.repeat)
    keys.when(idle, 1, Call.skip, 100 * MS)
    _, history = hold(tmp_path, keys, "where is it?")
    assert [turn.heard for turn in keys.ended] == [GREETING, ANSWERS[0]]
    assert said_to_caller(history) == [GREETING, ANSWERS[0]]
