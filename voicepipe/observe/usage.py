"""What the providers consumed, in the units that their vendors bill, and what of it was for nothing.

Nothing has a price here. Waste is what nobody heard: all that a draft consumed which was discarded, and of a
reply that was cut off or failed, the part that was made and not heard. That part is computed from what was
heard, so it is an estimate: the voice's characters and milliseconds, and the model's ``tokens_out`` in the
proportion of the words. What the model was asked with isn't waste: the caller wanted an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from voicepipe.core.frames import Heard
from voicepipe.core.records import TurnStatus, Usage, UsageUnit
from voicepipe.speech.heard import heard_text


class Meter(NamedTuple):
    """What is counted by itself."""

    slot: str
    provider: str
    model: str | None
    unit: UsageUnit


@dataclass(slots=True)
class Amount:
    """How many of a meter's unit; ``estimated``: how many of them the vendor didn't tell."""

    total: int = 0
    estimated: int = 0


class Tally:
    """Amounts by meter, in the order in which they were first met. As many as a pipeline has meters."""

    def __init__(self) -> None:
        self.amounts: dict[Meter, Amount] = {}

    def add(self, usage: Usage) -> None:
        meter = Meter(usage.slot, usage.provider, usage.model, usage.unit)
        self._add(meter, usage.amount, usage.amount if usage.estimated else 0)

    def add_all(self, other: Tally) -> None:
        for meter, amount in other.amounts.items():
            self._add(meter, amount.total, amount.estimated)

    def to_list(self) -> list[dict[str, Any]]:
        """One map for each meter, for JSON."""
        return [
            {**meter._asdict(), "amount": amount.total, "estimated": amount.estimated}
            for meter, amount in self.amounts.items()
        ]

    def _add(self, meter: Meter, total: int, estimated: int) -> None:
        amount = self.amounts.setdefault(meter, Amount())
        amount.total += total
        amount.estimated += estimated


class Listened:
    """How much of one reply was heard. Of each chunk the last word counts: a later one corrects it."""

    def __init__(self) -> None:
        self._segments: dict[int, tuple[int, int]] = {}

    def note(self, heard: Heard) -> None:
        segment = heard.segment
        if segment is not None and segment.index >= 0:  # notices were made before the call
            text = heard_text(segment, heard.samples)
            self._segments[segment.index] = (len(text), heard.samples * 1000 // segment.rate)

    @property
    def characters(self) -> int:
        """Of what the voice was given, fillers included."""
        return sum(characters for characters, _ in self._segments.values())

    @property
    def duration_ms(self) -> int:
        return sum(ms for _, ms in self._segments.values())


def unheard(used: Tally, status: TurnStatus | None, said: str, heard: str, listened: Listened) -> Tally:
    """What of ``used`` a reply that ended with ``status`` consumed for what nobody heard."""
    wasted = Tally()
    if status in ("interrupted", "failed"):
        silent = max(0, len(said) - len(heard))
        for meter, amount in used.amounts.items():
            match meter.slot, meter.unit:
                case "tts", "characters":
                    lost = amount.total - listened.characters
                case "tts", "audio_out_ms":
                    lost = amount.total - listened.duration_ms
                case "llm", "tokens_out" if said:
                    lost = amount.total * silent // len(said)
                case _:
                    lost = 0
            if lost > 0:
                wasted._add(meter, lost, lost)
    return wasted
