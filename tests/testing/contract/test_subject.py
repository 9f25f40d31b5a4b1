"""What a subject says by itself."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from tests.support.contract_fakes import FaultyConfig, GoodLlm, GoodTts, GoodVad
from voicepipe.errors import ConfigErrors
from voicepipe.providers.faster_whisper import FasterWhisper
from voicepipe.testing.contract import Fault, Scene, Subject
from voicepipe.testing.contract.subject import config_of


async def _scene(subject: Subject, fault: Fault | None = None) -> Scene:
    async with subject.scene(fault) as scene:
        return scene


def test_a_class_or_a_provider_is_enough() -> None:
    class Mine(Subject):
        provider = GoodTts
        config = {"pitch": 3}  # noqa: RUF012 - read only

    assert Mine().provider is GoodTts
    assert asyncio.run(_scene(Mine())).config == {"pitch": 3}
    assert Subject(GoodVad).provider is GoodVad
    assert asyncio.run(_scene(Mine(GoodTts, {"pitch": 4}))).config == {"pitch": 4}


def test_a_subject_of_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="Subject names no provider: `provider = YourProvider`"):
        Subject()


@pytest.mark.parametrize("fault", get_args(Fault))
def test_faults_that_are_announced_have_to_be_brought_about(fault: Fault) -> None:
    with pytest.raises(NotImplementedError, match=rf"Subject.faults has '{fault}', but its scene\(\) is"):
        asyncio.run(_scene(Subject(GoodTts), fault))


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000])
def test_two_different_utterances_are_said(rate: int) -> None:
    first, second = Subject(GoodVad).speech(rate)
    for pcm in (first, second):
        assert pcm.dtype == np.int16
        assert 0.5 * rate < len(pcm) < 5 * rate
    assert len(first) != len(second)


def test_well_known_keys_come_from_the_environment() -> None:
    assert Subject(GoodTts).env is os.environ


def test_keys_are_read_as_in_a_pipeline_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = config_of(FasterWhisper, {"model": "./mine", "cadence": "1s"})
    assert config.model_dump()["model"] == str(tmp_path / "mine")
    assert config.model_dump()["cadence"] == 1_000_000_000
    with pytest.raises(ConfigErrors, match="a duration needs a unit"):
        config_of(FasterWhisper, {"cadence": 1})


def test_a_finished_configuration_is_taken_as_it_is() -> None:
    config = FaultyConfig(fault="stall")
    assert config_of(GoodLlm, config) is config
