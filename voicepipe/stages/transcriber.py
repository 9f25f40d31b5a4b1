"""The hypotheses of one utterance as frames: numbered, without repetitions, one final one last."""

from __future__ import annotations

from voicepipe.core.clock import Clock
from voicepipe.core.frames import Transcript
from voicepipe.providers.base import Hypothesis


class Transcriber:
    """``frame`` gives what is to be sent of a hypothesis; nothing comes after a final one."""

    def __init__(self, utterance: int, clock: Clock) -> None:
        self.text = ""
        self._ends_turn = False
        self._utterance = utterance
        self._clock = clock
        self._revision = 0
        self._known = 0
        """Words that were told before the recogniser had to begin again."""
        self.ended = False

    def begin_again(self) -> None:
        """The recogniser hears the utterance from its beginning: what is known already isn't told again."""
        self._known = len(self.text.split())

    def frame(self, hypothesis: Hypothesis) -> Transcript | None:
        """None if it says nothing new."""
        news = hypothesis.final or hypothesis.text != self.text or hypothesis.ends_turn != self._ends_turn
        behind = not hypothesis.final and len(hypothesis.text.split()) < self._known
        if self.ended or behind or not news:
            return None
        self.text, self._ends_turn = hypothesis.text, hypothesis.ends_turn
        self.ended = hypothesis.final
        self._revision += 1
        return Transcript(
            utterance=self._utterance,
            revision=self._revision - 1,
            text=hypothesis.text,
            final=hypothesis.final,
            at_ns=self._clock.now(),
            words=hypothesis.words if hypothesis.final else (),
            ends_turn=hypothesis.ends_turn,
        )
