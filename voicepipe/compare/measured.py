"""What a comparison has measured, as plain values: kept on disk call by call, and all that a report needs.

Money is in picodollars and time in nanoseconds, both whole numbers, so that sums are exact.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from voicepipe.core.clock import ClockName
from voicepipe.core.records import TurnStatus
from voicepipe.observe.timeline import Step
from voicepipe.observe.usage import MeterUnit


class Measured(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(Measured):
    """``step`` took so long from ``start_ns`` of the session's time on."""

    step: Step
    start_ns: int
    duration_ns: int


class ToolUse(Measured):
    """``result`` is what the model saw."""

    name: str
    arguments: dict[str, Any] | str
    result: str | None
    error: bool


class MeasuredTurn(Measured):
    """One turn that the caller, or the greeting, began.

    ``start_ns`` is the end of the caller's speech if ``spoken``, else when the turn began; ``estimated``: it
    comes from the VAD and not from a recording. ``voice_to_voice_ns`` is None where nothing was spoken, or
    nothing heard; ``waterfall`` sums to it where it isn't None. ``ahead`` lies before the turn was certain.

    ``in_recording_ns`` is the same latency found in the recorded audio alone.
    """

    turn: int
    user: str
    agent: str
    heard: str
    status: TurnStatus | None
    answered: bool
    spoken: bool
    estimated: bool
    filler: bool
    start_ns: int
    voice_to_voice_ns: int | None
    in_recording_ns: int | None
    waterfall: tuple[Interval, ...]
    ahead: tuple[Interval, ...]
    tools: tuple[ToolUse, ...]
    cost: int
    wasted: int


class Item(Measured):
    """What one meter of the call came to; ``cost`` and ``wasted`` are money, the others in ``unit``."""

    slot: str
    provider: str
    model: str | None
    unit: MeterUnit
    amount: int
    estimated: int
    unpriced: int
    cost: int
    wasted: int


class MeasuredCall(Measured):
    """One call, held once on one variant.

    ``passed`` is None where nothing was expected of it; ``missed`` says what wasn't met. ``word_errors`` of
    ``words`` that the reference has, both None without one. ``cut_ins``: replies that began while the caller
    was still speaking. ``honoured`` of ``interruptions``: the caller's attempts to take the word, and those
    that silenced the agent; ``ignored`` of ``backchannels``, likewise, for what should not have.

    ``error`` says why the call couldn't be held to its end; what was measured until then is there.
    ``events`` are lines of the event log, ``audio`` the stereo recording's path in the store.
    """

    variant: str
    call: str
    repetition: int
    clock: ClockName
    began: str
    """ISO 8601, UTC."""
    load: float
    """Of the machine when it began: processes that wanted a core, per core."""
    duration_ns: int
    turns: tuple[MeasuredTurn, ...] = ()
    items: tuple[Item, ...] = ()
    passed: bool | None = None
    missed: tuple[str, ...] = ()
    word_errors: int | None = None
    words: int | None = None
    interruptions: int = 0
    honoured: int = 0
    backchannels: int = 0
    ignored: int = 0
    silences_ns: tuple[int, ...] = ()
    """For each of the honoured ones: from the onset of the caller's speech to the reply's last sound."""
    cut_ins: int = 0
    dead_air: int = 0
    discarded_drafts: int = 0
    switches: int = 0
    failures: tuple[str, ...] = ()
    error: str | None = None
    saved: tuple[Item, ...] = ()
    """What wasn't sent to billed inputs, since it was silence, and would have cost so much."""
    events: tuple[dict[str, Any], ...] = ()
    audio: str | None = None


class VariantInfo(Measured):
    """What a variant is. ``left_out`` says why it couldn't be measured.

    ``section`` is empty for those that the verdict is about; others stand apart under that title, striped
    if ``stand_in``: then they talk to a server that only plays a vendor's part.
    """

    name: str
    what: str
    """Where it comes from: ``profile cheap``, ``stages.tts=espeak``, ``other.yaml``."""
    stages: dict[str, str]
    """Slot → what fills it: ``{"stt": "faster-whisper/base.en"}``."""
    clock: ClockName
    section: str = ""
    stand_in: bool = False
    left_out: str | None = None


class CallInfo(Measured):
    """``kind``: ``audio`` (a WAV file), ``conversation`` (scripted) or ``recorded`` (a real call)."""

    name: str
    kind: str
    speech_ns: int
    """How long the caller's side is."""


class Environment(Measured):
    """Where and when it was measured."""

    machine: str
    """``x86_64, AMD EPYC 7B13, 2 cores, 24 GiB``"""
    system: str
    python: str
    versions: dict[str, str]
    """Of voicepipe and of the packages behind the providers that took part."""
    commit: str | None
    """Of the folder that holds the pipeline file, with ``+`` if it isn't clean; None outside of git."""
    began: str


class Comparison(Measured):
    """All of it. The first variant is the one that the others are held against."""

    title: str
    variants: tuple[VariantInfo, ...]
    calls: tuple[CallInfo, ...]
    measured: tuple[MeasuredCall, ...]
    environment: Environment
    repetitions: int
    tools: str
    """``stubs`` or ``live``."""
    history: str
    """``free`` or ``recorded``; matters to recorded calls."""
    seed: int
    """Of the order in which the calls were held, and of the intervals."""
    unfinished: str | None = None
    """Why not all calls were held: the money was spent, or somebody stopped it."""
