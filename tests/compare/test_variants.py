from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cli import SIM, pipeline
from voicepipe.compare.variants import Wanted, load_all, split_list, wanted
from voicepipe.config.comparison import MAX_VARIANTS, read_comparison
from voicepipe.config.layers import Typed
from voicepipe.errors import ConfigErrors, GraphError, SetupError, UsageError

HEAD = "voicepipe_compare: 1\npipeline: pipeline.yaml\n"


def names(found: list[Wanted]) -> list[str]:
    return [one.name for one in found]


def test_the_file_itself_is_first_and_then_come_those_that_were_typed(tmp_path: Path) -> None:
    path, other = pipeline(tmp_path), pipeline(tmp_path, name="other.yaml")
    found = wanted(
        path,
        variants=[
            "loud",
            str(other),
            "fast=stages.llm.first_token=1ms,stages.tts={use: sim, seed: 2}",
        ],
        profiles=["loud"],
    )
    assert names(found) == ["default", "loud", "other", "fast"]
    assert [one.profile for one in found] == [None, "loud", None, None]
    assert [one.path for one in found] == [path, path, other, path]
    assert found[3].overrides == (
        Typed("stages.llm.first_token=1ms", "--variant fast=stages.llm.first_token"),
        Typed("stages.tts={use: sim, seed: 2}", "--variant fast=stages.tts"),
    )


def test_a_file_or_a_profile_can_be_given_another_name(tmp_path: Path) -> None:
    path, other = pipeline(tmp_path), pipeline(tmp_path, name="other.yaml")
    found = wanted(path, variants=[f"b={other}", "c=loud"], profiles=["loud"])
    assert [(one.name, one.path, one.profile) for one in found[1:]] == [
        ("b", other, None),
        ("c", path, "loud"),
    ]


def test_what_varies_makes_a_variant_of_each_combination(tmp_path: Path) -> None:
    found = wanted(pipeline(tmp_path), vary=["stages.tts=a,b", "stages.llm.first_token=1ms,2ms"])
    assert names(found)[1:] == [
        "tts=a,first_token=1ms",
        "tts=a,first_token=2ms",
        "tts=b,first_token=1ms",
        "tts=b,first_token=2ms",
    ]
    assert found[3].overrides == (
        Typed("stages.tts=b", "--vary stages.tts=a,b"),
        Typed("stages.llm.first_token=1ms", "--vary stages.llm.first_token=1ms,2ms"),
    )


def test_values_of_two_paths_that_end_alike_are_told_by_more_of_them(tmp_path: Path) -> None:
    found = wanted(pipeline(tmp_path), vary=["stages.tts.seed=1", "stages.llm.seed=2"])
    assert names(found)[1:] == ["tts.seed=1,llm.seed=2"]


def test_overrides_for_all_lie_below_those_of_a_variant(tmp_path: Path) -> None:
    found = wanted(pipeline(tmp_path), variants=["a=name=own"], overrides=["name=all"])
    assert [one.overrides for one in found] == [
        ("name=all",),
        ("name=all", Typed("name=own", "--variant a=name")),
    ]


def test_those_of_a_file_come_in_its_order_sections_last(tmp_path: Path) -> None:
    pipeline(tmp_path)
    declared = read_comparison(
        pipeline(
            tmp_path,
            HEAD
            + "variants: {b: {profile: loud}, a: {set: {name: x}}}\n"
            + "vary: {stages.llm.first_token: [1ms, 2ms]}\n"
            + "optional: [first_token=2ms]\n"
            + "sections: [{title: apart, server: realtime, variants: {c: {}}}]\n",
            "compare.yaml",
        )
    )
    found = wanted(declared.file.pipeline, declared=declared)
    assert names(found) == ["default", "b", "a", "first_token=1ms", "first_token=2ms", "c"]
    assert [one.what for one in found[1:4]] == ["profile loud", "name=x", "stages.llm.first_token=1ms"]
    assert (found[5].section, found[5].server) == ("apart", "realtime")
    chosen = wanted(declared.file.pipeline, declared=declared, variants=["a"])
    assert names(chosen) == ["default", "a", "c"]


def test_an_optional_variant_that_there_is_not_is_told_at_its_place(tmp_path: Path) -> None:
    text = HEAD + "variants: {piper: {profile: loud}}\noptional: [pipre]\n"
    declared = read_comparison(pipeline(tmp_path, text, "compare.yaml"))
    with pytest.raises(ConfigErrors, match=r"compare.yaml:4:12: .*'pipre'. Did you mean 'piper'"):
        wanted(declared.file.pipeline, declared=declared)


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ("lout", "neither a variant nor a profile nor a file of that name. Did you mean 'loud'?"),
        ("stages.tts=sim", "'stages.tts' can't be the name of a variant"),
        ("a=stages.tts=sim,llm", "expected PATH=VALUE, found 'llm'"),
        ("a=", "--variant a=: nothing is said of 'a'"),
        ("a=nothing.yaml", "neither a variant nor a profile nor a file"),
        ("default=name=x", "two variants are called 'default'"),
    ],
)
def test_a_variant_that_is_none_is_told(tmp_path: Path, variant: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        wanted(pipeline(tmp_path), variants=[variant], profiles=["loud"])


@pytest.mark.parametrize("vary", ["stages.tts", "stages.tts=", "=a", "stages.tts=a,", "stages.tts={a: 1}"])
def test_values_that_are_none_are_told(tmp_path: Path, vary: str) -> None:
    with pytest.raises(UsageError, match="--vary"):
        wanted(pipeline(tmp_path), vary=[vary])


def test_there_is_an_end_to_variants(tmp_path: Path) -> None:
    path = pipeline(tmp_path)
    many = ",".join(map(str, range(8)))
    with pytest.raises(UsageError, match="makes 64 variants, expected at most 63"):
        wanted(path, vary=[f"a.x={many}", f"a.y={many}"])
    with pytest.raises(UsageError, match=f"expected at most {MAX_VARIANTS}"):
        wanted(path, variants=[f"v{number}=name=x" for number in range(MAX_VARIANTS)])


@given(st.lists(st.text(alphabet="ab.=01", min_size=1, max_size=10), min_size=1, max_size=5))
def test_a_list_is_split_at_its_commas(parts: list[str]) -> None:
    assert split_list(",".join(parts)) == parts


@given(st.text(alphabet="ab=,[]{}()\"' ", max_size=40))
def test_nothing_is_lost_of_a_list(text: str) -> None:
    parts = split_list(text)
    left = "".join(parts).replace(" ", "")
    assert len(left) + len(parts) - 1 == len(text.replace(" ", ""))


def test_commas_in_brackets_and_quotes_split_nothing_and_an_apostrophe_is_none() -> None:
    assert split_list("a=[1, 2],b='x, y',c=don't,d=e") == ["a=[1, 2]", "b='x, y'", "c=don't", "d=e"]


def test_all_problems_of_all_variants_are_told_with_their_names(tmp_path: Path) -> None:
    found = wanted(pipeline(tmp_path), variants=["a=stages.tts=spam", "b=stages.llm.first_token=3"])
    with pytest.raises(ConfigErrors) as caught:
        load_all(found, code="run")
    told = str(caught.value)
    assert "variant 'a': unknown tts provider 'spam'" in told
    assert [error.path for error in caught.value.errors] == [
        "--variant a=stages.tts",
        "--variant b=stages.llm.first_token",
    ]
    assert "variant 'b': a duration needs a unit" in told


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ("stages.tts=sim,spam", "variant 'tts=spam': unknown tts provider 'spam'"),
        ("stages.llm.first_tokn=1ms", "variant 'first_tokn=1ms': unknown key 'first_tokn'"),
        ("stages.llm.first_token=3,1ms", "variant 'first_token=3': a duration needs a unit"),
        ("profiles.loud=1", "variant 'loud=1': 'profiles' can't be set"),
        ("stages..tts=1", "variant 'tts=1': expected a path of names with dots between"),
        ("name=*x", "variant 'name=*x': the alias"),
    ],
)
def test_what_is_wrong_in_a_value_that_varies_is_told_at_the_option_as_it_was_typed(
    tmp_path: Path, vary: str, message: str
) -> None:
    """It stood at "--set" once, which nobody had written."""
    with pytest.raises(ConfigErrors) as caught:
        load_all(wanted(pipeline(tmp_path), vary=[vary], overrides=["name=n"]), code="run")
    (error,) = caught.value.errors
    assert str(error).startswith(f"--vary {vary}: {message}")


def test_a_value_that_varies_may_be_delivered_to_another_process(tmp_path: Path) -> None:
    one = load_all(wanted(pipeline(tmp_path), vary=["stages.llm.seed=2"]), code="run").variants[1]
    assert one.load("name=more").top.name == "more"
    assert pickle.loads(pickle.dumps(one.overrides)) == one.overrides


def test_what_is_wrong_in_the_file_itself_is_told_once(tmp_path: Path) -> None:
    path = pipeline(tmp_path, SIM.replace("tts: sim", "tts: spam"))
    with pytest.raises(ConfigErrors) as caught:
        load_all(wanted(path, variants=["a=name=x"]), code="run")
    assert len(caught.value.errors) == 1
    assert "variant" not in str(caught.value)


def test_stages_that_do_not_fit_together_are_told_with_the_variant(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="variant 'a': "):
        load_all(wanted(pipeline(tmp_path), variants=["a=stages.stt=null"]), code="run")
    with pytest.raises(GraphError):
        load_all(wanted(pipeline(tmp_path, SIM.replace("  stt: sim\n", ""))), code="run")


def test_own_code_that_cannot_be_imported_refuses_its_variant_only(tmp_path: Path) -> None:
    found = wanted(pipeline(tmp_path), variants=["a=stages.tts='nowhere:Voice'"])
    loaded = load_all(found, code="run")
    assert [one.name for one in loaded.variants] == ["default"]
    assert isinstance(loaded.refused["a"], SetupError)


def test_a_stand_in_is_for_variants_that_have_its_stage(tmp_path: Path) -> None:
    pipeline(tmp_path, SIM + "  fused: {stages: {realtime: openai/gpt-realtime-2.1}}\n")
    text = HEAD + "sections: [{title: x, server: realtime, variants: {a: {}, b: {profile: fused}}}]\n"
    declared = read_comparison(pipeline(tmp_path, text, "compare.yaml"))
    loaded = load_all(wanted(declared.file.pipeline, declared=declared), code="run")
    assert [(one.name, one.server) for one in loaded.variants] == [
        ("default", None),
        ("a", None),
        ("b", "realtime"),
    ]


def test_a_variant_is_loaded_anew_with_more_over_it(tmp_path: Path) -> None:
    declared_text = HEAD + "variants: {a: {set: {name: layer}}}\n"
    pipeline(tmp_path)
    declared = read_comparison(pipeline(tmp_path, declared_text, "compare.yaml"))
    one = load_all(wanted(declared.file.pipeline, declared=declared), code="run").variants[1]
    assert one.load().name == "layer"
    assert one.load("name=more").name == "more"
