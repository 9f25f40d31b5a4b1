from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import SIM, pipeline
from voicepipe.config.comparison import Declared, find_comparison, is_name, read_comparison
from voicepipe.config.load import load_pipeline
from voicepipe.core.yaml12 import MAX_BYTES
from voicepipe.errors import ConfigErrors, UsageError

HEAD = "voicepipe_compare: 1\npipeline: pipeline.yaml\ncalls: [calls]\n"


def declared(folder: Path, text: str) -> Declared:
    return read_comparison(pipeline(folder, text, "compare.yaml"))


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        declared(folder, text)
    return [str(error).removeprefix(f"{folder}/") for error in caught.value.errors]


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path) -> None:
    file = declared(tmp_path, "voicepipe_compare: 1\npipeline: ../app.yaml\ncalls: [calls, a.wav]\n").file
    assert file.pipeline == tmp_path.parent / "app.yaml"
    assert file.calls == (tmp_path / "calls", tmp_path / "a.wav")


def test_what_a_variant_sets_is_a_layer_over_its_pipeline_with_its_own_place(tmp_path: Path) -> None:
    found = declared(tmp_path, HEAD + "variants:\n  slow: {set: {stages.llm.first_token: 2s, name: other}}\n")
    layers = found.layers("variants", "slow", "set")
    loaded = load_pipeline(pipeline(tmp_path, SIM), layers=layers)
    assert loaded.name == "other"
    node = loaded.tree.map["stages"].map["llm"].map["first_token"]
    assert (node.text, node.place.source.label, node.place.line) == ("2s", str(found.path), 5)


def test_overrides_lie_over_the_layers(tmp_path: Path) -> None:
    found = declared(tmp_path, HEAD + "variants:\n  slow: {set: {name: declared}}\n")
    layers = found.layers("variants", "slow", "set")
    loaded = load_pipeline(pipeline(tmp_path, SIM), layers=layers, overrides=["name=typed"])
    assert loaded.name == "typed"


def test_the_values_to_vary_are_text_and_layers(tmp_path: Path) -> None:
    found = declared(tmp_path, HEAD + "vary: {stages.llm.first_token: [200ms, 1.50s]}\n")
    assert [text for text, _ in found.values("stages.llm.first_token")] == ["200ms", "1.50s"]


def test_all_problems_are_told_at_once_each_at_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        HEAD.replace("calls:", "cals:")
        + "variants:\n"
        + "  a b: {profile: x}\n"
        + "  c: {profle: x}\n"
        + "vary: {stages.tts: [{use: sim}]}\n"
        + "clock: virtual\n",
    )
    assert [line.partition("\n")[0] for line in found] == [
        "compare.yaml:3:1: unknown key 'cals'. Did you mean 'calls'?",
        "compare.yaml:5:3: 'a b' can't be a name here",
        "compare.yaml:6:7: unknown key 'profle'. Did you mean 'profile'?",
        "compare.yaml:7:20: expected values of one word each; a variant under 'variants' can set a map",
        "compare.yaml:8:8: expected 'real', 'simulated' or 'charged', found 'virtual'.",
    ]


def test_a_name_can_be_given_once_over_all_sections_and_never_that_of_the_file_itself(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        HEAD
        + "variants: {a: {profile: x}}\n"
        + "sections:\n"
        + "  - {title: apart, variants: {a: {}, default: {}}}\n",
    )
    assert "compare.yaml:6:31: 'a' is the name of the variant at" in found[0]
    assert "compare.yaml:6:38: 'default' is the name of the file itself" in found[1]


def test_a_variant_that_changes_nothing_is_one_only_in_a_section(tmp_path: Path) -> None:
    assert "nothing is different here" in problems(tmp_path, HEAD + "variants: {a: {}}\n")[0]
    declared(tmp_path, HEAD + "sections: [{title: apart, variants: {a: {}}}]\n")


def test_a_path_that_cannot_be_set_is_told(tmp_path: Path) -> None:
    found = problems(tmp_path, HEAD + "variants: {a: {set: {profiles.x: 1}}}\n")
    assert found[0].startswith("compare.yaml:4:22: 'profiles' can't be set")


def test_a_key_of_ones_own_is_free(tmp_path: Path) -> None:
    assert declared(tmp_path, HEAD + "x-note: for us\n").file.repeat == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found an empty file"),
        ("[1]", "found a list"),
        ("voicepipe_compare: 2\npipeline: a\n", "expected 1, found '2'"),
        ("voicepipe_compare: 1\n", "'pipeline' is missing"),
        ("a: [", "expected a value here"),
        ("a: " + "x" * MAX_BYTES, "larger than"),
        (HEAD + "repeat: 0\n", "expected at least 1, found '0'"),
        (HEAD + "repeat: 1001\n", "expected at most 1000"),
        (HEAD + "max_usd: -1\n", "expected an amount in USD"),
        (HEAD + "sections: [{title: x, variants: {}}]\n", "expected at least 1 entry"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(problems(tmp_path, text))


def test_a_comparison_is_found_by_its_file_by_its_folder_and_by_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no compare\.yaml in the folder"):
        find_comparison(tmp_path)
    with pytest.raises(UsageError, match="there is no file"):
        find_comparison(tmp_path / "nothing.yaml")
    other = pipeline(tmp_path)
    path = pipeline(tmp_path, HEAD, "compare.yaml")
    assert find_comparison(tmp_path) == find_comparison(path) == path
    assert find_comparison(other) is None


@pytest.mark.parametrize(("name", "good"), [("a-b_1", True), ("", False), ("a=b", False), ("-a", False)])
def test_names_are_words(name: str, good: bool) -> None:
    assert is_name(name) is good
