"""Plans of comparisons, made of a pipeline's own conversation tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voicepipe.api import RATE
from voicepipe.compare.plan import Plan, Run, Scripted, Variant
from voicepipe.compare.scripts import script_of
from voicepipe.config.conversations import User
from voicepipe.config.load import load_pipeline, load_tests
from voicepipe.core.clock import ClockName
from voicepipe.core.units import SECOND
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.wav import Clip

SIM = Path("pipelines/sim.yaml")


def variant(
    name: str, path: Path = SIM, overrides: Sequence[str] = (), clock: ClockName = "simulated", **others: Any
) -> Variant:
    return Variant(
        name=name,
        what=" ".join(overrides) or path.name,
        path=path,
        profile=None,
        overrides=tuple(overrides),
        loaded=load_pipeline(path, overrides=overrides),
        clock=clock,
        **others,
    )


def conversations(path: Path = SIM, names: Sequence[str] | None = None) -> list[Scripted]:
    """The tests of the pipeline at ``path``, or those of them in ``names``."""
    calls = []
    for located, loaded in load_tests(path):
        test = located.test
        if names is not None and test.name not in names:
            continue
        script = script_of(test, loaded.agent.language)
        clips = [one.what for one in script if isinstance(one, Utterance) and isinstance(one.what, Clip)]
        calls.append(
            Scripted(
                name=test.name,
                kind="conversation",
                script=script,
                speech_ns=sum(clip.pcm.size for clip in clips) * SECOND // RATE,
                reference=tuple(_words(step.user) for step in test.steps if step.user is not None),
                test=located,
                vars=test.vars,
                tool_results=test.tool_results,
            )
        )
    return calls


def _words(user: User) -> str | None:
    return user.say or user.words


def plan(variants: Sequence[Variant], calls: Sequence[Scripted], repetitions: int = 1, **others: Any) -> Plan:
    """Call by call, each on all variants."""
    runs = [
        Run(variant, call, repetition)
        for repetition in range(repetitions)
        for call in calls
        for variant in variants
    ]
    given: Mapping[str, Any] = {
        "title": "made for a test",
        "variants": tuple(variants),
        "left_out": {},
        "calls": tuple(calls),
        "runs": tuple(runs),
        "repetitions": repetitions,
        "tools": "stubs",
        "history": "free",
        "seed": 1,
        "audio": False,
    }
    return Plan(**{**given, **others})
