"""Hold the same calls on variants of a pipeline, and say which is sooner, cheaper and more successful.

voicepipe compare pipelines/compare/
voicepipe compare app.yaml --calls calls/ --variant cheap --vary stages.tts=piper,espeak -n 5
voicepipe compare app.yaml --calls calls/ --variant 'fast=stages.stt=faster-whisper/base.en,stages.tts=espeak'

Calls are WAV files, conversation tests and recorded calls. Before money is spent it tells how much, and asks.
Tools answer what tool_results says, unless --tools live is given. What was held is kept: the same command
goes on where it was broken off. Exit status 1 if a --fail-on or an objective (slo:) is missed, 4 if --max-usd
was reached.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from voicepipe.cli.compare_settings import Settings, settings_of
from voicepipe.cli.comparing import announce, asker, check_limit, followed, may_go_on
from voicepipe.cli.files import write_text
from voicepipe.cli.main import INTERRUPTED
from voicepipe.cli.options import add_overrides, add_quiet, add_vars
from voicepipe.cli.targets import check_targets
from voicepipe.cli.terminal import Terminal, printable
from voicepipe.compare.calls import CallFinder
from voicepipe.compare.collected import comparison
from voicepipe.compare.conditions import ConditionResult, FailOn, fail_on, judge_condition
from voicepipe.compare.environment import now
from voicepipe.compare.estimate import Estimator
from voicepipe.compare.figures import Figures, figures_of
from voicepipe.compare.holding import Holding
from voicepipe.compare.json_form import to_json
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.objectives import ObjectiveResult, missed, objectives_of
from voicepipe.compare.page.comparison import page
from voicepipe.compare.plan import Plan
from voicepipe.compare.planning import Terms, plan_of, without_stub
from voicepipe.compare.store import Store
from voicepipe.compare.table import table
from voicepipe.compare.variants import load_all
from voicepipe.compare.verdict import Verdict, verdict_of
from voicepipe.config.comparison import MAX_REPEAT
from voicepipe.config.price_keys import prices_of_nobody, under_all_profiles
from voicepipe.core.extras import missing
from voicepipe.core.units import parse_usd
from voicepipe.errors import BudgetError, SetupError
from voicepipe.observe.objectives import VOICE_TO_VOICE
from voicepipe.speech.pricing import PICO
from voicepipe.testing.realtime_stand_in import RealtimeStandIn

WORK = Path(".voicepipe/compare")
"""In the current folder: what was measured, by what it depends on."""

RECORDED_AT_MOST = 200
"""Calls that are recorded without being asked to: 20 s of a call are 2 MB."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", help="the pipeline file; or a comparison file, or a folder with a compare.yaml"
    )
    parser.add_argument(
        "--calls",
        action="append",
        nargs="+",
        default=[],
        type=Path,
        metavar="PATH",
        help="folders, WAV files, files of conversation tests, recorded calls",
    )
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME|FILE|NAME=PATH=VALUE,...",
        help="a profile, another pipeline file, or a named list of overrides; may be given many times",
    )
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="PATH=VALUE,VALUE",
        help="a variant for each value; given many times, for each combination",
    )
    parser.add_argument("-n", "--repeat", type=_repeat, metavar="N", help="how often each call is held (1)")
    parser.add_argument(
        "--clock", choices=["real", "simulated", "charged"], help="found out if nothing is said"
    )
    parser.add_argument(
        "--tools", choices=["stubs", "live"], help="stubs: as tool_results says (the default); live: executed"
    )
    parser.add_argument(
        "--history",
        choices=["free", "recorded"],
        help="what the model is told of a recorded call: its own (the default), or the recording's",
    )
    _add_results(parser)
    add_vars(parser)
    add_overrides(parser, code="run")
    add_quiet(parser)


def _add_results(parser: argparse.ArgumentParser) -> None:
    """Money, and what comes of it all."""
    parser.add_argument("--max-usd", type=_usd, metavar="USD", help="a hard stop: no more than that is spent")
    parser.add_argument("--yes", action="store_true", help="don't ask before money is spent")
    parser.add_argument("--output", type=Path, metavar="HTML", help="write the report there, one file")
    parser.add_argument("--title", help="of the report")
    parser.add_argument("--json", action="store_true", help="print all figures as one JSON object")
    parser.add_argument(
        "--fail-on",
        action="append",
        metavar="CONDITION",
        help="what has to hold, such as 'cheap.voice_to_voice.p95 < 1.1 * default.voice_to_voice.p95'",
    )
    parser.add_argument("--redact", action="store_true", help="a report without words and audio")
    parser.add_argument(
        "--audio",
        action=argparse.BooleanOptionalAction,
        help=f"record the calls, to be listened to in the report (up to {RECORDED_AT_MOST} calls)",
    )
    parser.add_argument(
        "--work", type=Path, default=WORK, metavar="DIR", help=f"where calls that were held are kept ({WORK})"
    )
    parser.add_argument("--fresh", action="store_true", help="hold calls anew that were held before")
    parser.add_argument("--seed", type=_seed, metavar="N", help="of the order, and of the intervals (1)")


def _number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, found '{text}'")
    return int(text)


def _repeat(text: str) -> int:
    return _number(text, 1, MAX_REPEAT)


def _seed(text: str) -> int:
    return _number(text, 0, 2**31 - 1)


def _usd(text: str) -> Decimal:
    try:
        return parse_usd(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    settings = settings_of(options)
    check_targets({"--output": settings.output}, settings.read, settings.folders)
    plan = _plan(settings, terminal)
    conditions = [fail_on(text, [one.name for one in plan.variants]) for text in settings.fail_on]
    if settings.output is not None:
        _check_report(asked=options.output is not None)
    try:
        held = _hold(options, settings, plan, terminal)
    except KeyboardInterrupt:
        terminal.done()
        terminal.error(
            f"interrupted; what was held is in {options.work}, and the same command goes on from there"
        )
        return INTERRUPTED
    if held is None:
        return 0
    return _tell(options, settings, plan, conditions, held, terminal)


@dataclass(frozen=True, slots=True)
class _Held:
    """``unfinished``: why not all calls were held, that is, for want of money."""

    measured: list[MeasuredCall]
    began: str
    unfinished: str | None


def _plan(settings: Settings, terminal: Terminal) -> Plan:
    """Raises what is wrong with the variants and the calls, before anything is held."""

    def tell(sentence: str) -> None:
        terminal.line(printable(sentence))

    loaded = load_all(settings.wanted, code=settings.code)
    finder = CallFinder(loaded.baseline, settings.history, settings.code, tell, settings.vars)
    terms = Terms(
        title=settings.title,
        calls={section: finder.find(paths) for section, paths in settings.calls.items()},
        clocks=settings.clocks,
        optional=settings.optional,
        repetitions=settings.repeat,
        tools=settings.tools,
        history=settings.history,
        seed=settings.seed,
    )
    plan = plan_of(terms, settings.wanted, loaded, tell)
    few = len(plan.runs) <= RECORDED_AT_MOST
    heard = settings.output is not None and not settings.redact
    if not plan.left_out:  # nobody knows the models of one that couldn't be loaded
        others = under_all_profiles(loaded.baseline, settings.wanted[0].overrides)
        for advice in prices_of_nobody([*(one.loaded for one in plan.variants), *others]) if others else ():
            terminal.advise(advice)
    plan = replace(plan, audio=heard and (few if settings.audio is None else settings.audio))
    unanswered = without_stub(plan)
    if unanswered:
        terminal.warn(
            f"no stub in tool_results for {', '.join(unanswered)}: a call that uses one isn't counted"
        )
    return plan


def _check_report(*, asked: bool) -> None:
    """Raise ``SetupError`` now, and not when all calls have been held."""
    for sentence in missing("vl_convert", extra="report"):
        hint = "or leave --output out: the figures are in the terminal, too"
        if not asked:
            hint = (
                "or hold the pipeline file itself, with --calls and --variant: only a comparison file writes "
                "a report without being asked to"
            )
        raise SetupError(f"the report can't be drawn: {sentence}", hint=hint)


def _hold(options: argparse.Namespace, settings: Settings, plan: Plan, terminal: Terminal) -> _Held | None:
    """All that is to be held; None if somebody said no."""
    store = Store(options.work)
    keeper = store.open(plan, terminal.warn)
    if options.fresh:
        for run in plan.runs:
            keeper.forget(run)
    left = [run for run in plan.runs if keeper.get(run) is None]
    estimator = Estimator()
    forecast = estimator.of(left)
    announce(terminal, plan, len(plan.runs) - len(left), forecast)
    check_limit(forecast, settings.max_usd)
    if not may_go_on(terminal, forecast, yes=options.yes, ask=asker()):
        terminal.line("Nothing was spent.")
        return None
    began = now()
    holding = Holding(
        plan,
        store,
        most=None if settings.max_usd is None else round(Fraction(settings.max_usd) * PICO),
        estimate=estimator.cost,
        stand_ins={"realtime": RealtimeStandIn},
        tell=terminal.warn,
    )
    measured = followed(
        terminal, holding, kept=len(plan.runs) - len(left), runs=plan.runs, redact=settings.redact
    )
    return _Held(measured, began, holding.unfinished)


# ── what came of it ──────────────────────────────────────────────────────────────────────────────


def _tell(
    options: argparse.Namespace,
    settings: Settings,
    plan: Plan,
    conditions: Sequence[FailOn],
    held: _Held,
    terminal: Terminal,
) -> int:
    found = comparison(plan, held.measured, began=held.began, unfinished=held.unfinished)
    figures = figures_of(found)
    verdict = verdict_of(found, figures)
    judged = [judge_condition(condition, figures) for condition in conditions]
    objectives = _objectives(plan, figures)
    if options.json:
        print(json.dumps(to_json(found, figures, verdict, conditions=judged, objectives=objectives)))
    else:
        _print(figures, verdict, quiet=options.quiet)
    if settings.output is not None:
        text = page(
            found,
            figures,
            verdict,
            folder=options.work,
            redact=settings.redact,
            audio=plan.audio,
            limits_ns=_limits(plan),
        )
        write_text(settings.output, text)
        terminal.line(f"The report is in {settings.output}: open it in a browser.")
    return _status(terminal, held, figures, judged, objectives)


def _objectives(plan: Plan, figures: Figures) -> list[ObjectiveResult]:
    """Of the variants that the verdict is about, each by its own file."""
    files = {variant.name: variant.loaded.top.slo for variant in plan.variants}
    return [one for variant in figures.in_verdict for one in objectives_of(files[variant.name], variant)]


def _limits(plan: Plan) -> dict[str, int]:
    """Variant → the most that a turn may take by its own file, in nanoseconds."""
    limits: dict[str, int] = {}
    for variant in plan.variants:
        slo = variant.loaded.top.slo
        for objective in slo.objectives() if slo is not None else ():
            if objective.measure == VOICE_TO_VOICE:
                limits[variant.name] = max(int(objective.condition.limit), limits.get(variant.name, 0))
    return limits


def _print(figures: Figures, verdict: Verdict, *, quiet: bool) -> None:
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    columns = shutil.get_terminal_size((100, 24)).columns
    if not quiet:
        for sentence in (*verdict.sentences, *verdict.cautions):
            print(printable(sentence))
        print()
    print(table(figures, width=max(60, columns - 1), unicode=unicode))


def _status(
    terminal: Terminal,
    held: _Held,
    figures: Figures,
    judged: Sequence[ConditionResult],
    objectives: Sequence[ObjectiveResult],
) -> int:
    for result in judged:
        if not result.holds:
            terminal.error(printable(f"missed: {result.text}: {result.found}"))
    for objective in missed(objectives):
        terminal.error(printable(f"missed: {objective.found}"))
    if left := [one for one in objectives if one.met is None]:
        terminal.warn(f"{len(left)} of {len(objectives)} objectives couldn't be judged: {left[0].found}")
    void = [
        one.name
        for one in figures.variants
        if one.info.left_out is None and len(one.counts.errors) == one.calls > 0
    ]
    if void:
        terminal.error(printable(f"no call could be held on {', '.join(void)}"))
    if held.unfinished is not None:
        terminal.error(printable(f"not all calls were held: {held.unfinished}"))
        return BudgetError.exit_status
    failed = void or missed(objectives) or not all(result.holds for result in judged)
    return 1 if failed else 0
