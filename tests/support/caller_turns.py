"""What happens in a call, as the turn policy is told of it."""

from __future__ import annotations

from voicepipe.core.frames import (
    Heard,
    PlaybackStarted,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TurnFailed,
    TypedText,
)
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.speech.policy import Action, CallerTurn, State, TurnPolicy

MIN_SILENCE = 500 * MS
REPLYING = {State.PROCESSING, State.WAITING_FOR_TOOL, State.SPEAKING}


def policy() -> TurnPolicy:
    return TurnPolicy(min_silence_ns=MIN_SILENCE)


def started(position: int, at_ns: int = 0) -> SpeechStarted:
    return SpeechStarted(position=position, audio_from=position, onset_ns=at_ns, at_ns=at_ns)


def stopped(position: int = 0, *, offset_ns: int = 0) -> SpeechStopped:
    return SpeechStopped(position=position, offset_ns=offset_ns, at_ns=offset_ns + 160 * MS)


def transcript(utterance: int, text: str, *, final: bool = True) -> Transcript:
    return Transcript(utterance=utterance, revision=0, text=text, final=final, at_ns=0)


def typed(text: str) -> TypedText:
    return TypedText(text=text, at_ns=0)


def heard(*, final: bool) -> Heard:
    return Heard(turn=1, segment=None, samples=0, final=final, at_ns=0)


def failed() -> TurnFailed:
    error = ProviderError("gone", provider="openai", kind="connection")
    return TurnFailed(turn=1, stage="llm", error=error, at_ns=0)


def spoken_turn(machine: TurnPolicy, text: str = "hello", *, position: int = 0) -> CallerTurn:
    """The caller says ``text`` and falls silent for long enough."""
    machine.on(started(position))
    machine.on(stopped(offset_ns=0))
    machine.on(transcript(position, text))
    assert Action.COMMIT in machine.on_deadline(MIN_SILENCE)
    return machine.take_turn()


def state_of(machine: TurnPolicy) -> State:
    """Not narrowed by what was asserted of it before."""
    return machine.state


def speaking() -> TurnPolicy:
    machine = policy()
    spoken_turn(machine)
    machine.on(PlaybackStarted(turn=1, at_ns=0))
    return machine
