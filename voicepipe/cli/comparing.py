"""What a person sees while calls are compared: what it is going to cost, how far it has come, and the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_UP, Decimal

from voicepipe.cli.terminal import Terminal, printable
from voicepipe.compare.collected import redacted
from voicepipe.compare.estimate import Forecast
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Plan, Run
from voicepipe.core.stopwatch import Stopwatch
from voicepipe.core.units import SECOND
from voicepipe.errors import UsageError
from voicepipe.speech.pricing import usd

PARTS = 10
"""How many lines tell of the progress where it isn't a terminal."""

CENT = Decimal("0.01")


def plural(number: int, what: str) -> str:
    """``1 call``, ``2 calls``"""
    return f"{number} {what}{'' if number == 1 else 's'}"


def spent_time(nanoseconds: int) -> str:
    """Roughly: ``40 s``, ``12 min``, ``3 h 20 min``"""
    seconds = round(nanoseconds / SECOND)
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def dollars(picodollars: int) -> str:
    """To a cent, rounded up; below that to a hundredth of one."""
    exact = usd(picodollars)
    return f"{exact.quantize(CENT if exact >= 1 else CENT * CENT, ROUND_UP):f}"


# ── before ───────────────────────────────────────────────────────────────────────────────────────


def announce(terminal: Terminal, plan: Plan, kept: int, forecast: Forecast) -> None:
    """What is about to be held, how long that takes, and what it may cost."""
    for name, why in plan.left_out.items():
        terminal.line(f"{terminal.style('left out:', 'yellow')} {printable(f'{name}: {why}')}")
    parts = [_part(plan, section) for section in dict.fromkeys(run.variant.section for run in plan.runs)]
    times = "" if plan.repetitions == 1 else f", {plan.repetitions} times each"
    terminal.line(printable(f"{plural(len(plan.runs), 'call')} to be held: {', and '.join(parts)}{times}"))
    if kept:
        terminal.line(f"{kept} of them were held before and are kept; --fresh holds them anew")
    if forecast.calls:
        long = f"about {spent_time(forecast.duration_ns)} of calls"
        real = f", which takes {spent_time(forecast.real_ns)} on the real clock" if forecast.real_ns else ""
        terminal.line(f"{long}{real}; {cost_sentence(forecast)}")


def _part(plan: Plan, section: str) -> str:
    """``4 on each of 2 variants``, of the main part or of a section."""
    runs = [run for run in plan.runs if run.variant.section == section]
    variants = {run.variant.name for run in runs}
    each = len({run.call.name for run in runs})
    where = f" ({section})" if section else ""
    return f"{each} on each of {plural(len(variants), 'variant')}{where}"


def cost_sentence(forecast: Forecast) -> str:
    """What it may cost, or that it costs nothing."""
    if not forecast.billed:
        return "nobody sends a bill for them"
    unpriced = f"there is no price for {', '.join(forecast.unpriced)}"
    if not forecast.cost:
        return f"what they cost isn't known: {unpriced}" if forecast.unpriced else "they cost next to nothing"
    if forecast.unpriced:
        return f"at least {dollars(forecast.cost)} USD by rules of thumb, and {unpriced}"
    return f"about {dollars(forecast.cost)} USD by rules of thumb"


def check_limit(forecast: Forecast, max_usd: Decimal | None) -> None:
    """Raise ``UsageError`` for a limit that can't be kept, before anything is spent."""
    if max_usd is None or not forecast.billed or not forecast.unpriced:
        return
    raise UsageError(
        f"--max-usd {max_usd:f} can't be kept: there is no price for {', '.join(forecast.unpriced)}",
        hint="write it down: cost: {prices: {PROVIDER/MODEL: …}}",
    )


def may_go_on(terminal: Terminal, forecast: Forecast, *, yes: bool, ask: Callable[[], str] | None) -> bool:
    """Whether the money may be spent. ``ask`` gets an answer from a person; None where there is nobody.

    Raises ``UsageError`` if somebody had to be asked.
    """
    if yes or not forecast.billed:
        return True
    if ask is None:
        raise UsageError(
            f"this costs money ({cost_sentence(forecast)}), and nobody is there to be asked",
            hint="--yes spends it, and --max-usd limits how much",
        )
    terminal.error("Go on? [y/N] ")
    return ask().strip().casefold() in ("y", "yes")


def asker() -> Callable[[], str] | None:
    """Reads a line from whoever sits at the terminal, if somebody does."""
    return sys.stdin.readline if sys.stdin.isatty() and sys.stderr.isatty() else None


# ── meanwhile ────────────────────────────────────────────────────────────────────────────────────


def followed(
    terminal: Terminal, calls: Iterable[MeasuredCall], *, kept: int, runs: Sequence[Run], redact: bool = False
) -> list[MeasuredCall]:
    """All of ``calls``, with the progress told; the first ``kept`` of them are there at once.

    ``redact``: as in ``collected.redacted``.
    """
    watch = Stopwatch()
    found: list[MeasuredCall] = []
    whole = len(runs)
    for call in calls:
        call = redacted(call) if redact else call
        found.append(call)
        done = len(found)
        if call.error is not None:
            terminal.error(printable(f"'{call.call}' on '{call.variant}' couldn't be held: {call.error}"))
        if done <= kept + 1:  # the first one waits for models to be loaded, or for workers to begin
            watch = Stopwatch()
        if done <= kept:
            continue
        told = f"{done} of {whole} calls held"
        left = watch.left_ns(done - kept - 1, whole - done)
        if left and round(left / SECOND) and done < whole:
            told += f", about {spent_time(left)} left"
        if terminal.interactive:
            terminal.status(told)
        elif done * PARTS // whole > (done - 1) * PARTS // whole:
            terminal.line(told)
    terminal.done()
    return found
