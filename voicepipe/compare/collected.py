"""All that was measured, put together: what a report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from voicepipe.compare.environment import environment
from voicepipe.compare.measured import CallInfo, Comparison, MeasuredCall, VariantInfo
from voicepipe.compare.plan import Plan, Variant

LEFT_OUT = "[left out]"


def comparison(
    plan: Plan, measured: Iterable[MeasuredCall], *, began: str, unfinished: str | None
) -> Comparison:
    """``measured`` as it was held, in any order: it is put into one that tells nothing of who held what when,
    by call, repetition and variant. Nor does it tell where on this computer anything lies. ``began``: when
    the command did, which is later than the calls that it found kept."""
    measured = list(measured)
    calls = {call.name: number for number, call in enumerate(plan.calls)}
    variants = {variant.name: number for number, variant in enumerate(plan.variants)}

    folders = {variant.name: variant.path.resolve().parent for variant in plan.variants}

    def place(call: MeasuredCall) -> tuple[int, int, int]:
        return calls[call.call], call.repetition, variants[call.variant]

    return Comparison(
        title=plan.title,
        variants=tuple(_variant(variant, plan.left_out.get(variant.name)) for variant in plan.variants),
        calls=tuple(CallInfo(name=one.name, kind=one.kind, speech_ns=one.speech_ns) for one in plan.calls),
        measured=tuple(sorted((_placeless(call, folders) for call in measured), key=place)),
        environment=environment(
            [variant.loaded for variant in plan.variants],
            began=min([began, *(call.began for call in measured)]),
        ),
        repetitions=plan.repetitions,
        tools=plan.tools,
        history=plan.history,
        seed=plan.seed,
        unfinished=unfinished,
    )


def redacted(call: MeasuredCall) -> MeasuredCall:
    """``call`` without the reason why it broke off, which is the one text in its figures that may quote
    somebody. What was said in it is left to the page, which tells how much it was."""
    return call if call.error is None else call.model_copy(update={"error": LEFT_OUT})


def _variant(variant: Variant, left_out: str | None) -> VariantInfo:
    folder = variant.path.resolve().parent
    return VariantInfo(
        name=variant.name,
        what=_without_places(variant.what, folder),
        stages={slot.key: slot.fillings[0].label for slot in variant.loaded.slots if slot.fillings},
        clock=variant.clock,
        section=variant.section,
        stand_in=variant.server is not None,
        left_out=None if left_out is None else _without_places(left_out, folder),
    )


def _placeless(call: MeasuredCall, folders: Mapping[str, Path]) -> MeasuredCall:
    if call.error is None:
        return call
    return call.model_copy(update={"error": _without_places(call.error, folders[call.variant])})


def _without_places(text: str, folder: Path) -> str:
    """A report is given to others: paths begin at the ``folder`` of the pipeline file, or at the home."""
    for place, shown in ((folder, "."), (Path.home(), "~")):
        text = text.replace(f"{place}/", f"{shown}/")
    return text
