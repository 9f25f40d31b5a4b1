"""A call line by line: who said what when, and what happened meanwhile, beside the recording.

A line begins where it is heard in the recording, so that it can be found there, and is marked while it plays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from voicepipe.compare.measured import MeasuredCall, MeasuredTurn
from voicepipe.compare.page.audio import Recording
from voicepipe.compare.page.html import Html, Node, join, tag
from voicepipe.compare.page.marks import bar, of_turn
from voicepipe.compare.page.numbers import moment, plural, took
from voicepipe.compare.page.words import Words
from voicepipe.core.units import MS, SECOND

MAX_LINES = 80
"""Of one call: five minutes of lively talk."""

Event = Mapping[str, Any]


class Line(NamedTuple):
    """``who`` is empty for what merely happened; ``more`` stands below the text."""

    at_ns: int
    who: str
    text: Html
    more: Sequence[Node] = ()


def transcript(
    call: MeasuredCall,
    recording: Recording | None,
    words: Words,
    *,
    key: str,
    why: Mapping[int, str] | None = None,
    scale_ns: int | None = None,
) -> Html:
    """The recording, if there is one, and the lines of ``call``. ``key`` names the recording in the page.

    ``why``: sentences by turn; ``scale_ns``: how much of a turn a whole bar is, None for no bars.
    """
    lines = sorted(_lines(call, words, why or {}, scale_ns), key=lambda line: line.at_ns)
    shown, rest = lines[:MAX_LINES], len(lines) - MAX_LINES
    return tag(
        "div",
        _player(recording, key),
        tag("ol", [_line(line) for line in shown], class_="lines"),
        tag("p", f"{plural(rest, 'further line')} not shown.", class_="note") if rest > 0 else None,
        data_player=True,
    )


def _player(recording: Recording | None, key: str) -> Html | None:
    if recording is None:
        return None
    cut = None
    if recording.seconds < recording.whole_seconds:
        cut = f"The first {recording.seconds:.0f} of {recording.whole_seconds:.0f} seconds."
    return join(
        tag(
            "audio",
            src=recording.url,
            id=key,
            controls=True,
            preload="none",
            aria_label="The call: caller left, agent right",
        ),
        tag("p", cut, class_="note") if cut else None,
    )


def _line(line: Line) -> Html:
    seconds = line.at_ns / SECOND
    at = tag("button", moment(seconds), type="button", disabled=True, data_at=f"{seconds:.2f}")
    text = tag("span", line.text, class_="words" if line.who else "words event")
    more = [tag("div", one, class_="more") for one in line.more]
    return tag("li", at, tag("span", line.who, class_="who"), text, more)


def _lines(call: MeasuredCall, words: Words, why: Mapping[int, str], scale_ns: int | None) -> Iterator[Line]:
    onsets, began = _onsets(call.events), _began(call.events)
    before = -1
    for turn in call.turns:
        if turn.user:
            first = next((at for at in onsets if before < at <= turn.start_ns), turn.start_ns)
            yield Line(first, "caller", words.text(turn.user))
            before = turn.start_ns
        heard_ns = began.get(turn.turn, turn.start_ns + (turn.voice_to_voice_ns or 0))
        yield Line(heard_ns, "agent", words.reply(turn), list(_below(turn, words, why, scale_ns)))
    for event in call.events:
        found = _happened(event, words)
        if found is not None:
            yield Line(round(float(event.get("at_ms") or event["t_ms"]) * MS), "", found)


def _below(turn: MeasuredTurn, words: Words, why: Mapping[int, str], scale_ns: int | None) -> Iterator[Node]:
    for use in turn.tools:
        yield words.tool(use)
    if turn.status == "interrupted":
        yield tag("span", "cut off by the caller", class_="note")
    if not turn.answered:
        yield tag("span", "not answered", class_="bad")
    if scale_ns is not None and turn.waterfall and turn.user:
        total = took(sum(part.duration_ns for part in turn.waterfall))
        yield tag("div", bar(*of_turn(turn), scale_ns), tag("span", total), class_="way alone")
    if turn.turn in why:
        yield tag("span", why[turn.turn], class_="why")


def _onsets(events: Sequence[Event]) -> list[int]:
    """When the caller began to speak, but for what was ignored."""
    ignored = {event.get("utterance") for event in events if event["event"] == "SpeechIgnored"}
    began = (event for event in events if event["event"] == "SpeechStarted")
    return [round(event["onset_ms"] * MS) for event in began if event["position"] not in ignored]


def _began(events: Sequence[Event]) -> dict[int, int]:
    """When each turn was first heard."""
    playing = (event for event in reversed(events) if event["event"] == "PlaybackStarted")
    return {event["turn"]: round(event["at_ms"] * MS) for event in playing}


def _happened(event: Event, words: Words) -> Html | None:
    """What a person wants to know of ``event``; most of them are told by the lines themselves."""
    match event["event"]:
        case "SpeechIgnored":
            paused = event.get("paused_ms") or 0
            held = f"; the reply was held back for {paused / 1000:.1f} s" if paused else ""
            sound = words.text(event["text"]) if event.get("text") else "a sound"
            return join("ignored: ", sound, f" ({event.get('reason')}){held}")
        case "DeadAir":
            return join(
                f"silence for {(event.get('silent_ms') or 0) / 1000:.1f} s: ", str(event.get("stage"))
            )
        case "ProviderSwitched":
            change = f"{event.get('slot')}: {event.get('provider')} instead of {event.get('previous')}; "
            return join(change, words.text(str(event.get("reason"))))
        case "ProviderAttempt" if event.get("status") == "failed":
            return join(f"{event.get('slot')} {event.get('provider')} failed: ", _error(event, words))
        case "Failed":
            return join(f"{event.get('stage')}: ", _error(event, words))
        case "BudgetExceeded":
            return join(f"{event.get('budget')}: {event.get('limit')} reached; {event.get('action')}")
        case "LogFull":
            return join("the log of this call ends here")
        case _:
            return None


def _error(event: Event, words: Words) -> Html:
    return tag("span", words.text(str(event.get("error"))), class_="bad")
