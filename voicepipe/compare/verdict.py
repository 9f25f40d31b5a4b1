"""What a comparison comes to, in words. Pure: the same sentences each time.

Nothing is called better by chance: a difference counts if its 95 % interval doesn't hold 0 and it was
measured over at least six call scripts; success is tested by pairs of the same calls. A variant is named as
the better one only if it wins in latency, cost or success against each of the others, loses in none of them,
nothing else went wrong significantly more often, and its success isn't lower by more than `FEWER`, be it by
chance. Stand-ins and sections of their own never enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from voicepipe.compare.contrasts import Contrast, contrast
from voicepipe.compare.figures import Figures, VariantFigures, grouped
from voicepipe.compare.intervals import ENOUGH
from voicepipe.compare.measured import Comparison
from voicepipe.compare.outcomes import reached_in
from voicepipe.compare.wording import listed, many, ms, percent, share_of, usd
from voicepipe.observe.forecast import FEW
from voicepipe.observe.usage import MACHINE

BUSY = 1.5
"""Of the machine's load, in processes a core: calls that began under more weren't alone on it."""

_NAMED = 4
"""So many of the things without a price are named."""

FEWER = Fraction(5, 100)
"""Of the calls."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``sentences`` first: the whole verdict, to be read in their order; ``cautions`` are to be kept in mind.

    ``contrasts`` holds each variant against the first one that the verdict is about. ``best`` is the variant
    that the sentences name as the better one, if any. ``front``: variants than which none is sooner and
    cheaper at once; empty if there is no figure for one of the two.
    """

    sentences: tuple[str, ...]
    cautions: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    best: str | None
    front: tuple[str, ...]


def verdict_of(comparison: Comparison, figures: Figures) -> Verdict:
    measured = [variant for variant in figures.in_verdict if variant.calls]
    if not measured:
        return Verdict(("Nothing was measured.",), _cautions(comparison, figures, measured), (), None, ())
    if len(measured) == 1:
        alone = (_alone(measured[0]), "There is nothing to hold it against.")
        return Verdict(alone, _cautions(comparison, figures, measured), (), None, _front(measured, {}))
    reference = measured[0]
    all_pairs = _all_pairs(comparison, measured)
    contrasts = [
        all_pairs[other.name, reference.name]
        for other in measured[1:]
        if (other.name, reference.name) in all_pairs
    ]
    best = next((one.name for one in measured if _is_best(one, measured, all_pairs)), None)
    named = [] if best is None else [_best_sentence(best, measured, all_pairs)]
    sentences = named + [sentence for one in contrasts for sentence in one.sentences]
    sentences += [
        f"{other.name} was measured on the {other.clock} clock and {reference.name} on the "
        f"{reference.clock} one: such times can't be held against each other."
        for other in measured[1:]
        if other.clock != reference.clock
    ]
    if best is None and (undecided := _undecided(measured, all_pairs)):
        sentences.append(undecided)
    return Verdict(
        tuple(sentences),
        _cautions(comparison, figures, measured),
        tuple(contrasts),
        best,
        _front(measured, all_pairs),
    )


# ── which is better ──────────────────────────────────────────────────────────────────────────────

Pairs = dict[tuple[str, str], Contrast]
"""``(variant, against)``"""


def _all_pairs(comparison: Comparison, measured: Sequence[VariantFigures]) -> Pairs:
    reached = reached_in(comparison.measured)
    calls = {variant.name: grouped(comparison, variant.name) for variant in measured}
    found: Pairs = {}
    for one, other in combinations(measured, 2):
        if one.clock == other.clock:
            for ours, theirs in ((one, other), (other, one)):
                found[ours.name, theirs.name] = contrast(
                    ours, theirs, calls[ours.name], calls[theirs.name], reached, comparison.seed
                )
    return found


def _is_best(variant: VariantFigures, measured: Sequence[VariantFigures], all_pairs: Pairs) -> bool:
    """Whether it wins something against each of the others, and loses nothing."""
    return all(
        (found := all_pairs.get((variant.name, other.name))) is not None
        and _beats(found)
        and not _succeeds_less(variant, other)
        for other in measured
        if other is not variant
    )


def _succeeds_less(one: VariantFigures, other: VariantFigures) -> bool:
    """By so much that nobody would want it called better, even where chance may have done it."""
    if one.success is None or other.success is None:
        return False
    return other.success.exact - one.success.exact > FEWER


def _beats(found: Contrast) -> bool:
    kept = {found.latency, found.money} <= {"less", "same", "unclear"}
    kept = kept and found.succeeds != "less" and not found.worse
    return kept and (found.latency == "less" or found.money == "less" or found.succeeds == "more")


def _best_sentence(best: str, measured: Sequence[VariantFigures], all_pairs: Pairs) -> str:
    against = [all_pairs[best, other.name] for other in measured if other.name != best]
    won = []
    if all(one.latency == "less" for one in against):
        won.append("sooner")
    if all(one.money == "less" for one in against):
        won.append("cheaper")
    if all(one.succeeds == "more" for one in against):
        won.append("more successful")
    unknown = " Whether it does its task isn't known: nothing was expected of these calls."
    rest = unknown if any(one.succeeds == "unknown" for one in against) else ""
    others = f"than {against[0].against}" if len(against) == 1 else "than each of the others"
    if not won:
        return f"{best} is the better one: it wins something against each other one, and loses nothing.{rest}"
    besides = "" if len(won) == 3 else ", and in nothing significantly worse"
    return f"{best} is the better one: {listed(won)} {others}{besides}.{rest}"


def _undecided(measured: Sequence[VariantFigures], all_pairs: Pairs) -> str | None:
    """Why none is named, if that isn't plain from what was said already."""
    told = [one for pair, one in all_pairs.items()]
    if any("few" in (one.latency, one.money) for one in told):
        scripts = min(one.scripts for one in told)
        return (
            f"None is named as the better one: {many(scripts, 'call script')} can't tell a "
            f"difference from chance, {ENOUGH} can."
        )
    if len(measured) == 2 and any(
        one.latency == "less" and one.money == "more" and one.succeeds != "less" for one in told
    ):
        return "Which is better depends on what that time is worth."
    return None


def _front(measured: Sequence[VariantFigures], all_pairs: Pairs) -> tuple[str, ...]:
    """Of the variants with a latency and a cost, and on one clock, those that none beats in both at once.

    Who is significantly less successful than another one isn't among them.
    """
    points = [
        (one, one.voice_to_voice.p50.value, one.cost.per_call.value)
        for one in measured
        if one.voice_to_voice.p50 is not None and one.cost.per_call is not None
        if one.clock == measured[0].clock
        if not any(found.succeeds == "less" for pair, found in all_pairs.items() if pair[0] == one.name)
    ]
    return tuple(
        one.name
        for one, latency, cost in points
        if not any(
            (other_latency <= latency and other_cost <= cost)
            and (other_latency < latency or other_cost < cost)
            for _, other_latency, other_cost in points
        )
    )


# ── sentences that stand alone ───────────────────────────────────────────────────────────────────


def _alone(one: VariantFigures) -> str:
    latency = one.voice_to_voice
    if latency.p50 is None or latency.p95 is None:
        first = f"{one.name} answered no spoken turn"
    else:
        first = (
            f"{one.name} answers {ms(latency.p50.value)} after the caller at the median and "
            f"{ms(latency.p95.value)} at p95 ({many(latency.turns, 'turn')} of "
            f"{many(latency.scripts, 'call script')}, {latency.clock} clock)"
        )
    if one.cost.per_minute is not None:
        first += f", and costs {usd(one.cost.per_minute.value)} a minute"
    if one.success is not None:
        first += f"; it reached what was expected in {share_of(one.success)} of its calls"
    return first + "."


def _cautions(
    comparison: Comparison, figures: Figures, measured: Sequence[VariantFigures]
) -> tuple[str, ...]:
    said = []
    if comparison.unfinished is not None:
        said.append(f"Not all calls were held: {comparison.unfinished.rstrip('.')}.")
    for info in comparison.variants:
        if info.left_out is not None:
            said.append(f"{info.name} was left out: {info.left_out.rstrip('.')}.")
    for one in figures.variants:
        if one.info.left_out is None and not one.calls:
            said.append(f"{one.name} held no call.")
    scripts = min((one.scripts for one in measured), default=0)
    if measured and scripts < ENOUGH:
        said.append(
            f"{many(scripts, 'call script').capitalize()}: too few to say what other calls would show."
        )
    elif measured and scripts < FEW:
        said.append(
            f"{many(scripts, 'call script')}: with fewer than {FEW} the intervals are somewhat too narrow."
        )
    said += _unpriced(measured)
    for one in measured:
        said += _of_variant(one)
    if any(one.clock == "simulated" for one in measured):
        said.append(
            "On the simulated clock computing takes no time: such "
            "latencies are what the providers were told to take, and their intervals tell only of the choice "
            "of calls."
        )
    said += _busy(comparison, measured)
    return tuple(said)


def _unpriced(measured: Sequence[VariantFigures]) -> list[str]:
    """Whose cost isn't known, and for want of which prices."""
    names = [one.name for one in measured if one.cost.unpriced]
    if not names:
        return []
    missing = list(dict.fromkeys(what for one in measured for what in one.cost.unpriced))
    more = len(missing) - _NAMED
    shown = listed([*missing[:_NAMED], *([f"{more} more"] if more > 0 else [])])
    whose = f"{listed(names)} {'costs' if len(names) == 1 else 'cost'}"
    hint = " The time of the machine is priced by cost.machine_usd_hour." if f"({MACHINE})" in shown else ""
    return [f"What {whose} isn't known: there is no price for {shown}.{hint}"]


def _of_variant(one: VariantFigures) -> list[str]:
    said = []
    if one.counts.errors:
        said.append(
            f"{one.name}: {len(one.counts.errors)} of {many(one.calls, 'call')} broke off before the end "
            f"({one.counts.errors[0].rstrip('.')}). Its own figures include "
            "them as far as they went; a comparison leaves them out, but for success."
        )
    silent = one.counts.turns - one.counts.answered
    if silent:
        said.append(f"{one.name}: {many(silent, 'turn')} got no answer, and no latency tells of that.")
    return said


def _busy(comparison: Comparison, measured: Sequence[VariantFigures]) -> list[str]:
    """Only where the time that computing takes counts."""
    names = {one.name for one in measured if one.clock != "simulated"}
    loads = [call.load for call in comparison.measured if call.variant in names]
    busy = sum(load > BUSY for load in loads)
    if not busy:
        return []
    return [
        f"{percent(busy / len(loads))} of the calls began while the machine was busy: "
        "their times may be too long."
    ]
