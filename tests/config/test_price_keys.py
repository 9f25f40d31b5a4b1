from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.config.fakes import SHIPPED, load
from voicepipe.config.load import load_profiles
from voicepipe.config.loaded import LoadedPipeline
from voicepipe.config.price_keys import prices_of_nobody, under_all_profiles

TOP = """\
voicepipe: 1
stages: {stt: deepgram/nova-3, llm: {use: openai/gpt-6-luna, fallback: [openai/gpt-6.1-terra]}, tts: sim}
"""
PROFILES = "profiles: {other: {stages: {llm: openai/gpt-7, stt: sim}}, no: {stages: {tts: spam}}}\n"


def priced(folder: Path, key: str, top: str = TOP, env: Mapping[str, str] | None = None) -> LoadedPipeline:
    return load(
        folder, f"{top}cost:\n  prices:\n    {key}: {{request: 1}}\n", env=env or {}, registry=SHIPPED
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("openai/gpt-6-lunar", "no stage has that model. Did you mean 'openai/gpt-6-luna'?"),
        ("opnai/gpt-6-luna", "no stage has that provider. Did you mean 'openai/gpt-6-luna'?"),
        ("deepgramm", "no stage has that provider. Did you mean 'deepgram'?"),
        ("deepgram/nova", "no stage has that model. Did you mean 'deepgram/nova-3'?"),
        ("twilio", "no stage has that provider."),
    ],
)
def test_a_price_that_fits_nothing_is_told_at_its_key_with_the_closest_name(
    tmp_path: Path, key: str, message: str
) -> None:
    (advice,) = prices_of_nobody([priced(tmp_path, key)])
    assert advice.message == f"the price for '{key}' is used nowhere: {message}"
    assert (advice.line, advice.column) == (5, 5)
    assert advice.hint is not None
    assert advice.hint.startswith("there are: deepgram, deepgram/nova-3, openai, openai/gpt-6-luna")


@pytest.mark.parametrize(
    "key", ["openai", "openai/gpt-6-luna", "openai/gpt-6.1-terra", "deepgram/nova-3", "sim"]
)
def test_a_price_of_a_provider_a_model_or_a_fallback_fits(tmp_path: Path, key: str) -> None:
    assert prices_of_nobody([priced(tmp_path, key)]) == []


def test_the_model_that_writes_down_the_caller_of_a_fused_one_has_a_price_of_its_own(tmp_path: Path) -> None:
    text = (
        "voicepipe: 1\nstages: {realtime: {use: openai/gpt-realtime-2.1, transcription: {model: written}}}\n"
    )
    fits = f"{text}cost: {{prices: {{openai/written: {{audio_minute: 1}}}}}}\n"
    assert prices_of_nobody([load(tmp_path, fits, registry=SHIPPED)]) == []
    assert len(prices_of_nobody([load(tmp_path, fits.replace("openai/w", "x/w"), registry=SHIPPED)])) == 1


def test_a_carrier_is_no_stage_and_its_price_may_stand_there(tmp_path: Path) -> None:
    text = f"{TOP}cost: {{prices: {{twilio/us-inbound: {{call_minute: 0.01}}}}}}\n"
    assert prices_of_nobody([load(tmp_path, text, registry=SHIPPED)]) == []


def test_a_price_that_only_a_profile_needs_fits(tmp_path: Path) -> None:
    profiles = PROFILES.replace(", no: {stages: {tts: spam}}", "")
    loaded = priced(tmp_path, "openai/gpt-7", TOP + profiles)
    assert len(prices_of_nobody([loaded])) == 1
    found = [
        load(tmp_path, loaded.path.read_text(), registry=SHIPPED, profile=name) for name in (None, "other")
    ]
    assert prices_of_nobody(found) == []


def test_a_key_that_fits_under_no_profile_is_told_once(tmp_path: Path) -> None:
    loaded = priced(tmp_path, "openai/gpt-8")
    assert len(prices_of_nobody([loaded, loaded])) == 1


def test_nothing_is_said_of_a_file_whose_other_profiles_cannot_be_read(tmp_path: Path) -> None:
    loaded = priced(tmp_path, "openai/gpt-8", TOP + PROFILES)
    assert under_all_profiles(loaded, ()) == []


def test_profiles_are_looked_at_only_where_there_are_prices(tmp_path: Path) -> None:
    loaded = load(tmp_path, TOP + PROFILES, registry=SHIPPED)
    assert under_all_profiles(loaded, ()) == [loaded]


def test_all_profiles_are_looked_at_with_what_was_set(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {stt: sim, llm: sim, tts: sim}\nprofiles: {a: {stages: {tts: {seed: 2}}}}\n"
    loaded = load(tmp_path, f"{text}cost: {{prices: {{sim: {{request: 1}}}}}}\n", registry=SHIPPED)
    found = under_all_profiles(loaded, ["stages.llm.seed=3"])
    assert [one.profile for one in found] == [None, None, "a"]


def test_of_own_code_that_was_not_imported_the_name_is_not_known(tmp_path: Path) -> None:
    own = "voicepipe: 1\nstages: {stt: 'mine:Stt', llm: openai/gpt-6-luna, tts: sim}\n"
    path = tmp_path / "pipeline.yaml"
    for key, told in (("mine", 0), ("openai/gpt-6-lunar", 1)):
        path.write_text(f"{own}cost: {{prices: {{{key}: {{request: 1}}}}}}\n")
        found = load_profiles(path, code="ignore", env={})
        assert len(prices_of_nobody(found)) == told


def test_a_model_from_the_environment_stays_masked(tmp_path: Path) -> None:
    top = TOP.replace("openai/gpt-6-luna", '"openai/${env:MODEL}"')
    (advice,) = prices_of_nobody([priced(tmp_path, "openai/x", top, {"MODEL": "hush-hush-model"})])
    assert "hush" not in str(advice)
