"""One call as a page: to be listened to, line by line, with where the time of each turn went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.page.audio import Recording
from voicepipe.compare.page.calls import Why
from voicepipe.compare.page.document import document
from voicepipe.compare.page.html import Html, Node, said, tag
from voicepipe.compare.page.lines import transcript
from voicepipe.compare.page.marks import definitions, legend
from voicepipe.compare.page.numbers import NOTHING, money, plural, times, took
from voicepipe.compare.page.words import Words
from voicepipe.core.units import SECOND
from voicepipe.observe.expectations import percentile

FIGURES = (
    "A bar is one turn, from the end of the caller's speech to the first audio of the reply. Its parts are "
    "the steps that the caller waited for; what is hatched was done ahead, while the caller might still have "
    "gone on."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One call of the page. ``stages``: slot → what fills it."""

    heading: str
    call: MeasuredCall
    recording: Recording | None
    stages: Mapping[str, str]


def call_page(title: str, parts: Sequence[Part], *, redact: bool = False, why: Why = lambda call: {}) -> str:
    """One HTML file that needs nothing else, and no package that draws.

    ``redact`` leaves out what was said, and with it the audio; ``why`` explains slow turns.
    """
    contents = (
        [(f"part-{number}", part.heading) for number, part in enumerate(parts)] if len(parts) > 1 else []
    )
    body: list[Node] = [
        definitions(),
        tag("h1", said(title, 200)),
        tag("p", FIGURES),
        legend(),
        *[_section(number, part, Words(redact), why) for number, part in enumerate(parts)],
    ]
    return document(title, body, contents=contents)


def _section(number: int, part: Part, words: Words, why: Why) -> Html:
    call = part.call
    scale = max(
        (sum(one.duration_ns for one in turn.waterfall) for turn in call.turns if turn.user), default=0
    )
    return tag(
        "section",
        tag("h2", said(part.heading, 200)),
        _facts(part),
        transcript(
            call,
            None if words.redact else part.recording,
            words,
            key=f"recording-{number}",
            why=why(call),
            scale_ns=scale,
        ),
        id=f"part-{number}",
    )


def _facts(part: Part) -> Html:
    call = part.call
    spoken = [turn for turn in call.turns if turn.user]
    latencies = [turn.voice_to_voice_ns for turn in spoken if turn.voice_to_voice_ns is not None]
    waited = NOTHING
    if latencies:
        waited = took(latencies[0])
    if len(latencies) > 1:
        waited = f"{took(percentile(latencies, 50))} at the median, {took(max(latencies))} at most"
    facts: list[tuple[str, Node]] = [
        ("voice to voice", f"{waited} ({call.clock} clock)"),
        ("turns answered", times(sum(turn.answered for turn in spoken), len(spoken))),
        ("interruptions honoured", times(call.honoured, call.interruptions)),
        ("backchannels ignored", times(call.ignored, call.backchannels)),
        ("cost", _cost(call)),
        (
            "length",
            f"{call.duration_ns / SECOND:.0f} s, {plural(call.discarded_drafts, 'draft')} thrown away",
        ),
        ("stages", said(", ".join(f"{slot} {filling}" for slot, filling in part.stages.items()), 400)),
        ("when", call.began),
    ]
    return tag("dl", [(tag("dt", name), tag("dd", value)) for name, value in facts], class_="facts")


def _cost(call: MeasuredCall) -> str:
    if not call.items:
        return "nothing was charged"
    unpriced = dict.fromkeys(one.slot for one in call.items if one.unpriced)
    if unpriced:
        return f"not known: no price was given for {', '.join(unpriced)}"
    total, wasted = (sum(getattr(one, name) for one in call.items) for name in ("cost", "wasted"))
    return f"{money(total)} USD" + (f", {money(wasted)} of it for nothing" if wasted else "")
