from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.voices import spoken
from tests.support.workers import make_call, make_host
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm, Word
from voicepipe.errors import SetupError
from voicepipe.providers.base import Speech
from voicepipe.providers.espeak import PIECE, Espeak, find_language, words
from voicepipe.providers.espeak_library import LOCK, RATE, Sound, library

PATIENCE = 30
"""Seconds after which a lock that is held wrongly fails the test."""
LONG = "The train from Paris is late, as it was yesterday. It will be here at nine. " * 40


async def started(language: str = "en-US", host_voice: str | None = None, **keys: Any) -> Espeak:
    provider = Espeak(Espeak.Config(**keys), make_host(language, voice=host_voice))
    await provider.start()
    return provider


async def say(text: str, **keys: Any) -> tuple[Pcm, list[Word]]:
    return await spoken(await started(**keys), make_call(), text)


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_a_sentence_is_audible_and_as_long_as_a_sentence() -> None:
    pcm, heard = asyncio.run(say("The light in the kitchen is on."))
    assert 1.0 < len(pcm) / RATE < 2.5
    assert -25 < rms_dbfs(pcm) < -12
    assert [word.text for word in heard] == ["The", "light", "in the", "kitchen", "is", "on."]


def test_words_are_where_their_sound_is() -> None:
    pcm, heard = asyncio.run(say("Stop. Now."))
    stop, now = heard
    assert stop.end_ms + 200 < now.start_ms  # the pause belongs to neither
    pause = pcm[stop.end_ms * RATE // 1000 + 100 : now.start_ms * RATE // 1000]
    assert not pause.any()
    assert rms_dbfs(pcm[: stop.end_ms * RATE // 1000]) > -30
    assert now.end_ms <= len(pcm) * 1000 // RATE


def test_words_of_text_that_is_not_ascii_are_cut_at_its_characters() -> None:
    text = "Über die Brücke läuft Jürgen 😀 schön, für 12,50 €."
    _, heard = asyncio.run(say(text, voice="de"))
    assert [word.text for word in heard] == text.split()


def test_scripts_without_spaces_are_cut_at_the_words_of_the_voice() -> None:
    _, heard = asyncio.run(say("你好，我是中国人", voice="cmn"))
    assert len(heard) > 3
    assert "".join(word.text for word in heard) == "你好，我是中国人"


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "—", "\0"])
def test_text_without_words_is_next_to_nothing(text: str) -> None:
    pcm, heard = asyncio.run(say(text))
    assert len(pcm) < 0.02 * RATE
    assert heard == []


@given(st.text(max_size=2 * PIECE))
def test_the_words_of_any_text_hold_all_of_it_in_order(text: str) -> None:
    pcm, heard = asyncio.run(say(text))
    assert squeezed("".join(word.text for word in heard)) in (squeezed(text), "")
    times = [time for word in heard for time in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert max(times, default=0) <= len(pcm) * 1000 / RATE


@given(
    st.text(max_size=50),
    st.lists(st.tuples(st.one_of(st.none(), st.integers(-1, 60)), st.booleans()), max_size=30),
)
def test_words_hold_the_text_wherever_the_synthesiser_says_that_they_begin(
    text: str, marks: list[tuple[int | None, bool]]
) -> None:
    sounds = [Sound(10 * index, position, pause) for index, (position, pause) in enumerate(marks)]
    cut = list(words(text, sounds, 0, 60 * RATE))
    spoken_at_all = any(sound.position is not None for sound in sounds)
    assert squeezed("".join(word.text for word in cut)) == (squeezed(text) if spoken_at_all else "")
    assert all(word.start_ms <= word.end_ms for word in cut)


def test_a_text_in_pieces_sounds_as_long_as_its_sentences_and_pauses_together() -> None:
    pcm, heard = asyncio.run(say(LONG))
    one, _ = asyncio.run(say(LONG[: len(LONG) // 40]))
    assert len(pcm) == pytest.approx(40 * (len(one) + 0.3 * RATE), rel=0.02)
    assert " ".join(word.text for word in heard) == LONG.strip()


@pytest.mark.parametrize("clock", ["real", "simulated"])
def test_a_long_text_streams_and_its_listener_holds_up_nobody(clock: Any) -> None:
    async def main() -> tuple[int, int]:
        slow, quick = await started(), await started(voice="de")
        async with aclosing(slow.synthesize(make_call(), LONG)) as stream:
            first = await anext(event async for event in stream if isinstance(event, Speech))
            pcm, _ = await spoken(quick, make_call("another"), "Guten Tag.")
        return len(first.pcm), len(pcm)

    begun, other = run_on(clock, main())
    assert begun < 20 * RATE
    assert other > 0.4 * RATE


def test_cancelling_frees_the_library_for_the_next_call() -> None:
    async def main() -> Pcm:
        provider = await started()
        stream = provider.synthesize(make_call(), LONG)
        await anext(stream)
        await stream.aclose()
        assert LOCK.acquire(timeout=PATIENCE)
        LOCK.release()
        return (await spoken(provider, make_call(), "Yes."))[0]

    assert 0.2 < len(asyncio.run(main())) / RATE < 1


def test_the_library_stops_within_a_block_when_nobody_listens_any_more() -> None:
    asked: list[bool] = []

    def stopped() -> bool:
        asked.append(len(asked) == 2)
        return asked[-1]

    asyncio.run(started())
    with LOCK:
        pcm = library().render(LONG, end_pause=False, stopped=stopped).pcm
        after = library().render("Yes.", end_pause=False, stopped=bool).pcm
    assert asked == [False, False, True]
    assert len(pcm) <= 4 * 0.06 * RATE
    assert 0.2 < len(after) / RATE < 1


def test_an_exception_while_the_library_speaks_is_raised_and_not_printed() -> None:
    def stopped() -> bool:
        raise ZeroDivisionError

    asyncio.run(started())
    with LOCK, pytest.raises(ZeroDivisionError):
        library().render("Yes.", end_pause=False, stopped=stopped)


def test_calls_at_once_keep_their_own_voice_and_text() -> None:
    texts = {"en-us": "Twelve and a half", "de": "Zwölf und ein halbes", "es": "Doce y medio"}
    speeds = {"en-us": 120, "de": 250, "es": 400}

    async def main() -> None:
        voices = {voice: await started(voice=voice, speed=speeds[voice]) for voice in texts}
        alone = {voice: await spoken(voices[voice], make_call(), texts[voice]) for voice in texts}
        async with asyncio.TaskGroup() as group:
            together = [
                (voice, group.create_task(spoken(voices[voice], make_call(), texts[voice])))
                for voice in texts
                for _ in range(10)
            ]
        for voice, task in together:
            pcm, heard = task.result()
            assert len(pcm) == pytest.approx(len(alone[voice][0]), abs=0.03 * RATE)
            assert " ".join(word.text for word in heard) == texts[voice]

    asyncio.run(main())


def test_commands_to_the_synthesiser_in_the_text_are_not_obeyed() -> None:
    plain, _ = asyncio.run(say("The light is on."))
    command, _ = asyncio.run(say("\x0199P\x01450SThe light is on."))
    after, _ = asyncio.run(say("The light is on."))
    assert len(command) > len(plain)  # it is read out
    assert len(after) == pytest.approx(len(plain), abs=0.03 * RATE)


def test_speed_and_volume_are_those_of_the_configuration() -> None:
    usual, _ = asyncio.run(say("The light in the kitchen is on."))
    fast, _ = asyncio.run(say("The light in the kitchen is on.", speed=350))
    silent, _ = asyncio.run(say("The light in the kitchen is on.", volume=0))
    assert len(fast) < 0.7 * len(usual)
    assert int(np.abs(silent).max()) < 100
    with pytest.raises(ValidationError):
        Espeak.Config(speed=20)


def test_the_voice_is_the_slots_then_the_agents_then_the_languages() -> None:
    async def voice(**keys: Any) -> str:
        return (await started(**keys))._manner.voice

    assert asyncio.run(voice(language="de-AT")) == "gmw/de"
    assert asyncio.run(voice(language="de-AT", host_voice="en-gb")) == "gmw/en"
    assert asyncio.run(voice(host_voice="en-gb", model="EN-US+F3")) == "gmw/en-US+f3"


@pytest.mark.parametrize(("wanted", "meant"), [("en-uss", "'en-us'"), ("en-us+whisperr", "'whisper'")])
def test_an_unknown_voice_is_named_with_the_nearest_that_is_installed(wanted: str, meant: str) -> None:
    with pytest.raises(SetupError, match=f"Did you mean {meant}"):
        asyncio.run(started(voice=wanted))


def test_a_language_without_a_voice_is_said() -> None:
    with pytest.raises(SetupError, match="no voice for the language 'xx-YY'"):
        find_language("xx-YY", {"en": "gmw/en"})


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    library.cache_clear()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(SetupError, match=r"espeakng_loader(?s:.*)\[quickstart\]"):
        asyncio.run(started())


def test_characters_are_counted_also_of_a_call_that_is_broken_off() -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        stream = (await started()).synthesize(call, LONG)
        await anext(stream)
        await stream.aclose()
        return call.usage

    assert asyncio.run(main()) == {("characters", False): len(LONG)}
