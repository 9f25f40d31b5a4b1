from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.support.http_files import serving
from tests.support.voices import spoken
from tests.support.workers import make_call, make_host
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Speech
from voicepipe.providers.espeak import Espeak
from voicepipe.providers.piper import Piper, VoiceRef

pytest.importorskip("piper", reason="piper-tts isn't installed")
piper_voice = pytest.importorskip("tests.support.piper_voice", reason="the package onnx isn't installed")

RATE = piper_voice.RATE
TEXT = "The light in the kitchen is on."


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = piper_voice.build_voice(tmp_path_factory.mktemp("voices"))
    return path


@pytest.fixture(scope="module")
def choir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = piper_voice.build_voice(tmp_path_factory.mktemp("voices"), speakers=3)
    return path


def piper(env: dict[str, str] | None = None, voice: str | None = None, **keys: Any) -> Piper:
    return Piper(Piper.Config(**keys), make_host(env=env or {}, voice=voice))


async def say(text: str, **keys: Any) -> Pcm:
    provider = piper(**keys)
    await provider.start()
    assert provider.rate == RATE
    return (await spoken(provider, make_call(), text))[0]


def test_a_sentence_is_audible_and_the_same_each_time(voice: Path) -> None:
    pcm = asyncio.run(say(TEXT, model=str(voice)))
    assert pcm.dtype == np.int16
    assert 0.5 < len(pcm) / RATE < 3
    assert -20 < rms_dbfs(pcm) < -3
    assert np.array_equal(pcm, asyncio.run(say(TEXT, model=str(voice))))


@pytest.mark.parametrize("text", ["", " ", "...", "\0", "\ud800"])
def test_text_without_words_is_no_error(voice: Path, text: str) -> None:
    assert len(asyncio.run(say(text, model=str(voice)))) < 2 * RATE


def test_phonemes_in_brackets_are_text(voice: Path) -> None:
    raw = asyncio.run(say("Press [[h@l'oU]] now.", model=str(voice)))
    assert len(raw) > len(asyncio.run(say("Press now.", model=str(voice))))


def test_a_long_sentence_streams_in_pieces(voice: Path) -> None:
    text = "one, two, three, " * 40

    async def main() -> tuple[int, int]:
        provider = piper(model=str(voice))
        await provider.start()
        async with aclosing(provider.synthesize(make_call(), text)) as stream:
            first = await anext(event async for event in stream if isinstance(event, Speech))
        return len(first.pcm), len((await spoken(provider, make_call(), text))[0])

    first, whole = asyncio.run(main())
    assert 0 < first < whole / 5


def test_calls_at_once_get_their_own_audio(voice: Path) -> None:
    async def main() -> None:
        provider = piper(model=str(voice))
        await provider.start()
        texts = ["Yes.", TEXT, "Good evening, and welcome to the show."] * 5
        alone = {text: (await spoken(provider, make_call(), text))[0] for text in texts}
        async with asyncio.TaskGroup() as group:
            tasks = [(text, group.create_task(spoken(provider, make_call(), text))) for text in texts]
        assert all(np.array_equal(task.result()[0], alone[text]) for text, task in tasks)

    asyncio.run(main())


def test_it_speaks_beside_espeak_whose_library_it_also_contains(voice: Path) -> None:
    async def main() -> tuple[int, int]:
        neural, robot = piper(model=str(voice)), Espeak(Espeak.Config(), make_host())
        await neural.start()
        await robot.start()
        async with asyncio.TaskGroup() as group:
            one = group.create_task(spoken(neural, make_call(), TEXT))
            other = group.create_task(spoken(robot, make_call(), TEXT))
        return len(one.result()[0]), len(other.result()[0])

    one, other = asyncio.run(main())
    assert one > 0.5 * RATE
    assert 1.0 < other / 22_050 < 2.5


def test_it_runs_on_the_simulated_clock(voice: Path) -> None:
    assert len(run_on("simulated", say(TEXT, model=str(voice)))) > 0.5 * RATE


def test_speed_and_volume_are_those_of_the_configuration(voice: Path) -> None:
    usual = asyncio.run(say(TEXT, model=str(voice)))
    fast = asyncio.run(say(TEXT, model=str(voice), speed=2))
    quiet = asyncio.run(say(TEXT, model=str(voice), volume=0.1))
    assert len(fast) == pytest.approx(len(usual) / 2, rel=0.05)
    assert rms_dbfs(quiet) == pytest.approx(rms_dbfs(usual) - 20, abs=0.5)


def test_a_speaker_is_chosen_by_number_or_name(choir: Path) -> None:
    second = asyncio.run(say(TEXT, model=str(choir), speaker=1))
    assert np.array_equal(second, asyncio.run(say(TEXT, model=str(choir), speaker="speaker1")))
    assert not np.array_equal(second, asyncio.run(say(TEXT, model=str(choir))))


@pytest.mark.parametrize(
    ("speaker", "message"), [(3, "numbered from 0 to 2"), ("speaker9", "Did you mean"), (-1, "no speaker -1")]
)
def test_an_unknown_speaker_is_said(choir: Path, speaker: Any, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        asyncio.run(say(TEXT, model=str(choir), speaker=speaker))


def test_a_name_is_looked_up_in_the_models_folder_and_may_be_the_agents_voice(tmp_path: Path) -> None:
    (tmp_path / "piper").mkdir()
    piper_voice.build_voice(tmp_path / "piper")
    env = {"VOICEPIPE_MODELS": str(tmp_path)}
    assert len(asyncio.run(say(TEXT, env=env, voice="en_US-tones-low"))) > 0


def test_a_voice_that_is_missing_is_said_with_its_place_and_the_command(tmp_path: Path) -> None:
    provider = piper(env={"VOICEPIPE_MODELS": str(tmp_path)}, model="en_US-lessac-medium")
    with pytest.raises(SetupError) as caught:
        asyncio.run(provider.start())
    for part in (
        "en_US-lessac-medium.onnx and en_US-lessac-medium.onnx.json",
        "voicepipe pull",
        str(tmp_path),
    ):
        assert part in str(caught.value)
    assert provider.check() == [str(caught.value)]


def test_a_path_without_its_description_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"")
    with pytest.raises(SetupError, match=r"mine\.onnx\.json is missing") as caught:
        asyncio.run(say(TEXT, model=str(path)))
    assert "pull" not in str(caught.value)


@pytest.mark.parametrize("description", ["{}", "not json", '{"audio": {}}'])
def test_a_file_that_is_no_voice_is_said(voice: Path, tmp_path: Path, description: str) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(voice.read_bytes())
    Path(f"{path}.json").write_text(description)
    with pytest.raises(SetupError, match="isn't a Piper voice"):
        asyncio.run(say(TEXT, model=str(path)))


def test_no_voice_at_all_is_said() -> None:
    with pytest.raises(SetupError, match="was given no voice"):
        asyncio.run(say(TEXT))


def test_a_failure_of_the_engine_is_a_providers_error(voice: Path) -> None:
    async def main() -> None:
        provider = piper(model=str(voice))
        await provider.start()
        provider._voice.config.phoneme_id_map = {**provider._voice.config.phoneme_id_map, "h": [10**6]}
        await spoken(provider, make_call(), "Hello.")

    with pytest.raises(ProviderError, match="piper: the voice"):
        asyncio.run(main())


def test_pull_fetches_a_voice_that_then_speaks(voice: Path, tmp_path: Path) -> None:
    from tests.providers.test_piper_voices import NAME, described  # noqa: PLC0415 - only this test fetches

    files = {
        f"en/{NAME}.onnx": voice.read_bytes(),
        f"en/{NAME}.onnx.json": Path(f"{voice}.json").read_bytes(),
    }
    env = {"VOICEPIPE_MODELS": str(tmp_path)}
    contents = {"/voices.json": described(files)} | {f"/{path}": data for path, data in files.items()}

    async def main(url: str) -> Pcm:
        await piper(env=env, model=NAME, url=url).pull()
        return await say(TEXT, env=env, model=NAME)

    with serving(contents) as (url, _):
        assert len(asyncio.run(main(url))) > 0


def test_pull_has_nothing_to_do_for_a_path(voice: Path) -> None:
    asyncio.run(piper(model=str(voice)).pull())


def test_a_file_name_is_relative_to_the_pipelines_file_and_a_name_is_not(tmp_path: Path) -> None:
    assert VoiceRef().resolve("mine.onnx", tmp_path) == str(tmp_path / "mine.onnx")
    assert VoiceRef().resolve("./mine.onnx", tmp_path) == str(tmp_path / "mine.onnx")
    assert VoiceRef().resolve("en_US-lessac-medium", tmp_path) == "en_US-lessac-medium"


def test_a_missing_package_is_named_with_its_extra(voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(SetupError, match=r"'piper'(?s:.*)\[local\]"):
        asyncio.run(say(TEXT, model=str(voice)))


def test_characters_are_counted(voice: Path) -> None:
    async def main() -> dict[Any, int]:
        provider, call = piper(model=str(voice)), make_call()
        await provider.start()
        await spoken(provider, call, TEXT)
        return call.usage

    assert asyncio.run(main()) == {("characters", False): len(TEXT)}


def test_an_address_that_is_not_encrypted_is_refused() -> None:
    with pytest.raises(ValidationError, match="begins with https://"):
        Piper.Config(url="http://voices.example")
