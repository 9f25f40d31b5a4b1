"""What a conversation test may say: steps of a scripted caller, and what is expected of the agent.

The descriptions of the fields are what ``docs/conversation-tests.md`` and the JSON schema tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from voicepipe.core.clock import ClockName
from voicepipe.core.conditions import DurationCondition, NumberCondition
from voicepipe.core.names import did_you_mean
from voicepipe.core.records import IgnoredReason
from voicepipe.core.units import SECOND, ConfigPath, Duration, parse_duration
from voicepipe.speech.policy import State

LONGEST_WAIT = 600 * SECOND
LONGEST_NOISE = 10 * SECOND
MAX_STEPS = 200
MAX_TESTS = 1000


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _one_of(model: _Model, *keys: str) -> None:
    """Exactly one of ``keys`` has to be given."""
    given = [key for key in keys if getattr(model, key) is not None]
    if len(given) != 1:
        expected = " or ".join(f"'{key}'" for key in keys)
        found = " and ".join(f"'{key}'" for key in given) or "none of them"
        raise ValueError(f"expected {expected}, found {found}")


def _stub(answer: Any) -> Any:
    if isinstance(answer, dict) and answer and answer.keys() <= {"result", "delay", "error"}:
        if "result" in answer and "error" in answer:
            raise ValueError("a stub has a result or an error, not both")
        if "delay" in answer:
            parse_duration(answer["delay"])
    return answer


ToolResults = dict[str, Annotated[Any, AfterValidator(_stub)]]
"""``{tool: result}``, or ``{tool: {result: …, delay: 2s}}``, or ``{tool: {error: …, delay: 2s}}``."""


class User(_Model):
    """What the caller does: it says, plays or types something, or makes a noise."""

    say: str | None = Field(None, min_length=1, description="words, rendered by espeak where it is installed")
    audio: ConfigPath | None = Field(None, description="a WAV file to be played")
    type: str | None = Field(None, min_length=1, description="a typed turn")
    noise: Duration | None = Field(
        None, gt=0, le=LONGEST_NOISE, description="a sound without words, such as a cough, of this length"
    )
    words: str | None = Field(
        None, description="what is said in `audio`, for the `sim` recogniser; empty for a noise"
    )
    while_: Literal["agent_speaking"] | None = Field(
        None, alias="while", description="begins while the agent speaks, instead of after its reply"
    )
    at: Duration | None = Field(
        None, le=LONGEST_WAIT, description="with `while`: how long after the reply's first audible sample"
    )

    @model_validator(mode="after")
    def _fits(self) -> User:
        _one_of(self, "say", "audio", "type", "noise")
        if self.words is not None and self.audio is None:
            raise ValueError("'words' tells what is said in an 'audio', and there is none")
        if self.at is not None and self.while_ is None:
            raise ValueError("'at' counts from the agent's first sound: it needs 'while: agent_speaking'")
        return self


class Wording(_Model):
    """Words that are to be found, or a regular expression."""

    contains: str | None = Field(None, min_length=1, description="found as it is, but for case and spaces")
    matches: str | None = Field(None, min_length=1, description="a regular expression that is found")

    @model_validator(mode="after")
    def _fits(self) -> Wording:
        _one_of(self, "contains", "matches")
        try:
            re.compile(self.matches or "")
        except re.error as error:
            raise ValueError(f"expected a regular expression, found '{self.matches}': {error}") from None
        return self

    def found_in(self, text: str) -> bool:
        """Without regard to case, and with every white space alike."""
        text = " ".join(text.split())
        if self.matches is not None:
            return re.search(self.matches, text, re.IGNORECASE) is not None
        return " ".join((self.contains or "").split()).casefold() in text.casefold()

    def __str__(self) -> str:
        return f"/{self.matches}/" if self.matches is not None else f"'{self.contains}'"


def _wording(value: Any) -> Any:
    """A text alone stands for words that are to be found."""
    return {"contains": str(value)} if isinstance(value, str | int | float) else value


Words = Annotated[
    Wording,
    BeforeValidator(_wording),
    WithJsonSchema({"anyOf": [{"type": "string"}, Wording.model_json_schema()]}),
]
"""``"half past ten"``, or ``{matches: "half past (ten|11)"}``."""


REASONS: tuple[str, ...] = get_args(IgnoredReason)


def _reason(value: bool | str) -> bool | str:
    if isinstance(value, str) and value not in REASONS:
        expected = " or ".join(f"'{one}'" for one in ("true", "false", *REASONS))
        raise ValueError(f"expected {expected}, found '{value}'.{did_you_mean(value, REASONS)}")
    return value


Ignored = Annotated[
    bool | str,
    AfterValidator(_reason),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": list(REASONS), "type": "string"}]}),
]
"""Whether, or for which reason."""


class StepExpectation(_Model):
    """What is expected of the agent after the ``user`` step before it; every key has to hold."""

    tool: str | None = Field(None, min_length=1, description="this tool was called")
    args: Mapping[str, Any] | None = Field(None, description="with `tool`: arguments that it was given")
    says: Words | None = Field(None, description="in what the agent's reply says, heard or not")
    heard: Words | None = Field(None, description="in what the caller has heard of the reply")
    no_reply: bool | None = Field(None, description="whether the caller heard nothing in reply")
    state: State | None = Field(None, description="whose turn it is at the end of the step")
    interrupted: bool | None = Field(
        None, description="whether the reply that was being spoken was cut off by the caller"
    )
    silent_within: Duration | None = Field(
        None, description="how long after the caller's first sound that reply may be heard"
    )
    heard_only: bool | None = Field(
        None, description="the history holds of that reply what was heard, and no more"
    )

    ignored: Ignored | None = Field(
        None, description="whether what the caller said into the reply was ignored, or for which reason"
    )
    paused_at_most: Duration | None = Field(
        None, description="how long the reply may be held back by what was ignored"
    )
    dead_air: bool | str | None = Field(
        None, description="whether nothing was heard for too long, or the stage that was waited for then"
    )

    @model_validator(mode="after")
    def _fits(self) -> StepExpectation:
        if not self.model_fields_set:
            raise ValueError("nothing is expected here")
        if self.args is not None and self.tool is None:
            raise ValueError("'args' are those of a 'tool', and none is named")
        if self.heard_only is False:
            raise ValueError("'heard_only' can only be true: the history never holds more")
        return self


class Step(_Model):
    user: User | None = Field(None, description="the caller says, plays or types something")
    wait: Duration | None = Field(
        None, le=LONGEST_WAIT, description="the caller is silent for so long; the next step begins at once"
    )
    expect: StepExpectation | None = Field(None, description="what is expected of the agent so far")

    @model_validator(mode="after")
    def _fits(self) -> Step:
        _one_of(self, "user", "wait", "expect")
        return self


class Percentiles(_Model):
    p50: DurationCondition | None = Field(None, description="of the median")
    p90: DurationCondition | None = Field(None, description="of what one reply in ten exceeds")
    p95: DurationCondition | None = Field(None, description="of what one reply in twenty exceeds")
    p99: DurationCondition | None = Field(None, description="of what one reply in a hundred exceeds")

    @model_validator(mode="after")
    def _fits(self) -> Percentiles:
        if not self.model_fields_set:
            raise ValueError("expected conditions for p50, p90, p95 or p99, found none")
        return self


class Totals(_Model):
    """What is expected of the whole conversation."""

    voice_to_voice: Percentiles | None = Field(
        None, description="from the end of the caller's speech to the first sound of the reply"
    )
    llm_calls: NumberCondition | None = Field(
        None, description="requests to the model, without those of discarded drafts"
    )
    wasted_llm_calls: NumberCondition | None = Field(
        None, description="requests to the model for discarded drafts"
    )
    discarded_drafts: NumberCondition | None = Field(
        None, description="replies that were prepared and dropped"
    )
    ignored: NumberCondition | None = Field(
        None, description="sounds of the caller that were ignored while the agent thought or spoke"
    )
    dead_air: NumberCondition | None = Field(
        None, description="times that nothing was heard for too long although something was due"
    )
    cost_usd: NumberCondition | None = Field(
        None, description="what everything cost, waste included; missed if anything has no price"
    )
    tool_calls: NumberCondition | None = Field(None, description="tools that were called")
    turns: NumberCondition | None = Field(None, description="turns of the caller that a reply was due to")
    unanswered: NumberCondition | None = Field(
        None, description="turns that got no answer; expected to be 0 unless it is said here"
    )


def _from_to(least: int, most: int, what: str) -> AfterValidator:
    """A list of so many. pydantic's own limits would count what is wrong in the list as missing."""

    def check(items: tuple[Any, ...]) -> tuple[Any, ...]:
        if not least <= len(items) <= most:
            raise ValueError(f"expected {least} to {most} {what}, found {len(items) or 'none'}")
        return items

    return AfterValidator(check)


class ConversationTest(_Model):
    """A conversation between a scripted caller and the pipeline."""

    name: str = Field(min_length=1, max_length=200, description="a sentence of behaviour")
    profile: str | None = Field(None, description="the profile that it runs under")
    clock: ClockName | None = Field(None, description="simulated unless it is said here or by `--clock`")
    vars: dict[str, str] = Field(default_factory=dict, description="variables of the agent")
    tool_results: ToolResults = Field(
        default_factory=dict, description="stubs of this test, over those of the file"
    )
    steps: Annotated[tuple[Step, ...], _from_to(1, MAX_STEPS, "steps")] = Field(
        description="what happens, one after the other"
    )
    expect: Totals = Field(default_factory=Totals, description="of the whole conversation")


Tests = Annotated[tuple[ConversationTest, ...], _from_to(0, MAX_TESTS, "tests")]
TESTS = "conversations for `voicepipe test`, and paths of files that hold some"
TOOL_RESULTS = "what tools answer in tests, instead of being executed"


class TestFile(_Model):
    """A file of tests."""

    __test__ = False  # it isn't one of pytest's

    tests: Tests = Field((), description=TESTS)
    tool_results: ToolResults = Field(default_factory=dict, description=TOOL_RESULTS)
