"""What a call has cost, in a line or two at its end."""

from __future__ import annotations

from decimal import Decimal

from voicepipe.observe.cost import Cost
from voicepipe.observe.usage import MACHINE

SHOWN = Decimal("0.000001")
"""USD: a millionth tells two short calls apart."""


def cost_lines(cost: Cost) -> list[str]:
    """What was spent and for what; nothing where no money was spent and nobody is going to send a bill.

    ::

        cost 0.012300 USD (llm 0.010000, tts 0.002300), 0.001100 of it for nothing
        silence not sent: 41 s, 0.003280 USD saved
    """
    lines = []
    by_stage = ", ".join(
        f"{slot} {shown(value)}" for slot, value in cost.by(lambda meter: meter.slot).items()
    )
    if by_stage:
        least = "" if cost.total is not None else "at least "
        waste = f", {shown(cost.for_nothing)} of it for nothing" if cost.for_nothing else ""
        lines.append(f"cost {least}{shown(cost.priced)} USD ({by_stage}){waste}")
    if cost.saved.amounts:
        saved = f", {shown(cost.not_spent)} USD saved" if cost.not_spent else ""
        lines.append(f"silence not sent: {cost.silence_ms / 1000:.0f} s{saved}")
    return lines


def cost_warnings(cost: Cost) -> list[str]:
    """What has no price, but for the time of a machine for which none is given, and what has an old one."""
    billed = [meter for meter in cost.unpriced if meter.unit != MACHINE]
    missing = cost.missing() if billed or cost.book.cost.model_fields_set else []
    return [f"no price for {sentence}" for sentence in missing] + cost.book.warnings()


def shown(value: Decimal) -> str:
    """To a millionth of a dollar."""
    return f"{value.quantize(SHOWN):f}"
