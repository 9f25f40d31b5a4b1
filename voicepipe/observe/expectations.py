"""The expectations of a conversation test against what happened. Pure: the same answer each time.

An ``expect`` step speaks of the ``user`` step before it: of the turns that began from there up to the next
``user`` step, and, for a caller who spoke into a reply, of that reply. All is judged when the call is over,
so that what was heard of a reply is known to its end.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicepipe.config.conversations import ConversationTest, StepExpectation, Totals, Wording
from voicepipe.core.conditions import Condition
from voicepipe.core.records import DeadAir, SpeechIgnored
from voicepipe.core.units import MS, format_duration
from voicepipe.observe.evidence import Evidence, Reply, milliseconds

CLAIM_TOLERANCE = 100 * MS
"""By how much what is counted as heard may exceed the time in which it was: fades, frames and rounding."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """An expectation that wasn't met. ``path`` leads to it inside of the test; ``until_ns`` is how much of
    the conversation it speaks of."""

    path: Path
    expected: str
    found: str
    until_ns: int


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the call that an ``expect`` step speaks of; ``onset_ns``: the caller's first sound."""

    start_ns: int
    end_ns: int
    onset_ns: int | None
    look_ns: int
    """When the state is looked at."""


def judge(test: ConversationTest, evidence: Evidence) -> list[Miss]:
    """All that was missed, in the order of the file. Of steps that weren't reached only the first."""
    misses: list[Miss] = []
    for index, step in enumerate(test.steps):
        moment = evidence.steps[index]
        if step.expect is not None:
            window = _window(test, evidence, index)
            for key, expected, found in _missed(step.expect, evidence, window):
                misses.append(Miss(("steps", index, "expect", key), expected, found, window.end_ns))
        elif moment.missed is not None:
            at = format_duration(step.user.at or 0) if step.user else ""
            expected = f"the agent to be speaking {at} into its reply"
            misses.append(Miss(("steps", index), expected, moment.missed, evidence.ended_ns))
            break
        elif moment.began_ns is None:
            misses.append(
                Miss(("steps", index), "this step to be reached", "the call had ended", evidence.ended_ns)
            )
            break
    for path, expected, found in _missed_totals(test.expect, evidence):
        misses.append(Miss(("expect", *path), expected, found, evidence.ended_ns))
    return misses


def _window(test: ConversationTest, evidence: Evidence, index: int) -> Window:
    users = [number for number, step in enumerate(test.steps) if step.user is not None]
    before = [evidence.steps[number] for number in users if number < index]
    after = [evidence.steps[number].began_ns for number in users if number > index]
    start = before[-1].began_ns or 0 if before else 0
    end = after[0] if after and after[0] is not None else evidence.ended_ns
    look = evidence.steps[index].began_ns
    return Window(start, end, before[-1].onset_ns if before else None, end - 1 if look is None else look)


# ── one step ─────────────────────────────────────────────────────────────────────────────────────

_Missed = tuple[str, str, str]
"""The key, what was expected, what was found."""


def _missed(expect: StepExpectation, evidence: Evidence, window: Window) -> Iterator[_Missed]:
    replies = evidence.between(window.start_ns, window.end_ns)
    if expect.tool is not None:
        yield from _missed_tool(expect.tool, expect.args, replies)
    if expect.says is not None:
        yield from _missed_words("says", expect.says, [reply.report.agent for reply in replies])
    if expect.heard is not None:
        yield from _missed_words("heard", expect.heard, [reply.report.heard for reply in replies])
    if expect.no_reply is not None:
        heard = [reply for reply in replies if reply.report.audible]
        if expect.no_reply and heard:
            yield "no_reply", "no reply", f"'{heard[0].report.agent}'"
        elif not expect.no_reply and not heard:
            yield "no_reply", "a reply", "none was heard"
    if expect.state is not None and (state := evidence.state_at(window.look_ns)) is not expect.state:
        yield "state", str(expect.state), str(state)
    cut = None if window.onset_ns is None else evidence.spoken_at(window.onset_ns)
    yield from _missed_of_cut(expect, evidence, cut, window.onset_ns or 0)
    yield from _missed_ignored(expect, evidence, window, cut)
    if expect.dead_air is not None:
        yield from _missed_dead_air(expect.dead_air, evidence.dead_air(window.start_ns, window.end_ns))


def _missed_tool(name: str, args: Mapping[str, Any] | None, replies: Sequence[Reply]) -> Iterator[_Missed]:
    calls = [call for reply in replies for call in reply.report.tool_calls]
    named = [call for call in calls if call.name == name]
    if not named:
        called = ", ".join(call.name for call in calls)
        yield "tool", f"a call of {name}", f"calls of {called}" if called else "no tool was called"
    elif args is not None and not any(includes(call.arguments, args) for call in named):
        given = " and ".join(_json(call.arguments) for call in named)
        yield "args", _json(args), given


def _missed_words(key: str, wording: Wording, texts: Sequence[str | None]) -> Iterator[_Missed]:
    text = " ".join(filter(None, texts))
    if not wording.found_in(text):
        yield key, str(wording), f"'{text}'" if text else "nothing"


_NOT_SPEAKING = "the agent wasn't speaking when the caller began"


def _missed_of_cut(
    expect: StepExpectation, evidence: Evidence, cut: Reply | None, onset_ns: int
) -> Iterator[_Missed]:
    """What is expected of the reply ``cut``, into which the caller spoke."""
    if expect.interrupted is not None:
        expected = "the reply to be cut off" if expect.interrupted else "the reply to go on to its end"
        if cut is None:
            yield "interrupted", expected, _NOT_SPEAKING
        elif (cut.report.status == "interrupted") is not expect.interrupted:
            yield "interrupted", expected, f"it was {cut.report.status}"
    if expect.silent_within is not None:
        expected = f"silence {format_duration(expect.silent_within)} after the caller's first sound"
        if cut is None:
            yield "silent_within", expected, _NOT_SPEAKING
        elif (took := evidence.silent_ns(cut, onset_ns) - onset_ns) > expect.silent_within:
            yield "silent_within", expected, f"silence after {milliseconds(took)}"
    if expect.heard_only:
        expected = "a history that holds what was heard"
        found = _NOT_SPEAKING if cut is None else _remembered_too_much(evidence, cut, onset_ns)
        if found is not None:
            yield "heard_only", expected, found


def _missed_ignored(
    expect: StepExpectation, evidence: Evidence, window: Window, cut: Reply | None
) -> Iterator[_Missed]:
    ignored = evidence.ignored(window.start_ns, window.end_ns)
    if ignored:
        found = " and ".join(_told_ignored(one) for one in ignored)
    elif cut is not None and cut.report.status == "interrupted":
        found = "it interrupted the reply"
    elif evidence.noticed(window.start_ns, window.end_ns):
        found = "it was listened to"
    else:
        found = "the detector noticed no sound; 'interrupted: false' says that the reply goes on"
    wanted = expect.ignored
    if isinstance(wanted, str):
        if not ignored or any(one.reason != wanted for one in ignored):
            yield "ignored", f"the sound to be ignored ({wanted})", found
    elif wanted is not None and wanted is not bool(ignored):
        yield "ignored", f"the sound {'' if wanted else 'not '}to be ignored", found
    if expect.paused_at_most is not None:
        paused = sum(one.paused_ns for one in ignored)
        if not ignored or paused > expect.paused_at_most:
            limit = format_duration(expect.paused_at_most)
            expected = f"an ignored sound that holds the reply back for at most {limit}"
            yield "paused_at_most", expected, found


def _told_ignored(one: SpeechIgnored) -> str:
    text = f"'{one.text}'" if one.text else "a sound without words"
    return f"{text} was ignored ({one.reason}) and held the reply back for {milliseconds(one.paused_ns)}"


def _missed_dead_air(wanted: bool | str, found: Sequence[DeadAir]) -> Iterator[_Missed]:
    told = " and ".join(f"{milliseconds(one.silent_ns)} of it, waiting for {one.stage}" for one in found)
    if isinstance(wanted, str):
        if wanted not in [one.stage for one in found]:
            yield "dead_air", f"dead air, waiting for {wanted}", told or "there was none"
    elif wanted is not bool(found):
        yield "dead_air", f"{'' if wanted else 'no '}dead air", told or "there was none"


def _remembered_too_much(evidence: Evidence, reply: Reply, onset_ns: int) -> str | None:
    """Holds the history against what was heard, and that against what the loudspeaker had time to play."""
    heard = reply.report.heard or ""
    for words in reply.fillers.values():
        heard = heard.replace(words, "", 1)
    remembered = evidence.remembered.get(reply.report.turn, "")
    if remembered.split() != heard.split():
        return f"'{remembered}' in the history, and '{heard}' was heard"
    claimed = sum(reply.heard.values())
    played = evidence.silent_ns(reply, onset_ns) - (reply.audible_ns or 0)
    if claimed > played + CLAIM_TOLERANCE:
        return f"{milliseconds(claimed)} counted as heard, of {milliseconds(played)} that were played"
    return None


def includes(found: Any, wanted: Any) -> bool:
    """Whether ``found`` has all that ``wanted`` has.

    Maps may have more keys; lists are compared item by item; texts without regard to case and to spaces
    around them; numbers by their value.
    """
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and includes(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(includes(one, other) for one, other in zip(found, wanted, strict=True))
        )
    if isinstance(wanted, str):
        return isinstance(found, str) and found.strip().casefold() == wanted.strip().casefold()
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


# ── the whole ────────────────────────────────────────────────────────────────────────────────────


def _missed_totals(expect: Totals, evidence: Evidence) -> Iterator[tuple[Path, str, str]]:
    turns = evidence.report.turns
    counts: Mapping[str, int] = {
        "llm_calls": evidence.requests("llm"),
        "wasted_llm_calls": evidence.requests("llm", wasted=True),
        "discarded_drafts": evidence.report.discarded_drafts,
        "ignored": len(evidence.report.ignored),
        "dead_air": len(evidence.report.dead_air),
        "tool_calls": sum(len(turn.tool_calls) for turn in turns),
        "turns": sum(bool(turn.user) for turn in turns),
        "unanswered": len(evidence.report.unanswered),
    }
    for key, count in counts.items():
        condition: Condition | None = getattr(expect, key)
        if condition is None and key == "unanswered":
            condition = Condition("==", 0)
        if condition is not None and not condition.holds(count):
            yield (key,), f"{key}: {condition}", str(count)
    if expect.cost_usd is not None and (spent := _missed_cost(expect.cost_usd, evidence)) is not None:
        yield ("cost_usd",), f"cost_usd: {expect.cost_usd}", spent
    if expect.voice_to_voice is not None:
        values = evidence.voice_to_voice_ns()
        for name in sorted(expect.voice_to_voice.model_fields_set):
            limit: Condition = getattr(expect.voice_to_voice, name)
            found = percentile(values, int(name[1:])) if values else None
            if found is None or not limit.holds(found):
                told = "no spoken turn was answered" if found is None else milliseconds(found)
                yield ("voice_to_voice", name), f"{name} {limit}", told


def _missed_cost(wanted: Condition, evidence: Evidence) -> str | None:
    """What was found instead; what has no price can't be within a limit."""
    cost = evidence.report.cost
    if cost is None:
        return "nothing has a price here"
    if cost.total is None:
        return f"no price for {'; '.join(cost.missing())}"
    return None if wanted.holds(float(cost.total)) else f"{cost.total:f}"


def percentile(values: Sequence[int], percent: int) -> int:
    """The nearest rank: the smallest of ``values`` that at least ``percent`` of a hundred don't exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
