"""Whole calls whose recogniser is behind a server: one line of the file differs, and the caller is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.bad_wavs import COMMANDS
from voicepipe import Pipeline
from voicepipe.api import RATE
from voicepipe.core.frames import Transcript
from voicepipe.core.records import TurnBegan
from voicepipe.core.units import SECOND
from voicepipe.observe.report import CallReport
from voicepipe.testing.deepgram_server import DeepgramServer, Utterance
from voicepipe.testing.openai_audio_server import Hear, OpenAIAudioServer
from voicepipe.testing.openai_live_server import OpenAILiveServer, Turn
from voicepipe.transports.wav import WavCall, load_clip

pytest.importorskip("openai", reason="needs the extra 'cloud'")
pytest.importorskip("websockets", reason="needs the extra 'cloud'")

PIPELINES = Path(__file__).parents[1] / "pipelines"
QUESTION = COMMANDS / "slt_what_is_the_weather_in_paris.wav"
WORDS = "What is the weather in Paris?"

FILE = """\
voicepipe: 1
agent: {prompt: Be brief.}
stages:
  vad: energy
  turn: {strategy: silence}
  stt: {use: sim, texts: [nothing of this]}
  llm: {use: sim, replies: [Rainy.]}
  tts: {use: sim, speed: 20}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(FILE)
    return path


async def held(
    file: Path, settings: dict[str, Any], observe: Callable[[int, Any], None] = lambda at_ns, event: None
) -> CallReport:
    """A call in which the question is asked."""
    pipe = Pipeline.from_yaml(file, set=settings, env={})
    async with pipe:
        return await pipe.hold(
            partial(WavCall, script=[load_clip(QUESTION, RATE)], rate=RATE),
            on_call=lambda call: call.observe(observe),
        )


def check(report: CallReport, provider: str) -> None:
    (turn,) = report.to_dict()["turns"]
    assert (turn["user"], turn["agent"], turn["status"]) == (WORDS, "Rainy.", "completed")
    usage = [entry for entry in report.to_dict()["usage"] if entry["slot"] == "stt"]
    assert [(entry["provider"], entry["unit"], entry["estimated"]) for entry in usage] == [
        (provider, "audio_in_ms", 0)
    ]
    assert 1500 < usage[0]["amount"] < 4000


@pytest.mark.parametrize("name", ["openai", "quickstart", "local", "robot", "sim"])
@pytest.mark.parametrize("stt", ["deepgram/nova-3", "openai/gpt-transcribe", "openai/gpt-live-transcribe"])
def test_any_file_takes_another_recogniser_by_one_line(name: str, stt: str) -> None:
    pipe = Pipeline.from_yaml(PIPELINES / f"{name}.yaml", set={"stages.stt": stt}, env={})
    (slot,) = [slot for slot in pipe.loaded.slots if slot.key == "stt"]
    assert slot.use == stt.partition("/")[0]


def test_deepgram_hears_a_call(file: Path) -> None:
    partials: list[str] = []

    def observe(at_ns: int, event: Any) -> None:
        if isinstance(event, Transcript) and not event.final:
            partials.append(event.text)

    async def main() -> None:
        async with DeepgramServer(Utterance(text=WORDS, to_ms=1500), key="its-key") as server:
            settings = {
                "stages.stt": "deepgram/nova-3",
                "stages.stt.base_url": server.base_url,
                "stages.stt.api_key": "its-key",
            }
            check(await held(file, settings, observe), "deepgram")
            assert server.connections[0].query["language"] == ["en-US"]

    asyncio.run(main())
    assert partials[0] == "What"
    assert partials[-1] == WORDS


def test_openai_hears_a_call_by_the_file(file: Path) -> None:
    async def main() -> None:
        async with OpenAIAudioServer(Hear(deltas=["What is the ", "weather in Paris?"])) as server:
            settings = {"stages.stt": "openai/gpt-transcribe", "stages.stt.base_url": server.base_url}
            check(await held(file, settings), "openai")

    asyncio.run(main())


def test_openai_hears_a_call_while_the_caller_speaks(file: Path) -> None:
    async def main() -> None:
        async with OpenAILiveServer(Turn(deltas=["What is the ", "weather in Paris?"])) as server:
            settings = {"stages.stt": "openai/gpt-live-transcribe", "stages.stt.base_url": server.base_url}
            check(await held(file, settings), "openai")

    asyncio.run(main())


def test_deepgram_ends_the_turn_where_the_pipeline_leaves_that_to_it(file: Path) -> None:
    """It hears the pause itself, since the VAD takes as much silence for a part of the speech."""
    began: list[TurnBegan] = []

    def observe(at_ns: int, event: Any) -> None:
        if isinstance(event, TurnBegan):
            began.append(event)

    async def main() -> None:
        said = Utterance(text=WORDS, to_ms=1500, speech_final_at_ms=1700)
        async with DeepgramServer(said) as server:
            settings = {
                "stages.stt": "deepgram/nova-3",
                "stages.stt.base_url": server.base_url,
                "stages.vad.hangover": "1s",
                "stages.turn.strategy": "provider",
                "stages.turn.max_wait": "20s",
            }
            report = await held(file, settings, observe)
            assert [turn["agent"] for turn in report.to_dict()["turns"]] == ["Rainy."]

    asyncio.run(main())
    (turn,) = began
    assert turn.user == WORDS
    assert turn.wait_over_ns is not None
    assert turn.end_of_speech_ns is not None
    assert turn.wait_over_ns - turn.end_of_speech_ns < 10 * SECOND
