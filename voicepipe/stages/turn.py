"""The turn stage: the shell around ``speech.policy``, and the only one to change the turn ids."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voicepipe.core.frames import (
    Frame,
    Prosody,
    Shutdown,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Talk,
    Transcript,
    TypedText,
    Upward,
    UserTurn,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.units import MS, SECOND, Duration
from voicepipe.speech.turn_rules import SOONER, BargeIn, Rules
from voicepipe.speech.waits import Patience, Strategy, Waits
from voicepipe.stages.base import Stage, StageConfig, StageContext
from voicepipe.stages.turn_shell import FromCaller, TurnShell


class WhileThinkingConfig(BaseModel):
    """A sound while the reply is being prepared. It isn't begun before it is known what the sound was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commit_after: Duration = Field(
        300 * MS, ge=0, le=10 * SECOND, description="speech that takes the turn back whatever its words are"
    )


class BargeInConfig(BaseModel):
    """A sound while the agent speaks, in steps counted from its onset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    duck_after: Duration = Field(60 * MS, ge=0, le=10 * SECOND, description="the reply becomes quieter")
    pause_after: Duration = Field(200 * MS, ge=0, le=10 * SECOND, description="the reply is held")
    commit_after: Duration = Field(
        600 * MS, ge=0, le=10 * SECOND, description="speech that interrupts whatever its words are"
    )
    ignore_backchannels: bool = Field(
        True, description='whether the reply comes back after "uh-huh", "okay", "right"'
    )
    safety_phrases: tuple[str, ...] = Field(
        (), description='what always interrupts, added to the language\'s own ("stop", "be quiet", …)'
    )
    while_thinking: WhileThinkingConfig = Field(
        WhileThinkingConfig(), description="a sound while the reply is being prepared"
    )

    @model_validator(mode="after")
    def _in_order(self) -> BargeInConfig:
        if not self.duck_after <= self.pause_after <= self.commit_after:
            raise ValueError("duck_after, pause_after and commit_after must not decrease")
        return self


Speculative = Literal["stt", "llm", "tts"]

MIN_SILENCE: dict[Strategy, int] = {"silence": 500 * MS}
"""Where it isn't adapted to what was said. Elsewhere it is ``ADAPTED_SILENCE``."""

ADAPTED_SILENCE = 420 * MS


class TurnConfig(StageConfig):
    strategy: Strategy = Field(
        "adaptive",
        description="how the end of the caller's turn is found: by silence alone, by silence and how "
        "finished it sounds, by a key, or by the stt provider",
    )
    min_silence: Duration | None = Field(
        None,
        ge=0,
        le=10 * SECOND,
        description="silence after which the turn is over, at the earliest "
        "(500ms with silence, otherwise 420ms)",
    )
    max_wait: Duration = Field(
        2 * SECOND, ge=0, le=30 * SECOND, description="silence after which it is over whatever was said"
    )
    patience: Patience = Field("normal", description="relaxed waits twice as long")
    max_speech: Duration = Field(
        60 * SECOND,
        gt=0,
        le=3600 * SECOND,
        description="speech without a pause that is answered as far as it is understood",
    )
    speculate: tuple[Speculative, ...] = Field(
        ("stt", "llm", "tts"),
        description="what is begun before the turn is certain to be over, and wasted if it isn't",
    )
    barge_in: BargeInConfig = Field(BargeInConfig(), description="a sound while the agent thinks or speaks")
    notice_after: Duration = Field(
        1500 * MS,
        gt=0,
        le=60 * SECOND,
        description="silence after which the caller is asked for patience if a stage has failed and is "
        "being recovered",
    )
    dead_air: Duration = Field(
        4 * SECOND,
        gt=0,
        le=60 * SECOND,
        description="the longest silence of a due reply: before it is over, the caller is told something",
    )

    @model_validator(mode="after")
    def _voice_needs_words(self) -> TurnConfig:
        if "tts" in self.speculate and "llm" not in self.speculate:
            raise ValueError("speculate: tts has nothing to say before the turn is over without llm")
        return self

    @model_validator(mode="after")
    def _wait_in_order(self) -> TurnConfig:
        if self.min_silence is not None and self.min_silence > self.max_wait:
            raise ValueError("min_silence must not exceed max_wait")
        return self

    @property
    def silence(self) -> int:
        """``min_silence``, also where the file doesn't say it; in nanoseconds."""
        if self.min_silence is not None:
            return self.min_silence
        return min(self.max_wait, MIN_SILENCE.get(self.strategy, ADAPTED_SILENCE))

    def waits(self, language: str) -> Waits:
        return Waits(
            strategy=self.strategy,
            min_silence=self.silence,
            max_wait=self.max_wait,
            patience=self.patience,
            language=language,
        )

    def rules(self, language: str, *, late_words: bool = False) -> Rules:
        barge_in = self.barge_in
        return Rules(
            strategy=self.strategy,
            drafts="llm" in self.speculate and not late_words,  # a fused model bills all that it drafts
            early_drafts="stt" in self.speculate,
            late_words=late_words,
            barge_in=BargeIn(
                duck_after=barge_in.duck_after,
                pause_after=barge_in.pause_after,
                commit_after=barge_in.commit_after,
                thinking_commit_after=barge_in.while_thinking.commit_after,
                ignore_backchannels=barge_in.ignore_backchannels,
                safety_phrases=barge_in.safety_phrases,
            ),
            notice_after=self.notice_after,
            dead_air=self.dead_air - min(SOONER, self.dead_air // 2),
            max_speech=self.max_speech,
            language=language,
        )


class TurnStage(Stage):
    kind: ClassVar[str] = "turn"
    optional: ClassVar[frozenset[type[Frame]]] = frozenset({SpeechPaused, SpeechResumed, Prosody, Talk})
    Config: ClassVar[type[StageConfig]] = TurnConfig
    config: TurnConfig

    async def run(
        self,
        ctx: StageContext,
        inbox: Inbox[
            SpeechStarted
            | SpeechPaused
            | SpeechResumed
            | SpeechStopped
            | Prosody
            | Transcript
            | TypedText
            | Talk
        ],
        out: Outlet[UserTurn],
    ) -> None:
        language = self.agent.language
        rules = self.config.rules(language, late_words=Transcript in ctx.told)
        shell = TurnShell(rules, self.config.waits(language), ctx, inbox, out)
        try:
            if self.agent.greeting:
                await shell.greet(self.agent.greeting, interruptible=self.agent.greeting_interruptible)
            async for frame in inbox:
                if isinstance(frame, Shutdown):
                    shell.hang_up()
                elif isinstance(frame, FromCaller | Upward):
                    await shell.take(frame)
                if shell.over:
                    break
        finally:
            shell.close()
