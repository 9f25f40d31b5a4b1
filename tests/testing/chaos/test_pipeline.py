"""What of a pipeline is tried is the file's own; whom it talks to isn't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.slots import Slot
from voicepipe.config.tool_models import HttpTool
from voicepipe.core.units import SECOND
from voicepipe.errors import VoicepipeError
from voicepipe.stages.turn import TurnConfig
from voicepipe.testing.chaos.faults import Struck
from voicepipe.testing.chaos.pipeline import needs_network, struck_stages, with_stand_ins

FILE = """\
voicepipe: 1
agent:
  prompt: You know {{name}}.
  variables: {name: {required: true}}
  greeting: Hello {{name}}.
  notices: {wait: Hold on.}
  tools: [{builtin: current_time}]
stages:
  vad: energy
  turn: {dead_air: 3s}
  stt: {use: openai/gpt-transcribe, timeout: {first: 1s}, fallback: [sim, deepgram/nova-3]}
  llm: {use: groq/some-model, retry: {attempts: 1}, fallback: [openai/gpt-6-luna], max_tokens: 10}
  tts: espeak
  stt/second: {use: openai/gpt-transcribe}
profiles:
  fused: {stages: {realtime: {use: openai/gpt-realtime-2.1, voice: marin}}}
  provider: {stages: {turn: {strategy: provider}}}
  fused-provider: {stages: {realtime: openai/gpt-realtime-2.1, turn: {strategy: provider}}}
"""
HERE = "http://127.0.0.1:1/v1"
FALLBACK = "http://127.0.0.1:2/v1"
TOOLS = "http://127.0.0.1:3/look_it_up"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text(FILE)
    return tmp_path / "pipeline.yaml"


def load(file: Path, profile: str | None = None) -> LoadedPipeline:
    return load_pipeline(file, profile=profile, env={"GROQ_API_KEY": "x", "OPENAI_API_KEY": "x"})


def struck(file: Path, stage: Struck, profile: str | None = None) -> dict[str, Slot]:
    loaded = load(file, profile)
    kinds = {slot.kind for slot in loaded.slots} & {"llm", "realtime"} | {stage}
    addresses = {**dict.fromkeys(kinds, HERE), "fallback": FALLBACK, "tools": TOOLS}
    made = with_stand_ins(loaded, stage, addresses)
    return {slot.key: slot for slot in made.slots}


def config(slot: Slot) -> Any:
    return slot.provider_config


def test_what_can_be_struck_is_what_the_pipeline_has(file: Path) -> None:
    assert struck_stages(load(file)) == ["stt", "llm", "tts", "tools"]
    assert struck_stages(load(file, "fused")) == ["realtime", "tools"]
    file.write_text(FILE.replace("  tools: [{builtin: current_time}]\n", ""))
    assert struck_stages(load(file)) == ["stt", "llm", "tts"]


def test_the_stage_that_is_struck_keeps_its_own_keys_and_talks_to_the_stand_in(file: Path) -> None:
    slot = struck(file, "llm")["llm"]
    assert slot.use == "openai"
    assert config(slot).base_url == HERE
    assert config(slot).max_tokens is None, "that was a key of the provider that isn't there"
    assert slot.config.retry.attempts == 1  # type: ignore[attr-defined] # of an llm stage it has one


def test_fallbacks_on_this_computer_stay_and_the_others_are_stand_ins(file: Path) -> None:
    slot = struck(file, "stt")["stt"]
    assert [one.use for one in slot.fallbacks] == ["sim", "openai"]
    remote = slot.fallbacks[1].config
    assert remote is not None
    assert getattr(remote, "base_url", None) == FALLBACK
    assert slot.config.timeout.first == SECOND  # type: ignore[attr-defined] # of an stt stage it has one


def test_stages_that_arent_struck_are_simulated_and_need_no_fallback(file: Path) -> None:
    slots = struck(file, "llm")
    assert {key: slots[key].use for key in ("vad", "stt", "tts", "stt/second")} == {
        "vad": "energy",
        "stt": "sim",
        "tts": "sim",
        "stt/second": "sim",
    }
    assert slots["stt"].fallbacks == ()


def test_nothing_needs_the_network_but_on_this_computer(file: Path) -> None:
    for slot in struck(file, "tts").values():
        for filling in slot.fillings:
            url = getattr(filling.config, "base_url", HERE)
            assert url.startswith("http://127.0.0.1:"), filling
    assert needs_network(config(struck(file, "tts")["tts"]))
    assert not needs_network(config({slot.key: slot for slot in load(file).slots}["tts"]))
    assert not needs_network(None)


def test_a_fused_model_is_a_stand_in_without_the_vendor_s_own_keys(file: Path) -> None:
    slot = struck(file, "realtime", "fused")["realtime"]
    assert config(slot).base_url == HERE
    assert config(slot).voice is None


def test_only_a_fused_model_is_left_to_find_the_turns(file: Path) -> None:
    def strategy(profile: str, stage: Struck) -> str:
        found = struck(file, stage, profile)["turn"].config
        assert isinstance(found, TurnConfig)
        assert found.dead_air == 3 * SECOND
        return found.strategy

    assert strategy("provider", "llm") == "adaptive"
    assert strategy("fused-provider", "realtime") == "provider"


def test_the_agent_s_tools_are_one_that_asks_the_stand_in_and_its_notices_stay(file: Path) -> None:
    agent = with_stand_ins(load(file), "tools", {"llm": HERE, "tools": TOOLS}).agent
    (tool,) = agent.tools
    assert isinstance(tool, HttpTool)
    assert (tool.http, tool.timeout) == (TOOLS, 10 * SECOND)
    assert agent.notices.wait == "Hold on."
    assert (agent.greeting, agent.variables) == (None, {}), "the caller is to ask at once"


def test_the_tool_takes_as_long_as_the_slowest_of_the_file(file: Path) -> None:
    slow = (
        "[{schema: {type: object}, name: a, description: b, timeout: 3s}, {schema: {type: object}, name: c, "
        'description: d, timeout: 7s, say_while_running: "Let me see."}]'
    )
    file.write_text(FILE.replace("[{builtin: current_time}]", slow))
    (tool,) = with_stand_ins(load(file), "tools", {"llm": HERE, "tools": TOOLS}).agent.tools
    assert isinstance(tool, HttpTool)
    assert (tool.timeout, tool.say_while_running) == (7 * SECOND, "Let me see.")


def test_without_a_stage_to_answer_there_is_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(VoicepipeError):
        load_pipeline(tmp_path / "absent.yaml")
