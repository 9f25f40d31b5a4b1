"""Silero's network under onnxruntime or torch: one model for all, a stream for each session.

A window of 32 ms is fed with an eighth of the one before it in front: 64 + 512 samples at 16 kHz, 32 + 256
at 8 kHz, as floats from −1 to 1. What the network remembers goes in and comes out with each window.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from voicepipe.audio.resample import Resampler
from voicepipe.core.extras import require
from voicepipe.core.frames import Pcm
from voicepipe.core.together import Together
from voicepipe.errors import SetupError
from voicepipe.providers.base import VadStream

WINDOW_MS = 32
NATIVE = 16_000
UNITS = 128
"""The width of the network's recurrent layer."""

MOST = 16
"""Rows that are run at once, about a millisecond of work. A window takes 134 µs alone, 98 of two, 78 of four,
72 of eight, 68 of twelve, and no less of more; and whatever else is due waits while they are run."""

Floats = npt.NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda"]


class Windows:
    """The network's input, filled in place: the end of the last window, then the new one."""

    def __init__(self, rate: int) -> None:
        size = rate * WINDOW_MS // 1000
        self.input: Floats = np.zeros((1, size + size // 8), np.float32)
        self._context = self.input[0, : size // 8]
        self._end = self.input[0, -(size // 8) :]
        self._new = self.input[0, size // 8 :]

    def push(self, pcm: Pcm) -> None:
        self._context[:] = self._end
        np.multiply(pcm, np.float32(1 / 32768), out=self._new)


class OnnxModel:
    """Two signatures, told apart by the names of their inputs:

    * ``input``, ``state`` and ``sr``: 8 and 16 kHz; a row is a session, so those that are due can be run
      together.
    * ``input``, ``h`` and ``c``: 16 kHz; rows are steps in time, so they can never be sessions.
    """

    def __init__(self, path: Path) -> None:
        onnxruntime = require("onnxruntime", extra="quickstart", purpose="vad 'silero'")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # more only cost: it's so small
        options.log_severity_level = 3  # the exporter left initialisers unused, and each is a warning
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base of their own
            raise SetupError(f"vad 'silero' can't read the model {path}: {error}") from error
        names = {node.name for node in self.session.get_inputs()}
        self.knows_rates = names == {"input", "state", "sr"}
        if not self.knows_rates and names != {"input", "h", "c"}:
            raise SetupError(
                f"vad 'silero' found the inputs {', '.join(sorted(names))} in {path};"
                " 'input, state, sr' or 'input, h, c' were expected",
                hint="take away `model` to use the file of the installed silero-vad or faster-whisper",
            )
        self._batches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Together[_Row]]]
        self._batches = WeakKeyDictionary()

    def open(self, rate: int) -> VadStream:
        if self.knows_rates:
            return _Row(self, rate)
        if rate == NATIVE:
            return _OnnxStream(self, rate)
        return _Resampled(_OnnxStream(self, NATIVE), rate)

    def batch(self, rate: int) -> Together[_Row]:
        """That of the running loop for lines at ``rate``."""
        batches = self._batches.setdefault(asyncio.get_running_loop(), {})
        if rate not in batches:
            batches[rate] = Together(partial(_judge, self), MOST)
        return batches[rate]


class _OnnxStream:
    def __init__(self, model: OnnxModel, rate: int) -> None:
        self.window = rate * WINDOW_MS // 1000
        self._run: Callable[..., list[Any]] = model.session.run
        self._windows = Windows(rate)
        self.feed: dict[str, npt.NDArray[Any]] = {"input": self._windows.input}
        if model.knows_rates:
            self._outputs: tuple[str, ...] = ("output", "stateN")
            self._carried: tuple[str, ...] = ("state",)
            self.feed |= {"state": np.zeros((2, 1, UNITS), np.float32), "sr": np.array(rate, np.int64)}
        else:
            self._outputs = ("speech_probs", "hn", "cn")
            self._carried = ("h", "c")
            self.feed |= {name: np.zeros((1, 1, UNITS), np.float32) for name in self._carried}

    def probability(self, window: Pcm) -> float:
        self._windows.push(window)
        probability, *state = self._run(self._outputs, self.feed)
        for name, value in zip(self._carried, state, strict=True):
            self.feed[name] = value
        return float(probability.item())


class _Row(_OnnxStream):
    """Can be run along with others at the same rate."""

    def __init__(self, model: OnnxModel, rate: int) -> None:
        super().__init__(model, rate)
        self._model = model
        self._rate = rate
        self._batch: Together[_Row] | None = None
        self._answer: Callable[[float | Exception], None] | None = None

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        if self._batch is None:
            self._batch = self._model.batch(self._rate)
        self._windows.push(window)
        self._answer = answer
        self._batch.add(self)

    def settle(self) -> None:
        while self._answer is not None and self._batch is not None and self._batch.flush():
            pass  # others came before

    def answer(self, given: float | Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(given)


def _judge(model: OnnxModel, rows: Sequence[_Row]) -> None:
    """Run the network once for all ``rows``, and give each its answer."""
    feeds = [row.feed for row in rows]
    feed = feeds[0]
    if len(rows) > 1:
        feed = {
            "input": np.concatenate([feed["input"] for feed in feeds]),
            "state": np.concatenate([feed["state"] for feed in feeds], axis=1),
            "sr": feed["sr"],
        }
    try:
        probabilities, states = model.session.run(("output", "stateN"), feed)
    except Exception as error:  # whatever onnxruntime raises ends the calls of those who wait
        for row in rows:
            row.answer(error)
        return
    for number, (row, probability) in enumerate(zip(rows, probabilities.ravel().tolist(), strict=True)):
        row.feed["state"] = states[:, number : number + 1].copy()  # not a view: it would keep those of all
        row.answer(probability)


class TorchModel:
    """silero-vad's own JIT model. Its inner networks take the state as an argument, so one serves all."""

    def __init__(self, path: Path, device: Device) -> None:
        self.torch = require("torch", extra="torch", purpose="vad 'silero' with `backend: torch`")
        cuda = self.torch.cuda.is_available()
        if device == "cuda" and not cuda:
            raise SetupError(
                "vad 'silero' was to run on `device: cuda`, but torch finds no CUDA device",
                hint="write `device: auto`, or install a torch with CUDA and its driver",
            )
        self.device = "cuda" if cuda and device != "cpu" else "cpu"
        try:
            self._model = self.torch.jit.load(path, map_location=self.device).eval()
            self.networks = {16_000: self._model._model, 8000: self._model._model_8k}
        except (RuntimeError, AttributeError) as error:
            raise SetupError(f"vad 'silero' can't read the JIT model {path}: {error}") from error

    def open(self, rate: int) -> VadStream:
        return _TorchStream(self, rate)


class _TorchStream:
    def __init__(self, model: TorchModel, rate: int) -> None:
        torch = model.torch
        self.window = rate * WINDOW_MS // 1000
        self._no_gradients = torch.inference_mode
        self._network = model.networks[rate]
        self._device = model.device
        self._windows = Windows(rate)
        self._input = torch.from_numpy(self._windows.input)  # shares its memory
        self._state = torch.zeros(2, 1, UNITS, device=model.device)

    def probability(self, window: Pcm) -> float:
        self._windows.push(window)
        with self._no_gradients():
            probability, self._state = self._network(self._input.to(self._device), self._state)
            return float(probability.item())


class _Resampled:
    """A line at another rate than the model's."""

    def __init__(self, stream: VadStream, rate: int) -> None:
        self.window = rate * WINDOW_MS // 1000
        self._stream = stream
        self._resampler = Resampler(rate, NATIVE)

    def probability(self, window: Pcm) -> float:
        return self._stream.probability(self._resampler.process(window))


@lru_cache(maxsize=4)
def load_onnx(path: Path) -> OnnxModel:
    """The model of this process for ``path``."""
    return OnnxModel(path)


@lru_cache(maxsize=4)
def load_torch(path: Path, device: Device) -> TorchModel:
    """The model of this process for ``path``."""
    return TorchModel(path, device)
