from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.fakes import MS, SMALLEST, agent, load, one
from voicepipe.config.tool_models import BuiltinTool, PythonTool


def test_short_forms_of_the_agent_mean_their_long_ones(tmp_path: Path) -> None:
    short = load(tmp_path, SMALLEST.replace("agent:", "agent:\n  greeting: Hi\n  voice: calm")).agent
    long = load(
        tmp_path, SMALLEST.replace("agent:", "agent:\n  greeting: {say: Hi}\n  voice: {'*': calm}")
    ).agent
    assert short == long
    assert short.greeting is not None
    assert short.greeting.say == "Hi"


def test_voice_is_the_provider_s_own_where_the_map_names_one(tmp_path: Path) -> None:
    loaded = load(tmp_path, SMALLEST.replace("agent:", "agent:\n  voice: {piper: amy, cartesia: calm}"))
    assert loaded.agent.voice_for("piper", "tts") == "amy"
    assert loaded.agent.voice_for("espeak", "tts") is None


def test_tools_are_files_functions_and_builtins(tmp_path: Path) -> None:
    tools = "[./a.py, {python: './b.py:find', timeout: 6s, side_effect: no}, {builtin: end_call}]"
    marked, function, builtin = load(tmp_path, SMALLEST.replace("[./tools.py]", tools)).agent.tools
    assert isinstance(marked, PythonTool)
    assert (marked.file, marked.function) == (tmp_path.resolve() / "a.py", None)
    assert isinstance(function, PythonTool)
    assert (function.file, function.function) == (tmp_path.resolve() / "b.py", "find")
    assert (function.timeout, function.side_effect) == (6000 * MS, False)
    assert builtin == BuiltinTool(builtin="end_call")


def test_prompt_may_be_a_file_beside_the_pipeline(tmp_path: Path) -> None:
    files = {"pipeline.yaml": SMALLEST.replace("You are", "{file: p/you.md} #"), "p/you.md": "Be brief.\n"}
    assert load(tmp_path, files).agent.prompt == "Be brief.\n"


def test_prompt_file_stays_inside_the_folder_but_set_may_name_any(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    inside = tmp_path / "in"
    error = one(agent(inside, "{prompt: {file: ../secret.md}}"))
    assert "'../secret.md' is outside the pipeline's folder" in error.message
    (inside / "link.md").symlink_to(tmp_path / "secret.md")
    assert "is outside the pipeline's folder" in one(agent(inside, "{prompt: {file: link.md}}")).message
    loaded = load(inside, SMALLEST, overrides=["agent.prompt={file: secret.md}"], cwd=tmp_path)
    assert loaded.agent.prompt == "secret"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{prompt: {file: missing.md}}", "can't read 'missing.md': No such file"),
        ("{prompt: {file: 'https://example.org/p'}}", "found the address"),
        ("{prompt: {text: x}}", "expected the prompt as text, or as {file: PATH}"),
        ("{prompt: [x]}", "expected text, found a list"),
        ("{greeting: {say: ''}}", "expected some text, found nothing"),
        ("{greeting: {say: x, interruptible: maybe}}", "expected true or false"),
        ("{notices: {wait: 'Hello {{name}}'}}", "a notice is the same in every call"),
        ("{notices: {wait: '…'}}", "expected words, or an empty text to say nothing"),
        ("{notices: {sorry: x}}", "'sorry'"),
        ("{greeting: [x]}", "expected a map, found a list"),
        ("{language: English!}", "'English!' isn't of the expected form"),
        ("{tools: ./tools.py}", "expected a list, found './tools.py'"),
        ("{tools: [end_call]}", "end_call' isn't of the expected form"),
        (
            "{tools: [null]}",
            "expected a map with 'python', 'builtin', 'http', 'mcp' or 'schema', found nothing",
        ),
        (
            "{tools: [{call: x}]}",
            "expected a map with 'python', 'builtin', 'http', 'mcp' or 'schema', found one with call",
        ),
        ("{tools: [{builtin: end_cal}]}", "found 'end_cal'. Did you mean 'end_call'?"),
        ("{variables: {a b: {}}}", "'a b' can't be a name here"),
        ("{variables: {a: x}}", "expected a map, found 'x'"),
        ("{variables: {a: {default: x, required: true}}}", "a required variable has no use for a default"),
        (
            "{prompt: 'Hello {{nme}}', variables: {name: {}}}",
            "'{{nme}}' names no variable. Did you mean 'name'?",
        ),
        ("{greeting: 'Hello {{ name }}'}", "'{{name}}' names no variable."),
        (
            "{tools: [{python: ./t.py, say_while_running: 'One moment, {{name}}.'}]}",
            "'{{name}}' names no variable.",
        ),
        ("[x]", "expected a map, found a list"),
    ],
)
def test_wrong_agent_is_one_clear_error(tmp_path: Path, written: str, message: str) -> None:
    error = one(agent(tmp_path, written))
    assert message in error.message
    assert error.line == 3
    assert error.path == str(tmp_path / "pipeline.yaml")
