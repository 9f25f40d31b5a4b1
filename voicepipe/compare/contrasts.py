"""One variant held against another, over the calls that both held: differences, and whether they count.

Both sides draw the same call scripts (``intervals``), so what makes a script slow or dear for both of them is
no part of the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from voicepipe.compare.figures import VariantFigures
from voicepipe.compare.intervals import (
    ENOUGH,
    Estimate,
    Ratio,
    Share,
    Told,
    percentile_difference,
    quotient,
    sign_flip,
    told,
    wilson,
)
from voicepipe.compare.latencies import Grouped, StageShare, measured_turns, rounded, stage_shares
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.outcomes import Reached
from voicepipe.compare.spending import cost_of
from voicepipe.compare.wording import (
    chance,
    cost_phrase,
    latency_phrase,
    many,
    percent,
    stages_phrase,
    success_phrase,
)

SIGNIFICANT = 0.05
"""Of a test of both sides."""

Pair = tuple[MeasuredCall, MeasuredCall]
"""The same repetition of the same script, on ours and on theirs."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """``variant`` held against ``against``, over ``calls`` of ``scripts`` that both held to the end.

    ``median`` is the difference of the medians of voice to voice, negative if ``variant`` answers sooner, and
    ``latency`` what that comes to; ``stages`` divide the difference of the means. ``cost_a_call`` is the
    difference in picodollars, ``cost`` the ratio (None where the other is free), and ``money`` what that
    comes to.

    ``ours`` and ``theirs`` reached what was expected; ``p`` is how likely such a difference is by chance, and
    ``succeeds`` what it comes to. These are over all calls that both began. ``drawbacks``: what went wrong
    more often, for a person to read; ``worse``: any of it counts.

    ``sentences`` tell all of it.
    """

    variant: str
    against: str
    scripts: int
    calls: int
    median: Estimate | None
    latency: Told
    stages: tuple[StageShare, ...]
    cost: Ratio | None
    cost_a_call: Estimate | None
    money: Told
    ours: Share | None
    theirs: Share | None
    p: float | None
    succeeds: Told
    drawbacks: tuple[str, ...]
    worse: bool
    sentences: tuple[str, ...]


def contrast(
    ours: VariantFigures,
    theirs: VariantFigures,
    our_calls: Grouped,
    their_calls: Grouped,
    reached: Reached,
    seed: int,
) -> Contrast:
    """``ours`` less ``theirs``. Both have to have been measured on the same clock."""
    began = pairs(our_calls, their_calls)
    held = [[pair for pair in group if not (pair[0].error or pair[1].error)] for group in began]
    held = [group for group in held if group]
    us, them = _sides(held)
    median, spoken = _median(us, them, seed)
    stages = stage_shares(
        *(measured_turns([call for group in side for call in group]) for side in (us, them))
    )
    ratio, a_call = (None, None) if ours.cost.unpriced or theirs.cost.unpriced else _cost(us, them, seed)
    success = _success(began, reached, seed)
    drawbacks, worse = _drawbacks(began, theirs.name, seed)
    latency, money = told(median, spoken), told(a_call, len(held))
    sentences = [
        f"{ours.name} {latency_phrase(median, latency, theirs.name, spoken, ours.clock)}",
        _success_sentence(ours.name, theirs.name, success),
        f"{ours.name} {'; it '.join(drawbacks)}" if drawbacks else None,
    ]
    if phrase := cost_phrase(ratio, a_call, money, few=len(held) < ENOUGH):
        sentences[0] = f"{sentences[0]}{'; it' if latency == 'unknown' else ' and'} {phrase}"
    if latency in ("less", "more", "few") and median is not None and (why := stages_phrase(stages, median)):
        sentences[0] = f"{sentences[0]}; {why}"
    return Contrast(
        variant=ours.name,
        against=theirs.name,
        scripts=len(held),
        calls=sum(map(len, held)),
        median=median,
        latency=latency,
        stages=stages,
        cost=ratio,
        cost_a_call=a_call,
        money=money,
        ours=success.ours,
        theirs=success.theirs,
        p=success.p,
        succeeds=success.told,
        drawbacks=drawbacks,
        worse=worse,
        sentences=tuple(f"{sentence}." for sentence in sentences if sentence),
    )


def pairs(ours: Grouped, theirs: Grouped) -> list[list[Pair]]:
    """By script: the repetitions that both began."""
    found = []
    for name, calls in ours.items():
        others = {call.repetition: call for call in theirs.get(name, ())}
        found.append([(call, others[call.repetition]) for call in calls if call.repetition in others])
    return [group for group in found if group]


Calls = list[list[MeasuredCall]]
"""By script."""


def _sides(groups: Sequence[Sequence[Pair]]) -> tuple[Calls, Calls]:
    return [[ours for ours, _ in group] for group in groups], [
        [theirs for _, theirs in group] for group in groups
    ]


def _median(ours: Calls, theirs: Calls, seed: int) -> tuple[Estimate | None, int]:
    """The difference, and over how many scripts: those in which both had a turn to measure."""
    values = [
        [[turn.voice_to_voice_ns or 0 for turn in measured_turns(calls)] for calls in side]
        for side in (ours, theirs)
    ]
    scripts = sum(bool(our and their) for our, their in zip(*values, strict=True))
    return percentile_difference(values[0], values[1], 50, seed), scripts


def _cost(ours: Calls, theirs: Calls, seed: int) -> tuple[Ratio | None, Estimate | None]:
    """How many times as much, and the difference of a call in picodollars."""
    our, their = ([sum(map(cost_of, calls)) for calls in side] for side in (ours, theirs))
    ratio = quotient(our, their, seed)
    difference = quotient(
        [one - other for one, other in zip(our, their, strict=True)], [len(calls) for calls in ours], seed
    )
    return (
        None if ratio is None else Ratio(*ratio),
        None if difference is None else rounded(*difference),
    )


# ── success ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Success:
    ours: Share | None
    theirs: Share | None
    p: float | None
    told: Told


def _success(groups: Sequence[Sequence[Pair]], reached: Reached, seed: int) -> _Success:
    """By script, since its repetitions may all end alike: the difference of the shares of calls."""
    known = [[pair for pair in group if None not in map(reached, pair)] for group in groups]
    expecting = [group for group in known if group]
    if not expecting:
        return _Success(None, None, None, "unknown")
    passed = [[[bool(reached(call)) for call in calls] for calls in side] for side in _sides(expecting)]
    whole = sum(map(len, expecting))
    ours, theirs = (wilson(sum(map(sum, side)), whole, len(expecting)) for side in passed)
    differences = _by_script(*passed)
    p, total = sign_flip(differences, seed), sum(differences, Fraction(0))
    if not any(differences):
        answer: Told = "same"
    elif p < SIGNIFICANT:
        answer = "less" if total < 0 else "more"
    else:
        answer = "few" if len(expecting) < ENOUGH else "unclear"
    return _Success(ours, theirs, p, answer)


def _success_sentence(variant: str, against: str, success: _Success) -> str | None:
    if success.ours is None or success.theirs is None or success.p is None:
        return None
    return success_phrase(variant, against, success.ours, success.theirs, success.p, success.told)


# ── what went wrong ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Kind:
    """Something that shouldn't happen: how it is told of so many times, and how often it did in a call."""

    phrase: str
    noun: str
    count: Callable[[MeasuredCall], int]


_KINDS = (
    _Kind("broke off {} before the end", "call", lambda call: int(call.error is not None)),
    _Kind("left {} unanswered", "turn", lambda call: sum(not one.answered for one in call.turns if one.user)),
    _Kind("cut in on the caller {}", "time", lambda call: call.cut_ins),
    _Kind("went on through {}", "interruption", lambda call: call.interruptions - call.honoured),
    _Kind("was silenced by {}", "backchannel", lambda call: call.backchannels - call.ignored),
    _Kind("left dead air {}", "time", lambda call: call.dead_air),
)


def _drawbacks(groups: Sequence[Sequence[Pair]], against: str, seed: int) -> tuple[tuple[str, ...], bool]:
    """What ours did more often than theirs, over all calls that both began; and whether any of it counts."""
    told, worse = [], False
    for kind in _KINDS:
        us, them = ([[kind.count(call) for call in calls] for calls in side] for side in _sides(groups))
        ours, theirs = (sum(map(sum, side)) for side in (us, them))
        if ours > theirs:
            p = sign_flip(_by_script(us, them), seed)
            told.append(f"{kind.phrase.format(many(ours, kind.noun))} ({against}: {theirs}; {chance(p)})")
            worse = worse or p < SIGNIFICANT
    misheard = _misheard(groups, against, seed)
    return (*told, misheard) if misheard else tuple(told), worse or misheard is not None


def _by_script(ours: Sequence[Sequence[int]], theirs: Sequence[Sequence[int]]) -> list[Fraction]:
    """The difference of the means of the same calls, script by script."""
    return [Fraction(sum(our) - sum(their), len(our)) for our, their in zip(ours, theirs, strict=True)]


def _misheard(groups: Sequence[Sequence[Pair]], against: str, seed: int) -> str | None:
    """That ours got more of the same words wrong, if that counts."""
    known = [[pair for pair in group if all(call.words for call in pair)] for group in groups]
    sides = _sides([group for group in known if group])
    wrong = [[sum(call.word_errors or 0 for call in calls) for calls in side] for side in sides]
    words = [[sum(call.words or 0 for call in calls) for calls in side] for side in sides]
    rates = [list(map(Fraction, *of)) for of in zip(wrong, words, strict=True)]
    differences = [our - their for our, their in zip(*rates, strict=True)]
    if sum(differences, Fraction(0)) <= 0 or (p := sign_flip(differences, seed)) >= SIGNIFICANT:
        return None
    ours, theirs = (percent(Fraction(sum(errors), sum(of))) for errors, of in zip(wrong, words, strict=True))
    return f"got {ours} of the words wrong ({against}: {theirs}; {chance(p)})"
