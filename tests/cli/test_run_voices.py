"""Whole calls with voices behind servers: one line of a shipped file differs, and the caller hears them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.chat import beside
from tests.support.cli import Outcome, spawn
from tests.support.voices_behind_servers import espeaks
from voicepipe.audio.level import SilenceTrimmer
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.frames import Pcm
from voicepipe.testing.elevenlabs_server import ElevenLabsServer
from voicepipe.testing.openai_speech_server import OpenAISpeechServer
from voicepipe.testing.speech import Spoken, Voice

pytest.importorskip("pocketsphinx", reason="needs the extra 'quickstart'")
pytest.importorskip("websockets", reason="needs the extra 'cloud'")
pytest.importorskip("openai", reason="needs the extra 'local'")

QUICKSTART = Path(__file__).parents[2] / "pipelines" / "quickstart.yaml"
QUESTION = COMMANDS / "slt_what_is_the_weather_in_paris.wav"


def keeping(said: dict[str, Spoken]) -> Voice:
    voice = espeaks()

    async def say(text: str, rate: int) -> Spoken:
        said[text.strip()] = await voice(text, rate)
        return said[text.strip()]

    return say


def call(folder: Path, *settings: str) -> tuple[Outcome, Pcm, int]:
    """What was printed, and what the caller heard, with its rate."""
    given = [part for setting in settings for part in ("--set", setting)]
    output = folder / "out.wav"
    outcome = spawn("run", QUICKSTART, "--input", QUESTION, "--json", "--output", output, *given)
    assert outcome.status == 0, outcome.err
    wav = read_wav(output)
    return outcome, wav.pcm, wav.rate


def check(outcome: Outcome, heard: Pcm, rate: int, said: dict[str, Spoken], provider: str) -> None:
    """The caller heard the very audio that the server gave, and its characters were counted."""
    (turn,) = outcome.json["turns"]
    assert (turn["status"], turn["heard"]) == ("completed", turn["agent"])
    chunks = [said[text] for text in said if text.rstrip(",") in turn["agent"]]
    assert chunks
    for chunk in chunks:
        said_of_it = resample(trimmed(chunk.pcm), 24_000, rate)
        # Piece by piece: a busy computer may be late with a block, and then there is silence in between.
        pieces = np.array_split(said_of_it, max(1, said_of_it.size * 4 // rate))
        assert np.median([likeness(heard, piece) for piece in pieces]) > 0.9
    characters = [entry for entry in turn["usage"] if entry["unit"] == "characters"]
    assert [(entry["provider"], entry["estimated"]) for entry in characters] == [(provider, 0)]
    # Between two chunks there may be a space, and where a phrase goes on the voice is given a comma.
    assert abs(characters[0]["amount"] - len(turn["agent"])) <= len(chunks)


def trimmed(pcm: Pcm) -> Pcm:
    return SilenceTrimmer(24_000).process(pcm)


def likeness(heard: Pcm, part: Pcm) -> float:
    """The greatest correlation of ``part`` with a place in ``heard``: 1 is the same."""
    size = heard.size + part.size
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(part, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: heard.size]))
    found = heard[at : at + part.size].astype(float)
    wanted = part[: found.size].astype(float)
    return float(found @ wanted / (np.linalg.norm(found) * np.linalg.norm(wanted) + 1e-9))


def test_elevenlabs_speaks_in_any_file_that_names_a_voice(tmp_path: Path) -> None:
    said: dict[str, Spoken] = {}
    server = ElevenLabsServer(voice=keeping(said), key="its-key")
    with beside(server):  # type: ignore[type-var]  # it needn't be an HttpServer
        outcome, heard, rate = call(
            tmp_path,
            "stages.tts=elevenlabs/eleven_flash_v2_5",
            f"stages.tts.base_url={server.base_url}",
            "stages.tts.api_key=its-key",
            "agent.voice=a-voice",
        )
    check(outcome, heard, rate, said, "elevenlabs")
    assert {connection.voice for connection in server.connections} == {"a-voice"}
    assert all(connection.query["language_code"] == ["en"] for connection in server.connections)
    assert "Sorry, I didn't catch that." in said  # the notices are in its voice, too
    assert server.handshakes < len(server.contexts)  # the reply came over a connection that was there


def test_openais_endpoint_speaks_in_any_file(tmp_path: Path) -> None:
    said: dict[str, Spoken] = {}
    with beside(OpenAISpeechServer(voice=keeping(said))) as server:
        outcome, heard, rate = call(
            tmp_path, "stages.tts=openai/test-voice", f"stages.tts.base_url={server.base_url}"
        )
    check(outcome, heard, rate, said, "openai")
    assert "Sorry, I didn't catch that." in said


def test_a_voice_that_is_not_named_is_asked_for_before_the_call(tmp_path: Path) -> None:
    outcome = spawn(
        "run", QUICKSTART, "--input", QUESTION, "--set", "stages.tts=elevenlabs", ELEVENLABS_API_KEY="k"
    )
    assert outcome.status == 3
    assert "no voice" in outcome.err
    assert "agent: {voice:" in outcome.err
