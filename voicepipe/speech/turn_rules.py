"""What a turn policy is told before the call, and what it tells of a turn."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicepipe.core.frames import (
    Heard,
    PlaybackStarted,
    PlaybackStopped,
    Prosody,
    ProviderBegan,
    Recovered,
    Recovering,
    Repeat,
    Skip,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Talk,
    ToolWaiting,
    Transcript,
    TurnFailed,
    TypedText,
)
from voicepipe.core.records import IgnoredReason
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.utterances import Utterances
from voicepipe.speech.waits import Strategy

PolicyInput = (
    SpeechStarted
    | SpeechPaused
    | SpeechResumed
    | SpeechStopped
    | Prosody
    | Transcript
    | TypedText
    | Talk
    | PlaybackStarted
    | PlaybackStopped
    | Heard
    | TurnFailed
    | ToolWaiting
    | ProviderBegan
    | Recovering
    | Recovered
    | Skip
    | Repeat
)

VERDICT = SECOND
"""How long the words of a sound that has ended are waited for before the reply comes back."""

WORDS_LAG = 400 * MS
"""How much longer a recogniser that tells words early may take over them: a cough never has any."""

LONGEST_COUGH = 600 * MS
"""A longer sound is answered by a model that has heard it also before its words are known."""

LONGEST_BACKCHANNEL = 3 * SECOND
"""An "uh-huh" in a voice that goes on for longer is something else."""

KEY_LAG = 400 * MS
"""How long after the key to talk was let go the VAD may take to notice the end."""

SOONER = 150 * MS
"""How long before the silence has become too long something is said, so that it is heard in time: the end of
the caller's speech is found a frame or two late, and a loudspeaker plays what it is given later."""

MAX_NOTICES = 3
"""How often the caller is asked for patience with one reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeIn:
    """All in nanoseconds after the onset of the sound.

    ``thinking_commit_after`` holds while a reply is being prepared, and nothing is heard of it yet.
    """

    duck_after: int = 60 * MS
    pause_after: int = 200 * MS
    commit_after: int = 600 * MS
    thinking_commit_after: int = 300 * MS
    ignore_backchannels: bool = True
    safety_phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings of a policy.

    ``drafts``: whether a reply is begun before the turn is over; ``early_drafts``: also on words that aren't
    final. ``late_words``: who replies has heard the caller, so that the turn needn't wait for its words.
    ``dead_air``: the silence after which something is said; ``notice_after``: if a stage is being recovered.
    """

    strategy: Strategy = "silence"
    drafts: bool = False
    early_drafts: bool = False
    late_words: bool = False
    barge_in: BargeIn = BargeIn()
    dead_air: int = 4 * SECOND
    notice_after: int = 1500 * MS
    max_speech: int = 60 * SECOND
    language: str = "en"


@dataclass(frozen=True, slots=True)
class CallerTurn:
    """What the caller said and typed. The times are None if it was only typed.

    ``end_of_speech_ns`` is estimated; at ``wait_over_ns`` the silence had lasted long enough. ``drafted``:
    the last draft is of the same words. ``spoken``: the utterances that it is made of, whose words may come
    later; ``typed`` stands behind them.
    """

    text: str
    end_of_speech_ns: int | None
    wait_over_ns: int | None
    drafted: bool = False
    spoken: Utterances = field(default_factory=Utterances, compare=False)
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A sound that was no interruption."""

    utterance: int
    text: str
    reason: IgnoredReason
