"""How the calls of one variant went: success, words, interruptions, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicepipe.compare.intervals import Share, quotient, wilson
from voicepipe.compare.latencies import Grouped
from voicepipe.compare.measured import MeasuredCall

Reached = Callable[[MeasuredCall], bool | None]


@dataclass(frozen=True, slots=True)
class Counts:
    """Over all calls of a variant.

    ``turns`` are those that the caller spoke or typed; ``answered`` of them got what was due. ``failures``
    are requests that failed, ``errors`` why calls couldn't be held to their end.
    """

    turns: int
    answered: int
    interruptions: int
    honoured: int
    backchannels: int
    ignored: int
    cut_ins: int
    dead_air: int
    discarded_drafts: int
    switches: int
    failures: int
    errors: tuple[str, ...]


def reached_in(calls: Sequence[MeasuredCall]) -> Reached:
    """Whether a call reached what was expected of it, None if nothing was, on any variant.

    A call that couldn't be held to its end has not: what it expected was then never judged.
    """
    expecting = {call.call for call in calls if call.passed is not None}

    def reached(call: MeasuredCall) -> bool | None:
        if call.call not in expecting:
            return None
        return call.passed if call.error is None else False

    return reached


def success(grouped: Grouped, reached: Reached) -> Share | None:
    """The share of the calls that reached what was expected of them; None if nothing was of any."""
    told = [[one for call in calls if (one := reached(call)) is not None] for calls in grouped.values()]
    whole = sum(map(len, told))
    return wilson(sum(map(sum, told)), whole, sum(map(bool, told))) if whole else None


def answered(grouped: Grouped) -> Share | None:
    """The share of the caller's turns that were answered; None if the caller had none."""
    turns = [
        [turn.answered for call in calls for turn in call.turns if turn.user] for calls in grouped.values()
    ]
    whole = sum(map(len, turns))
    return wilson(sum(map(sum, turns)), whole, sum(map(bool, turns))) if whole else None


def word_errors(grouped: Grouped, seed: int) -> Share | None:
    """Wrong words of those of the references, which may be more than all; None without references."""
    groups = [
        [(call.word_errors, call.words) for call in calls if call.word_errors is not None and call.words]
        for calls in grouped.values()
    ]
    errors = [sum(wrong or 0 for wrong, _ in group) for group in groups if group]
    words = [sum(of or 0 for _, of in group) for group in groups if group]
    found = quotient(errors, words, seed)
    if found is None:
        return None
    _, low, high = found
    return Share(
        sum(errors),
        sum(words),
        None if low is None else float(low),
        None if high is None else float(high),
    )


def counts(calls: Sequence[MeasuredCall]) -> Counts:
    turns = [turn for call in calls for turn in call.turns if turn.user]
    return Counts(
        turns=len(turns),
        answered=sum(turn.answered for turn in turns),
        interruptions=sum(call.interruptions for call in calls),
        honoured=sum(call.honoured for call in calls),
        backchannels=sum(call.backchannels for call in calls),
        ignored=sum(call.ignored for call in calls),
        cut_ins=sum(call.cut_ins for call in calls),
        dead_air=sum(call.dead_air for call in calls),
        discarded_drafts=sum(call.discarded_drafts for call in calls),
        switches=sum(call.switches for call in calls),
        failures=sum(len(call.failures) for call in calls),
        errors=tuple(f"{call.call}: {call.error}" for call in calls if call.error is not None),
    )
