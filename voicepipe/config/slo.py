"""What ``slo:`` may say: how quick, how reliable and how cheap calls have to be.

One definition for three readers: the live alert, the verdict of a comparison, and the exit status in CI.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from voicepipe.config.tool_models import Model
from voicepipe.core.conditions import Condition, DurationCondition, NumberCondition
from voicepipe.core.units import SECOND, Duration

SHORTEST_WINDOW = 60 * SECOND
LONGEST_WINDOW = 86_400 * SECOND
WINDOW = 900 * SECOND
MIN_COUNT = 20

LATENCY_OBJECTIVES = (
    "voice_to_voice",
    *("vad", "endpoint", "stt", "llm_queue", "llm_first_token", "llm", "tools"),
    *("chunk", "tts_first_audio", "audible", "playout"),
    "silent_after_interruption",
)
"""Those that are a duration with percentiles. All but the last are ``observe.timeline.LATENCIES``."""

ANSWERED, COST = "answered", "cost_usd_minute"


def _with(*operators: str) -> Callable[[Condition], Condition]:
    def check(condition: Condition) -> Condition:
        if condition.operator not in operators or condition.limit <= 0:
            raise ValueError(f"expected a condition such as '{operators[0]} LIMIT', found '{condition}'")
        return condition

    return check


def _share(condition: Condition) -> Condition:
    if condition.limit > 1:
        raise ValueError(f"expected a share of at most 1, such as '>= 0.99', found '{condition}'")
    return condition


AtMost = Annotated[DurationCondition, AfterValidator(_with("<", "<="))]
Share = Annotated[NumberCondition, AfterValidator(_with(">=", ">")), AfterValidator(_share)]
Price = Annotated[NumberCondition, AfterValidator(_with("<", "<="))]


class Percentiles(Model):
    """Limits of one duration, such as `{p50: "< 800ms", p99: "< 2s"}`."""

    p50: AtMost | None = Field(None, description="of the median")
    p90: AtMost | None = Field(None, description="of what one in ten exceeds")
    p95: AtMost | None = Field(None, description="of what one in twenty exceeds")
    p99: AtMost | None = Field(None, description="of what one in a hundred exceeds")

    @model_validator(mode="after")
    def _some(self) -> Percentiles:
        if not any(True for _ in self.given()):
            raise ValueError("no limit is given here: expected p50, p90, p95 or p99")
        return self

    def given(self) -> Iterator[tuple[int, Condition]]:
        """``(90, Condition)`` for each that is set."""
        for percent in (50, 90, 95, 99):
            condition: Condition | None = getattr(self, f"p{percent}")
            if condition is not None:
                yield percent, condition


@dataclass(frozen=True, slots=True)
class Objective:
    """One limit: of the ``percent``-th percentile of ``measure`` in ns, or of the measure itself if None."""

    measure: str
    percent: int | None
    condition: Condition

    @property
    def name(self) -> str:
        """``voice_to_voice.p90``, or ``answered``."""
        return self.measure if self.percent is None else f"{self.measure}.p{self.percent}"

    def __str__(self) -> str:
        return f"{self.name} {self.condition}"


class SloConfig(Model):
    """Objectives: watched while calls are held, over all calls of the process, and judged in comparisons."""

    voice_to_voice: Percentiles | None = Field(
        None, description="from the end of the caller's speech to the first sound of the reply"
    )
    vad: Percentiles | None = Field(None, description="of that, until the end of the speech was noticed")
    endpoint: Percentiles | None = Field(None, description="then until the caller's turn was over")
    stt: Percentiles | None = Field(None, description="then until the words were final")
    llm_queue: Percentiles | None = Field(None, description="then until the model was asked")
    llm_first_token: Percentiles | None = Field(None, description="then until the model's first token")
    llm: Percentiles | None = Field(None, description="what else the model was waited for, beside tools")
    tools: Percentiles | None = Field(None, description="what tools were waited for")
    chunk: Percentiles | None = Field(None, description="then until there was something to speak")
    tts_first_audio: Percentiles | None = Field(None, description="then until the voice's first audio")
    audible: Percentiles | None = Field(None, description="then until its first sample that can be heard")
    playout: Percentiles | None = Field(None, description="then until that was played")
    silent_after_interruption: Percentiles | None = Field(
        None, description="from the onset of speech that interrupts a reply to the last sound of that reply"
    )
    answered: Share | None = Field(
        None, description='share of the caller\'s turns that were answered, such as ">= 0.99"'
    )
    cost_usd_minute: Price | None = Field(None, description='USD for a minute of a call, such as "< 0.05"')
    window: Duration = Field(
        WINDOW, ge=SHORTEST_WINDOW, le=LONGEST_WINDOW, description="how far back the live alert looks"
    )
    min_count: int = Field(
        MIN_COUNT, ge=1, le=1_000_000, description="measurements below which an objective isn't judged"
    )

    def objectives(self) -> Iterator[Objective]:
        """All that are set, in the order of the reference."""
        for measure in LATENCY_OBJECTIVES:
            percentiles: Percentiles | None = getattr(self, measure)
            if percentiles is not None:
                for percent, condition in percentiles.given():
                    yield Objective(measure, percent, condition)
        for measure in (ANSWERED, COST):
            limit: Condition | None = getattr(self, measure)
            if limit is not None:
                yield Objective(measure, None, limit)
