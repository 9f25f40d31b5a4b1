"""What callers hear while something fails: each fault at each stage of the quickstart, and of its fused twin.

As ``voicepipe chaos`` does it, in real time: a call counts as held if it was never silent for longer than
``turn.dead_air``, and the caller was answered or told why not.
"""

from __future__ import annotations

from benchmarks._results import ROOT, Figure
from voicepipe.api import RATE
from voicepipe.config.load import load_pipeline
from voicepipe.core.clock import run_on
from voicepipe.core.units import SECOND
from voicepipe.testing.chaos.call import Outcome
from voicepipe.testing.chaos.faults import FAULTS
from voicepipe.testing.chaos.pipeline import struck_stages
from voicepipe.testing.chaos.waves import cells_of, hold_all
from voicepipe.transports.wav import load_clip

PACKAGES = ("openai", "httpx2", "websockets")
PIPELINES = ROOT / "pipelines"
ALLOWED_S = 4.0


def measure(quick: bool) -> list[Figure]:
    figures = []
    for profile in (None, "fused"):
        outcomes = _hold(profile, quick)
        what = "quickstart" if profile is None else f"quickstart, {profile}"
        how = f"{len(outcomes)} calls, OpenAI's protocols on loopback"
        silences = [outcome.silent_ns / SECOND for outcome in outcomes]
        held = sum(not outcome.problems for outcome in outcomes) / len(outcomes)
        figures += [
            Figure(what=f"{what}: calls that hold", unit="", values=[held], how=how, at_least=1.0),
            Figure(
                what=f"{what}: longest silence", unit="s", values=[max(silences)], how=how, at_most=ALLOWED_S
            ),
        ]
    return figures


def _hold(profile: str | None, quick: bool) -> list[Outcome]:
    loaded = load_pipeline(PIPELINES / "quickstart.yaml", profile=profile)
    cells = cells_of(struck_stages(loaded), FAULTS[:1] if quick else FAULTS)
    clip = load_clip(PIPELINES / "questions" / "1_what_time_is_it.wav", RATE)
    return run_on("real", hold_all(loaded, cells, clip)).outcomes
