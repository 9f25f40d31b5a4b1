from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from voicepipe.config.models import AgentConfig, PipelineFile
from voicepipe.config.tool_models import PythonTool
from voicepipe.speech.meanwhile import SAY_LIMIT


def test_models_are_frozen_and_know_no_other_keys() -> None:
    agent = AgentConfig()
    with pytest.raises(ValidationError):
        agent.prompt = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        PipelineFile.model_validate({"voicepipe": 1, "pipeline": {}})


@pytest.mark.parametrize(
    ("reference", "file", "function"),
    [
        ("/a/tools.py", "/a/tools.py", None),
        ("/a/tools.py:find_slot", "/a/tools.py", "find_slot"),
        ("/a.py/b.py:f", "/a.py/b.py", "f"),
    ],
)
def test_reference_to_a_tool_is_a_file_and_maybe_a_function(
    reference: str, file: str, function: str | None
) -> None:
    tool = PythonTool(python=reference)
    assert (tool.file, tool.function) == (Path(file), function)


def test_voice_of_any_provider_gives_way_to_the_provider_s_own() -> None:
    agent = AgentConfig(voice={"*": "calm", "piper": "amy"})
    assert (agent.voice_for("piper", "tts"), agent.voice_for("espeak", "tts")) == ("amy", "calm")


def test_what_a_tool_says_meanwhile_is_one_line_of_words() -> None:
    def says(text: str) -> str | None:
        return PythonTool(python="/a/tools.py", say_while_running=text).say_while_running

    assert says("  Let me\n look. ") == "Let me look."
    assert says("One moment, {{name}}.") == "One moment, {{name}}."
    for nonsense in ("", "   ", "...", "x" * (SAY_LIMIT + 1)):
        with pytest.raises(ValidationError, match="to be said while the tool runs"):
            says(nonsense)
