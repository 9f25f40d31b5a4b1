"""What a pipeline file may say outside its stages. Only what works is here; the rest is in ``later.py``.

These are the long forms: ``forms.py`` turns ``greeting: Hello`` into ``greeting: {say: Hello}`` before.
The descriptions of the fields are what the YAML reference and the JSON schema tell.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from voicepipe.config.conversations import TESTS, TOOL_RESULTS, Tests, ToolResults
from voicepipe.config.cost import CostConfig
from voicepipe.config.record import RecordConfig
from voicepipe.config.slo import SloConfig
from voicepipe.config.telemetry import MetricsConfig, TracesConfig
from voicepipe.config.tool_models import Model, Tool
from voicepipe.speech.chunker import has_words
from voicepipe.speech.notices import notice_texts

ANY_PROVIDER = "*"
LANGUAGE = r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


class Variable(Model):
    """A value that a call is given from outside, and that ``{{name}}`` inserts."""

    default: str | None = Field(None, description="the value if none is given")
    required: bool = Field(False, description="whether a call can't begin without it")

    @model_validator(mode="after")
    def _not_both(self) -> Variable:
        if self.required and self.default is not None:
            raise ValueError("a required variable has no use for a default")
        return self


class Greeting(Model):
    """What the agent says before the caller speaks."""

    say: str = Field(min_length=1, description="the words; {{name}} inserts a variable")
    interruptible: bool = Field(True, description="whether the caller can cut in; a safety phrase always can")


def _notice(text: str) -> str:
    if "{{" in text:
        raise ValueError("a notice is the same in every call: it can't insert a variable")
    if text.strip() and not has_words(text):
        raise ValueError("expected words, or an empty text to say nothing")
    return text


Spoken = Annotated[str, AfterValidator(_notice)]


class Notices(Model):
    """What the agent says when the pipeline can't answer: by default ours; an empty text is never said."""

    wait: Spoken | None = Field(None, max_length=200, description="a reply or a tool takes long")
    failed: Spoken | None = Field(None, max_length=200, description="the reply failed, or had no words")
    not_heard: Spoken | None = Field(None, max_length=200, description="speech whose words never came")
    reconnected: Spoken | None = Field(
        None, max_length=200, description="what was lost, and told to be, is back; the caller may speak"
    )

    def texts(self, language: str) -> dict[str, str]:
        """What is to be spoken, by the notices' names."""
        return notice_texts(language, self.model_dump())


class History(Model):
    """How far back the model is told of the call."""

    turns: int = Field(
        200,
        ge=1,
        le=10_000,
        description="earlier turns that it is told; beyond that, the oldest quarter is forgotten at once",
    )


class AgentConfig(Model):
    """Who speaks, whatever engine makes the speech: nothing here changes when a stage is swapped."""

    language: str = Field("en-US", pattern=LANGUAGE, description="BCP 47, such as en-US")
    variables: dict[Annotated[str, StringConstraints(pattern=VARIABLE)], Variable] = Field(
        default_factory=dict, description="values that each call is given; --var NAME=VALUE"
    )
    prompt: str = Field("", description="instructions for the model, as text or {file: PATH}")
    greeting: Greeting | None = Field(None, description="said first; a text, or {say: TEXT}")
    notices: Notices = Field(
        default_factory=Notices, description="said when the pipeline can't answer; spoken once, ahead"
    )
    voice: dict[str, str] = Field(
        default_factory=dict, description="a voice, or a map from provider to voice"
    )
    history: History = Field(
        default_factory=History, description="how far back the model is told of the call"
    )
    tools: tuple[Tool, ...] = Field((), description="what the model may call")

    def voice_for(self, provider: str, kind: str) -> str | None:
        """The voice that the file names for ``provider``, or for any.

        A fused one goes by its kind, since a vendor may have other voices for it than for its tts.
        """
        name = kind if kind == "realtime" else provider
        return self.voice.get(name, self.voice.get(ANY_PROVIDER))


class PipelineFile(Model):
    """The top level, without ``extends``, ``profiles`` and ``stages``, which the layers resolve."""

    voicepipe: Literal[1] = Field(description="the version of the file format")
    name: str | None = Field(None, min_length=1, max_length=100, description="the file's name if not given")
    agent: AgentConfig = Field(default_factory=AgentConfig, description="who speaks")
    cost: CostConfig = Field(default_factory=CostConfig, description="what things cost")
    record: RecordConfig = Field(
        default_factory=RecordConfig, description="what is kept of calls, and what of it nobody may read"
    )
    slo: SloConfig | None = Field(None, description="objectives: alerts, verdicts and the exit status in CI")
    metrics: MetricsConfig | None = Field(None, description="figures for Prometheus; off by default")
    traces: TracesConfig | None = Field(None, description="traces for OpenTelemetry; off by default")
    tests: Tests = Field((), description=TESTS)
    tool_results: ToolResults = Field(default_factory=dict, description=TOOL_RESULTS)

    def rehearsed(self) -> PipelineFile:
        """The same for calls of tests and comparisons, of which nothing is kept, watched, served or sent."""
        changed = {"record": self.record.rehearsed(), "slo": None, "metrics": None, "traces": None}
        return self.model_copy(update=changed)
