"""A small comparison with all that a page has to show, and what somebody would like to break it with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.support.comparisons import call, comparison, intervals, item, turn, variant
from voicepipe.audio.wav import WavWriter
from voicepipe.compare.measured import Comparison, Interval, MeasuredCall, MeasuredTurn, ToolUse
from voicepipe.core.units import MS, SECOND

RATE = 16_000
HOSTILE = (
    '</script><script>document.title="broken"</script><img src=x onerror=alert(1)>\u2028\ud800\u202e&amp;'
)
"""What a caller may have said."""

DATES = ToolUse(name="find_slot", arguments={"day": "thursday"}, result='{"slot": "10:30"}', error=False)
SLOW_TOOL = {
    "endpoint": 20,
    "stt": 5,
    "llm_first_token": 15,
    "tools": 40,
    "llm": 5,
    "tts_first_audio": 10,
    "playout": 5,
}


def sample(folder: Path) -> Comparison:
    """Two variants, one as a stand-in, one that was left out; two calls, held twice, with recordings."""
    for name in ("long.wav", "short.wav"):
        write_recording(folder / name, 6 if name == "long.wav" else 2)
    held = [
        _call(name, script, repetition, base + 150 * repetition, usd)
        for name, base, usd in (("default", 620, 0.004), ("cheap", 840, 0.0021), ("fused", 410, 0.03))
        for script in ("booking", "cancel & <rebook>")
        for repetition in (0, 1)
    ]
    variants = [
        variant("default", "real"),
        variant("cheap", "real"),
        variant("fused", "real", section="Simulated server", stand_in=True),
        variant("cloud", "real", left_out="there is no OPENAI_API_KEY"),
    ]
    return comparison(held, variants=variants, title="clinic <b>")


def _call(name: str, script: str, repetition: int, ms: int, usd: float) -> MeasuredCall:
    return call(
        name,
        script,
        repetition,
        clock="real",
        turns=[
            _turn(1, ms, user=HOSTILE),
            _turn(2, ms + 400, user="do you have anything on thursday", tools=(DATES,), shares=SLOW_TOOL),
            _turn(
                3,
                ms - 100,
                user="שלום (hello)",
                status="interrupted",
                agent="There is a slot at half past ten.",
                heard="There is a",
            ),
        ],
        items=[item(usd=usd, wasted_usd=usd / 8)],
        passed=name != "cheap" or repetition == 0,
        missed=() if name != "cheap" or repetition == 0 else (f"steps.2.expect: the words; {HOSTILE}",),
        interruptions=1,
        honoured=1,
        backchannels=1,
        ignored=int(name != "cheap"),
        silences_ns=(180 * MS,),
        words=20,
        word_errors=2,
        audio="long.wav" if script == "booking" else "short.wav",
        events=_events(),
    )


def _turn(number: int, ms: int, **others: Any) -> MeasuredTurn:
    made = turn(number, ms, **others)
    start_ns = (2 * number - 1) * SECOND
    moved = [
        Interval(step=one.step, start_ns=one.start_ns - made.start_ns + start_ns, duration_ns=one.duration_ns)
        for one in made.waterfall
    ]
    ahead = intervals(start_ns, 250 * MS, {"stt": 60, "llm_first_token": 40})
    return made.model_copy(update={"start_ns": start_ns, "waterfall": tuple(moved), "ahead": ahead})


def _events() -> list[dict[str, Any]]:
    return [
        {"t_ms": 300.0, "event": "SpeechStarted", "position": 3200, "onset_ms": 200.0, "at_ms": 300.0},
        {"t_ms": 1700.0, "event": "PlaybackStarted", "turn": 1, "filler": False, "at_ms": 1700.0},
        {
            "t_ms": 2100.0,
            "event": "SpeechIgnored",
            "at_ms": 2100.0,
            "turn": 1,
            "utterance": 30_000,
            "text": "uh huh <i>",
            "reason": "backchannel",
            "paused_ms": 300.0,
        },
    ]


def write_recording(path: Path, seconds: int, rate: int = RATE) -> None:
    """The caller hums low, the agent high, in turns."""
    times = np.arange(seconds * rate) / rate
    caller = np.where(times % 2 < 1, 8000 * np.sin(2 * np.pi * 220 * times), 0)
    agent = np.where(times % 2 >= 1.5, 8000 * np.sin(2 * np.pi * 440 * times), 0)
    writer = WavWriter(path, rate, channels=2)
    writer.write(np.stack([caller, agent], axis=1).astype(np.int16))
    writer.close()
