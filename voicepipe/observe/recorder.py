"""``record:``: a companion that keeps its call in a folder, and hears both its sides."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from voicepipe.config.record import RecordConfig
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Heard, PlaybackStarted, SpeechStarted, SpeechStopped, Text, Transcript
from voicepipe.core.io import AudioOutput, AudioTap
from voicepipe.core.records import SpeechIgnored, TurnBegan, TurnDrafted, TurnEnded, TurnReworded
from voicepipe.core.units import MS
from voicepipe.errors import LogError, NotKeptError, SetupError
from voicepipe.observe.call_audio import CallAudio
from voicepipe.observe.call_folder import delete_old, make_folder, remove_folder, write_report
from voicepipe.observe.door import Door
from voicepipe.observe.kept_call import AUDIO_FILE, EVENTS_FILE
from voicepipe.observe.log import EventLog
from voicepipe.observe.observers import Observers
from voicepipe.observe.report import CallReport
from voicepipe.observe.whole_report import completed

FORMAT = 1
"""Of the folder; grows when a reader would have to change."""

MARGIN = 300 * MS
"""What is silenced before and after speech: the detector hears the first sound up to 0.2 s late."""

_OPEN = 64
"""Utterances and replies whose times are remembered."""


class Recorder:
    """A companion of a call and an ``AudioTap`` of its session. Made before the call, which it names.

    Raises ``SetupError`` at once if the folder can't be made. What goes wrong later never ends the call:
    ``end`` raises it, when all that could be kept has been.
    """

    def __init__(
        self,
        record: RecordConfig,
        *,
        session: str,
        clock: str,
        pipeline: str,
        secrets: Collection[str] = (),
        at: datetime | None = None,
    ) -> None:
        assert record.dir is not None, "there is a folder to record in"
        self._record = record
        self._pipeline = pipeline
        self._at = at or datetime.now(UTC)
        self.folder = make_folder(record.dir, session, self._at)
        self._log = EventLog(self.folder / EVENTS_FILE, session=session, clock=clock, secrets=secrets)
        self._written = Observers()
        self._written.append(self._log)
        self._audio = CallAudio(self.folder / AUDIO_FILE) if record.with_audio else None
        self._until_ns = 0
        self._problem: str | None = None
        self._speech: dict[int, tuple[int, int | None]] = {}
        """When each utterance began and ended, by its position."""
        self._of_turn: list[int] = []
        self._unanswered: list[int] = []
        """The utterances of the last turn, and those since."""
        self._still_said: set[int] = set()
        """Utterances that nobody may hear, and that haven't ended."""
        self._audible: dict[int, int] = {}
        """Since when each reply has been heard."""
        self._private: set[int] = set()
        """Replies that nobody may hear."""

    # ── what it hears ────────────────────────────────────────────────────────────────────────────

    def hear(self, frame: Any) -> None:
        if self._audio is not None:
            self._audio.hear(frame)

    def listen(self, output: AudioOutput, clock: Clock) -> AudioOutput:
        return output if self._audio is None else self._audio.listen(output, clock)

    async def run(self, workers: Workers) -> None:
        if self._record.dir is not None and self._record.keep is not None:
            before = self._at - timedelta(microseconds=self._record.keep // 1000)
            self._problem = await workers.call(partial(delete_old, self._record.dir, before))
        if self._audio is not None:
            await self._audio.run(workers)

    # ── what it sees ─────────────────────────────────────────────────────────────────────────────

    def __call__(self, at_ns: int, event: Any) -> None:
        self._until_ns = at_ns
        self._written(at_ns, event)
        if self._audio is not None:
            self._note(event)

    def hide(self, event: Any) -> None:
        """Something in ``event`` is masked: whoever said it is silenced. Called before the event is seen."""
        match event:
            case Transcript() | SpeechIgnored():
                self._silence_speech([event.utterance])
            case TurnDrafted() | TurnBegan():
                self._silence_speech(self._unanswered)
            case TurnReworded():
                self._silence_speech([*self._of_turn, *self._unanswered])
            case Text() | Heard() | TurnEnded():
                self._private.add(event.turn)

    def _note(self, event: Any) -> None:
        match event:
            case SpeechStarted():
                self._speech[event.position] = event.onset_ns, None
                self._unanswered.append(event.position)
                if len(self._speech) > _OPEN:
                    del self._speech[next(iter(self._speech))]
            case SpeechStopped() if self._speech:
                last = next(reversed(self._speech))
                self._speech[last] = self._speech[last][0], event.offset_ns
                if last in self._still_said:
                    self._silence_speech([last])
            case TurnBegan():
                self._of_turn, self._unanswered = self._unanswered[-_OPEN:], []
            case PlaybackStarted():
                self._audible.setdefault(event.turn, event.at_ns)
            case TurnEnded():
                self._silence_reply(event.turn, event.at_ns)

    def _silence_speech(self, positions: list[int]) -> None:
        for position in positions:
            if self._audio is None or position not in self._speech:
                continue
            start_ns, end_ns = self._speech[position]
            if end_ns is None:
                self._still_said.add(position)
            else:
                self._still_said.discard(position)
                self._audio.silence(start_ns - MARGIN, end_ns + MARGIN)

    def _silence_reply(self, turn: int, until_ns: int) -> None:
        began_ns = self._audible.pop(turn, None)
        if turn in self._private and began_ns is not None and self._audio is not None:
            self._audio.silence(began_ns - MARGIN, until_ns + MARGIN)
        self._private.discard(turn)

    def _silence_what_goes_on(self) -> None:
        for turn in tuple(self._audible):
            self._silence_reply(turn, self._until_ns)
        for position in self._still_said & self._speech.keys():
            self._speech[position] = self._speech[position][0], self._until_ns
        self._silence_speech(list(self._still_said))

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    async def end(self, report: CallReport, workers: Workers) -> None:
        """Finish the folder; one of a call that never began is removed. Raises ``NotKeptError``."""
        if self._until_ns == 0:
            self._log.close()
            await workers.call(partial(remove_folder, self.folder))
            return
        problems = [self._problem] if self._problem else []
        self._silence_what_goes_on()
        if self._audio is not None:
            await self._audio.end(self._until_ns, workers)
            problems += [self._audio.error.message] if self._audio.error else []
        try:
            self._log.close()
        except SetupError as error:
            problems.append(error.message)
        kept = report.to_dict()
        try:
            if report.left_out:
                whole = partial(completed, kept, self.folder / EVENTS_FILE, tuple(report.secrets))
                kept = await workers.call(whole)
        except LogError as error:
            problems.append(error.message)
        try:
            kept["recording"] = self._about(problems)
            await workers.call(partial(write_report, self.folder, kept))
        except SetupError as error:
            problems.append(error.message)
        if problems:
            raise NotKeptError(
                f"the call was held, but not all of it could be kept: {'; '.join(problems)}",
                hint="check record.dir and the space left",
            )

    def _about(self, problems: list[str]) -> dict[str, Any]:
        audio = self._audio
        return {
            "format": FORMAT,
            "pipeline": self._pipeline,
            "began": self._at.isoformat(timespec="milliseconds"),
            "redacted": list(self._record.redact),
            "audio": None
            if audio is None or not audio.seconds
            else {
                "file": AUDIO_FILE,
                "rate": audio.rate,
                "seconds": audio.seconds,
                "silenced_ms": [[start / MS, end / MS] for start, end in audio.silenced],
            },
            "problems": problems,
        }


class Session(Protocol):
    """What a recorder has to know of the call that it records."""

    name: str
    clock: Clock

    def tap(self, tap: AudioTap) -> None: ...


def recorder_of(
    record: RecordConfig, session: Session, door: Door | None, *, pipeline: str, secrets: Collection[str]
) -> Recorder:
    """A recorder that hears ``session`` and knows what ``door`` masks; it has still to observe the call."""
    recorder = Recorder(
        record, session=session.name, clock=session.clock.name, pipeline=pipeline, secrets=secrets
    )
    session.tap(recorder)
    if door is not None:
        door.watch(recorder.hide)
    return recorder
