"""What the providers consumed, in the units that their vendors bill, and what of it was for nothing.

Waste is what nobody heard: all that a draft consumed which was discarded, all that a request consumed which
failed (it was tried again, or somebody else was asked) or only tried out a provider, and of a reply that was
cut off or failed, the part that was made and not heard. That part is computed from what was heard, so it is
an estimate: the voice's characters and milliseconds, and the model's ``tokens_out`` (of a fused one also its
``audio_tokens_out``) in the proportion of the words, as is the time of the machine. What the model was asked
with isn't waste: the caller wanted an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from voicepipe.core.frames import Heard
from voicepipe.core.records import TurnStatus, UsageUnit
from voicepipe.speech.heard import heard_text
from voicepipe.speech.pricing import share

MeterUnit = UsageUnit | Literal["machine_ms"]
"""A unit that is billed, or the time of the machine that an engine on it took."""

MACHINE: Literal["machine_ms"] = "machine_ms"


class Meter(NamedTuple):
    """What is counted by itself."""

    slot: str
    provider: str
    model: str | None
    unit: MeterUnit


@dataclass(slots=True)
class Amount:
    """How many of a meter's unit; ``estimated``: how many of them the vendor didn't tell.

    ``cost``: what they cost, in picodollars, but for those that are ``unpriced``.
    """

    total: int = 0
    estimated: int = 0
    cost: int = 0
    unpriced: int = 0

    def add(self, more: Amount) -> None:
        self.total += more.total
        if more.estimated:
            self.estimated += more.estimated
        if more.cost:
            self.cost += more.cost
        if more.unpriced:
            self.unpriced += more.unpriced

    def without(self, other: Amount | None) -> Amount:
        """The rest."""
        if other is None:
            return self
        return Amount(
            self.total - other.total,
            self.estimated - other.estimated,
            self.cost - other.cost,
            self.unpriced - other.unpriced,
        )

    def part(self, lost: int) -> Amount:
        """Of so many, and estimated: what they cost of all."""
        return Amount(lost, lost, share(self.cost, lost, self.total), share(self.unpriced, lost, self.total))


class Tally:
    """Amounts by meter, in the order in which they were first met. As many as a pipeline has meters."""

    __slots__ = ("amounts",)

    def __init__(self) -> None:
        self.amounts: dict[Meter, Amount] = {}

    def add_all(self, other: Tally) -> None:
        amounts = self.amounts
        for meter, more in other.amounts.items():
            amount = amounts.get(meter)
            if amount is None:
                amounts[meter] = Amount(more.total, more.estimated, more.cost, more.unpriced)
            else:
                amount.add(more)

    def count(self, meter: Meter, more: Amount) -> None:
        amount = self.amounts.get(meter)
        if amount is None:
            amount = self.amounts[meter] = Amount()
        amount.add(more)

    def to_list(self) -> list[dict[str, Any]]:
        """One map for each meter of what vendors bill, for JSON."""
        return [
            {**meter._asdict(), "amount": amount.total, "estimated": amount.estimated}
            for meter, amount in self.amounts.items()
            if meter.unit != MACHINE
        ]


class Listened:
    """How much of one reply was heard. Of each chunk the last word counts: a later one corrects it."""

    __slots__ = ("_latest", "_told")

    def __init__(self) -> None:
        self._latest: dict[int, Heard] = {}
        """What hasn't been looked at: most replies are heard whole, and nobody asks how far."""
        self._told: dict[int, tuple[int, int]] = {}

    def note(self, heard: Heard) -> None:
        if heard.segment is not None and heard.segment.index >= 0:  # notices were made before the call
            self._latest[heard.segment.index] = heard

    def settle(self, *, whole: bool = False) -> None:
        """Count what was heard, and let go of the chunks themselves; of a ``whole`` reply nobody asks."""
        for index, heard in self._latest.items():
            if heard.segment is not None and not whole:
                text = heard_text(heard.segment, heard.samples)
                self._told[index] = (len(text), heard.samples * 1000 // heard.segment.rate)
        self._latest.clear()

    @property
    def characters(self) -> int:
        """Of what the voice was given, fillers included."""
        self.settle()
        return sum(characters for characters, _ in self._told.values())

    @property
    def duration_ms(self) -> int:
        self.settle()
        return sum(ms for _, ms in self._told.values())


def unheard(
    used: Tally,
    status: TurnStatus | None,
    said: str,
    heard: str,
    listened: Listened,
    failed: Tally | None = None,
) -> Tally:
    """What of ``used`` a reply that ended with ``status`` consumed for what nobody heard.

    ``failed``: what of ``used`` was for requests that failed.
    """
    wasted = Tally()
    gone = failed.amounts if failed is not None else {}
    for meter, amount in gone.items():
        wasted.count(meter, amount)
    if status not in ("interrupted", "failed"):
        return wasted
    rest = {meter: amount.without(gone.get(meter)) for meter, amount in used.amounts.items()}
    silent = max(0, len(said) - len(heard))
    for meter, amount in rest.items():
        match meter.slot, meter.unit:
            case "tts", "characters":
                lost = amount.total - listened.characters
            case "tts", "audio_out_ms":
                lost = amount.total - listened.duration_ms
            case "tts", "machine_ms":
                spoken = rest.get(meter._replace(unit="characters"), Amount()).total
                unspoken = max(0, spoken - listened.characters)
                lost = amount.total * unspoken // spoken if spoken else 0
            case ("llm", "tokens_out" | "machine_ms") | ("realtime", "tokens_out" | "audio_tokens_out") if (
                said
            ):
                lost = amount.total * silent // len(said)
            case _:
                lost = 0
        if lost > 0:
            wasted.count(meter, amount.part(lost))
    return wasted
