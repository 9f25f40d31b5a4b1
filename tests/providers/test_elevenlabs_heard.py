"""What is remembered of a reply that is interrupted, by the times that the server tells of its characters.

Behind the server speaks espeak, whose own words are the truth.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.speech.test_heard_of_voices import ENGLISH, OTHERS, places
from tests.support.stages import Bench
from tests.support.voices_behind_servers import elevenlabs_voice, espeaks
from voicepipe.core.frames import AudioOut, EndOfText, Segment, Text, Word
from voicepipe.speech.heard import heard_text
from voicepipe.stages.base import Agent
from voicepipe.stages.tts import Tts, TtsConfig
from voicepipe.testing.elevenlabs_server import ElevenLabsServer, Say
from voicepipe.testing.speech import Spoken, Voice

pytest.importorskip("websockets", reason="needs the extra 'cloud'")
pytest.importorskip("espeakng_loader", reason="needs the extra 'quickstart'")


def remembering(voice: Voice, kept: list[Spoken]) -> Voice:
    async def say(text: str, rate: int) -> Spoken:
        kept.append(await voice(text, rate))
        return kept[-1]

    return say


def segments_of(reply: str, language: str = "en-US", say: Say | None = None) -> list[tuple[Segment, Spoken]]:
    """What the tts stage makes of a reply that comes word by word, and what was truly spoken."""

    async def main() -> list[tuple[Segment, Spoken]]:
        spoken: list[Spoken] = []
        server = ElevenLabsServer(voice=remembering(espeaks(language), spoken), always=say)
        async with server, elevenlabs_voice(server.base_url, language) as voice:
            on = Bench(Tts(TtsConfig(), voice, Agent(language=language)))
            turn = on.live_turn()
            tokens = [Text(turn=turn, text=f"{word} ") for word in reply.split(" ")]
            sent = await on.given(*tokens, EndOfText(turn=turn))
        found: list[Segment] = []
        for frame in sent:
            if isinstance(frame, AudioOut) and frame.segment not in found:
                found.append(frame.segment)
        return list(zip(found, spoken, strict=True))

    return asyncio.run(main())


def count(words: tuple[Word, ...], at_ms: float) -> int:
    """Words of which the middle was heard. What espeak says as one ("in the") is divided evenly."""
    heard = 0
    for word in words:
        parts = len(word.text.split())
        each = (word.end_ms - word.start_ms) / parts
        heard += sum(word.start_ms + (part + 0.5) * each <= at_ms for part in range(parts))
    return heard


def errors(segment: Segment, spoken: Spoken) -> list[int]:
    """By how many words history is wrong, every 50 ms."""
    return [
        len(heard_text(segment, at).split())
        - count(spoken.words, (at + segment.trimmed) * 1000 / segment.rate)
        for at in places(segment)
    ]


@pytest.mark.parametrize("reply", ENGLISH)
def test_history_is_within_one_word_of_the_truth_wherever_the_reply_is_interrupted(reply: str) -> None:
    found = segments_of(reply)
    words = [word.text for segment, _ in found for word in segment.words]
    # Where a phrase goes on the voice is given a comma, which heard_text leaves out.
    assert [word.rstrip(",") for word in words] == [word.rstrip(",") for word in reply.split()]
    for segment, spoken in found:
        assert set(errors(segment, spoken)) <= {-1, 0, 1}, segment.text


@pytest.mark.parametrize("language", OTHERS)
def test_so_it_is_in_other_languages(language: str) -> None:
    for segment, spoken in segments_of(OTHERS[language], language):
        assert set(errors(segment, spoken)) <= {-1, 0, 1}, segment.text


def test_mostly_it_is_exact() -> None:
    """An estimate is within one word, too; times of the server's own are better than that."""
    wrong = [error for reply in ENGLISH for pair in segments_of(reply) for error in errors(*pair)]
    assert sum(error != 0 for error in wrong) <= 0.05 * len(wrong)


def test_a_server_that_tells_no_times_leaves_an_estimate() -> None:
    for segment, spoken in segments_of(ENGLISH[0], say=Say(fault="untimed")):
        assert segment.words == []
        assert set(errors(segment, spoken)) <= {-1, 0, 1}
