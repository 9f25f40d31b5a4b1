from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.config.fakes import REGISTRY, load, one, problems, write
from voicepipe.config.load import LoadedPipeline, load_tests
from voicepipe.errors import ConfigError, ConfigErrors

TOP = "voicepipe: 1\nstages: {tts: piper}\n"
WAIT = "steps: [{wait: 1s}]"


def collected(
    folder: Path, files: dict[str, str], named: Sequence[str] = (), **options: Any
) -> list[tuple[str, dict[str, Any], LoadedPipeline]]:
    """The tests' names, their stubs and what they run on."""
    path = write(folder, files)
    options = {"env": {}, "registry": REGISTRY, "cwd": folder, **options}
    found = load_tests(path, named, **options)
    return [(one.test.name, dict(one.test.tool_results), pipeline) for one, pipeline in found]


def names(found: list[tuple[str, dict[str, Any], LoadedPipeline]]) -> list[str]:
    return [name for name, _, _ in found]


def refused(folder: Path, files: dict[str, str], named: Sequence[str] = ()) -> list[ConfigError]:
    with pytest.raises(ConfigErrors) as caught:
        collected(folder, files, named)
    return list(caught.value.errors)


def test_tests_come_from_the_pipeline_from_files_that_it_names_and_from_the_command_line(
    tmp_path: Path,
) -> None:
    files = {
        "pipeline.yaml": f"{TOP}tests: [{{name: a, {WAIT}}}, more/b.yaml]\n",
        "more/b.yaml": f"tests: [{{name: b, {WAIT}}}]\n",
        "c.yaml": f"x-note: free\ntests: [{{name: c, {WAIT}, x-note: free}}]\n",
    }
    assert names(collected(tmp_path, files, ["c.yaml"])) == ["a", "b", "c"]


def test_what_a_file_of_tests_says_of_tools_is_below_what_its_tests_say(tmp_path: Path) -> None:
    own = f"{{name: b, {WAIT}, tool_results: {{find: 2}}}}"
    files = {
        "pipeline.yaml": f"{TOP}tool_results: {{z: 0}}\ntests: [{{name: a, {WAIT}}}]\n",
        "b.yaml": f"tool_results: {{find: 1, pay: {{error: no}}}}\ntests: [{own}, {{name: c, {WAIT}}}]\n",
    }
    a, b, c = collected(tmp_path, files, ["b.yaml"])
    assert (a[1], b[1], c[1]) == (
        {},
        {"find": 2, "pay": {"error": "no"}},
        {"find": 1, "pay": {"error": "no"}},
    )
    assert a[2].tool_results == {"z": 0}


def test_each_test_runs_under_its_profile_or_the_one_that_is_given(tmp_path: Path) -> None:
    profiles = "profiles: {p: {stages: {tts: espeak}}, q: {stages: {tts: espeak}}}\n"
    own = f"tests: [{{name: a, {WAIT}}}, {{name: b, profile: p, {WAIT}}}]\n"
    files = {"pipeline.yaml": TOP + profiles + own}
    assert [pipeline.profile for _, _, pipeline in collected(tmp_path, files)] == [None, "p"]
    assert [pipeline.profile for _, _, pipeline in collected(tmp_path, files, profile="q")] == ["q", "p"]


def test_values_of_the_environment_stand_in_tests(tmp_path: Path) -> None:
    files = {
        "pipeline.yaml": f"{TOP}tests: [t.yaml]\n",
        "t.yaml": f'tests: [{{name: "for ${{env:WHO}}", {WAIT}}}]\n',
    }
    assert names(collected(tmp_path, files, env={"WHO": "Ann"})) == ["for Ann"]


@pytest.mark.parametrize(
    ("tests", "place", "message"),
    [
        (f"[{{name: a, profile: fst, {WAIT}}}]", (4, 19), "there is no profile 'fst'. Did you mean 'fast'?"),
        (f"[{{name: a, {WAIT}}}, {{name: a, {WAIT}}}]", (4, 42), "'a' is the name of the test at"),
        ("[absent.yaml]", (4, 9), "there is no file 'absent.yaml'"),
        ("[../up.yaml]", (4, 9), "'../up.yaml' is outside the pipeline's folder"),
        ("[3]", (4, 9), "expected a map, found '3'"),
        ("{a: b}", (4, 8), "expected a list, found a map"),
        ("[{name: a, steps: [{user: {audio: no.wav}}]}]", (4, 42), "there is no file 'no.wav'"),
        ("[{name: a, steps: [{user: {audio: ../no.wav}}]}]", (4, 42), "is outside the pipeline's folder"),
        ("[{name: a, steps: [{user: {audio: 'https://x/y.wav'}}]}]", (4, 42), "expected a path"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    tmp_path: Path, tests: str, place: tuple[int, int], message: str
) -> None:
    text = f"{TOP}profiles: {{fast: {{}}, slow: {{}}}}\ntests: {tests}\n"
    error = one(problems(tmp_path, text))
    assert message in error.message
    assert (error.line, error.column) == place


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (f"voicepipe: 1\ntests: [{{name: a, {WAIT}}}]", (1, 1), "a file of tests can't hold 'voicepipe'"),
        (f"tets: []\ntests: [{{name: a, {WAIT}}}]", (1, 1), "Did you mean 'tests'?"),
        ("tool_results: {}", (1, 1), "expected a list of tests under 'tests', found none"),
        ("tests: []", (1, 8), "expected a list of tests, found an empty one"),
        ("tests: {}", (1, 8), "expected a list of tests under 'tests', found a map"),
        ("- a", (1, 1), "expected a map with 'tests', found a list"),
        ("", (1, 1), "expected a map with 'tests', found an empty file"),
        ("tests: [", (1, 9), ""),
        ("tests: [{name: a, steps: [{wiat: 1s}]}]", (1, 28), "Did you mean 'wait'?"),
    ],
)
def test_what_is_wrong_in_a_file_of_tests_is_told_at_its_place_there(
    tmp_path: Path, text: str, place: tuple[int, int], message: str
) -> None:
    named = {"pipeline.yaml": f"{TOP}tests: [t.yaml]\n", "t.yaml": text}
    error = one(problems(tmp_path, named))
    assert error.path is not None
    assert error.path.endswith("t.yaml")
    assert message in error.message
    assert (error.line, error.column) == place
    given = one(refused(tmp_path, {"pipeline.yaml": TOP, "t.yaml": text}, ["t.yaml"]))
    assert (given.path, given.message, given.line) == ("t.yaml", error.message, error.line)


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = {
        "pipeline.yaml": f"{TOP}tests: [{{name: a, stesp: [], {WAIT}}}]\n",
        "b.yaml": "tests: [{name: b, steps: [{wait: 1}]}]\n",
    }
    assert [error.line for error in refused(tmp_path, files, ["b.yaml", "c.yaml"])] == [3, 1, None]


def test_a_file_outside_of_the_folder_may_be_named_on_the_command_line(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home, away):
        folder.mkdir()
    (away / "t.yaml").write_text(f"tests: [{{name: a, {WAIT}}}]\n")
    assert names(collected(home, {"pipeline.yaml": TOP}, [str(away / "t.yaml")])) == ["a"]


def test_every_part_of_a_test_has_its_place(tmp_path: Path) -> None:
    text = f"{TOP}tests:\n  - name: a\n    steps:\n      - wait: 1s\n      - expect: {{state: idle}}\n"
    (test,) = load(tmp_path, text).tests
    assert [
        (place.line, place.column)
        for place in (
            test.place(),
            test.place("steps", 1, "expect", "state"),
            test.place("steps", 0, "expect"),
            test.place("vars", "x"),
        )
    ] == [(4, 5), (7, 18), (6, 9), (4, 5)]
