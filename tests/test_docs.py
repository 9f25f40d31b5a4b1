"""The documents are held against the program: generated parts, links, examples and commands."""

from __future__ import annotations

import argparse
import ast
import json
import re
import shlex
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from docs.generate import PARTS, ROOT, documents, generated, stale
from tests.support.documents import (
    WRONG,
    Block,
    all_blocks,
    anchors,
    blocks,
    links,
    prose,
    registry_with,
    unpack,
)
from voicepipe.api import Pipeline
from voicepipe.cli.main import COMMANDS
from voicepipe.config.comparison import read_comparison
from voicepipe.config.load import load_pipeline
from voicepipe.core.frames import EndOfText, Text
from voicepipe.core.ports import ports_of
from voicepipe.errors import ConfigErrors
from voicepipe.observe.report import CallReport
from voicepipe.runtime.graph import graph_of
from voicepipe.runtime.tool_files import load_python_tools
from voicepipe.speech.rules import parse_rules

README = ROOT / "README.md"
GUIDES = ROOT / "docs" / "guides"
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def _named(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a document's files are unpacked and imported from; what was imported is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


# ── parts, links ─────────────────────────────────────────────────────────────────────────────────


def test_generated_parts_are_current() -> None:
    assert [_named(path) for path in stale()] == [], "run: python -m docs.generate"


def test_every_generated_part_stands_in_a_document() -> None:
    everything = "".join(path.read_text(encoding="utf-8") for path in documents())
    assert set(re.findall(r"<!-- generated: (.+?) -->", everything)) == PARTS.keys()


def test_a_part_is_replaced_and_the_rest_is_left() -> None:
    text = "above\n<!-- generated: commands -->\nwhat it was\n<!-- /generated -->\nbelow\n"
    now = generated(text)
    assert "what it was" not in now
    assert "| `voicepipe run` |" in now
    assert now.startswith("above\n<!-- generated: commands -->\n")
    assert now.endswith("<!-- /generated -->\nbelow\n")
    assert generated(now) == now


def test_an_unknown_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        generated("<!-- generated: nonsense -->\n<!-- /generated -->")


@pytest.mark.parametrize("document", documents(), ids=_named)
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


# ── examples ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_python_examples_are_python(block: Block) -> None:
    compile(block.code, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("block", all_blocks("json"), ids=str)
def test_json_examples_are_json(block: Block) -> None:
    for line in block.code.splitlines() if block.code.startswith('{"t_ms"') else [block.code]:
        json.loads(line)


@pytest.mark.parametrize("block", [b for b in all_blocks("yaml") if b.above != WRONG], ids=str)
def test_yaml_examples_are_accepted(block: Block, folder: Path) -> None:
    unpack(block.document, folder)
    if (block.file or "").endswith(".rules.yaml"):
        parse_rules(block.code)
        return
    if block.code.startswith("voicepipe_compare:"):
        (folder / "compare.yaml").write_text(block.code, encoding="utf-8")
        read_comparison(folder / "compare.yaml")
        return
    complete = re.search(r"^voicepipe: 1$", block.code, re.MULTILINE) is not None
    file = folder / "example.yaml"
    file.write_text(block.code if complete else f"voicepipe: 1\n{block.code}", encoding="utf-8")
    env = dict.fromkeys(re.findall(r"\$\{env:(\w+)", block.code), "value")
    loaded = load_pipeline(file, env=env, code="ignore", registry=registry_with(block.document))
    if complete:
        graph_of(loaded)


@pytest.mark.parametrize("block", [b for b in all_blocks("yaml") if b.above == WRONG], ids=str)
def test_examples_of_mistakes_are_refused(block: Block, folder: Path) -> None:
    file = folder / "example.yaml"
    file.write_text(block.code, encoding="utf-8")
    with pytest.raises(ConfigErrors):
        load_pipeline(file, env={}, code="ignore", registry=registry_with(block.document))


@pytest.mark.parametrize("block", all_blocks("sh", "console"), ids=str)
def test_commands_are_accepted_by_the_command_line(block: Block) -> None:
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if not words or words[0].rpartition("/")[2] != "voicepipe":
            continue
        name, *arguments = words[1:]
        assert name in COMMANDS, line
        parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
        import_module(f"voicepipe.cli.{name}").add_arguments(parser)
        parser.add_argument("--debug", action="store_true")
        parser.parse_args(arguments)


# ── the guides ───────────────────────────────────────────────────────────────────────────────────


def test_the_guides_tool_is_called(folder: Path) -> None:
    unpack(GUIDES / "tool.md", folder)
    pipeline = Pipeline.from_yaml(folder / "pipeline.yaml")
    report = pipeline.run_sync(text=["Hello?", "Where is my order?"], clock="simulated")
    assert [turn.agent for turn in report.turns] == [
        "What is your order's number?",
        "Your order left the warehouse this morning.",
    ]
    assert [call.name for call in report.turns[1].tool_calls] == ["order_status"]


def test_the_guide_shows_the_schema_that_the_model_sees(folder: Path) -> None:
    unpack(GUIDES / "tool.md", folder)
    spec, _ = load_python_tools("./tools.py", folder)
    (shown,) = blocks(GUIDES / "tool.md", "json")
    assert spec.parameters == json.loads(shown.code)


def test_the_guides_tool_can_be_tested_like_any_function(folder: Path) -> None:
    unpack(GUIDES / "tool.md", folder)
    exec(blocks(GUIDES / "tool.md", "python")[-1].code, {})


def test_the_guides_provider_speaks(folder: Path) -> None:
    unpack(GUIDES / "provider.md", folder)
    pipeline = Pipeline.from_yaml(folder / "pipeline.yaml")
    report = pipeline.run_sync(text="Anything new?", clock="simulated")
    assert [turn.heard for turn in report.turns] == ["Mind the gap."]


def test_the_guides_test_of_a_provider_passes(folder: Path) -> None:
    unpack(GUIDES / "provider.md", folder)
    import_module("test_morse").test_a_word_is_told_before_it_is_heard()


def test_the_guides_test_of_a_voice_passes(folder: Path) -> None:
    pytest.importorskip("websockets", reason="needs the extra 'cloud'")
    unpack(GUIDES / "voices.md", folder)
    import_module("test_voice").test_every_word_is_told()


def test_the_guides_test_of_a_fused_model_passes(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="needs the extra 'cloud'")
    pytest.importorskip("websockets", reason="needs the extra 'realtime'")
    unpack(GUIDES / "realtime.md", folder)
    import_module("test_fused").test_the_caller_is_told_the_time(tmp_path)


def test_the_guides_order_desk_answers_the_telephone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("websockets", reason="needs the extra 'realtime'")
    unpack(GUIDES / "telephone.md", folder)
    monkeypatch.chdir(folder)
    import_module("test_desk").test_the_desk_greets_who_calls()


def test_the_guides_failing_model_is_replaced(folder: Path) -> None:
    unpack(GUIDES / "recovery.md", folder)
    pipeline = Pipeline.from_yaml(folder / "pipeline.yaml")
    report = pipeline.run_sync(text=["Where is my order?", "Are you sure?"], clock="simulated")
    assert report.turns[0].agent == "The other one says that it left."
    assert report.switches[0].reason == "no answer within 1s"


def test_the_guides_provider_can_be_registered(folder: Path) -> None:
    unpack(GUIDES / "provider.md", folder)
    assert registry_with(GUIDES / "provider.md").provider("tts", "morse").name == "morse"


def test_the_guides_rules_answer(folder: Path) -> None:
    unpack(GUIDES / "rules.md", folder)
    pipeline = Pipeline.from_yaml(folder / "pipeline.yaml")
    said = [
        "When are you open?",
        "Saturday",
        "What are your hours on Monday please?",
        "Tell me a joke",
        "Thanks!",
    ]
    report = pipeline.run_sync(text=said, clock="simulated")
    assert [turn.agent for turn in report.turns] == [
        "On which day?",
        "On saturday we are open from ten to four.",
        "On monday we are open from nine to six.",
        "Sorry, I only know when we are open.",
        "You're welcome.",
    ]


def _call_with_lexicon(folder: Path) -> CallReport:
    unpack(GUIDES / "stage.md", folder)
    loaded = load_pipeline(folder / "pipeline.yaml", registry=registry_with(GUIDES / "stage.md"))
    return Pipeline(loaded).run_sync(text="Whom shall I ask?", clock="simulated")


def test_the_guides_stage_changes_what_is_said(folder: Path) -> None:
    (turn,) = _call_with_lexicon(folder).turns
    assert turn.agent == "Ask the SQL team."
    assert turn.heard == "Ask the sequel team."


def test_the_guides_stage_has_the_ports_that_it_is_said_to_have(folder: Path) -> None:
    unpack(GUIDES / "stage.md", folder)
    ports = ports_of(import_module("lexicon").Lexicon.run)
    assert ports.takes == ports.gives == {Text, EndOfText}


# ── the README ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which the repository's pipelines can be named as in the README."""
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readmes_first_python_example_holds_a_call(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = blocks(README, "python")
    exec(first.code, {})
    time, thanks = capsys.readouterr().out.splitlines()
    assert time.startswith("What time is it? → It is ")
    assert time.endswith("['get_time']")
    assert thanks.startswith("Thank you. → ")
    assert (checkout / "call.wav").stat().st_size > 100_000


def test_the_readmes_second_python_example_prints_what_was_heard(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, second = blocks(README, "python")
    quick = second.code.replace("asyncio.run(main())", 'run_on("simulated", main())')
    exec(f"from voicepipe.core.clock import run_on\n{quick}", {})
    assert capsys.readouterr().out.startswith("completed Sure, I can help you with that order")


# ── decisions, the map ───────────────────────────────────────────────────────────────────────────


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=_named)
def test_a_decision_says_why_and_what_else_was_weighed(decision: Path) -> None:
    headings = re.findall(r"^## (.+)$", prose(decision), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives"]


def test_the_readmes_map_names_every_part_of_the_package() -> None:
    text = README.read_text(encoding="utf-8")
    for path in sorted((ROOT / "voicepipe").iterdir()):
        if path.is_dir() and (path / "__init__.py").exists():
            assert f"`{path.name}/`" in text, path.name
