"""Variants and calls → a plan: on which clock, what can't be held here, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from voicepipe.compare.plan import History, Plan, Run, Scripted, Tools, Variant
from voicepipe.compare.scripts import problems_of, tool_names
from voicepipe.compare.variants import Loaded, Wanted
from voicepipe.config.comparison import BASELINE
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.variables import agent_for_call
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.nodes import plain
from voicepipe.errors import ConfigError, ConfigErrors, SetupError, UsageError
from voicepipe.runtime.engines import make_providers
from voicepipe.runtime.tool_sets import tools_of
from voicepipe.runtime.workers import make_workers

MAX_RUNS = 20_000

NOWHERE = "http://127.0.0.1:9"
"""An address on this computer, in place of a stand-in that isn't started yet: it needs no key."""

WORKING = ("stt", "llm", "tts", "realtime")
"""The kinds of stages whose time is compared; a detector's is the same few microseconds for all."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How calls are held. ``calls`` and ``clocks`` are by section, those of the main part under ``""``."""

    title: str
    calls: Mapping[str, Sequence[Scripted]]
    clocks: Mapping[str, ClockName | None]
    optional: Sequence[str] = ()
    repetitions: int = 1
    tools: Tools = "stubs"
    history: History = "free"
    seed: int = 1
    audio: bool = True


def plan_of(terms: Terms, wanted: Sequence[Wanted], loaded: Loaded, tell: Callable[[str], None]) -> Plan:
    """The plan, with nothing in it that can be known not to work.

    Raises ``UsageError`` for a clock that a variant can't be held on, ``ConfigErrors`` for calls that the
    first variant can't take, and ``SetupError`` where a package, a model or a key is missing of a variant
    that isn't optional.
    """
    clocked = _clocked(terms, loaded.variants, tell)
    _check_calls(terms, clocked)
    for name in _same_as_first(clocked):
        tell(f"'{name}' is the same as '{clocked[0].name}'; both are measured")
    left_out = _left_out(terms, wanted, loaded, clocked)
    held = [variant for variant in clocked if variant.name not in left_out]
    if all(variant.section for variant in held):
        raise SetupError("no variant can be held here", hint="; ".join(left_out.values()))
    calls = {call.name: call for calls in terms.calls.values() for call in calls}
    runs = _runs(terms, held)
    if len(runs) > MAX_RUNS:
        raise UsageError(f"found {len(runs)} calls to be held, expected at most {MAX_RUNS}")
    return Plan(
        title=terms.title,
        variants=tuple(clocked),
        left_out=left_out,
        calls=tuple(calls.values()),
        runs=tuple(runs),
        repetitions=terms.repetitions,
        tools=terms.tools,
        history=terms.history,
        seed=terms.seed,
        audio=terms.audio,
    )


def _calls(terms: Terms, variant: Variant) -> Sequence[Scripted]:
    return terms.calls.get(variant.section) or terms.calls[""]


def _same_as_first(variants: Sequence[Variant]) -> list[str]:
    """Those of the main part that differ in nothing: what is measured between them is chance."""
    first = plain(variants[0].loaded.tree)
    return [one.name for one in variants[1:] if not one.section and plain(one.loaded.tree) == first]


def _runs(terms: Terms, variants: Sequence[Variant]) -> list[Run]:
    """Each round holds every call once on every variant, in an order of its own: what changes while they are
    held, such as a machine that gets warm, meets all variants alike."""
    random = Random(terms.seed)  # noqa: S311 - an order that can be had again
    runs: list[Run] = []
    for repetition in range(terms.repetitions):
        once = [Run(variant, call, repetition) for variant in variants for call in _calls(terms, variant)]
        random.shuffle(once)
        runs += once
    return runs


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────


def _clocked(terms: Terms, variants: Sequence[Variant], tell: Callable[[str], None]) -> list[Variant]:
    clocks: dict[str, ClockName] = {}
    for section in dict.fromkeys(variant.section for variant in variants):
        of_it = [variant for variant in variants if variant.section == section]
        given = terms.clocks.get(section)
        if given is None:
            given, why = choose_clock(of_it, terms.tools)
            tell(f"{f'{section}: ' if section else ''}on the {given} clock, since {why}")
        clocks[section] = given
    clocked = [replace(variant, clock=clocks[variant.section]) for variant in variants]
    problems = [problem for variant in clocked for problem in clock_problems(variant, terms.tools)]
    if problems:
        raise UsageError("\n".join(problems), hint=_CLOCKS)
    return clocked


_CLOCKS = (
    "--clock real for whatever talks to a server; charged for engines of this computer, without waiting; "
    "simulated for sim providers alone"
)


def choose_clock(variants: Sequence[Variant], tools: Tools = "stubs") -> tuple[ClockName, str]:
    """The one on which all of ``variants`` can be measured, and why it is this one."""
    for variant in variants:
        if variant.server is not None:
            return "real", f"'{variant.name}' talks to a server"
        if tools == "live" and _outside(variant.loaded):
            return "real", f"tools of '{variant.name}' are executed, and talk to the outside world"
        for slot in variant.loaded.slots:
            for filling in slot.fillings:
                if filling.provider is not None and filling.provider.clock == "real":
                    return "real", f"stages.{filling.key} of '{variant.name}' ({filling.label}) needs it"
    used = {
        filling.use
        for variant in variants
        for slot in variant.loaded.slots
        if slot.kind in WORKING
        for filling in slot.fillings
    }
    if used <= {"sim"}:
        return "simulated", "all that is compared is simulated"
    return "charged", "all engines are on this computer: waiting is skipped, and their work counts"


def _outside(loaded: LoadedPipeline) -> bool:
    """Whether one of the tools, executed, needs the real clock."""
    known = tools_of(loaded)
    return bool(known.doors) or any(spec.clock == "real" for spec in known.specs)


def clock_problems(variant: Variant, tools: Tools = "stubs") -> Iterator[str]:
    """Why ``variant`` can't be measured on its clock, a sentence for each slot."""
    if variant.clock != "real" and tools == "live" and _outside(variant.loaded):
        yield f"tools of '{variant.name}' talk to the outside world, not on the {variant.clock} clock"
    for slot in variant.loaded.slots:
        if slot.provider is None or slot.use is None or variant.clock == "real":
            continue
        where = f"stages.{slot.key} ({slot.use}) of '{variant.name}'"
        if slot.provider.clock == "real":
            yield f"{where} talks to the outside world and can't be held on the {variant.clock} clock"
        elif (
            variant.clock == "simulated"
            and slot.kind in WORKING
            and slot.provider.local
            and slot.use != "sim"
        ):
            yield f"{where} works on this computer, which takes no time on the simulated clock"


# ── what can be known before ─────────────────────────────────────────────────────────────────────


def _check_calls(terms: Terms, variants: Sequence[Variant]) -> None:
    """Raise what is wrong between the calls and the variants."""
    errors: list[ConfigError] = []
    firsts = {variant.section: variant for variant in reversed(variants)}
    for variant in variants:
        tools = tool_names(variant.loaded) if variant is firsts[variant.section] else None
        for call in _calls(terms, variant):
            if call.remembered and any(slot.kind == "realtime" for slot in variant.loaded.slots):
                raise UsageError(
                    f"'{variant.name}' has a fused model, which remembers the call itself: it can't be given "
                    f"the history of the recorded call '{call.name}'",
                    hint="use --history free",
                )
            if tools is not None and call.test is not None:
                errors += problems_of(call.test, variant.loaded, tools, call.vars)
            else:
                _check_variables(variant, call)
    if errors:
        raise ConfigErrors(list({str(error): error for error in errors}.values()))


def _check_variables(variant: Variant, call: Scripted) -> None:
    try:
        agent_for_call(variant.loaded.agent, {**(call.test.test.vars if call.test else {}), **call.vars})
    except UsageError as error:
        raise UsageError(
            f"'{variant.name}', in the call '{call.name}': {error.message}", hint=error.hint
        ) from None


def without_stub(plan: Plan) -> list[str]:
    """The tools of the first variant that some call has no stub for."""
    if plan.tools == "live":
        return []
    loaded = plan.variants[0].loaded
    known = [{*loaded.tool_results, *call.tool_results, *_stubs_of_test(call)} for call in plan.calls]
    return sorted(
        name for name in tool_names(loaded) - {"end_call"} if any(name not in stubs for stubs in known)
    )


def _stubs_of_test(call: Scripted) -> Iterator[str]:
    if call.test is not None:
        yield from call.test.test.tool_results


def _left_out(
    terms: Terms, wanted: Sequence[Wanted], loaded: Loaded, variants: Sequence[Variant]
) -> dict[str, str]:
    """Variant → why it can't be held here; of the optional ones only. Raises ``SetupError`` for others."""
    reasons = {name: [str(error)] for name, error in loaded.refused.items()}
    found = run_on("real", _all_lacking(variants))
    reasons |= {name: missing for name, missing in found.items() if missing}
    in_order = {one.name: reasons[one.name] for one in wanted if one.name in reasons}
    fatal = {name: why for name, why in in_order.items() if name not in terms.optional or name == BASELINE}
    if fatal:
        sentences = [
            f"'{name}' can't be held here: {why}" for name, all_of_it in fatal.items() for why in all_of_it
        ]
        raise SetupError(
            "\n".join(sentences),
            hint="voicepipe doctor PIPELINE says more; a comparison file may call a variant 'optional'",
        )
    return {
        name: "; ".join(" ".join(why.split()) for why in all_of_it) for name, all_of_it in in_order.items()
    }


async def _all_lacking(variants: Sequence[Variant]) -> dict[str, list[str]]:
    workers = make_workers(Clock())
    try:
        found = {}
        for variant in variants:
            loaded = variant.loaded
            if variant.server is not None:
                loaded = variant.load(f"stages.{variant.server}.base_url={NOWHERE}")
            found[variant.name] = list(_lacking(loaded, workers))
        return found
    finally:
        workers.close()


def _lacking(loaded: LoadedPipeline, workers: Workers) -> Iterator[str]:
    """What the pipeline's providers need and this computer doesn't have; none is loaded or asked."""
    try:
        providers = make_providers(loaded, workers, Clock(), lambda message: None)
    except SetupError as error:
        yield str(error)
        return
    for slot in loaded.slots:
        for filling in slot.fillings:
            if filling.key in providers:
                for sentence in providers[filling.key].check():
                    yield f"stages.{filling.key} ({filling.label}): {sentence}"
