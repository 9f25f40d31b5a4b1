"""VAD ``silero``: a small recurrent network that gives each 32 ms the probability of speech.

One model serves all sessions of a process. Its file comes from an installed package:

* **silero-vad** first. It is surer of short words (it hears 16 of the 22 windows of a quick "hello", the
  other 5), has weights of its own for 8 kHz, and its rows are sessions, so that it could be batched.
* **faster-whisper** brings an older one, without torch. It knows 16 kHz only; a line at 8 kHz is
  resampled for it, which costs 2 ms.

Most of a call nobody speaks: windows of a quiet room that stays as it is aren't shown to the network
(`silero_gate`).

``silero_vad_half.onnx`` isn't taken: its probabilities are off by up to 0.8.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from voicepipe.core.extras import install_command, missing, require
from voicepipe.core.units import ConfigPath
from voicepipe.errors import GraphError, SetupError
from voicepipe.providers.base import ProviderConfig, VadProvider, VadStream
from voicepipe.providers.silero_gate import Gate

if TYPE_CHECKING:
    from voicepipe.providers.silero_models import OnnxModel, TorchModel

RATES = (8000, 16_000)
WARM_UP_WINDOWS = 5
"""The first windows take up to 85 ms (the JIT compiles at the first and the second)."""

FILES = {
    "onnx": (
        ("silero_vad", "data/silero_vad_op18_ifless.onnx"),
        ("silero_vad", "data/silero_vad.onnx"),
        ("faster_whisper", "assets/silero_vad_v6.onnx"),
    ),
    "torch": (("silero_vad", "data/silero_vad.jit"),),
}

_LOADING = Lock()


class SileroConfig(ProviderConfig):
    backend: Literal["onnx", "torch"] = Field("onnx", description="`torch` needs the extra of that name")
    model: ConfigPath | None = Field(None, description="a model file; default: that of an installed package")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where `backend: torch` runs")
    gate: bool = Field(True, description="the network isn't asked about windows of an unchanged, quiet room")


class Silero(VadProvider):
    """Its windows are 512 samples at 16 kHz and 256 at 8 kHz."""

    name = "silero"
    local = True
    extra = "quickstart"
    packages = ("onnxruntime",)
    Config = SileroConfig
    config: SileroConfig

    def check(self) -> list[str]:
        engine = "onnxruntime" if self.config.backend == "onnx" else "torch"
        problems = missing(engine, extra=self._extra)
        try:
            self._path()
        except SetupError as error:
            problems.append(str(error))
        return problems

    async def start(self) -> None:
        """Load the model, or take the one that is loaded. `SetupError`: no package, no such file."""
        self._model = await self.host.workers.call(self._load)

    def open(self, rate: int) -> VadStream:
        if rate not in RATES:
            raise GraphError(
                f"vad 'silero' was given audio at {rate} Hz; it hears 8000 or 16000 Hz",
                hint="let the session run at 16000 Hz",
            )
        from voicepipe.providers.silero_session import Session  # noqa: PLC0415 - needs NumPy

        return Session(self._model, rate, Gate() if self.config.gate else None)

    def _load(self) -> OnnxModel | TorchModel:
        import numpy as np  # noqa: PLC0415 - validating a pipeline file needs this module, but not NumPy

        from voicepipe.providers.silero_models import load_onnx, load_torch  # noqa: PLC0415 - likewise

        onnx = self.config.backend == "onnx"
        # Before the model's file, which comes with the same extra: the engine is what people know.
        require("onnxruntime" if onnx else "torch", extra=self._extra, purpose="vad 'silero'")
        path = self._path()
        with _LOADING:  # two pipelines that start at once load one model
            model = load_onnx(path) if onnx else load_torch(path, self.config.device)
        for rate in RATES:
            stream = model.open(rate)
            for _ in range(WARM_UP_WINDOWS):
                stream.probability(np.zeros(stream.window, np.int16))
        return model

    @property
    def _extra(self) -> str:
        return "quickstart" if self.config.backend == "onnx" else "torch"

    def _path(self) -> Path:
        backend, path = self.config.backend, self.config.model
        if path is not None:
            if not path.is_file():
                raise SetupError(f"vad 'silero' finds no model file at {path}")
            return path
        found = [path for package, name in FILES[backend] if (path := package_file(package, name))]
        if not found:
            packages = " or ".join(dict.fromkeys(package for package, _ in FILES[backend]))
            raise SetupError(
                f"vad 'silero' finds no model file: {packages} isn't installed, or lacks it",
                hint=f"install it with: {install_command(self._extra)}",
            )
        return found[0]


def package_file(package: str, name: str) -> Path | None:
    """The file ``name`` in the folder of ``package``, without importing it; None if it isn't there."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return next((path for folder in folders or () if (path := Path(folder, name)).is_file()), None)
