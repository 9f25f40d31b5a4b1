from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.plans import plan
from voicepipe.compare.fingerprint import Fingerprints
from voicepipe.compare.plan import Plan, Scripted, Variant
from voicepipe.config.load import load_pipeline
from voicepipe.core.units import SECOND
from voicepipe.transports.conversation import Pause, Utterance
from voicepipe.transports.wav import Clip

PIPELINE = """\
voicepipe: 1
agent: {prompt: {file: prompt.txt}, tools: ["./tools.py:ask"]}
stages: {vad: energy, stt: sim, llm: {use: sim, seed: "${env:SEED:-0}"}, tts: sim}
"""
CLIP = Clip("a.wav", np.arange(100, dtype=np.int16), 100, {0: "hello"})
CALL = Scripted("a", "conversation", [Utterance(CLIP)], SECOND, ("hello",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "prompt.txt").write_text("Be brief.")
    (tmp_path / "tools.py").write_text("")
    return tmp_path


def made(folder: Path, *overrides: str, env: Mapping[str, str] | None = None, **others: Any) -> Variant:
    path = folder / "pipeline.yaml"
    loaded = load_pipeline(path, overrides=overrides, env=env or {})
    return replace(Variant("a", "", path, None, overrides, loaded, "simulated"), **others)


def key(variant: Variant, call: Scripted = CALL, repetition: int = 0, **others: Any) -> str:
    of: Plan = plan([variant], [call], **others)
    return Fingerprints(of).of(replace(of.runs[0], repetition=repetition))


def test_it_is_the_same_each_time_and_says_nothing(folder: Path) -> None:
    first = key(made(folder, env={"SEED": "7"}))
    assert first == key(made(folder, env={"SEED": "7"}))
    assert set(first) <= set("0123456789abcdef")
    assert len(first) == 64


def test_what_the_variant_is_matters(folder: Path) -> None:
    keys = [
        key(made(folder)),
        key(made(folder, "stages.llm.first_token=300ms")),
        key(made(folder, env={"SEED": "7"})),
        key(made(folder, name="b")),
        key(made(folder, clock="charged")),
        key(made(folder, server="realtime")),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", ["prompt.txt", "tools.py"])
def test_the_files_that_the_pipeline_names_matter(folder: Path, name: str) -> None:
    before = key(made(folder))
    (folder / name).write_text("# Be kind.")
    assert key(made(folder)) != before


def test_what_calls_write_does_not_matter(folder: Path) -> None:
    """Else the calls that are kept would be held, and paid for, anew."""
    costs = ("cost.ledger=costs.db", "cost.budget={store: spent.db, day_usd: 1}")
    before = key(made(folder, *costs))
    for name in ("costs.db", "spent.db"):
        (folder / name).write_text("one more call")
    assert key(made(folder, *costs)) == before


def test_a_comment_in_the_pipeline_file_does_not_matter(folder: Path) -> None:
    before = key(made(folder))
    (folder / "pipeline.yaml").write_text("# a comment\n" + PIPELINE)
    assert key(made(folder)) == before


def test_where_the_pipeline_lies_does_not_matter(folder: Path) -> None:
    before = key(made(folder))
    other = folder / "other"
    other.mkdir()
    for name in ("pipeline.yaml", "prompt.txt", "tools.py"):
        (folder / name).rename(other / name)
    assert key(made(other)) == before


def test_what_the_call_is_matters(folder: Path) -> None:
    variant = made(folder)
    louder = replace(CLIP, pcm=CLIP.pcm + 1)
    keys = [
        key(variant, call)
        for call in (
            CALL,
            replace(CALL, name="b"),
            replace(CALL, script=[Utterance(louder)]),
            replace(CALL, script=[Utterance(CLIP, 5)]),
            replace(CALL, script=[Utterance(replace(CLIP, captions=None))]),
            replace(CALL, script=[Utterance(CLIP), Pause(5)]),
            replace(CALL, script=[Pause(5)]),
            replace(CALL, reference=("hallo",)),
            replace(CALL, vars={"name": "Ann"}),
            replace(CALL, tool_results={"ask": 1}),
            replace(CALL, remembered=[[{"role": "user", "text": "hi"}]]),
        )
    ]
    assert len(set(keys)) == len(keys)


def test_how_it_is_held_matters(folder: Path) -> None:
    variant = made(folder)
    keys = {
        key(variant),
        key(variant, repetition=1),
        key(variant, tools="live"),
        key(variant, history="recorded"),
    }
    assert len(keys) == 4


def test_in_which_order_and_with_what_else_it_is_held_does_not_matter(folder: Path) -> None:
    variant = made(folder)
    assert key(variant, seed=5, title="x", audio=True, repetitions=3) == key(variant)
