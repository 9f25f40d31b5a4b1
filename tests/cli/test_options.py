from __future__ import annotations

import argparse

import pytest

from voicepipe.cli.options import add_pipeline, add_vars, add_verbosity, code_mode, variables
from voicepipe.config.slots import Code
from voicepipe.errors import UsageError


def parsed(*arguments: str, code: Code = "run") -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_pipeline(parser, code=code)
    add_verbosity(parser)
    add_vars(parser)
    return parser.parse_args(["a.yaml", *arguments])


def test_overrides_are_collected_in_their_order() -> None:
    options = parsed("--set", "stages.tts=espeak", "-p", "cheap", "--set", "stages.stt=sim")
    assert options.overrides == ["stages.tts=espeak", "stages.stt=sim"]
    assert (options.pipeline, options.profile) == ("a.yaml", "cheap")
    assert parsed().overrides == []


@pytest.mark.parametrize("code", ["run", "ignore"])
def test_own_code_is_treated_as_the_command_says_unless_it_is_forbidden(code: Code) -> None:
    assert code_mode(parsed(code=code)) == code
    assert code_mode(parsed("--no-code", code=code)) == "forbid"


def test_variables_are_split_at_the_first_equals_sign() -> None:
    assert variables(parsed("--var", "name=Ann", "--var", "sum = 1=1", "--var", "none=").vars) == {
        "name": "Ann",
        "sum": " 1=1",
        "none": "",
    }


def test_a_variable_without_a_value_is_bad_usage() -> None:
    with pytest.raises(UsageError, match="--var name: expected NAME=VALUE"):
        variables(["name"])
