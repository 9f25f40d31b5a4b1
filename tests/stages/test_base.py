from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicepipe.core.units import MS
from voicepipe.stages.base import Deadlines, ProviderSlotConfig, StageConfig


def test_one_slot_or_several_may_be_named_to_take_input_from() -> None:
    assert StageConfig.model_validate({"from": "stt/second"}).from_ == ("stt/second",)
    assert StageConfig.model_validate({"from": ["stt", "vad"]}).from_ == ("stt", "vad")
    assert StageConfig().from_ == ()


@pytest.mark.parametrize("value", [3, {"stt": 1}, [1]])
def test_anything_else_is_an_error(value: object) -> None:
    with pytest.raises(ValidationError):
        StageConfig.model_validate({"from": value})


def test_deadlines_are_written_with_their_unit_and_the_others_keep_their_defaults() -> None:
    config = ProviderSlotConfig.model_validate({"timeout": {"first": "300ms"}})
    assert config.timeout == Deadlines().model_copy(update={"first": 300 * MS})


@pytest.mark.parametrize("name", ["first", "gap", "total"])
def test_a_deadline_of_nothing_is_an_error(name: str) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Deadlines.model_validate({name: "0ms"})
