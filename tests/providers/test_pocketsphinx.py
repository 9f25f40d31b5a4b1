"""pocketsphinx on speech: the clips of the repository, and people where ../shared/audio is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from tests.support.clips import clip
from tests.support.hearing import COMMANDS, blocks, heard, load, silence, words_of
from tests.support.workers import make_call, make_host, pool, until
from voicepipe.audio.wav import read_wav
from voicepipe.core.frames import UNRECOGNISED, Pcm
from voicepipe.core.records import UsageUnit
from voicepipe.errors import ConfigError, ProviderError, SetupError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.pocketsphinx import LIMIT, PocketSphinx, PocketSphinxConfig

pytest.importorskip("pocketsphinx", reason="needs the extra 'quickstart'")
pytest.importorskip("hassil", reason="needs the extra 'quickstart'")

PIPELINES = Path(__file__).parents[2] / "pipelines"
SAID = sorted([*PIPELINES.glob("questions/*.wav"), *PIPELINES.glob("scenes/*.wav")])
RATE = 16_000
T = TypeVar("T")

NOT_COMMANDS = (
    "jfk", "lj_0002", "lj_0004", "lj_0006", "ls_1688-142285-0000", "ls_1998-15444-0001", "lk_hello_world",
    "ps_cards_001", "ps_cards_002", "ps_cards_003", "ps_librivox_0870", "ps_librivox_0880",
    "ps_librivox_0890", "ps_something",
)  # fmt: skip


def recogniser(rules: str | Path = "household.rules.yaml", language: str = "en-US") -> PocketSphinx:
    return PocketSphinx(PocketSphinxConfig(rules=PIPELINES / rules), make_host(language))


def with_stt(work: Callable[[PocketSphinx], Awaitable[T]], rules: str | Path = "household.rules.yaml") -> T:
    async def run() -> T:
        stt = recogniser(rules)
        await stt.start()
        try:
            return await work(stt)
        finally:
            await stt.close()

    return asyncio.run(run())


async def text_of(stt: PocketSphinx, pcm: Pcm) -> str:
    return (await heard(stt, make_call(), blocks(pcm, RATE)))[-1].text


def texts(clips: list[Pcm], rules: str = "household.rules.yaml") -> list[str]:
    async def work(stt: PocketSphinx) -> list[str]:
        return [await text_of(stt, pcm) for pcm in clips]

    return with_stt(work, rules)


def in_a_call(pcm: Pcm) -> Pcm:
    """As the stage hands it over: the padding before the speech, the pause after it."""
    return np.concatenate([silence(0.3, RATE), pcm, silence(0.5, RATE)])


# ── what is understood ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("padded", [False, True], ids=["as it is", "as in a call"])
def test_every_shipped_clip_is_understood_word_for_word(padded: bool) -> None:
    clips = [load(path, RATE) for path in COMMANDS]
    found = texts([in_a_call(pcm) for pcm in clips] if padded else clips)
    assert dict(zip((p.stem for p in COMMANDS), found, strict=True)) == {
        p.stem: words_of(p) for p in COMMANDS
    }


def test_what_is_said_in_the_demo_is_understood() -> None:
    assert len(SAID) == 7
    assert texts([load(path, RATE) for path in SAID]) == [words_of(path) for path in SAID]


def test_a_person_tells_the_robot_to_go_forward_ten_meters() -> None:
    pcm = read_wav(clip("ps_goforward.wav")).pcm
    (hypothesis,) = with_stt(lambda stt: heard(stt, make_call(), blocks(pcm, RATE)), "robot.rules.yaml")[-1:]
    assert hypothesis.text == "go forward ten meters"
    assert [word.text for word in hypothesis.words] == hypothesis.text.split()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lk_weather_question.wav", "what is the weather in paris"),
        ("tau2_check_order_12345.wav", "can you check the status of my order number one two three four five"),
        ("tau2_order_status.wav", "i'd like to check my order status please"),
        ("tau2_thank_you.wav", "thank you very much"),
        ("tau2_yes.wav", "yes"),
    ],
)
def test_other_voices_are_understood(name: str, words: str) -> None:
    assert texts([read_wav(clip(name)).pcm]) == [words]


def test_a_quiet_caller_is_understood_like_a_loud_one() -> None:
    pcm = in_a_call(load(COMMANDS[-3], RATE)).astype(np.float64)
    scaled = [(pcm * factor).astype(np.int16) for factor in (1.0, 0.3, 0.1)]
    assert texts(scaled) == [words_of(COMMANDS[-3])] * 3


@pytest.mark.parametrize("lead", [0.0, 0.1, 0.3, 0.8, 2.0])
def test_the_padding_of_the_vad_makes_no_difference(lead: float) -> None:
    pcm = [np.concatenate([silence(lead, RATE), load(path, RATE)]) for path in COMMANDS[::3]]
    assert texts(pcm) == [words_of(path) for path in COMMANDS[::3]]


# ── what isn't ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NOT_COMMANDS)
@pytest.mark.parametrize("rules", ["household.rules.yaml", "robot.rules.yaml"])
def test_other_speech_is_not_made_a_command(name: str, rules: str) -> None:
    assert texts([read_wav(clip(f"{name}.wav")).pcm], rules) == [UNRECOGNISED]


def test_the_household_s_commands_are_not_the_robot_s() -> None:
    found = texts([load(path, RATE) for path in COMMANDS], "robot.rules.yaml")
    assert found == ["stop" if words_of(path) == "stop" else UNRECOGNISED for path in COMMANDS]


def test_noise_and_silence_are_nothing() -> None:
    rng = np.random.default_rng(1)
    white = rng.normal(0, 1000, 2 * RATE)
    brown = np.cumsum(white)
    brown = 3000 * (brown - np.linspace(0, brown[-1], len(brown))) / np.std(brown)
    hum = 3000 * np.sin(2 * np.pi * 50 * np.arange(2 * RATE) / RATE)
    claps = white * (np.sin(2 * np.pi * 3 * np.arange(2 * RATE) / RATE) > 0.9)
    noises = [noise.clip(-32768, 32767).astype(np.int16) for noise in (white, brown, hum, claps)]
    assert texts([*noises, silence(2, RATE)]) == [""] * 5


@pytest.mark.parametrize("samples", [0, 1, 100, 409, 410, 1600])
def test_audio_too_short_for_a_word_is_nothing(samples: int) -> None:
    assert texts([silence(samples / RATE, RATE)]) == [""]


# ── the stream ───────────────────────────────────────────────────────────────────────────────────


def test_words_come_while_the_caller_speaks_and_exactly_one_final_result_comes_last() -> None:
    (path,) = (path for path in COMMANDS if path.stem == "slt_set_a_timer_for_ten_minutes")
    pcm = in_a_call(load(path, RATE))
    *partial, last = with_stt(lambda stt: heard(stt, make_call(), blocks(pcm, RATE)))
    assert last.final
    assert last.text == words_of(path)
    assert partial
    assert not any(hypothesis.final for hypothesis in partial)
    assert partial[0].text.split()[0] == "set"


def test_words_have_times_in_order_within_the_audio() -> None:
    pcm = load(COMMANDS[-2], RATE)
    later = np.concatenate([silence(0.5, RATE), pcm])

    async def work(stt: PocketSphinx) -> list[list[tuple[int, int]]]:
        found = [(await heard(stt, make_call(), blocks(x, RATE)))[-1].words for x in (pcm, later)]
        return [[(word.start_ms, word.end_ms) for word in words] for words in found]

    plain, shifted = with_stt(work)
    edges = [edge for times in plain for edge in times]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < edges[-1] <= len(pcm) * 1000 // RATE
    assert all(
        abs(b - a - 500) <= 40 for x, y in zip(plain, shifted, strict=True) for a, b in zip(x, y, strict=True)
    )


def test_the_size_of_the_blocks_makes_no_difference_to_the_result() -> None:
    pcm = in_a_call(load(COMMANDS[0], RATE))

    async def in_one_block() -> AsyncIterator[Pcm]:
        yield pcm

    async def work(stt: PocketSphinx) -> tuple[str, str]:
        whole = await heard(stt, make_call(), in_one_block())
        return whole[-1].text, await text_of(stt, pcm)

    assert with_stt(work) == (words_of(COMMANDS[0]),) * 2


def test_what_is_heard_does_not_depend_on_who_spoke_before() -> None:
    """Not in one word, nor in one time of a partial result."""
    loud = (np.random.default_rng(2).normal(0, 8000, RATE)).astype(np.int16)
    repeated = in_a_call(load(COMMANDS[4], RATE))
    others = [load(path, RATE) for path in COMMANDS[8:17]]

    async def work(stt: PocketSphinx) -> tuple[list[Hypothesis], list[list[Hypothesis]]]:
        first = await heard(stt, make_call(), blocks(repeated, RATE))
        later: list[list[Hypothesis]] = []
        for other in others:
            await text_of(stt, loud)
            await text_of(stt, other)
            later.append(await heard(stt, make_call(), blocks(repeated, RATE)))
        return first, later

    first, later = with_stt(work)
    assert first[-1].text == words_of(COMMANDS[4])
    assert later == [first] * len(others)


def test_two_callers_at_once_are_heard_like_one_after_the_other() -> None:
    first, second = load(COMMANDS[3], RATE), load(COMMANDS[-1], RATE)

    async def work(stt: PocketSphinx) -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(text_of(stt, pcm)) for pcm in (first, second, first)]
        return [task.result() for task in tasks]

    assert with_stt(work) == [words_of(COMMANDS[3]), words_of(COMMANDS[-1]), words_of(COMMANDS[3])]


def test_an_utterance_that_is_given_up_leaves_nothing_behind() -> None:
    pcm = in_a_call(load(COMMANDS[3], RATE))

    async def work(stt: PocketSphinx) -> str:
        stream = stt.transcribe(make_call(), blocks(pcm, RATE))
        await anext(stream)
        await stream.aclose()
        return await text_of(stt, pcm)

    assert with_stt(work) == words_of(COMMANDS[3])


def test_a_decoder_that_a_worker_is_still_in_is_given_to_nobody_else() -> None:
    pcm = in_a_call(load(COMMANDS[3], RATE))

    async def work(stt: PocketSphinx) -> str:
        with pool() as workers:
            task = asyncio.ensure_future(heard(stt, make_call(workers=workers), blocks(pcm, RATE)))
            await until(lambda: (now := workers.statistics()).threads > now.idle)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await text_of(stt, pcm)

    assert with_stt(work) == words_of(COMMANDS[3])


def test_all_audio_is_counted_but_only_half_a_minute_of_it_is_decoded() -> None:
    pcm = np.concatenate([load(COMMANDS[3], RATE), silence(LIMIT / RATE, RATE), load(COMMANDS[-1], RATE)])

    async def work(stt: PocketSphinx) -> tuple[str, dict[tuple[UsageUnit, bool], int]]:
        call = make_call()
        return (await heard(stt, call, blocks(pcm, RATE)))[-1].text, call.usage

    usage = {("audio_in_ms", False): len(pcm) * 1000 // RATE}
    assert with_stt(work) == (words_of(COMMANDS[3]), usage)


# ── what can be wrong with it ────────────────────────────────────────────────────────────────────


def test_words_without_a_pronunciation_are_named(tmp_path: Path) -> None:
    rules = tmp_path / "own.rules.yaml"
    rules.write_text("intents: {a: {sentences: [call voicepipe, call zzyzx 66], answer: Fine.}}")
    with pytest.raises(ConfigError, match="doesn't have: 66, voicepipe, zzyzx") as caught:
        asyncio.run(recogniser(rules).start())
    assert caught.value.path == str(rules)
    assert "pronunciations:" in (caught.value.hint or "")


def test_another_language_is_refused_before_a_call_begins() -> None:
    with pytest.raises(SetupError, match=r"English only, and agent\.language is de-DE"):
        asyncio.run(recogniser(language="de-DE").start())


def test_a_recogniser_that_was_not_started_says_so() -> None:
    with pytest.raises(ProviderError, match=r"before start\(\)"):
        asyncio.run(text_of(recogniser(), silence(1, RATE)))
