"""What moves through a pipeline. The unit stands on every field; ``_ns`` is session time in nanoseconds.

Three families:

* **Stream frames** belong to the caller's time line and never go stale.
* **Turn frames** belong to one reply (``turn``) and are dropped by every inbox once that turn is dead.
* **Control** travels out of band and is still correct after it has overtaken data: downwards to every
  stage, or upwards to the turn stage only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar, dataclass_transform

from voicepipe.core.segments import Segment as Segment
from voicepipe.core.segments import Word as Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pcm: TypeAlias = npt.NDArray[np.int16]
    """Mono samples, shape (n,)."""
else:
    Pcm = Any  # validating a pipeline file needs the frames' names, but not 0.1 s of NumPy

FRAME_MS = 20
"""Length of a microphone frame, and the most that one ``AudioOut`` holds."""

UNRECOGNISED = "[unrecognised speech]"
"""The text of a final transcript when somebody spoke, but not words that the recogniser knows."""

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False)
def _frame(cls: type[T]) -> type[T]:
    return dataclass(frozen=True, slots=True, kw_only=True, eq=False)(cls)


# ── stream frames ────────────────────────────────────────────────────────────────────────────────


@_frame
class StreamFrame:
    turn: ClassVar[None] = None
    droppable: ClassVar[bool] = False


@_frame
class AudioIn(StreamFrame):
    """Microphone audio: int16 mono at the session's rate, 20 ms.

    ``position`` is the index of the first sample; a gap between frames is a drop.
    ``caption`` holds the words that a scripted caller says in it, for the ``sim`` STT alone; it is empty
    where there are none, and None where nobody knows.
    """

    droppable: ClassVar[bool] = True

    pcm: Pcm
    position: int
    rate: int
    caption: str | None = None


@_frame
class SpeechStarted(StreamFrame):
    """Speech began at sample ``position`` (back-dated: the decision came later, at ``at_ns``).

    ``audio_from`` is ``position`` less the prefix padding: where a recogniser should begin.
    """

    position: int
    audio_from: int
    onset_ns: int
    at_ns: int


@_frame
class SpeechStopped(StreamFrame):
    """The last speech sample was just before ``position``; the decision came at ``at_ns``."""

    position: int
    offset_ns: int
    at_ns: int


@_frame
class SpeechPaused(StreamFrame):
    """The first sign of an end: the last speech sample may have been just before ``position``.

    ``SpeechStopped`` confirms it, or ``SpeechResumed`` takes it back.
    """

    position: int
    offset_ns: int
    at_ns: int


@_frame
class SpeechResumed(StreamFrame):
    """The speech goes on after all; ``position`` is where it does."""

    position: int
    at_ns: int


@_frame
class Prosody(StreamFrame):
    """How the speech sounded just before it paused at ``position``. None: too little of it was voiced.

    ``pitch_slope``: semitones per second over the last voiced stretch; ``pitch_height``: its end in
    semitones above the speaker's own median; ``level_fall``: by how many dB the end is quieter than the
    utterance was; ``voiced_ms``: what the pitch was measured on.
    """

    position: int
    pitch_slope: float | None
    pitch_height: float | None
    level_fall: float
    voiced_ms: int
    at_ns: int


@_frame
class Transcript(StreamFrame):
    """What was heard between one ``SpeechStarted`` (its position is ``utterance``) and the stop.

    Each ``revision`` replaces the one before; a final one is the last. ``ends_turn``: the recogniser itself
    is sure that the caller has finished (for ``strategy: provider``). ``words``, with their times, are those
    of a final one: before, each revision would bring all of them again.
    """

    utterance: int
    revision: int
    text: str
    final: bool
    at_ns: int
    words: tuple[Word, ...] = ()
    ends_turn: bool = False


@_frame
class Talk(StreamFrame):
    """The caller pressed the key to talk, or let it go (for ``strategy: push_to_talk``)."""

    pressed: bool
    at_ns: int


@_frame
class TypedText(StreamFrame):
    """A turn that the caller typed."""

    text: str
    at_ns: int


# ── turn frames ──────────────────────────────────────────────────────────────────────────────────


@_frame
class TurnFrame:
    droppable: ClassVar[bool] = False

    turn: int


@_frame
class UserTurn(TurnFrame):
    """The caller's turn is over, and this is what a reply is due to.

    ``say``: words to be spoken instead of asking the model, such as a greeting. ``utterances``: of which
    utterances it is made, by their onsets' positions; their words may not be known yet, and are missing
    from ``text`` then. Of those up to the position ``through``, the others need no answer. ``typed``: its
    end that was typed.
    """

    text: str
    utterances: tuple[int, ...] = ()
    through: int = -1
    typed: str = ""
    say: str | None = None
    in_history: bool = True
    """Whether ``say`` is remembered; False if it was said before."""


@_frame
class Text(TurnFrame):
    """A piece of the reply as the model wrote it. ``in_history`` is False for notices and fillers."""

    text: str
    in_history: bool = True


@_frame
class EndOfText(TurnFrame):
    pass


@_frame
class AudioOut(TurnFrame):
    """Reply audio: int16 mono at ``segment.rate``, at most 20 ms."""

    segment: Segment
    pcm: Pcm


@_frame
class EndOfAudio(TurnFrame):
    pass


# ── control, downwards: once to every stage ──────────────────────────────────────────────────────


@_frame
class Control:
    pass


@_frame
class Interrupt(Control):
    """``turn`` is dead: fall silent and drop what belongs to it."""

    turn: int


@_frame
class Commit(Control):
    """The draft ``turn`` is live: it may be heard, and its tools may have effects."""

    turn: int


@_frame
class Discard(Control):
    """The draft ``turn`` is dead; nobody heard anything of it."""

    turn: int


@_frame
class Gain(Control):
    """Play ``turn`` at ``db`` relative to full loudness, from its next frame on."""

    turn: int
    db: float


@_frame
class Pause(Control):
    """Fall silent within a fade, and keep what of ``turn`` is still to be played."""

    turn: int


@_frame
class Resume(Control):
    """Play ``turn`` at full loudness; after a pause, from the beginning of the word that was cut off."""

    turn: int


@_frame
class Notice(Control):
    """Play the notice ``name`` (a key of ``runtime.notices``) as a part of ``turn``.

    ``last``: nothing else is to come of ``turn``.
    """

    turn: int
    name: str
    last: bool


@_frame
class Shutdown(Control):
    """The call is ending: finish what is being said, accept nothing new."""

    reason: str


# ── control, upwards: to the turn stage ──────────────────────────────────────────────────────────


@_frame
class Upward(Control):
    """``at_ns`` is when it happened; the policy takes it for its ``now``."""

    at_ns: int


@_frame
class PlaybackStarted(Upward):
    """The first audible frame of ``turn`` was handed to the transport.

    ``filler``: it isn't the reply itself yet, but what is said meanwhile (``Segment.in_history`` False).
    """

    turn: int
    filler: bool = False


@_frame
class PlaybackStopped(Upward):
    """All that there is of ``turn`` has been played, but it isn't at its end."""

    turn: int


@_frame
class Heard(Upward):
    """``samples`` of ``segment`` (at its own rate) have really left the loudspeaker.

    ``final``: nothing more of ``turn`` will be heard. ``segment`` is None if nothing was.
    """

    turn: int
    segment: Segment | None
    samples: int
    final: bool


@_frame
class TurnFailed(Upward):
    """``turn`` None: what the caller said was lost before it became a turn."""

    turn: int | None
    stage: str
    error: Any
    """The ``VoicepipeError`` that ended it."""
    again: bool = False
    """A call broke off in the middle, so that the same turn may well succeed if it is begun anew."""


@_frame
class ToolWaiting(Upward):
    """The reply waits for the tools named in ``on``; an empty tuple: it waits no more."""

    turn: int
    on: tuple[str, ...]


@_frame
class ProviderBegan(Upward):
    """A provider call of ``stage`` gave its first event, for a request that was sent at ``asked_ns``."""

    turn: int
    stage: str
    asked_ns: int


@_frame
class Recovering(Upward):
    """A call of ``stage``, or its connection, has failed, and it is being tried again, here or elsewhere.

    ``turn`` None: what was being done isn't of a reply, such as recognising what the caller says. Ended by
    ``Recovered`` or ``TurnFailed``, or together with its turn.
    """

    turn: int | None
    stage: str


@_frame
class Recovered(Upward):
    """It has succeeded."""

    turn: int | None
    stage: str


@_frame
class CallerIdle(Upward):
    """The provider has waited for long enough for the caller to say anything: it is to speak up itself."""


@_frame
class Skip(Upward):
    """The caller doesn't want to hear the rest of ``turn``, nor to say anything."""

    turn: int


@_frame
class Repeat(Upward):
    """The caller wants to hear the last reply again."""


Frame = StreamFrame | TurnFrame
