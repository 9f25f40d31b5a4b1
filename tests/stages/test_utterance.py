from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.stages import FRAME, RATE, FakeStt, counted, frames_of
from tests.support.workers import make_workers
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, Pcm, SpeechStarted, SpeechStopped
from voicepipe.core.inbox import Inbox
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS
from voicepipe.stages.base import LONGEST_REACH
from voicepipe.stages.utterance import BEHIND, HeardAudio, Reading, SpokenUtterance


def frame(number: int, caption: str | None) -> AudioIn:
    return AudioIn(pcm=np.zeros(320, np.int16), position=320 * number, rate=RATE, caption=caption)


def test_the_words_of_a_frame_that_two_utterances_share_are_told_once() -> None:
    ring = HeardAudio(LONGEST_REACH)
    first = [ring.push(frame(number, words)) for number, words in enumerate(["where", "", "is"])]
    assert [ring.caption(piece)[2] for piece in first] == ["where", "", "is"]
    padding = [*first[1:], ring.push(frame(3, "my"))]
    assert [ring.caption(piece)[2] for piece in padding] == ["", "", "my"]


def test_what_is_kept_for_a_late_onset_is_its_reach_and_what_queues_hold() -> None:
    ring = HeardAudio(500 * MS)
    for number in range(500):
        ring.push(frame(number, None))
    kept = ring.since(0)
    assert (500 - kept[0][0] // 320) * 20 * MS == 500 * MS + BEHIND + 20 * MS


# ── reading again ────────────────────────────────────────────────────────────────────────────────


class Deaf(FakeStt):
    def __init__(self, rate: int = RATE) -> None:
        super().__init__(lambda call, audio: audio, rate=rate)


def spoken(frames: int, *, onset: int = 0) -> tuple[SpokenUtterance, Inbox[Any]]:
    """An utterance of which so many frames wait in the inbox, and the inbox."""
    inbox: Inbox[Any] = Inbox("stt", Turns(), capacity=100_000)
    inbox.open()
    for one in frames_of(counted(frames * FRAME)):
        inbox.offer(one)
    begin = SpeechStarted(position=onset, audio_from=onset, onset_ns=0, at_ns=0)
    return SpokenUtterance(inbox, begin, HeardAudio(LONGEST_REACH)), inbox


def stop(inbox: Inbox[Any]) -> None:
    inbox.offer(SpeechStopped(position=0, offset_ns=0, at_ns=0))


def reading(utterance: SpokenUtterance, waits: list[bool] | None = None) -> Reading:
    call = Call(session="", turn=None, clock=Clock(), workers=make_workers())
    return Reading(utterance, Deaf(), call, (waits if waits is not None else []).append)


async def whole(reader: Reading) -> Pcm:
    return np.concatenate([np.zeros(0, np.int16), *[block async for block in reader]])


def test_each_call_gets_all_of_the_utterance_however_far_the_one_before_had_read() -> None:
    async def main() -> None:
        utterance, inbox = spoken(50)
        first = reading(utterance)
        for _ in range(20):
            await anext(first)
        stop(inbox)
        assert np.array_equal(await whole(reading(utterance)), counted(50 * FRAME))
        assert np.array_equal(await whole(reading(utterance)), counted(50 * FRAME))

    run_on("simulated", main())


def test_audio_that_came_while_nobody_read_is_there() -> None:
    async def main() -> None:
        utterance, inbox = spoken(10)
        await anext(reading(utterance))
        for one in frames_of(counted(10 * FRAME, 10 * FRAME), position=10 * FRAME):
            inbox.offer(one)
        stop(inbox)
        assert np.array_equal(await whole(reading(utterance)), counted(20 * FRAME))

    run_on("simulated", main())


def test_a_minute_of_it_is_kept_and_no_more() -> None:
    async def main() -> None:
        utterance, inbox = spoken(100 * 50)
        first = reading(utterance)
        stop(inbox)
        assert len(await whole(first)) == 100 * RATE, "who reads all the time misses nothing"
        again = await whole(reading(utterance))
        assert 30 * RATE <= len(again) <= 60 * RATE + FRAME
        assert again[-1] == counted(100 * RATE)[-1]

    run_on("simulated", main())


def test_a_call_that_reads_waits_only_for_what_is_not_there_yet() -> None:
    async def main() -> None:
        utterance, inbox = spoken(3)
        waits: list[bool] = []
        reader = reading(utterance, waits)
        await anext(reader)
        again: list[bool] = []
        await anext(reading(utterance, again))
        assert again == [], "it is kept"
        stop(inbox)
        await whole(reader)
        assert waits == [True, False] * 4

    run_on("simulated", main())


def test_captions_are_told_again_with_their_audio() -> None:
    async def main() -> None:
        inbox: Inbox[Any] = Inbox("stt", Turns(), capacity=100)
        inbox.open()
        for number, caption in enumerate(["where", "", "is"]):
            inbox.offer(frame(number, caption))
        begin = SpeechStarted(position=0, audio_from=0, onset_ns=0, at_ns=0)
        utterance = SpokenUtterance(inbox, begin, HeardAudio(LONGEST_REACH))
        stop(inbox)
        heard = []
        for _ in range(2):
            provider = FakeStt(lambda call, audio: audio, captions=True)
            call = Call(session="", turn=None, clock=Clock(), workers=make_workers())
            await whole(Reading(utterance, provider, call, lambda waiting: None))
            heard.append(call.captions)
        assert heard == [["where", "", "is"]] * 2

    run_on("simulated", main())


def test_another_provider_gets_it_at_its_own_rate() -> None:
    async def main() -> None:
        utterance, inbox = spoken(50)
        stop(inbox)
        await whole(reading(utterance))
        call = Call(session="", turn=None, clock=Clock(), workers=make_workers())
        audio = await whole(Reading(utterance, Deaf(rate=8000), call, lambda waiting: None))
        assert abs(len(audio) - 8000) < 64

    run_on("simulated", main())


def test_the_rest_is_passed_over_when_nobody_reads_any_more() -> None:
    async def main() -> None:
        utterance, inbox = spoken(5)
        stop(inbox)
        inbox.offer(frame(99, None))
        await utterance.skip_to_stop()
        await utterance.skip_to_stop()
        assert inbox.statistics()["waiting"] == 1, "what follows is left for the next one"

    run_on("simulated", main())
