"""One event of every type that an observer of a session gets, and calls that are written by hand."""

from __future__ import annotations

from typing import Any

from voicepipe.core.frames import (
    CallerIdle,
    EndOfText,
    Heard,
    PlaybackStarted,
    PlaybackStopped,
    Prosody,
    ProviderBegan,
    Recovered,
    Recovering,
    Repeat,
    Segment,
    Skip,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Talk,
    Text,
    ToolWaiting,
    Transcript,
    TurnFailed,
    TypedText,
    Word,
)
from voicepipe.core.records import (
    BudgetAlert,
    BudgetExceeded,
    CallerLevel,
    ClipEnded,
    DeadAir,
    Failed,
    HistoryForgot,
    IgnoredReason,
    NotSent,
    ObjectiveMet,
    ObjectiveMissed,
    ProviderAttempt,
    ProviderSwitched,
    SpeechIgnored,
    StateChanged,
    Tapped,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    TurnReworded,
    TurnStatus,
    Usage,
    UsageUnit,
    VoiceAudible,
)
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.speech.policy import State

AT = 1500 * MS
SEGMENT = Segment(turn=1, index=0, text="Thursday at ten.", rate=24_000, samples=24_000)

EXAMPLES: tuple[Any, ...] = (
    SpeechStarted(position=16_000, audio_from=11_200, onset_ns=1000 * MS, at_ns=AT),
    Prosody(position=32_000, pitch_slope=-6.5, pitch_height=None, level_fall=9.0, voiced_ms=420, at_ns=AT),
    SpeechPaused(position=32_000, offset_ns=2000 * MS, at_ns=AT),
    SpeechResumed(position=36_000, at_ns=AT),
    SpeechStopped(position=32_000, offset_ns=2000 * MS, at_ns=AT),
    Transcript(
        utterance=16_000,
        revision=2,
        text="hello there",
        final=True,
        at_ns=AT,
        words=(Word(text="hello", start_ms=0, end_ms=400), Word(text="there", start_ms=400, end_ms=900)),
    ),
    Talk(pressed=True, at_ns=AT),
    TypedText(text="hello", at_ns=AT),
    Text(turn=1, text="Thursday"),
    EndOfText(turn=1),
    PlaybackStarted(turn=1, at_ns=AT),
    PlaybackStopped(turn=1, at_ns=AT),
    Heard(turn=1, segment=SEGMENT, samples=24_000, final=False, at_ns=AT),
    Heard(turn=1, segment=None, samples=0, final=True, at_ns=AT),
    TurnFailed(
        turn=1,
        stage="llm",
        error=ProviderError("no answer within 10s", provider="openai", kind="timeout"),
        at_ns=AT,
    ),
    ToolWaiting(turn=1, on=("find_slot",), at_ns=AT),
    ProviderBegan(turn=1, stage="llm", asked_ns=AT, at_ns=AT),
    Recovering(turn=None, stage="stt", at_ns=AT),
    Recovered(turn=None, stage="stt", at_ns=AT),
    Skip(turn=1, at_ns=AT),
    Repeat(at_ns=AT),
    CallerIdle(at_ns=AT),
    NotSent(
        at_ns=AT,
        slot="stt",
        provider="deepgram",
        model="nova-3",
        ms=4100,
        unit="audio_in_ms",
        amount=4100,
    ),
    ProviderAttempt(
        at_ns=AT,
        turn=1,
        slot="llm",
        provider="openai",
        began_ns=0,
        first_event_ns=None,
        status="cancelled",
        model="gpt-6-luna",
        usage=(
            Usage(unit="tokens_in", amount=300),
            Usage(unit="tokens_out", amount=12, estimated=True),
        ),
    ),
    ProviderSwitched(
        at_ns=AT,
        turn=1,
        slot="llm",
        previous="openai/gpt-6-luna",
        provider="groq/llama-4-scout",
        reason="no answer within 3s",
    ),
    ToolStarted(at_ns=AT, turn=1, call_id="c1", name="find_slot", arguments={"day": "thursday"}),
    ToolFinished(at_ns=AT, turn=1, call_id="c1", name="find_slot", result='{"slot":"10:30"}', error=False),
    CallerLevel(at_ns=AT, loudest_dbfs=-18.5, clipped=0.0),
    ClipEnded(at_ns=AT, clip="thursday.wav", end_of_speech_ns=1000 * MS),
    TurnDrafted(at_ns=AT, turn=1, user="hello"),
    TurnBegan(at_ns=AT, turn=1, user="hello", end_of_speech_ns=900 * MS, wait_over_ns=1400 * MS),
    TurnReworded(at_ns=AT, turn=1, user="hello there"),
    HistoryForgot(at_ns=AT, turns=50),
    VoiceAudible(at_ns=AT, turn=1),
    TurnEnded(at_ns=AT, turn=1, status="completed", said="Thursday at ten.", heard="Thursday at ten."),
    SpeechIgnored(
        at_ns=AT, turn=1, utterance=16_000, text="uh-huh", reason="backchannel", paused_ns=600 * MS
    ),
    DeadAir(at_ns=AT, turn=None, stage="stt", silent_ns=4000 * MS),
    StateChanged(at_ns=AT, state=State.IDLE),
    Failed(at_ns=AT, stage="stt", error="the model has gone"),
    ObjectiveMissed(
        at_ns=AT, objective="voice_to_voice.p90", limit="< 1s", value=1240.5, count=84, window_ns=900_000 * MS
    ),
    ObjectiveMet(
        at_ns=AT, objective="answered", limit=">= 0.99", value=0.995, count=200, window_ns=900_000 * MS
    ),
    BudgetAlert(at_ns=AT, budget="day 2026-11-23", spent_usd=40.1, limit_usd=50.0),
    BudgetExceeded(at_ns=AT, turn=1, slot="llm", budget="session", limit="0.40 USD", action="profile cheap"),
    Tapped(at_ns=AT, slot="llm/second", frame=Text(turn=1, text="Friday")),
)


class Story:
    """Writes down events, each at its time in milliseconds, and plays them to an observer."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Any]] = []

    def play(self, observer: Any) -> None:
        for at_ns, event in self.events:
            observer(at_ns, event)

    def add(self, at_ms: float, event: Any) -> Story:
        self.events.append((round(at_ms * MS), event))
        return self

    def speech(self, at_ms: float, position: int = 0) -> Story:
        at_ns = round(at_ms * MS)
        return self.add(at_ms, SpeechStarted(position=position, audio_from=0, onset_ns=at_ns, at_ns=at_ns))

    def ignored(
        self,
        at_ms: float,
        turn: int = 1,
        *,
        position: int = 0,
        text: str = "uh-huh",
        reason: IgnoredReason = "backchannel",
        paused_ms: int = 0,
    ) -> Story:
        return self.add(
            at_ms,
            SpeechIgnored(
                at_ns=round(at_ms * MS),
                turn=turn,
                utterance=position,
                text=text,
                reason=reason,
                paused_ns=paused_ms * MS,
            ),
        )

    def dead_air(self, at_ms: float, stage: str, turn: int | None = 1, silent_ms: int = 4000) -> Story:
        return self.add(
            at_ms, DeadAir(at_ns=round(at_ms * MS), turn=turn, stage=stage, silent_ns=silent_ms * MS)
        )

    def typed(self, at_ms: float, text: str) -> Story:
        return self.add(at_ms, TypedText(text=text, at_ns=round(at_ms * MS)))

    def clip(self, at_ms: float, end_of_speech_ms: float) -> Story:
        end = round(end_of_speech_ms * MS)
        return self.add(at_ms, ClipEnded(at_ns=round(at_ms * MS), clip="a.wav", end_of_speech_ns=end))

    def idle(self, at_ms: float) -> Story:
        return self.add(at_ms, StateChanged(at_ns=round(at_ms * MS), state=State.IDLE))

    def draft(self, at_ms: float, turn: int = 1, user: str = "hello") -> Story:
        return self.add(at_ms, TurnDrafted(at_ns=round(at_ms * MS), turn=turn, user=user))

    def used(
        self,
        at_ms: float,
        slot: str,
        unit: UsageUnit,
        amount: int,
        turn: int | None = 1,
        estimated: bool = False,
        provider: str = "sim",
    ) -> Story:
        return self.add(
            at_ms,
            ProviderAttempt(
                at_ns=round(at_ms * MS),
                turn=turn,
                slot=slot,
                provider=provider,
                began_ns=round(at_ms * MS),
                first_event_ns=None,
                status="ok",
                usage=(Usage(unit=unit, amount=amount, estimated=estimated),),
            ),
        )

    def begin(
        self, at_ms: float, turn: int = 1, user: str = "hello", spoken: tuple[float, float] | None = None
    ) -> Story:
        """``spoken``: the estimated end of speech, and when the wait was over."""
        end, over = (round(ms * MS) for ms in spoken) if spoken else (None, None)
        return self.add(
            at_ms,
            TurnBegan(at_ns=round(at_ms * MS), turn=turn, user=user, end_of_speech_ns=end, wait_over_ns=over),
        )

    def provider(self, at_ms: float, stage: str, turn: int = 1, *, asked_ms: float | None = None) -> Story:
        """``asked_ms``: when the request was sent; with the event before if it isn't said."""
        before_ns = self.events[-1][0] if self.events else round(at_ms * MS)
        asked_ns = before_ns if asked_ms is None else round(asked_ms * MS)
        return self.add(
            at_ms, ProviderBegan(turn=turn, stage=stage, asked_ns=asked_ns, at_ns=round(at_ms * MS))
        )

    def sign(self, at_ms: float, silent_ms: float = 60) -> Story:
        """That the caller's speech may be over, since ``silent_ms`` before."""
        at_ns, offset_ns = round(at_ms * MS), round((at_ms - silent_ms) * MS)
        return self.add(at_ms, SpeechPaused(position=0, offset_ns=offset_ns, at_ns=at_ns))

    def voice(self, at_ms: float, turn: int = 1) -> Story:
        """The first audio that can be heard."""
        return self.add(at_ms, VoiceAudible(at_ns=round(at_ms * MS), turn=turn))

    def tool(self, at_ms: float, name: str = "find", turn: int = 1, id: str = "c1") -> Story:
        return self.add(
            at_ms,
            ToolStarted(at_ns=round(at_ms * MS), turn=turn, call_id=id, name=name, arguments={"day": "mon"}),
        )

    def told(
        self,
        at_ms: float,
        result: str = "done",
        name: str = "find",
        turn: int = 1,
        id: str = "c1",
        error: bool = False,
    ) -> Story:
        return self.add(
            at_ms,
            ToolFinished(
                at_ns=round(at_ms * MS), turn=turn, call_id=id, name=name, result=result, error=error
            ),
        )

    def audible(self, at_ms: float, turn: int = 1, *, filler: bool = False) -> Story:
        return self.add(at_ms, PlaybackStarted(turn=turn, at_ns=round(at_ms * MS), filler=filler))

    def heard(self, at_ms: float, segment: Segment, samples: int) -> Story:
        return self.add(
            at_ms,
            Heard(
                turn=segment.turn,
                segment=segment,
                samples=samples,
                final=False,
                at_ns=round(at_ms * MS),
            ),
        )

    def end(
        self,
        at_ms: float,
        turn: int = 1,
        status: TurnStatus = "completed",
        said: str = "",
        heard: str = "",
        error: str | None = None,
    ) -> Story:
        return self.add(
            at_ms,
            TurnEnded(at_ns=round(at_ms * MS), turn=turn, status=status, said=said, heard=heard, error=error),
        )
