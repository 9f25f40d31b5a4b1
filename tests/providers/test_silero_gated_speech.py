"""What the gate keeps from the network must not be missed: the same speech is found with it and without."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.clips import clip
from tests.support.workers import make_host
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.frames import Pcm
from voicepipe.providers.silero import FILES, Silero
from voicepipe.transports.wav import load_clip

RATE, WINDOW, SPEECH = 16_000, 512, 0.5
Floats = npt.NDArray[np.float64]
LEVELS = ((-20, -90), (-26, -60), (-38, -72), (-40, -60))
"""Of speech and noise, dBFS."""

CLIPS = ("jfk", "lj_0002", "ls_1688-142285-0000", "ps_goforward", "tau2_hello", "tau2_thank_you", "tau2_yes")


PACKAGES = ("silero_vad", "faster_whisper")
"""Each brings a network of its own version: they differ by a tenth in what they take for speech."""


def model(package: str) -> Path:
    pytest.importorskip("onnxruntime", reason="the network needs it")
    file = next(file for name, file in FILES["onnx"] if name == package)
    found = find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} isn't installed")
    return Path(found.origin).parent / file


def provider(path: Path, *, gate: bool) -> Silero:
    async def main() -> Silero:
        silero = Silero(Silero.Config(model=path, gate=gate), make_host())
        await silero.start()
        return silero

    return asyncio.run(main())


def call(name: str, speech_dbfs: float, noise_dbfs: float, pause: float) -> tuple[Pcm, list[slice]]:
    """A clip three times over, in a room; and the windows of each."""
    pcm = load_clip(clip(f"{name}.wav"), RATE).pcm[: 4 * RATE]
    speech = pcm * 10 ** ((speech_dbfs - rms_dbfs(pcm)) / 20)
    room = np.zeros(round(pause * RATE))
    whole = np.concatenate([room, *[speech, room] * 3])
    noise = np.random.default_rng(len(name)).standard_normal(whole.size) * 32768 * 10 ** (noise_dbfs / 20)
    begins = [room.size + number * (speech.size + room.size) for number in range(3)]
    spans = [slice(begin // WINDOW - 2, (begin + speech.size) // WINDOW + 2) for begin in begins]
    return np.clip(np.rint(whole + noise), -32768, 32767).astype(np.int16), spans


def judged(silero: Silero, pcm: Pcm) -> Floats:
    stream = silero.open(RATE)
    return np.array([stream.probability(pcm[at : at + WINDOW]) for at in range(0, pcm.size - WINDOW, WINDOW)])


@pytest.mark.parametrize("pause", [1.0, 2.5, 6.0])
@pytest.mark.parametrize("package", PACKAGES)
def test_behind_the_gate_speech_is_found_as_often_as_soon_and_for_as_long(package: str, pause: float) -> None:
    path = model(package)
    every, gated = provider(path, gate=False), provider(path, gate=True)
    missed, speech, later, shut = [0, 0], [0, 0], [], []
    for name in CLIPS:
        for speech_dbfs, noise_dbfs in LEVELS:
            pcm, spans = call(name, speech_dbfs, noise_dbfs, pause)
            found = [judged(every, pcm), judged(gated, pcm)]
            shut.append((found[1] == 0).mean())
            for span in spans:
                onsets = [np.flatnonzero(one[span] > SPEECH) for one in found]
                for number, onset in enumerate(onsets):
                    missed[number] += not onset.size
                    speech[number] += onset.size
                if onsets[0].size and onsets[1].size:
                    later.append(int(onsets[1][0]) - int(onsets[0][0]))
    assert missed[1] <= missed[0] + 1, "of 84 utterances"
    assert 0.98 < speech[1] / speech[0] < 1.04, "a network that didn't hear the pause finds a little more"
    assert abs(np.mean(later)) < 0.5, "windows of 32 ms"
    assert np.mean(shut) > pause / 8
