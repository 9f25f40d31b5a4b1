"""The ``deepgram`` STT against a real WebSocket server on loopback: what is sent, and what is heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.support.deepgram_stt import FRAME, RATE, Hasty, blocks, hear, noise, spoken, started, texts
from tests.support.workers import make_call
from voicepipe.core.frames import Pcm, Word
from voicepipe.providers.base import Hypothesis
from voicepipe.testing.deepgram_server import Connection, DeepgramServer, Utterance

pytest.importorskip("websockets", reason="needs the extra 'cloud'")

PARIS = Utterance(text="What is the weather in Paris?", from_ms=200, to_ms=1400)


def heard(*utterances: Utterance, pcm: Pcm | None = None, **config: Any) -> list[list[Hypothesis]]:
    """What comes of each of ``utterances``, one after the other in one session."""

    async def main() -> list[list[Hypothesis]]:
        async with DeepgramServer(*utterances) as server, started(server.base_url, **config) as stt:
            return [await hear(stt, noise(1600) if pcm is None else pcm) for _ in utterances]

    return asyncio.run(main())


def connected(spoken: str = "en-US", **config: Any) -> Connection:
    """What the server sees of a connection with ``config``."""

    async def main() -> Connection:
        async with DeepgramServer() as server, started(server.base_url, spoken, **config):
            return server.connections[0]

    return asyncio.run(main())


# ── what is heard ────────────────────────────────────────────────────────────────────────────────


def test_words_come_while_the_caller_speaks_and_all_of_them_in_the_end() -> None:
    (result,) = heard(PARIS)
    partials = [one.text for one in result if not one.final]
    assert partials[0] == "What"
    assert partials == sorted(partials, key=len)
    assert texts(result)[-1] == ("What is the weather in Paris?", True)
    assert [one.final for one in result].count(True) == 1


def test_the_server_hears_the_very_audio_of_the_caller() -> None:
    pcm = spoken("kal_what_is_the_weather_in_paris")

    async def main() -> bytes:
        async with DeepgramServer(PARIS) as server, started(server.base_url) as stt:
            await hear(stt, pcm)
            return bytes(server.connections[0].audio)

    assert asyncio.run(main()) == pcm.astype("<i2").tobytes()


def test_a_partial_comes_before_the_caller_has_finished() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def caller() -> AsyncIterator[Pcm]:
            yield noise(600)
            await go_on.wait()
            yield noise(600)

        async with DeepgramServer(PARIS) as server, started(server.base_url) as stt:
            stream = stt.transcribe(make_call(), caller())
            first = await anext(stream)
            assert not first.final
            go_on.set()
            assert [one async for one in stream][-1].final

    asyncio.run(main())


def test_final_stretches_are_joined_with_what_may_become_of_the_rest() -> None:
    (result,) = heard(Utterance(text="one two three four", to_ms=1200, final_at_ms=620))
    assert "one two three" in [one.text for one in result]
    assert texts(result)[-1] == ("one two three four", True)


def test_words_have_times_that_count_from_the_start_of_their_utterance() -> None:
    first, second = heard(
        Utterance(text="Hello there", from_ms=100, to_ms=900), Utterance(text="Bye", from_ms=400, to_ms=800)
    )
    assert first[-1].words == (
        Word(text="Hello", start_ms=100, end_ms=500),
        Word(text="there", start_ms=500, end_ms=900),
    )
    assert second[-1].words == (Word(text="Bye", start_ms=400, end_ms=800),)


def test_noise_without_words_is_an_empty_transcript() -> None:
    (result,) = heard(Utterance())
    assert texts(result) == [("", True)]


def test_no_audio_is_an_empty_transcript_and_costs_nothing() -> None:
    async def main() -> None:
        call = make_call()
        async with DeepgramServer() as server, started(server.base_url, keep_open="0s") as stt:
            assert texts(await hear(stt, np.zeros(0, np.int16), call)) == [("", True)]
            assert server.handshakes == 1  # that of the start
        assert call.usage == {}

    asyncio.run(main())


def test_a_server_that_has_nothing_to_add_is_not_waited_for() -> None:
    """It may leave ``Finalize`` without an answer where all was final before."""
    said = Utterance(text="yes", to_ms=300, final_at_ms=400, flush=False)
    (result,) = heard(said, pcm=noise(400))
    assert texts(result)[-1] == ("yes", True)


def test_a_server_that_leaves_the_end_unanswered_gives_what_it_had() -> None:
    async def main() -> None:
        call = make_call()
        said = Utterance(text="yes", to_ms=300, flush=False)
        server = DeepgramServer(said, Utterance(text="no"))
        async with server, started(server.base_url, kind=Hasty) as stt:
            assert texts(await hear(stt, noise(500), call))[-1] == ("yes", True)
            assert call.usage == {("audio_in_ms", True): 500}
            # Its answer may still come, so the next utterance gets a connection of its own.
            assert texts(await hear(stt, noise(500)))[-1] == ("no", True)
            assert len(server.connections) == 2

    asyncio.run(main())


def test_an_empty_block_does_not_end_the_stream() -> None:
    async def caller() -> AsyncIterator[Pcm]:
        for ms in (0, 200, 0, 300, 0):
            yield noise(ms)

    async def main() -> None:
        async with DeepgramServer(Utterance(text="yes")) as server, started(server.base_url) as stt:
            result = [one async for one in stt.transcribe(make_call(), caller())]
            assert texts(result)[-1] == ("yes", True)

    asyncio.run(main())


def test_ten_minutes_in_one_breath_are_heard_to_their_end() -> None:
    (result,) = heard(Utterance(text="so it is", to_ms=599_000), pcm=np.zeros(600 * RATE, np.int16))
    assert texts(result)[-1] == ("so it is", True)


# ── the end of the turn ──────────────────────────────────────────────────────────────────────────


def ends(result: list[Hypothesis]) -> list[tuple[str, bool]]:
    return [(one.text, one.ends_turn) for one in result]


def test_deepgrams_news_that_the_speech_is_over_ends_the_turn() -> None:
    (result,) = heard(Utterance(text="yes please", to_ms=400, speech_final_at_ms=700))
    assert ("yes please", True) in ends([one for one in result if not one.final])
    assert result[-1].ends_turn


def test_words_after_that_news_take_it_back() -> None:
    (result,) = heard(Utterance(text="yes please no", to_ms=1500, speech_final_at_ms=1100))
    assert ("yes please", True) in ends(result)
    assert ends(result)[-1] == ("yes please no", False)


def test_a_gap_between_words_ends_the_turn_where_that_is_asked_for() -> None:
    (result,) = heard(Utterance(text="yes", to_ms=400, ends_at_ms=1400), utterance_end="1s")
    assert ends(result)[-1] == ("yes", True)


def test_what_our_own_command_cut_off_does_not_end_the_turn() -> None:
    (result,) = heard(Utterance(text="yes", to_ms=400))
    assert ends(result)[-1] == ("yes", False)


# ── how it is asked ──────────────────────────────────────────────────────────────────────────────


def test_the_keys_of_the_pipeline_are_those_of_the_request() -> None:
    query = connected(
        keyterms=("Voicepipe", "Oak Street"), smart_format=True, endpointing="0s", utterance_end="1200ms"
    ).query
    assert query["keyterm"] == ["Voicepipe", "Oak Street"]
    assert (query["smart_format"], query["punctuate"]) == (["true"], ["true"])
    assert (query["endpointing"], query["utterance_end_ms"]) == (["false"], ["1200"])
    assert (query["encoding"], query["sample_rate"]) == (["linear16"], ["16000"])


@pytest.mark.parametrize(
    ("agent", "written", "asked"),
    [("en-GB", None, "en-GB"), ("de-DE", None, "de"), ("fr", None, "fr"), ("de-DE", "multi", "multi")],
)
def test_the_language_is_the_agents_without_a_region_that_deepgram_does_not_know(
    agent: str, written: str | None, asked: str
) -> None:
    assert connected(agent, language=written).query["language"] == [asked]


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


def test_the_audio_that_was_sent_is_what_it_costs() -> None:
    async def main() -> None:
        call = make_call()
        async with DeepgramServer(PARIS) as server, started(server.base_url) as stt:
            await hear(stt, noise(1500), call)
        assert call.usage == {("audio_in_ms", False): 1500}

    asyncio.run(main())


def test_a_call_that_is_cancelled_costs_what_was_sent_and_its_connection_is_closed() -> None:
    async def endless() -> AsyncIterator[Pcm]:
        async for block in blocks(noise(800)):
            yield block
        await asyncio.Event().wait()

    async def main() -> None:
        call = make_call()
        async with DeepgramServer(PARIS) as server, started(server.base_url) as stt:
            stream: Any = stt.transcribe(call, endless())
            await anext(stream)
            await stream.aclose()
            (connection,) = server.connections
            async with asyncio.timeout(5):
                await connection.closed.wait()
        ((unit, estimated), amount) = next(iter(call.usage.items()))
        assert (unit, estimated) == ("audio_in_ms", True)
        assert 200 <= amount <= 800
        assert amount == len(connection.audio) * 1000 // (2 * RATE)

    asyncio.run(main())


# ── connections ──────────────────────────────────────────────────────────────────────────────────


def test_the_utterances_of_a_session_share_a_connection_that_was_opened_before_the_first() -> None:
    async def main() -> None:
        async with DeepgramServer(*[Utterance(text="yes")] * 3) as server, started(server.base_url) as stt:
            for _ in range(3):
                assert texts(await hear(stt, noise(500)))[-1] == ("yes", True)
            assert server.connections[0].messages == ["Finalize"] * 3
        assert len(server.connections) == 1
        assert server.connections[0].messages[-1] == "CloseStream"

    asyncio.run(main())


def test_no_caller_is_heard_on_the_connection_of_another() -> None:
    async def main() -> None:
        async with DeepgramServer(*[Utterance(text="yes")] * 3) as server, started(server.base_url) as stt:
            for session in ("ann", "bob", "ann"):
                await hear(stt, noise(500), make_call(session))
            assert [len(one.audio) for one in server.connections] == [2 * 2 * FRAME * 25, 2 * FRAME * 25]

    asyncio.run(main())


def test_two_callers_are_heard_at_once() -> None:
    async def main() -> None:
        said = [Utterance(text="yes"), Utterance(text="yes")]
        async with DeepgramServer(*said) as server, started(server.base_url) as stt:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(hear(stt, noise(500), make_call(name))) for name in ("ann", "bob")]
            assert [texts(task.result())[-1] for task in tasks] == [("yes", True)] * 2
            assert len(server.connections) == 2

    asyncio.run(main())


def test_a_connection_is_kept_alive_while_the_caller_is_silent() -> None:
    async def caller(server: DeepgramServer) -> AsyncIterator[Pcm]:
        yield noise(300)
        async with asyncio.timeout(10):
            while server.connections[0].messages.count("KeepAlive") < 2:  # noqa: ASYNC110 - another's list
                await asyncio.sleep(0)
        yield noise(300)

    async def main() -> None:
        server = DeepgramServer(Utterance(text="yes"))
        async with server, started(server.base_url, kind=Hasty) as stt:
            result = [one async for one in stt.transcribe(make_call(), caller(server))]
            assert texts(result)[-1] == ("yes", True)

    asyncio.run(main())


def test_a_late_answer_to_the_utterance_before_is_not_taken_for_one_to_this() -> None:
    """All of the first one was final before its end, so its ``Finalize`` was answered after it was over."""
    first = Utterance(text="yes", to_ms=300, final_at_ms=400)
    before, after = heard(first, Utterance(text="no", to_ms=300), pcm=noise(400))
    assert (texts(before)[-1], texts(after)[-1]) == (("yes", True), ("no", True))
