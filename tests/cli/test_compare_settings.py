from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.cli import SIM, pipeline
from voicepipe.cli import compare
from voicepipe.cli.compare_settings import REPORT, Settings, settings_of
from voicepipe.errors import ConfigErrors, UsageError

FILE = """\
voicepipe_compare: 1
title: From the file
pipeline: pipeline.yaml
calls: [calls]
clock: charged
repeat: 3
tools: live
history: recorded
variants: {own: {set: {name: x}}}
sections: [{title: Apart, clock: real, calls: [others], variants: {a: {}}}]
fail_on: ["default.errors == 0"]
max_usd: 2
redact: true
audio: false
seed: 7
"""


def settings(*argv: str | Path) -> Settings:
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    return settings_of(parser.parse_args([str(one) for one in argv]))


def declared(folder: Path, text: str = FILE) -> Path:
    pipeline(folder)
    return pipeline(folder, text, "compare.yaml")


def test_a_pipeline_file_has_defaults(tmp_path: Path) -> None:
    path = pipeline(tmp_path)
    found = settings(path, "--calls", "a.wav", "b", "--calls", "c")
    assert (found.pipeline, found.declared, found.output) == (path, None, None)
    assert found.calls == {"": (Path("a.wav"), Path("b"), Path("c"))}
    assert (found.repeat, found.tools, found.history, found.seed) == (1, "stubs", "free", 1)
    assert (found.title, found.max_usd, found.redact, found.audio) == (
        "Comparison of pipeline",
        None,
        False,
        None,
    )


def test_a_comparison_file_says_all_of_it(tmp_path: Path) -> None:
    found = settings(declared(tmp_path))
    assert [one.name for one in found.wanted] == ["default", "own", "a"]
    assert found.calls == {"": (tmp_path / "calls",), "Apart": (tmp_path / "others",)}
    assert found.clocks == {"": "charged", "Apart": "real"}
    assert (found.title, found.repeat, found.tools, found.history, found.seed) == (
        "From the file",
        3,
        "live",
        "recorded",
        7,
    )
    assert (found.max_usd, found.redact, found.audio, found.output) == (Decimal(2), True, False, REPORT)
    assert found.fail_on == ("default.errors == 0",)


def test_what_is_typed_goes_over_the_file(tmp_path: Path) -> None:
    typed = settings(
        declared(tmp_path),
        *("--calls", "other", "--clock", "simulated", "-n", "2", "--tools", "stubs", "--history", "free"),
        *("--fail-on", "own.errors == 0", "--max-usd", "0.50", "--audio", "--seed", "8", "--title", "Typed"),
        *("--variant", "own", "--output", "x.html"),
    )
    assert typed.calls == {"": (Path("other"),), "Apart": (tmp_path / "others",)}
    assert typed.clocks == {"": "simulated", "Apart": "real"}
    assert (typed.title, typed.repeat, typed.tools, typed.history) == ("Typed", 2, "stubs", "free")
    assert (typed.seed, typed.max_usd, typed.audio) == (8, Decimal("0.50"), True)
    assert typed.fail_on == ("own.errors == 0",)
    assert typed.output == Path("x.html")
    assert [one.name for one in typed.wanted] == ["default", "own", "a"]


def test_a_comparison_without_a_title_is_called_after_its_folder(tmp_path: Path) -> None:
    text = "voicepipe_compare: 1\npipeline: pipeline.yaml\ncalls: [c]\n"
    assert settings(declared(tmp_path, text).parent).title == f"Comparison of {tmp_path.name}"


def test_audio_is_decided_later_if_nobody_says_anything(tmp_path: Path) -> None:
    text = "voicepipe_compare: 1\npipeline: pipeline.yaml\ncalls: [c]\n"
    assert settings(declared(tmp_path, text)).audio is None


def test_the_files_that_are_read_are_known(tmp_path: Path) -> None:
    path = declared(tmp_path)
    assert {tmp_path / "pipeline.yaml", path} <= set(settings(path).read)


def test_without_calls_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no calls to be held"):
        settings(pipeline(tmp_path))
    with pytest.raises(UsageError, match="there are no calls to be held"):
        settings(declared(tmp_path, "voicepipe_compare: 1\npipeline: pipeline.yaml\n"))


def test_what_is_wrong_in_the_pipeline_is_told_before_its_variants(tmp_path: Path) -> None:
    path = pipeline(tmp_path, SIM.replace("tts: sim", "tts: spam"))
    with pytest.raises(ConfigErrors, match="unknown tts provider 'spam'"):
        settings(path, "--calls", "a", "--variant", "nothing")
