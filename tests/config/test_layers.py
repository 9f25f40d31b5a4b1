from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.config.interpolate import Environment
from voicepipe.config.layers import MAX_EXTENDS, Dropped, Merger, overrides, read_layers
from voicepipe.core import yaml12
from voicepipe.core.masking import MASK
from voicepipe.core.nodes import Node, Place, Source, from_python, plain
from voicepipe.errors import ConfigError

SLOT_KEYS = {"stt": frozenset({"timeout"}), "tts": frozenset({"chunk", "from"})}


def node(text: str, label: str = "file.yaml") -> Node:
    errors: list[ConfigError] = []
    parsed = yaml12.parse(text, Source(label, Path(), Path()), errors)
    assert not errors
    assert parsed is not None
    return parsed


def merger(env: Mapping[str, str] | None = None, errors: list[ConfigError] | None = None) -> Merger:
    return Merger(
        lambda kind: SLOT_KEYS.get(kind, frozenset()),
        Environment(env or {}),
        [] if errors is None else errors,
    )


def laid(*layers: str, by: Merger | None = None) -> Any:
    by = by or merger()
    result: Node | None = None
    for text in layers:
        result = by.lay(result, node(text))
    return None if result is None else plain(result)


def stages(*layers: str, by: Merger | None = None) -> Any:
    return laid(*(f"stages: {layer}" for layer in layers), by=by)["stages"]


def dropped(*layers: str) -> list[tuple[str, str]]:
    by = merger()
    stages(*layers, by=by)
    return [("/".join(one.path), one.reason) for one in by.dropped]


def test_maps_merge_lists_replace_and_null_deletes() -> None:
    assert laid("a: {b: 1, c: [1, 2], d: x}", "a: {b: 2, c: [3], d: null, e: 5}") == {
        "a": {"b": 2, "c": [3], "e": 5}
    }


def test_null_deletes_in_the_first_layer_and_inside_lists_too() -> None:
    assert laid("a: null\nb: {c: null}\nd: [{e: null, f: 1}, null]") == {"b": {}, "d": [{"f": 1}, None]}


def test_keys_keep_the_order_in_which_they_first_came() -> None:
    assert list(laid("a: 1\nb: 1\nc: 1", "b: 2\nd: 2")) == ["a", "b", "c", "d"]


def test_value_keeps_the_place_of_the_layer_that_gave_it() -> None:
    result = merger().lay(node("a: {b: 1, c: 1}", "base.yaml"), node("\na: {b: 2}", "top.yaml"))
    assert result is not None
    places = {"/".join(path): str(child.place) for path, child in result.walk() if path}
    assert places["a/b"] == "top.yaml:2:8"
    assert places["a/c"] == "base.yaml:1:14"
    assert str(result.map["a"].keys["b"]) == "top.yaml:2:5"


def test_bare_string_is_provider_and_model_split_at_the_first_slash() -> None:
    assert stages("{stt: faster-whisper, llm: openai/org/model:7b}") == {
        "stt": {"use": "faster-whisper"},
        "llm": {"use": "openai", "model": "org/model:7b"},
    }


def test_use_in_a_map_is_split_alike() -> None:
    assert stages("{llm: {use: openai/gpt, max_tokens: 5}}") == {
        "llm": {"use": "openai", "max_tokens": 5, "model": "gpt"}
    }


def test_own_code_is_not_split() -> None:
    assert stages("{stt: {use: 'my.module:Class'}}") == {"stt": {"use": "my.module:Class"}}


def test_another_provider_drops_the_inherited_provider_keys_and_keeps_the_slot_keys() -> None:
    base = "{stt: {use: a/m, beam: 5, timeout: 1s}}"
    for over in ("{stt: b}", "{stt: {use: b}}"):
        assert stages(base, over) == {"stt": {"use": "b", "timeout": "1s"}}
    assert stages(base, "{stt: b/n}") == {"stt": {"use": "b", "timeout": "1s", "model": "n"}}


def test_the_same_provider_keeps_its_keys() -> None:
    base = "{stt: {use: a/m, beam: 5, timeout: 1s}}"
    assert stages(base, "{stt: a/n}") == {"stt": {"use": "a", "beam": 5, "timeout": "1s", "model": "n"}}
    assert stages(base, "{stt: {beam: 6}}")["stt"]["beam"] == 6


def test_what_was_dropped_is_told_with_the_place_that_dropped_it() -> None:
    by = merger()
    by.lay(by.lay(None, node("stages: {stt: {use: a, beam: 5}}", "base.yaml")), node("stages: {stt: b}"))
    provider_key, use = by.dropped
    assert isinstance(provider_key, Dropped)
    assert (provider_key.path, provider_key.reason) == (("stages", "stt", "beam"), "belongs to 'a'")
    assert str(provider_key.node.place) == "base.yaml:1:30"
    assert str(provider_key.by) == "file.yaml:1:15"
    assert (use.path, use.reason) == (("stages", "stt", "use"), "replaced")


def test_deleting_and_replacing_are_told_too_but_not_setting_the_same() -> None:
    assert dropped("{stt: a, tts: {use: b, chunk: x}}", "{stt: null, tts: {use: b, chunk: y}}") == [
        ("stages/stt", "deleted by null"),
        ("stages/tts/chunk", "replaced"),
    ]


def test_deeper_keys_named_like_a_slot_are_not_slots() -> None:
    assert laid("agent: {stages: {stt: a/b}}") == {"agent": {"stages": {"stt": "a/b"}}}


@pytest.mark.parametrize(
    ("slot", "message"),
    [("{use: a/m, model: n}", "the model is given twice"), ("a/", "expected a model after 'a/'")],
)
def test_wrong_shorthand_is_an_error(slot: str, message: str) -> None:
    errors: list[ConfigError] = []
    stages(f"{{stt: {slot}}}", by=merger(errors=errors))
    assert message in errors[0].message


def test_provider_from_the_environment_decides_what_is_inherited_and_is_masked() -> None:
    by = merger({"STT": "b/n"})
    result = by.lay(
        by.lay(None, node("stages: {stt: {use: a, beam: 5}}")), node('stages: {stt: "${env:STT}"}')
    )
    assert result is not None
    slot = result.map["stages"].map["stt"]
    assert plain(slot) == {"use": "b", "model": "n"}
    assert {slot.map["use"].shown, slot.map["model"].shown} == {MASK}


def set_all(given: Sequence[str] | Mapping[str, object], base: str = "{}") -> Any:
    by = merger()
    result: Node | None = node(base)
    for layer in overrides(given, Path("/somewhere")):
        result = by.lay(result, layer)
    assert result is not None
    return plain(result)


def test_set_takes_yaml_values_in_order() -> None:
    given = ["stages.stt={use: w, model: DIR}", "stages.stt.model=x=y", "agent.greeting=null", "a.b=no"]
    assert set_all(given, "agent: {greeting: hi}") == {
        "agent": {},
        "stages": {"stt": {"use": "w", "model": "x=y"}},
        "a": {"b": "no"},
    }


def test_set_of_a_provider_works_on_any_file() -> None:
    for base in ("stages: {tts: a/m}", "stages: {tts: {use: a, voice: v, chunk: c}}", "{}"):
        tts = set_all(["stages.tts=espeak"], base)["stages"]["tts"]
        assert tts["use"] == "espeak"
        assert set(tts) <= {"use", "chunk"}


def test_set_from_python_takes_plain_values() -> None:
    given = {"stages.stt.model": "no: yaml", "agent": {"tools": ["a"]}}
    assert set_all(given) == {"stages": {"stt": {"model": "no: yaml"}}, "agent": {"tools": ["a"]}}


def test_paths_in_set_begin_at_the_current_folder() -> None:
    (layer,) = overrides(["a=x"], Path("/somewhere"))
    source = layer.map["a"].place.source
    assert (source.label, source.folder, source.top) == ("--set a", Path("/somewhere"), None)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("stages.tts", "expected PATH=VALUE"),
        ("=x", "expected a path of names"),
        ("a..b=x", "expected a path of names"),
        (".".join("a" * 99) + "=x", "expected a path of names"),
        ("a={b", "close the bracket"),
        ("profiles.x.stages.stt=a", "'profiles' can't be set"),
        ("extends=x.yaml", "'extends' can't be set"),
    ],
)
def test_wrong_set_is_one_clear_error(argument: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(overrides([argument], Path()))


def test_python_values_that_are_not_plain_data_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected plain data, found object"):
        list(overrides({"a": object()}, Path()))


# ── files that extend each other ─────────────────────────────────────────────────────────────────


def files(folder: Path, contents: Mapping[str, str]) -> Path:
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "top.yaml"


def chain_problem(path: Path) -> ConfigError:
    errors: list[ConfigError] = []
    read_layers(path, Environment({}), errors)
    (error,) = errors
    return error


def test_layers_are_the_extended_files_first_and_the_top_file_last(tmp_path: Path) -> None:
    top = files(
        tmp_path,
        {
            "top.yaml": "extends: sub/a.yaml\nname: top\nprofiles: {p: {name: 1}, q: null}",
            "sub/a.yaml": "extends: b.yaml\nname: a\nprofiles: {p: {name: 2}, q: {}}",
            "sub/b.yaml": "name: b",
        },
    )
    errors: list[ConfigError] = []
    layers = read_layers(top, Environment({}), errors)
    assert not errors
    assert [plain(body) for body in layers.bodies] == [{"name": "b"}, {"name": "a"}, {"name": "top"}]
    assert {name: [plain(b) for b in bodies] for name, bodies in layers.profiles.items()} == {
        "p": [{"name": 2}, {"name": 1}]
    }
    assert layers.bodies[0].place.source.label == str(tmp_path / "sub/b.yaml")
    assert layers.bodies[0].place.source.folder == (tmp_path / "sub").resolve()


def test_circle_names_the_files_of_the_circle(tmp_path: Path) -> None:
    top = files(tmp_path, {"top.yaml": "extends: a.yaml", "a.yaml": "\nextends: ./top.yaml"})
    error = chain_problem(top)
    assert error.message.endswith(f"in a circle: {top} → {tmp_path / 'a.yaml'} → {top}")
    assert (error.path, error.line) == (str(tmp_path / "a.yaml"), 2)


def test_length_of_the_chain_is_bounded(tmp_path: Path) -> None:
    contents = {f"{n}.yaml": f"extends: {n + 1}.yaml" for n in range(MAX_EXTENDS + 2)}
    assert (
        "files extend each other"
        in chain_problem(files(tmp_path, {**contents, "top.yaml": "extends: 0.yaml"})).message
    )


def test_extended_file_stays_inside_the_folder_after_links_are_resolved(tmp_path: Path) -> None:
    files(tmp_path, {"outside.yaml": "name: x"})
    top = files(tmp_path / "in", {"top.yaml": "extends: ../outside.yaml"})
    assert "'../outside.yaml' is outside the pipeline's folder" in chain_problem(top).message
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    top = files(tmp_path / "in", {"top.yaml": "extends: link.yaml"})
    assert "'link.yaml' is outside the pipeline's folder" in chain_problem(top).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: https://example.org/a.yaml", "found the address"),
        ("extends: missing.yaml", "there is no file 'missing.yaml'"),
        ("extends: [a.yaml]", "expected the path of a pipeline file, found a list"),
        ("- a", "expected a map that begins with 'voicepipe: 1', found a list"),
        ("", "found an empty file"),
        ("profiles: [a]", "expected a map of profiles, found a list"),
        ("profiles: {a: b}", "expected the profile as a map, found text"),
    ],
)
def test_wrong_file_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    assert message in chain_problem(files(tmp_path, {"top.yaml": text})).message


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

trees = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["x", "y/z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["stages", "stt", "use", "k", "timeout"]), inner, max_size=4)
    ),
    max_leaves=12,
)
maps = st.dictionaries(st.sampled_from(["stages", "agent", "k"]), trees, max_size=3)
PLACE = Place(Source("file.yaml", Path(), Path()), 1, 1)


def lay(*layers: Any) -> Any:
    by, result = merger(), None
    for layer in layers:
        result = by.lay(result, from_python(layer, PLACE))
    assert result is not None
    return plain(result)


def has_null_in_a_map(value: Any) -> bool:
    if isinstance(value, dict):
        return any(child is None or has_null_in_a_map(child) for child in value.values())
    return isinstance(value, list) and any(has_null_in_a_map(item) for item in value)


@given(maps, maps)
def test_no_null_survives_in_a_map(base: Any, over: Any) -> None:
    assert not has_null_in_a_map(lay(base, over))


@given(maps, maps)
def test_laying_a_layer_twice_is_laying_it_once(base: Any, over: Any) -> None:
    assert lay(base, over, over) == lay(base, over)


@given(maps)
def test_an_empty_layer_changes_nothing(base: Any) -> None:
    assert lay({}, base) == lay(base) == lay(base, {})
