"""One call that was held → what is measured of it, in plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from voicepipe.api import RATE
from voicepipe.audio.wav import read_wav
from voicepipe.compare.attempts import attempts, cut_ins
from voicepipe.compare.measured import Interval, Item, MeasuredCall, MeasuredTurn, ToolUse
from voicepipe.compare.one_call import Held, not_held
from voicepipe.compare.plan import Run, Scripted
from voicepipe.compare.told import told
from voicepipe.config.conversations import ConversationTest
from voicepipe.config.load import LoadedPipeline
from voicepipe.core.frames import UNRECOGNISED, SpeechStarted, Transcript
from voicepipe.core.units import MS
from voicepipe.observe.door import redacted
from voicepipe.observe.events import plain
from voicepipe.observe.evidence import Evidence
from voicepipe.observe.expectations import judge
from voicepipe.observe.in_recording import Latency, latencies_in, match
from voicepipe.observe.redact import Redactor
from voicepipe.observe.report import CallReport
from voicepipe.observe.timeline import Contribution
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Amount, Tally
from voicepipe.speech.word_errors import word_errors
from voicepipe.transports.conversation import Utterance

EARLY = 300 * MS
"""So much before what was said its onset may be found: an onset is dated back by an estimate."""


def measured(
    run: Run,
    held: Held,
    *,
    began: str,
    load: float,
    stubs: dict[str, Any] | None,
    recording: Path | None = None,
) -> MeasuredCall:
    """What was measured of ``run``; ``began`` and ``load`` are those of the moment before it.

    The agent's side is taken from the report and the timelines, the caller's from the script: which steps
    were reached when, and what was to come of them. ``recording``: both sides, in the same call.
    """
    blank = MeasuredCall(
        variant=run.variant.name,
        call=run.call.name,
        repetition=run.repetition,
        clock=run.variant.clock,
        began=began,
        load=load,
        duration_ns=0,
        error=held.error,
    )
    if held.evidence is None:
        return blank
    evidence, loaded = held.evidence, run.variant.loaded
    error = held.error or not_held(evidence, stubs)
    judged = _judged(run.call, evidence, loaded) if error is None else {}
    return blank.model_copy(
        update={
            **_of_report(evidence.report, loaded),
            **_of_attempts(run.call, evidence, loaded.agent.language),
            **_of_words(run.call, evidence),
            **judged,
            "duration_ns": evidence.ended_ns,
            "turns": tuple(_turns(evidence, loaded, _in_recording(evidence, recording))),
            "error": error,
            "events": told(
                redacted(evidence.events, loaded.top.record, loaded.agent.language),
                loaded.environment.secrets,
            ),
            "audio": None if recording is None else recording.name,
        }
    )


# ── what the report tells ────────────────────────────────────────────────────────────────────────


def _of_report(report: CallReport, loaded: LoadedPipeline) -> dict[str, Any]:
    """``items``: each meter of the call. ``dead_air``: times that nothing was heard for too long."""
    return {
        "items": tuple(_items(report.usage, report.wasted)),
        "saved": tuple(_items(report.saved, Tally())),
        "dead_air": len(report.dead_air),
        "discarded_drafts": report.discarded_drafts,
        "switches": len(report.switches),
        "failures": tuple(loaded.environment.mask(text) for text in report.written.failures),
    }


def _items(used: Tally, wasted: Tally) -> Iterator[Item]:
    for meter, amount in used.amounts.items():
        yield Item(
            slot=meter.slot,
            provider=meter.provider,
            model=meter.model,
            unit=meter.unit,
            amount=amount.total,
            estimated=amount.estimated,
            unpriced=amount.unpriced,
            cost=amount.cost,
            wasted=wasted.amounts.get(meter, Amount()).cost,
        )


def _turns(
    evidence: Evidence, loaded: LoadedPipeline, recorded: dict[int, Latency | None]
) -> Iterator[MeasuredTurn]:
    said = {turn.turn: turn for turn in evidence.report.written.turns}
    for number, reply in evidence.replies.items():
        turn, timeline = reply.report, reply.report.timeline
        words = said.get(number) or TurnReport(number, "")
        waited = timeline is not None and timeline.spoken and timeline.audible
        heard = recorded.get(number)
        yield MeasuredTurn(
            turn=number,
            user=_plain(words.user, loaded),
            agent=_plain(words.agent or "", loaded),
            heard=_plain(words.heard or "", loaded),
            status=turn.status,
            answered=turn.answered,
            spoken=timeline.spoken if timeline else False,
            estimated=timeline.estimated if timeline else False,
            filler=turn.filler,
            start_ns=timeline.start_ns if timeline else reply.began_ns,
            voice_to_voice_ns=timeline.total_ns if timeline and waited else None,
            in_recording_ns=None if heard is None else heard.duration_ns,
            waterfall=_intervals(timeline.contributions) if timeline else (),
            ahead=_intervals(timeline.ahead) if timeline else (),
            tools=tuple(_tools(words, loaded)),
            cost=_sum(turn.usage),
            wasted=_sum(turn.wasted),
        )


def _intervals(contributions: Sequence[Contribution]) -> tuple[Interval, ...]:
    return tuple(
        Interval(step=one.step, start_ns=one.start_ns, duration_ns=one.duration_ns) for one in contributions
    )


def _tools(turn: TurnReport, loaded: LoadedPipeline) -> Iterator[ToolUse]:
    for call in turn.tool_calls:
        yield ToolUse(
            name=call.name,
            arguments=plain(call.arguments, loaded.environment.secrets),
            result=None if call.result is None else _plain(call.result, loaded),
            error=call.error,
        )


def _plain(text: str, loaded: LoadedPipeline) -> str:
    return str(plain(text, loaded.environment.secrets))


def _sum(tally: Tally) -> int:
    return sum(amount.cost for amount in tally.amounts.values())


def _in_recording(evidence: Evidence, recording: Path | None) -> dict[int, Latency | None]:
    """By turn, the latency that is found in the recording alone."""
    if recording is None:
        return {}
    left, right = (read_wav(recording, channel=number) for number in (0, 1))
    timelines = [one for reply in evidence.replies.values() if (one := reply.report.timeline) is not None]
    found = match(latencies_in(left.pcm, right.pcm, left.rate), timelines)
    return dict(zip((one.turn for one in timelines), found, strict=True))


# ── what the script tells ────────────────────────────────────────────────────────────────────────


def _judged(call: Scripted, evidence: Evidence, loaded: LoadedPipeline) -> dict[str, Any]:
    """``passed``: whether all that its test expects was met, the right tool with the right arguments among
    it; None where it expects nothing, though a step that couldn't be done is still told as ``missed``."""
    if call.test is None:
        return {}
    misses = judge(call.test.test, evidence)
    redactor = Redactor(loaded.top.record.redact, language=loaded.agent.language)
    missed = (
        redactor.text(f"{'.'.join(map(str, one.path))}: expected {one.expected}, found {one.found}")
        for one in misses
    )
    passed = not misses if _expects(call.test.test) else None
    return {"passed": passed, "missed": tuple(_plain(text, loaded) for text in missed)}


def _expects(test: ConversationTest) -> bool:
    return bool(test.expect.model_fields_set) or any(step.expect is not None for step in test.steps)


def _of_attempts(call: Scripted, evidence: Evidence, language: str) -> dict[str, Any]:
    made = attempts(call, evidence, language)
    interruptions = [one for one in made if one.interrupts]
    backchannels = [one for one in made if not one.interrupts]
    return {
        "interruptions": len(interruptions),
        "honoured": sum(one.cut for one in interruptions),
        "backchannels": len(backchannels),
        "ignored": sum(not one.cut for one in backchannels),
        "silences_ns": tuple(one.silent_ns for one in interruptions if one.cut),
        "cut_ins": cut_ins(call, evidence, RATE),
    }


def _of_words(call: Scripted, evidence: Evidence) -> dict[str, Any]:
    """Of the utterances whose words are known and that were reached: final transcripts against these words.

    A transcript belongs to the utterance in which the speech began that it is of. All are compared at once,
    in their order, so that it doesn't matter whether two utterances were heard as one, or one as two.
    """
    places = [index for index, item in enumerate(call.script) if isinstance(item, Utterance)]
    began = [evidence.steps[index].began_ns for index in places]
    known = {
        number: words
        for number, words in enumerate(call.reference)
        if words is not None and number < len(began) and began[number] is not None
    }
    if not known:
        return {}
    heard: dict[int, list[str]] = {}
    for onset_ns, text in _transcripts(evidence):
        before = [n for n, at_ns in enumerate(began) if at_ns is not None and at_ns <= onset_ns + EARLY]
        if before:
            heard.setdefault(before[-1], []).append(text)
    found = " ".join(text for number in known for text in heard.get(number, ()))
    errors, words = word_errors(" ".join(known.values()), found)
    return {"word_errors": errors, "words": words}


def _transcripts(evidence: Evidence) -> Iterator[tuple[int, str]]:
    """When the speech began, and what was heard of it in the end."""
    onsets: dict[int, int] = {}
    for at_ns, event in evidence.events:
        if isinstance(event, SpeechStarted):
            onsets[event.position] = event.onset_ns
        elif isinstance(event, Transcript) and event.final and event.text != UNRECOGNISED:
            yield onsets.get(event.utterance, at_ns), event.text
