"""Sessions whose windows are complete in the same turn of the loop are run as rows of one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.clips import clip
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm
from voicepipe.providers.base import BatchedVadStream, VadStream
from voicepipe.providers.silero import package_file
from voicepipe.providers.silero_gate import Gate
from voicepipe.providers.silero_models import OnnxModel
from voicepipe.providers.silero_session import AT_ONCE, RECALLED_WINDOWS, Session

SECONDS = 3


class Counting:
    """A network that counts how many rows each run has; one with ``fails`` refuses them."""

    def __init__(self, session: Any, *, fails: bool = False) -> None:
        self._session = session
        self._fails = fails
        self.fails_after: int | None = None
        """Once, after so many runs."""
        self.rows: list[int] = []

    def run(self, outputs: Sequence[str], feed: dict[str, Any]) -> Any:
        if self._fails or len(self.rows) == self.fails_after:
            self.fails_after = None
            raise RuntimeError("no memory")
        self.rows.append(len(feed["input"]))
        return self._session.run(outputs, feed)


def model(package: str = "silero_vad", name: str = "data/silero_vad_op18_ifless.onnx") -> OnnxModel:
    pytest.importorskip("onnxruntime", reason="the network needs it")
    path: Path | None = package_file(package, name)
    if path is None:
        pytest.skip(f"{name} is of the package {package}, which isn't installed")
    return OnnxModel(path)


def sounds(rate: int) -> list[Pcm]:
    """What three callers say: speech, the same backwards, and hardly anything."""
    pcm = resample(read_wav(clip("jfk.wav")).pcm, 16_000, rate)[: SECONDS * rate]
    return [pcm, pcm[::-1].copy(), (pcm // 64).astype(np.int16)]


def alone(stream: VadStream, pcm: Pcm) -> list[float]:
    return [stream.probability(window) for window in windows(stream, pcm)]


def windows(stream: VadStream, pcm: Pcm) -> list[Pcm]:
    return [pcm[at : at + stream.window] for at in range(0, pcm.size - stream.window + 1, stream.window)]


def kept(into: list[float]) -> Callable[[float | Exception], None]:
    def keep(given: float | Exception) -> None:
        assert not isinstance(given, Exception), given
        into.append(given)

    return keep


def at_once(streams: Sequence[BatchedVadStream], pcms: Sequence[Pcm]) -> list[list[float]]:
    """The callers' windows, those of the same number in the same turn of the loop."""

    async def main() -> list[list[float]]:
        heard: list[list[float]] = [[] for _ in streams]
        cut = [windows(stream, pcm) for stream, pcm in zip(streams, pcms, strict=True)]
        for due in zip(*cut, strict=True):
            for stream, window, into in zip(streams, due, heard, strict=True):
                stream.submit(window, kept(into))
            await asyncio.sleep(0)
        return heard

    return run_on("simulated", main())


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize("name", ["data/silero_vad_op18_ifless.onnx", "data/silero_vad.onnx"])
def test_sessions_in_one_batch_equal_separate_ones(name: str, rate: int) -> None:
    network, pcms = model(name=name), sounds(rate)
    expected = [alone(Session(network, rate), pcm) for pcm in pcms]
    counting = Counting(network.session)
    network.session = counting
    heard = at_once([Session(network, rate) for _ in pcms], pcms)
    assert set(counting.rows) == {len(pcms)}
    assert max(expected[0]) > 0.9
    for one, other in zip(heard, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_sessions_of_different_rates_are_never_in_one_batch() -> None:
    network = model()
    streams, pcms = [Session(network, 8000), Session(network, 16_000)], [sounds(8000)[0], sounds(16_000)[0]]
    expected = [alone(Session(network, rate), pcm) for rate, pcm in zip((8000, 16_000), pcms, strict=True)]
    counting = Counting(network.session)
    network.session = counting
    heard = at_once(streams, pcms)
    assert set(counting.rows) == {1}
    for one, other in zip(heard, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_rows_that_are_steps_in_time_are_never_run_together() -> None:
    network, pcms = model("faster_whisper", "assets/silero_vad_v6.onnx"), sounds(16_000)
    expected = [alone(Session(network, 16_000), pcm) for pcm in pcms]
    assert at_once([Session(network, 16_000) for _ in pcms], pcms) == expected


def test_a_window_that_is_settled_is_answered_at_once_and_once() -> None:
    async def main() -> list[float]:
        stream, heard = Session(model(), 16_000), list[float]()
        stream.submit(np.zeros(512, np.int16), kept(heard))
        assert heard == []
        stream.settle()
        assert len(heard) == 1
        stream.settle()
        await asyncio.sleep(0)
        return heard

    assert len(run_on("simulated", main())) == 1


@pytest.mark.parametrize("settled", [False, True])
def test_what_a_gate_kept_from_the_network_is_heard_before_what_opened_it(settled: bool) -> None:
    pcm = resample(read_wav(clip("jfk.wav")).pcm, 16_000, 16_000)[: SECONDS * 16_000]
    whole = np.concatenate([np.zeros(40 * 512, np.int16), pcm])

    async def main() -> list[float]:
        stream, heard = Session(model(), 16_000, Gate()), list[float]()
        for number, window in enumerate(windows(stream, whole), 1):
            stream.submit(window, kept(heard))
            while len(heard) < number:
                await (asyncio.sleep(0) if not settled else settle(stream))
        return heard

    async def settle(stream: Session) -> None:
        stream.settle()

    heard = run_on("simulated", main())
    assert heard == pytest.approx(alone(Session(model(), 16_000, Gate()), whole), abs=1e-4)
    assert max(heard) > 0.9


def after_silence() -> tuple[Session, Counting]:
    """A caller whom the gate has kept from the network for a second, and that network."""
    network = model()
    network.session = counting = Counting(network.session)
    stream = Session(network, 16_000, Gate())
    for _ in range(40):
        stream.submit(np.zeros(512, np.int16), lambda given: None)
        stream.settle()
    counting.rows.clear()
    return stream, counting


LOUD = np.full(512, 9000, np.int16)


def test_who_catches_up_lets_others_in_between() -> None:
    async def main() -> list[int]:
        stream, counting = after_silence()
        heard = list[float]()
        stream.submit(LOUD, kept(heard))
        shown = [0, len(counting.rows)]
        while not heard:
            await asyncio.sleep(0)
            shown.append(len(counting.rows))
        return shown

    shown = run_on("simulated", main())
    assert shown[-1] == RECALLED_WINDOWS + 1
    assert max(np.diff(shown)) <= AT_ONCE, "in a turn of the loop"


@pytest.mark.parametrize("runs", range(RECALLED_WINDOWS + 1))
def test_a_network_that_fails_while_a_caller_catches_up_ends_that_window_and_no_other(runs: int) -> None:
    """Whichever of the runs it is, in a batch or not."""

    async def main() -> list[float | Exception]:
        stream, counting = after_silence()
        given = list[float | Exception]()
        counting.fails_after = runs
        for _ in range(2):
            stream.submit(LOUD, given.append)
            stream.settle()
        return given

    first, second = run_on("simulated", main())
    assert (str(first), type(second)) == ("no memory", float)


def test_what_the_network_raises_is_told_to_all_who_wait() -> None:
    async def main() -> list[float | Exception]:
        network, given = model(), list[float | Exception]()
        network.session = Counting(network.session, fails=True)
        for _ in range(2):
            Session(network, 16_000).submit(np.zeros(512, np.int16), given.append)
        await asyncio.sleep(0)
        return given

    assert [str(one) for one in run_on("simulated", main())] == ["no memory"] * 2
