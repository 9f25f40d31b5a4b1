"""faster-whisper with the small model of ``pipelines/compare``, which knows twelve sentences."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from tests.support.hearing import COMMANDS, FIXTURES, WHISPER, blocks, heard, load, silence, words_of
from tests.support.workers import make_call, make_host
from voicepipe.audio.pcm import Pcm
from voicepipe.core.calls import Batcher
from voicepipe.core.clock import Clock, run_on
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.faster_whisper import FasterWhisper
from voicepipe.runtime.workers import ThreadWorkers

pytest.importorskip("faster_whisper", reason="needs the extra 'local'")

MODEL = WHISPER
RATE = FasterWhisper.rate
T = TypeVar("T")
R = TypeVar("R")


class CountingWorkers(ThreadWorkers):
    """Remembers how many items each batch had."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def batcher(self, fn: Callable[[Sequence[T]], Sequence[R]], *, max_batch: int) -> Batcher[T, R]:
        def counted(items: Sequence[T]) -> Sequence[R]:
            self.batches.append(len(items))
            return fn(items)

        return super().batcher(counted, max_batch=max_batch)


@asynccontextmanager
async def whisper(
    workers: ThreadWorkers | None = None, language: str = "en-US", **config: Any
) -> AsyncIterator[FasterWhisper]:
    settings = FasterWhisper.Config(**{"model": str(MODEL), **config})
    stt = FasterWhisper(settings, make_host(language, workers=workers))
    try:
        await stt.start()
        yield stt
    finally:
        await stt.close()


def _command(name: str) -> Pcm:
    return load(FIXTURES / "commands" / f"{name}.wav", RATE)


def _run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


@pytest.mark.parametrize("final", ["whole", "tail"])
def test_every_clip_is_understood_at_the_pace_of_speech(final: str) -> None:
    async def main() -> None:
        clock = Clock()
        async with whisper(final=final) as stt:
            for clip in COMMANDS:
                pcm = np.concatenate((load(clip, RATE), silence(0.3, RATE)))
                call = make_call(clock=clock)
                *partials, last = await heard(stt, call, blocks(pcm, RATE, clock))
                assert (clip.name, last.text, last.final) == (clip.name, words_of(clip), True)
                assert not any(hypothesis.final for hypothesis in partials)
                assert call.usage == {("audio_in_ms", False): len(pcm) * 1000 // RATE}

    run_on("charged", main())


@pytest.mark.parametrize("clip", COMMANDS, ids=lambda clip: clip.stem)
def test_every_clip_is_understood_when_it_comes_all_at_once(clip: Path) -> None:
    async def main() -> list[Hypothesis]:
        async with whisper(partials=False) as stt:
            return await heard(stt, make_call(), blocks(load(clip, RATE), RATE))

    assert [(h.text, h.final) for h in _run(main())] == [(words_of(clip), True)]


def test_a_partial_result_comes_while_the_caller_speaks() -> None:
    async def main() -> list[Hypothesis]:
        clock = Clock()
        async with whisper(cadence="250ms") as stt:
            pcm = _command("kal_turn_off_the_kitchen_lights")
            return await heard(stt, make_call(clock=clock), blocks(pcm, RATE, clock))

    hypotheses = run_on("simulated", main())
    assert "turn off the kitchen lights" in [h.text for h in hypotheses if not h.final]


@pytest.mark.parametrize("padding", [0.1, 0.3, 1, 40])
def test_the_silence_before_the_speech_makes_no_difference(padding: float) -> None:
    async def main() -> None:
        async with whisper(partials=False) as stt:
            for clip in COMMANDS:
                pcm = np.concatenate((silence(padding, RATE), load(clip, RATE), silence(0.3, RATE)))
                hypotheses = await heard(stt, make_call(), blocks(pcm, RATE))
                assert (clip.name, hypotheses[-1].text) == (clip.name, words_of(clip))

    _run(main())


def test_words_that_were_committed_are_said_once_when_only_the_tail_is_decoded() -> None:
    async def main() -> list[Hypothesis]:
        clock = Clock()
        async with whisper(cadence="250ms", final="tail") as stt:
            pcm = _command("kal_turn_off_the_kitchen_lights")[: -RATE // 5]  # it ends before it is settled
            return await heard(stt, make_call(clock=clock), blocks(pcm, RATE, clock))

    *partials, last = run_on("simulated", main())
    assert partials[-1].text == last.text == "turn off the kitchen lights"


@pytest.mark.parametrize(
    ("config", "batches"), [({"max_batch": 8}, [2]), ({}, [1, 1])], ids=["shared", "as it ships, on a CPU"]
)
def test_two_sessions_share_batches_where_that_pays_and_each_gets_its_own_words(
    config: dict[str, int], batches: list[int]
) -> None:
    workers = CountingWorkers()

    async def main() -> list[str]:
        async with whisper(workers, partials=False, **config) as stt:
            workers.batches.clear()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(heard(stt, make_call(name), blocks(_command(name), RATE)))
                    for name in ("slt_what_time_is_it", "kal_set_a_timer_for_five_minutes")
                ]
            return [task.result()[-1].text for task in tasks]

    assert _run(main()) == ["what time is it", "set a timer for five minutes"]
    assert workers.batches == batches


def test_a_caller_who_hangs_up_in_the_middle_leaves_nothing_behind() -> None:
    async def main() -> None:
        clock = Clock()
        async with whisper(cadence="100ms") as stt:
            call = make_call(clock=clock)
            pcm = _command("slt_set_a_timer_for_ten_minutes")
            audio = blocks(np.tile(pcm, 3), RATE, clock)
            stream = stt.transcribe(call, audio)
            async for _ in stream:
                break
            await stream.aclose()
            await audio.aclose()
            spoken = call.usage["audio_in_ms", False]
            assert 0 < spoken < 3 * len(pcm) * 1000 // RATE
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert [task.get_name() for task in others if task.get_name() != "batcher"] == []
            again = await heard(stt, make_call(clock=clock), blocks(pcm, RATE))
            assert again[-1].text == "set a timer for ten minutes"

    run_on("charged", main())


@pytest.mark.parametrize(
    "pcm",
    [
        silence(0, RATE),
        silence(0.01, RATE),
        silence(3, RATE),
        np.random.default_rng(1).integers(-30, 30, 2 * RATE, dtype=np.int16),
    ],
    ids=["nothing", "one block", "silence", "hiss at -65 dBFS"],
)
def test_what_holds_no_speech_is_the_empty_text_and_costs_no_decode(pcm: Pcm) -> None:
    workers = CountingWorkers()

    async def main() -> list[Hypothesis]:
        async with whisper(workers) as stt:
            workers.batches.clear()
            return await heard(stt, make_call(), blocks(pcm, RATE))

    assert [(h.text, h.final) for h in _run(main())] == [("", True)]
    assert workers.batches == []


def test_a_minute_of_audio_is_understood_to_its_end() -> None:
    async def main() -> str:
        async with whisper(partials=False) as stt:
            pcm = np.concatenate(
                (
                    _command("slt_what_time_is_it"),
                    silence(26, RATE),
                    _command("kal_turn_off_the_kitchen_lights"),
                    silence(26, RATE),
                    _command("slt_hello"),
                )
            )
            return (await heard(stt, make_call(), blocks(pcm, RATE)))[-1].text

    assert _run(main()) == "what time is it turn off the kitchen lights hello"


def test_words_of_which_the_model_is_unsure_are_unrecognised_speech() -> None:
    async def main() -> str:
        async with whisper(min_logprob=-0.001) as stt:
            return (await heard(stt, make_call(), blocks(_command("slt_hello"), RATE)))[-1].text

    assert _run(main()) == "[unrecognised speech]"


# ── what can be missing or wrong ─────────────────────────────────────────────────────────────────


def _failure(language: str = "en-US", **config: Any) -> SetupError:
    async def main() -> None:
        async with whisper(language=language, **config):
            pass

    with pytest.raises(SetupError) as caught:
        _run(main())
    return caught.value


def test_a_file_that_is_not_a_model_is_said_to_be_unusable(tmp_path: Path) -> None:
    folder = shutil.copytree(MODEL, tmp_path / "model")
    (folder / "model.bin").write_bytes(b"not a model")
    assert "can't be used on cpu" in _failure(model=str(folder), device="cpu").message


def test_a_language_that_the_model_does_not_know_is_refused_before_the_call() -> None:
    assert "knows English only, and the language is 'de'" in _failure(language="de-DE").message


def test_check_says_what_is_missing_and_what_to_do_without_loading_anything(tmp_path: Path) -> None:
    whole = FasterWhisper(FasterWhisper.Config(model=str(MODEL)), make_host())
    assert whole.check() == []
    gone = FasterWhisper(FasterWhisper.Config(model=str(tmp_path / "gone")), make_host())
    (problem,) = gone.check()
    assert str(tmp_path / "gone") in problem
    assert "in CTranslate2 format there, or name one" in problem


def test_use_before_start_is_a_provider_error() -> None:
    async def main() -> None:
        stt = FasterWhisper(FasterWhisper.Config(model=str(MODEL)), make_host())
        await heard(stt, make_call(), blocks(_command("slt_hello"), RATE))

    with pytest.raises(ProviderError, match="before start"):
        _run(main())


def test_what_the_engine_raises_during_a_call_is_a_provider_error() -> None:
    class Failing(ThreadWorkers):
        broken = False

        def batcher(self, fn: Callable[[Sequence[T]], Sequence[R]], *, max_batch: int) -> Batcher[T, R]:
            def fail(items: Sequence[T]) -> Sequence[R]:
                if self.broken:
                    raise RuntimeError("CUDA failed with error out of memory")
                return fn(items)

            return super().batcher(fail, max_batch=max_batch)

    workers = Failing()

    async def main() -> None:
        async with whisper(workers) as stt:
            workers.broken = True
            await heard(stt, make_call(), blocks(_command("slt_hello"), RATE))

    with pytest.raises(ProviderError, match="out of memory") as caught:
        _run(main())
    assert caught.value.kind == "internal"
