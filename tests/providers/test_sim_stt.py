from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.sim_stt import SimStt, SimSttConfig

BLOCK_MS = 20


async def microphone(
    call: Call, length_ms: int, captions: dict[int, str] | None = None
) -> AsyncIterator[Pcm]:
    """Silence in real time; captions (by the time of their frame) come as the stt stage passes them."""
    for at in range(0, length_ms, BLOCK_MS):
        await call.clock.sleep(BLOCK_MS * MS)
        if captions and at in captions:
            call.captions.append(captions[at])
        yield np.zeros(16 * BLOCK_MS, np.int16)


def provider(**fields: Any) -> SimStt:
    return SimStt(SimSttConfig.model_validate(fields), make_host())


async def heard(
    stt: SimStt, length_ms: int, captions: dict[int, str] | None = None
) -> list[tuple[int, Hypothesis]]:
    call = make_call()
    audio = microphone(call, length_ms, captions)
    return [(call.clock.now() // MS, hypothesis) async for hypothesis in stt.transcribe(call, audio)]


def texts(hypotheses: Sequence[tuple[int, Hypothesis]]) -> list[tuple[int, str, bool]]:
    return [(at, hypothesis.text, hypothesis.final) for at, hypothesis in hypotheses]


def test_partials_follow_the_audio_word_by_word_and_the_final_one_comes_after_the_pause() -> None:
    async def main() -> list[tuple[int, str, bool]]:
        stt = provider(texts=["where is my"], words_per_second=2.5, final_after="100ms")
        return texts(await heard(stt, 1400))

    assert run_on("simulated", main()) == [
        (400, "where", False),
        (800, "where is", False),
        (1200, "where is my", False),
        (1500, "where is my", True),
    ]


def test_partials_can_be_left_out() -> None:
    async def main() -> list[tuple[int, str, bool]]:
        return texts(await heard(provider(texts=["where is my order"], partials=False), 1000))

    assert run_on("simulated", main()) == [(1100, "where is my order", True)]


def test_texts_are_heard_in_order_and_then_again() -> None:
    async def main() -> list[str]:
        stt = provider(texts=["one", "two"], partials=False)
        return [(await heard(stt, 20))[-1][1].text for _ in range(5)]

    assert run_on("simulated", main()) == ["one", "two", "one", "two", "one"]


def test_captions_go_before_scripted_texts() -> None:
    async def main() -> list[tuple[int, str, bool]]:
        return texts(await heard(provider(texts=["not this"]), 1000, {0: "turn left", 900: "please"}))

    assert run_on("simulated", main()) == [
        (400, "turn", False),
        (800, "turn left", False),
        (1100, "turn left please", True),
    ]


def test_words_have_times_that_end_with_the_audio_at_the_latest() -> None:
    async def main() -> list[list[tuple[int, int]]]:
        stt = provider(texts=["a b c d"])
        return [
            [(word.start_ms, word.end_ms) for word in (await heard(stt, length))[-1][1].words]
            for length in (400, 4000)
        ]

    assert run_on("simulated", main()) == [
        [(0, 100), (100, 200), (200, 300), (300, 400)],
        [(0, 400), (400, 800), (800, 1200), (1200, 1600)],
    ]


def test_no_audio_at_all_has_a_final_transcript_that_is_empty() -> None:
    async def main() -> list[tuple[int, str, bool]]:
        return texts(await heard(provider(texts=["hello there"]), 0))

    assert run_on("simulated", main()) == [(100, "", True)]


def test_usage_is_the_audio_heard_so_far_also_when_the_call_is_left() -> None:
    async def main() -> tuple[dict[Any, int], dict[Any, int]]:
        stt, whole, left = provider(texts=["a b c"]), make_call(), make_call()
        async for _ in stt.transcribe(whole, microphone(whole, 1000)):
            pass
        async for _ in (events := stt.transcribe(left, microphone(left, 1000))):
            break
        await events.aclose()
        return whole.usage, left.usage

    assert run_on("simulated", main()) == ({("audio_in_ms", False): 1000}, {("audio_in_ms", False): 400})


def test_a_scripted_failure_comes_in_place_of_the_final_transcript() -> None:
    async def main() -> None:
        stt = provider(texts=["a"], fail={"kind": "timeout", "after": 1})
        with pytest.raises(ProviderError):
            await heard(stt, 1000)

    run_on("simulated", main())
