"""What the caller has said since the last turn: utterance by utterance, in the order of their onsets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from voicepipe.core.frames import SpeechStarted, Transcript


@dataclass(slots=True)
class Utterance:
    """``onset_ns``: when it began. ``over_reply``: that was while a reply was due or being spoken."""

    onset_ns: int
    over_reply: bool
    text: str = ""
    final: bool = False


@dataclass(slots=True)
class Utterances:
    """Keyed by the sample position of the onset. What belongs to a turn that was taken is not heard again."""

    _open: dict[int, Utterance] = field(default_factory=dict)
    _closed_through: int = -1

    def begin(self, frame: SpeechStarted, *, over_reply: bool) -> None:
        self._open.setdefault(frame.position, Utterance(frame.onset_ns, over_reply))

    def note(self, frame: Transcript) -> bool:
        """Take a hypothesis; False if it is of words that are done with."""
        if frame.utterance <= self._closed_through:
            return False
        # A recogniser may be told of the onset before the policy is.
        utterance = self._open.setdefault(frame.utterance, Utterance(frame.at_ns, over_reply=False))
        if utterance.final:
            return False
        utterance.text = frame.text.strip()
        utterance.final = frame.final
        return True

    @property
    def text(self) -> str:
        """All words so far, final or not."""
        return " ".join(one.text for _, one in sorted(self._open.items()) if one.text)

    @property
    def final(self) -> bool:
        """Whether no words are missing."""
        return all(one.final for one in self._open.values())

    @property
    def any(self) -> bool:
        return bool(self._open)

    @property
    def latest(self) -> int:
        """The key of the last utterance; -1 if there is none."""
        return max(self._open, default=-1)

    @property
    def all_over_reply(self) -> bool:
        """Whether all of it began while the agent thought or spoke."""
        return bool(self._open) and all(one.over_reply for one in self._open.values())

    @property
    def positions(self) -> tuple[int, ...]:
        """Their onsets, in order."""
        return tuple(sorted(self._open))

    @property
    def through(self) -> int:
        """The onset of the last utterance that belongs to these or is done with; -1 if there was none."""
        return max(self._open, default=self._closed_through)

    @property
    def onset_ns(self) -> int:
        """When the first of them began; there has to be one."""
        return min(one.onset_ns for one in self._open.values())

    def take(self) -> Utterances:
        """These utterances as they are, for somebody who waits for their words; here they are forgotten."""
        taken = Utterances(dict(self._open), self._closed_through)
        self.close()
        return taken

    def own(self) -> None:
        """They are a turn's words, whenever they began."""
        for one in self._open.values():
            one.over_reply = False

    def close(self) -> None:
        """Forget them, and whatever else may come of them."""
        self._closed_through = max(self._open, default=self._closed_through)
        self._open.clear()

    def close_final(self) -> None:
        """Forget those of which nothing more will come."""
        for position in [position for position, one in self._open.items() if one.final]:
            del self._open[position]
            self._closed_through = max(self._closed_through, position)


def bare_words(text: str) -> list[str]:
    """The words alone: a final transcript often differs from the partial one by its punctuation."""
    return re.findall(r"\w+", text.casefold())
