from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.support.clips import clip
from tests.support.voices import spoken
from tests.support.workers import make_call, make_host
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm
from voicepipe.errors import GraphError, SetupError
from voicepipe.providers import silero_models
from voicepipe.providers.base import VadStream
from voicepipe.providers.espeak import RATE, Espeak
from voicepipe.providers.silero import Silero, package_file

# silero-vad ships its torch model in this format only.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated:DeprecationWarning")

MODELS = {
    "inputs state, sr": {"model": ("silero_vad", "data/silero_vad_op18_ifless.onnx")},
    "inputs h, c": {"model": ("faster_whisper", "assets/silero_vad_v6.onnx")},
    "torch": {"backend": "torch", "device": "cpu", "model": ("silero_vad", "data/silero_vad.jit")},
}


def silero(**keys: Any) -> Silero:
    """A provider that was started; ``model`` may be a package and its file."""
    if isinstance(keys.get("model"), tuple):
        package, name = keys["model"]
        keys["model"] = package_file(package, name)
        if keys["model"] is None:
            pytest.skip(f"{name} is of the package {package}, which isn't installed")

    async def main() -> Silero:
        provider = Silero(Silero.Config(**keys), make_host())
        await provider.start()
        return provider

    return asyncio.run(main())


@pytest.fixture(params=MODELS)
def each_model(request: pytest.FixtureRequest) -> Silero:
    return silero(**MODELS[request.param])


@pytest.fixture(scope="module")
def voice() -> Pcm:
    """Half a second of silence, then a synthetic voice, then silence; 16 kHz."""

    async def main() -> Pcm:
        provider = Espeak(Espeak.Config(), make_host())
        await provider.start()
        return (await spoken(provider, make_call(), "Turn on the light in the kitchen, please."))[0]

    silence = np.zeros(8000, np.int16)
    return np.concatenate((silence, resample(asyncio.run(main()), RATE, 16_000), silence))


def windows(stream: VadStream, pcm: Pcm) -> list[Pcm]:
    return [pcm[at : at + stream.window] for at in range(0, len(pcm) - stream.window + 1, stream.window)]


def listen(stream: VadStream, pcm: Pcm) -> list[float]:
    return [stream.probability(window) for window in windows(stream, pcm)]


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_speech_is_told_from_the_silence_around_it(each_model: Silero, voice: Pcm, rate: int) -> None:
    stream = each_model.open(rate)
    assert stream.window == rate * 32 // 1000
    heard = listen(stream, resample(voice, 16_000, rate))
    assert max(heard[:14]) < 0.2
    assert max(heard[-5:]) < 0.3
    assert np.mean(np.array(heard[18:-18]) > 0.5) > 0.8


def test_two_sessions_interleaved_equal_two_separate_ones(each_model: Silero, voice: Pcm) -> None:
    other = voice[::-1].copy()
    alone = listen(each_model.open(16_000), voice), listen(each_model.open(16_000), other)
    one, two = each_model.open(16_000), each_model.open(16_000)
    mixed = [
        (one.probability(first), two.probability(second))
        for first, second in zip(windows(one, voice), windows(two, other), strict=True)
    ]
    assert [first for first, _ in mixed] == alone[0]
    assert [second for _, second in mixed] == alone[1]


def test_a_new_session_remembers_nothing_of_the_one_before(each_model: Silero, voice: Pcm) -> None:
    assert listen(each_model.open(16_000), voice) == listen(each_model.open(16_000), voice)


def test_the_window_may_be_overwritten_afterwards(each_model: Silero, voice: Pcm) -> None:
    expected = listen(each_model.open(16_000), voice)
    stream = each_model.open(16_000)
    reused = np.zeros(stream.window, np.int16)
    heard = []
    for window in windows(stream, voice):
        reused[:] = window
        heard.append(stream.probability(reused))
        reused[:] = 12_345
    assert heard == expected


def test_windows_of_the_silero_vad_package_give_the_probabilities_of_its_own_code() -> None:
    torch = pytest.importorskip("torch", reason="silero-vad's own code needs torch")
    reference = pytest.importorskip("silero_vad", reason="the reference").load_silero_vad()
    # As loud as that it isn't made louder, in the softest words.
    pcm = np.clip(read_wav(clip("jfk.wav")).pcm * 2.0, -32_768, 32_767).astype(np.int16)
    for model in ("inputs state, sr", "torch"):
        stream = silero(**MODELS[model]).open(16_000)
        reference.reset_states()
        with torch.no_grad():
            expected = [
                float(reference(torch.from_numpy(window / np.float32(32_768)), 16_000))
                for window in windows(stream, pcm)
            ]
        assert listen(stream, pcm) == pytest.approx(expected, abs=1e-3)


def test_windows_of_the_faster_whisper_package_give_the_probabilities_of_its_own_code() -> None:
    vad = pytest.importorskip("faster_whisper.vad", reason="the reference")
    stream = silero(**MODELS["inputs h, c"]).open(16_000)
    pcm = read_wav(clip("jfk.wav")).pcm
    pcm = pcm[: len(pcm) // stream.window * stream.window]
    expected = vad.get_vad_model()(pcm / np.float32(32_768)).ravel()
    # Its code clears the end of the last window, so that one isn't compared.
    assert listen(stream, pcm)[:-1] == pytest.approx(expected[:-1].tolist(), abs=1e-3)


def test_providers_of_a_process_share_one_model() -> None:
    assert silero()._model is silero()._model


def test_it_runs_on_the_virtual_clock() -> None:
    async def main() -> float:
        provider = Silero(Silero.Config(), make_host())
        await provider.start()
        return provider.open(16_000).probability(np.zeros(512, np.int16))

    assert 0 <= run_on("simulated", main()) < 0.2


def test_a_rate_that_it_does_not_hear_is_said() -> None:
    with pytest.raises(GraphError, match="24000 Hz"):
        silero().open(24_000)


def test_a_model_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no model file at .*nowhere\.onnx"):
        silero(model=tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, backend: str) -> None:
    if backend == "torch":
        pytest.importorskip("torch", reason="the extra 'torch' isn't installed")
    (tmp_path / "model").write_bytes(b"not a model")
    with pytest.raises(SetupError, match="can't read the"):
        silero(model=tmp_path / "model", backend=backend)


def test_a_model_with_other_inputs_is_refused() -> None:
    other = package_file("silero_vad", "data/silero_vad_half.onnx")
    if other is None:
        pytest.skip("the package silero_vad isn't installed")
    with pytest.raises(SetupError, match=r"found the inputs input, state in .*'input, h, c' were expected"):
        silero(model=other)


def test_cuda_that_is_not_there_is_said() -> None:
    torch = pytest.importorskip("torch", reason="the extra 'torch' isn't installed")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(SetupError, match="no CUDA device"):
        silero(backend="torch", device="cuda")
    assert silero(backend="torch")._model.device == "cpu"


@pytest.mark.parametrize(("backend", "module"), [("onnx", "onnxruntime"), ("torch", "torch")])
def test_a_missing_package_is_named(
    backend: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").write_bytes(b"never read")
    silero_models.load_onnx.cache_clear()
    silero_models.load_torch.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SetupError, match=f"needs the package '{module}'"):
        silero(backend=backend, model=tmp_path / "model")


def test_check_is_content_where_start_works() -> None:
    assert Silero(Silero.Config(), make_host()).check() == []


def test_check_names_a_file_that_is_missing(tmp_path: Path) -> None:
    (problem,) = Silero(Silero.Config(model=tmp_path / "x.onnx"), make_host()).check()
    assert "x.onnx" in problem


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValidationError, match="'onnx' or 'torch'"):
        Silero.Config(backend="tensorflow")
