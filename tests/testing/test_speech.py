from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.support.workers import make_host
from voicepipe.providers.espeak import Espeak
from voicepipe.testing.speech import LETTER_MS, hums, spoken_by


def test_a_text_is_hummed_word_by_word() -> None:
    spoken = asyncio.run(hums("Good morning", 8000))
    assert [(word.text, word.start_ms, word.end_ms) for word in spoken.words] == [
        ("Good", 0, 4 * LETTER_MS),
        ("morning", 5 * LETTER_MS, 12 * LETTER_MS),
    ]
    assert spoken.pcm.size == 13 * LETTER_MS * 8
    level = np.abs(spoken.pcm.astype(int))
    assert level[: 4 * LETTER_MS * 8].max() > 1000
    assert level[4 * LETTER_MS * 8 : 5 * LETTER_MS * 8].max() == 0


def test_a_hum_is_always_the_same() -> None:
    first, second = asyncio.run(hums("again", 16_000)), asyncio.run(hums("again", 16_000))
    np.testing.assert_array_equal(first.pcm, second.pcm)


def test_nothing_is_silent() -> None:
    spoken = asyncio.run(hums(" \n", 16_000))
    assert (spoken.pcm.size, spoken.words) == (0, ())


def test_a_real_voice_speaks_at_the_rate_that_is_wanted() -> None:
    pytest.importorskip("espeakng_loader", reason="needs the extra 'quickstart'")

    async def main() -> None:
        espeak = Espeak(Espeak.Config(), make_host())
        await espeak.start()
        say = spoken_by(espeak)
        slow, fast = (
            await say("Good morning, everybody.", 8000),
            await say("Good morning, everybody.", 24_000),
        )
        assert [word.text for word in fast.words] == ["Good", "morning,", "everybody."]
        assert 0.9 < slow.pcm.size / 8000 < 3
        assert slow.pcm.size / 8000 == pytest.approx(fast.pcm.size / 24_000, rel=0.05)

    asyncio.run(main())
