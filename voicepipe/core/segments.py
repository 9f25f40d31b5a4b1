"""What frames of audio and transcripts are about: words in time, and spoken pieces of a reply."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word with its times in milliseconds from the start of the audio that it belongs to."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(slots=True, kw_only=True, eq=False)
class Segment:
    """One spoken chunk of a reply.

    ``words`` grows while the voice speaks, where the voice tells them; their times count from the
    voice's own first sample, of which ``trimmed`` samples of silence were taken away.
    """

    turn: int
    index: int
    text: str
    rate: int
    in_history: bool = True
    item_id: str | None = None
    words: list[Word] = field(default_factory=list)
    trimmed: int = 0
    made: int = 0
    """Samples that the voice has given so far, without those that were trimmed."""
    samples: int | None = None
    """The length of the whole segment, known once its last frame has been made."""
    heard: int = 0
    """Samples that have really left the loudspeaker, as far as playout has told."""
    levels: list[int] = field(default_factory=list)
    """How loud each 20 ms of what was made is, in dBFS: where the pauses lie of a voice without words."""
    pace: float = 76.0
    """Milliseconds that the voice is expected to need for a letter; counts until ``samples`` is known."""

    def begin(self, rate: int) -> None:
        """A voice of ``rate`` Hz begins to speak it, perhaps after another one that was of no use."""
        self.rate, self.trimmed, self.made = rate, 0, 0
        self.words.clear()
        self.levels.clear()
