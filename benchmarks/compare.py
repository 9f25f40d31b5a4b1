"""How long a comparison of simulated pipelines takes, and what it costs a call to be watched."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks._results import ROOT, Figure, cores
from voicepipe.api import RATE, Pipeline
from voicepipe.cli.conversations import make_cases
from voicepipe.compare.one_call import hold_one
from voicepipe.config.load import load_tests
from voicepipe.config.slo import SloConfig
from voicepipe.config.telemetry import TracesConfig
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import FRAME_MS, AudioIn
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.observe.alerts import Alerts
from voicepipe.observe.caller_level import LevelMeter
from voicepipe.observe.log import EventLog
from voicepipe.observe.metrics import Meters, Metrics
from voicepipe.observe.observers import Observers
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.report import CallReport
from voicepipe.observe.slo import Objectives, Watcher
from voicepipe.observe.traces import CallTrace

PACKAGES = ("numpy", "pydantic", "espeakng-loader")
PIPELINE = ROOT / "pipelines" / "sim.yaml"

FIRST_TOKENS = ("100ms", "150ms", "250ms", "300ms", "400ms", "500ms", "600ms")
"""Each makes a variant beside the file itself."""

CALLS, REPETITIONS = 20, 5
CALLER = "caller"

Events = Sequence[tuple[int, Any]]


def measure(quick: bool) -> list[Figure]:
    watching = [*_watched(quick), _probed(quick)]  # before the comparison fills the memory and both cores
    return [_comparison(quick), *watching]


# ── a whole comparison ───────────────────────────────────────────────────────────────────────────


def _comparison(quick: bool) -> Figure:
    """``voicepipe compare`` from its start to the report on the disk."""
    variants = FIRST_TOKENS[: 1 if quick else None]
    calls, repetitions = (3, 1) if quick else (CALLS, REPETITIONS)
    with TemporaryDirectory() as folder:
        scripts = Path(folder) / "calls.yaml"
        scripts.write_text(json.dumps({"tests": [_conversation(number) for number in range(calls)]}))
        report = Path(folder) / "report.html"
        arguments = [
            *("compare", str(PIPELINE), "--calls", str(scripts), "--no-audio", "--quiet"),
            *("--vary", f"stages.llm.first_token={','.join(variants)}", "-n", str(repetitions)),
            *("--work", str(Path(folder) / "work"), "--output", str(report)),
        ]
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "voicepipe", *arguments], cwd=ROOT, check=True)
        spent = time.perf_counter() - began
        size = report.stat().st_size / 2**20
    held = (len(variants) + 1) * calls * repetitions
    count = (
        f"{len(variants) + 1} variants × {calls} calls × {repetitions} repetitions = {held} simulated calls"
    )
    how = (
        f"`voicepipe compare pipelines/sim.yaml`: {count}, {cores()} cores, the report of {size:.1f} MiB"
        " included"
    )
    return Figure(what="a comparison, in all", unit="s", values=[spent], how=how, at_most=60)


def _conversation(number: int, rounds: int = 1) -> dict[str, Any]:
    """In a round an order, what time it is, and thanks; every other caller interrupts the first reply."""
    into = {"while": "agent_speaking", "at": "1500ms"} if number % 2 else {}
    return {
        "name": f"{CALLER} {number + 1}",
        "steps": rounds
        * [
            {"user": {"say": f"Where is my order number {number + 11}?"}},
            {"user": {"say": "What time is it, please?", **into}},
            {"expect": {"tool": "current_time"}},
            {"user": {"say": "Thank you."}},
            {"expect": {"heard": "You're welcome"}},
        ],
    }


# ── what watches a call ──────────────────────────────────────────────────────────────────────────


def _watched(quick: bool) -> list[Figure]:
    """The events of whole calls, played to their observers as fast as they take them."""
    calls = _events_of_calls()
    times = 3 if quick else 300  # four seconds: the machine is slower in some of them
    turns, count = sum(map(_turns, calls)), sum(map(len, calls))
    played = f"{len(calls)} calls with {turns} turns and {count} events, {times} times"

    def figure(what: str, watching: str, everything: bool, at_most: float | None) -> Figure:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "events.jsonl"
            spent = run_on("simulated", _replay(calls, times, path, everything))
        return Figure(what=what, unit="ms", values=spent, how=f"CPU; {watching}; {played}", at_most=at_most)

    usual = "report with timelines and prices, log on the disk and metrics"
    return [
        figure("probes, log and metrics, a turn", usual, False, 0.2),
        figure("all that watches, a turn", f"{usual}, objectives, traces of every turn", True, None),
    ]


def _events_of_calls() -> list[Events]:
    """Of a few conversations of a dozen turns each."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "calls.yaml"
        file.write_text(json.dumps({"tests": [_conversation(number, rounds=4) for number in range(4)]}))
        cases = [
            case
            for case in make_cases(load_tests(PIPELINE, [str(file)]), "simulated")
            if case.name.startswith(CALLER)
        ]
        held = [
            run_on("simulated", hold_one(case.pipeline, case.script, vars={}, stubs=case.stubs()))
            for case in cases
        ]
    return [one.evidence.events for one in held if one.evidence is not None]


def _turns(events: Events) -> int:
    return sum(type(event).__name__ == "TurnBegan" for _, event in events)


async def _replay(calls: Sequence[Events], times: int, path: Path, everything: bool) -> list[float]:
    """Milliseconds a turn, of each call each time; the first time is a warm-up."""
    book = PriceBook(Pipeline.from_yaml(PIPELINE).loaded)
    slo = SloConfig.model_validate({"voice_to_voice": {"p90": "< 1s"}, "answered": ">= 0.9"})
    metrics, objectives = Metrics(), Objectives(slo)
    found: list[float] = []
    for number in range(times + 1):
        for events in calls:
            observers = _observers(book, metrics, path)
            if everything:
                observers += _others(slo, objectives, observers[0])
            tell = Observers()  # as a session does
            for observer in observers:
                tell.append(observer)
            began = time.process_time_ns()
            for at_ns, event in events:
                tell(at_ns, event)
            spent = time.process_time_ns() - began
            observers[1].close()
            if number:
                found.append(spent / 1e6 / _turns(events))
    return found


def _observers(book: PriceBook, metrics: Metrics, path: Path) -> list[Any]:
    """The report first, since others read it, then the log."""
    report = CallReport(session="s", clock="real", prices=book)
    return [report, EventLog(path, session="s", clock="real"), Meters(metrics, report)]


def _others(slo: SloConfig, objectives: Objectives, report: CallReport) -> list[Any]:
    watcher = Watcher(slo, objectives, Alerts(), clock=Clock(), report=report, record=lambda record: None)
    traces = TracesConfig.model_validate({"otlp": "http://127.0.0.1:4318", "sample": 1})
    return [watcher, CallTrace(traces, _Nowhere(), agent="sim", report=report)]


class _Nowhere:
    """Takes spans, and does nothing with them; they would be sent by another thread."""

    def send(self, turn: Any, inside: list[Any]) -> None: ...

    def end(self, call: Any) -> None: ...


# ── what watches a frame ─────────────────────────────────────────────────────────────────────────


def _probed(quick: bool) -> Figure:
    """The microphone's frames on their way into the first stage, with its probe and without."""
    frames = _speech(1_000 if quick else 20_000)
    values = []
    for _ in range(2 if quick else 15):
        bare = run_on("real", _hop(frames, probe=None))
        values.append((run_on("real", _hop(frames, probe=LevelMeter())) - bare) / len(frames) / 1e3)
    how = f"CPU; {len(frames)} frames of 20 ms through a saturated inbox, with the level meter and without"
    return Figure(what="watching a microphone frame", unit="µs", values=values, how=how, at_most=2)


def _speech(count: int) -> list[AudioIn]:
    size = RATE * FRAME_MS // 1000
    loud = np.random.default_rng(1).integers(-8000, 8000, (count, size)).astype(np.int16)
    return [AudioIn(pcm=pcm, position=number * size, rate=RATE) for number, pcm in enumerate(loud)]


async def _hop(frames: Sequence[AudioIn], probe: Callable[[object], None] | None) -> int:
    """Nanoseconds of CPU for all of them."""
    inbox: Inbox[AudioIn] = Inbox("vad", Turns())
    if probe is not None:
        inbox.attach("in", probe)
    outlet = Outlet("microphone", {AudioIn: (inbox,)}, live=False)
    began = time.process_time_ns()
    for frame in frames:
        await outlet.send(frame)
        await anext(inbox)
    return time.process_time_ns() - began
