"""A call that the terminal held, as a part of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from voicepipe.api import Pipeline
from voicepipe.compare.environment import load, now
from voicepipe.compare.measure import measured
from voicepipe.compare.one_call import Held
from voicepipe.compare.page.audio import recordings
from voicepipe.compare.page.single import Part
from voicepipe.compare.plan import Run, Scripted, Variant
from voicepipe.core.clock import ClockName
from voicepipe.core.units import SECOND
from voicepipe.observe.evidence import Evidence
from voicepipe.observe.report import CallReport
from voicepipe.transports.conversation import ConversationCall, Utterance
from voicepipe.transports.wav import OUTPUT_RATE, Clip


class Followed:
    """An observer that keeps what happens in one call, which follows ``steps``, until it is made a part.

    ``reference``: the words of each step. Its memory grows with the call, so it is for short ones.
    """

    def __init__(self, steps: Sequence[Utterance], reference: Sequence[str]) -> None:
        self._steps = steps
        self._reference = tuple(reference)
        self._events: list[tuple[int, Any]] = []
        self._began = now()
        self._load = load()

    def __call__(self, at_ns: int, event: Any) -> None:
        self._events.append((at_ns, event))

    def part(
        self,
        heading: str,
        pipeline: Pipeline,
        report: CallReport,
        ends: ConversationCall,
        recording: Path,
    ) -> Part:
        """The call once it is over, and its ``recording`` with it, which may be moved away then."""
        loaded = pipeline.loaded
        ended_ns = self._events[-1][0] if self._events else 0
        evidence = Evidence(
            report=report,
            events=self._events,
            steps=ends.caller.moments,
            ended_ns=ended_ns,
            played=ends.played(ended_ns),
            rate=OUTPUT_RATE,
            remembered={},
        )
        clips = [step.what for step in self._steps if isinstance(step.what, Clip)]
        speech_ns = sum(clip.pcm.size * SECOND // ends.caller.rate for clip in clips)
        clock = cast(ClockName, report.clock)
        variant = Variant(heading, "", loaded.path, None, (), loaded, clock)
        run = Run(variant, Scripted(heading, "audio", self._steps, speech_ns, self._reference), 0)
        call = measured(
            run, Held(evidence), began=self._began, load=self._load, stubs=None, recording=recording
        )
        kept, _ = recordings({heading: recording})
        stages = {slot.key: slot.use for slot in loaded.slots if slot.use}
        return Part(heading, call, kept.get(heading), stages)
