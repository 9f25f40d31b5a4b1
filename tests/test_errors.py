from __future__ import annotations

import re

import pytest

from voicepipe import errors
from voicepipe.errors import ConfigError, ConfigErrors, ProviderError, VoicepipeError


def tree(root: type[VoicepipeError]) -> dict[str, type[VoicepipeError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            found |= tree(child)
    return found


def test_the_tree_that_is_drawn_is_the_tree_that_is_there() -> None:
    drawn = re.findall(r"^ {4}([│├└─ ]*)(\w+) +(?:exit status )?(\d)", errors.__doc__ or "", re.M)
    assert {name: int(status) for _, name, status in drawn} == {
        name: error.exit_status for name, error in tree(VoicepipeError).items()
    }
    parents: list[str] = []
    for indent, name, _ in drawn:
        depth = len(indent) // 4
        parents[depth:] = [name]
        if depth:
            assert tree(VoicepipeError)[name].__base__ is tree(VoicepipeError)[parents[depth - 1]]


def test_the_hint_stands_on_a_line_of_its_own() -> None:
    assert str(VoicepipeError("no device", hint="plug one in")) == "no device\n  plug one in"
    assert str(VoicepipeError("no device")) == "no device"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "unknown key 'sst'\n  did you mean 'stt'?"),
        ({"path": "a.yaml"}, "a.yaml: unknown key 'sst'\n  did you mean 'stt'?"),
        ({"path": "a.yaml", "line": 3}, "a.yaml:3: unknown key 'sst'\n  did you mean 'stt'?"),
        (
            {"path": "a.yaml", "line": 3, "column": 5},
            "a.yaml:3:5: unknown key 'sst'\n  did you mean 'stt'?",
        ),
    ],
)
def test_a_problem_of_a_file_begins_with_its_place(place: dict[str, object], text: str) -> None:
    assert str(ConfigError("unknown key 'sst'", hint="did you mean 'stt'?", **place)) == text  # type: ignore[arg-type]


def test_all_problems_of_a_file_stand_below_each_other() -> None:
    problems = [ConfigError("first", path="a.yaml", line=1), ConfigError("second", path="a.yaml", line=2)]
    error = ConfigErrors(problems)
    assert str(error) == "a.yaml:1: first\na.yaml:2: second"
    assert error.errors == tuple(problems)


def test_no_problems_are_not_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ConfigErrors([])


def test_a_providers_error_names_the_provider_first() -> None:
    error = ProviderError(
        "the server refused the key", provider="openai", kind="authentication", status=401, hint="set it"
    )
    assert str(error) == "openai: the server refused the key\n  set it"
    assert (error.kind, error.status, error.retryable) == ("authentication", 401, False)
