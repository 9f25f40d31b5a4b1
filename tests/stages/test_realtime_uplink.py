"""The caller's audio on its way to a fused model: whole, in order, and each utterance for itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_realtime import FakeRealtime, OnTheLine, call, spans
from tests.support.stages import FRAME, RATE
from voicepipe.core.frames import SpeechStarted
from voicepipe.core.records import NotSent
from voicepipe.core.units import MS
from voicepipe.providers.realtime_base import CallerStarted, CallerStopped


def utterances(model: FakeRealtime) -> list[tuple[int, int]]:
    """The spans of what the last connection has heard."""
    return [spans(what) for what in model.last.conversation if not isinstance(what, str)]


def test_an_utterance_holds_all_of_it_and_nothing_else() -> None:
    model = FakeRealtime(words=("one", "two"))

    async def story(line: OnTheLine) -> None:
        await line.silence(400)
        await line.say(300)
        await line.silence(400)
        await line.say(300)
        await line.silence(400)

    line = call(model, story)
    assert utterances(model) == [(400, 700), (1100, 1400)]
    assert line.finals == ["one", "two"]


def test_what_is_said_before_there_is_a_connection_is_not_lost() -> None:
    model = FakeRealtime(words=("one",))
    model.connect_takes = 2

    async def story(line: OnTheLine) -> None:
        await line.silence(200)
        await line.say(1000)
        await line.silence(2000)

    assert call(model, story).finals == ["one"]
    assert utterances(model) == [(200, 1200)]


def test_a_connection_that_is_lost_while_the_caller_speaks_costs_no_word() -> None:
    model = FakeRealtime(words=("one",))

    async def story(line: OnTheLine) -> None:
        await line.silence(200)
        await line.begin()
        await line.silence(500)
        model.last.lose()
        await line.silence(500)
        await line.end()
        await line.silence(1000)

    assert call(model, story).finals == ["one"]
    assert len(model.connections) == 2
    assert utterances(model) == [(200, 1200)]


def test_a_connection_that_is_lost_between_the_commit_and_its_answer_is_given_the_utterance_again() -> None:
    model = FakeRealtime(words=("one",))
    model.commit_takes = 0.3

    async def story(line: OnTheLine) -> None:
        await line.silence(200)
        await line.say(400)
        await line.silence(100)  # the commit is on its way
        model.last.lose()
        await line.silence(1500)

    assert call(model, story).finals == ["one"]
    assert utterances(model) == [(200, 600)]


def test_several_utterances_are_sent_again_one_after_the_other_on_a_slow_connection() -> None:
    model = FakeRealtime(words=("one", "two"))
    model.commit_takes = 0.5

    async def story(line: OnTheLine) -> None:
        await line.silence(200)
        await line.say(200)
        await line.silence(100)
        await line.say(200)
        model.slow = 0.002  # for each frame
        model.last.lose()
        await line.silence(100)
        await line.begin()
        await line.silence(3000)
        await line.end()
        await line.silence(1000)

    line = call(model, story)
    assert sorted(utterances(model)) == [
        (200, 400),
        (500, 700),
        (800, 3800),
    ]
    assert sorted(line.finals) == ["", "one", "two"]


def test_an_utterance_that_begins_before_the_last_one_was_taken_takes_nothing_from_it() -> None:
    model = FakeRealtime(words=("one", "two"))
    model.commit_takes = 0.3

    async def story(line: OnTheLine) -> None:
        await line.silence(200)
        await line.say(200)
        await line.silence(40)
        await line.say(200)
        await line.silence(1000)

    call(model, story)
    assert utterances(model) == [(200, 400), (440, 640)]


def test_what_is_said_into_the_answer_to_a_commit_is_sent_while_it_is_still_being_said() -> None:
    model = FakeRealtime(words=("one", "two"))
    model.commit_takes = 0.3
    sent: list[tuple[int, int]] = []

    async def story(line: OnTheLine) -> None:
        await line.silence(200)
        await line.say(200)
        await line.silence(40)
        await line.begin()
        await line.silence(1000)
        sent.append(spans_of_buffer(model))
        await line.end()
        await line.silence(1000)

    call(model, story)
    assert sent[0][0] == 440
    assert sent[0][1] >= 1400
    assert utterances(model) == [(200, 400), (440, 1440)]


@pytest.mark.parametrize("padding", [0, 300])
def test_the_callers_silence_stays_here_but_for_the_padding(padding: int) -> None:
    model = FakeRealtime(words=("one", "two"))

    async def story(line: OnTheLine) -> None:
        await line.silence(1000)
        await line.say(300, padding_ms=padding)
        await line.silence(2000)
        await line.say(300, padding_ms=padding)
        await line.silence(2000)

    call(model, story)
    assert utterances(model) == [(1000 - padding, 1300), (3300 - padding, 3600)]
    assert sum(pcm.size for pcm in model.last.given) == 2 * (300 + padding) * RATE // 1000


PARTS = st.lists(st.tuples(st.integers(2, 30), st.integers(5, 40)), min_size=1, max_size=5)
"""Of a call: frames of silence, and then of speech."""


@settings(max_examples=40)
@given(PARTS, st.sampled_from([0.0, 0.05, 0.3, 0.7]), st.lists(st.integers(0, 120), max_size=1))
def test_whenever_somebody_speaks_and_the_connection_is_lost_once_each_utterance_is_whole_and_alone(
    parts: list[tuple[int, int]], commit_takes: float, losses: list[int]
) -> None:
    model = FakeRealtime(words=tuple("abcdefghij"))
    model.commit_takes = commit_takes
    expected: list[tuple[int, int]] = []

    async def wait(line: OnTheLine, frames: int) -> None:
        for _ in range(frames):
            await line.silence(20)
            if line.position // FRAME in losses and model.connections:
                model.last.lose()

    async def story(line: OnTheLine) -> None:
        for silence, speech in parts:
            await wait(line, silence)
            begin = await line.begin() // FRAME
            await wait(line, speech)
            await line.end()
            expected.append((begin * 20, line.position // FRAME * 20))
        await line.silence(4000)

    call(model, story)
    heard = [
        spans(what)
        for connection in model.connections
        for what in connection.conversation
        if not isinstance(what, str)
    ]
    assert set(heard) == set(expected), "whole, and nothing but that"


def test_all_of_it_is_sent_where_that_is_wanted() -> None:
    model = FakeRealtime(words=("one",))

    async def story(line: OnTheLine) -> None:
        await line.silence(1000)
        await line.say(300)
        await line.silence(1000)

    line = call(model, story, send_silence=True)
    given = {int(pcm[0]) for pcm in model.last.given}
    assert given >= set(range(5, line.position // FRAME - 1)), "but for those before there was a connection"
    assert utterances(model) == [(1000, 1300)]
    assert not [record for record in line.bench.records if isinstance(record, NotSent)]


def test_the_silence_before_what_is_answered_counts_as_saved() -> None:
    model = FakeRealtime(["Yes."], ["No."], words=("one", "two", "three"))

    async def story(line: OnTheLine) -> None:
        await line.silence(1000)
        first = await line.say(300, padding_ms=200)
        await line.silence(500)
        second = await line.say(300, padding_ms=200)
        await line.silence(400)
        await line.over(await line.ask(first, second))
        await line.silence(800)
        await line.say(100)  # is left unanswered
        await line.silence(700)
        third = await line.say(300, padding_ms=1000)
        await line.silence(400)
        await line.over(await line.ask(third))
        await line.silence(5000)

    line = call(model, story)
    told = [record for record in line.bench.records if isinstance(record, NotSent)]
    assert [(one.ms, one.unit, one.amount) for one in told] == [(1100, "audio_tokens_in", 11)]
    assert (told[0].slot, told[0].provider, told[0].model) == ("realtime", "fake", None)


def test_words_that_never_come_are_not_asked_for_with_somebody_elses_audio() -> None:
    model = FakeRealtime(words=("one", "two"))
    model.words_take = 30

    async def story(line: OnTheLine) -> None:
        await line.silence(200)
        await line.say(200)
        await line.silence(9800)
        await line.say(1000)  # while the first attempt gives up
        await line.silence(200)

    call(model, story)
    assert utterances(model)[1] == (10_200, 11_200)
    assert model.hears == 2


def test_the_server_is_told_nothing_twice_where_it_finds_the_turns_and_is_lost() -> None:
    model = FakeRealtime(words=("one", "two"))

    async def story(line: OnTheLine) -> None:
        await line.silence(1000)
        model.last.tell(CallerStarted(audio_ms=600))
        await line.silence(500)
        model.last.lose()
        await line.silence(500)
        # The new connection was given what belongs to the utterance, and hears it once more.
        assert spans_of_buffer(model)[0] <= 660
        model.last.tell(CallerStarted(audio_ms=0))
        await line.silence(200)
        model.last.tell(CallerStopped(audio_ms=1000, item_id=model.last.place("heard")))
        await line.silence(500)

    line = call(model, story, finds_turns=True)
    (started,) = [frame for frame in line.bench.reports if isinstance(frame, SpeechStarted)]
    assert abs(started.position - 600 * RATE // 1000) <= 4 * FRAME
    assert line.finals == ["one"]


def test_a_turn_that_the_server_found_is_sent_to_the_next_connection_if_its_words_are_not_known() -> None:
    model = FakeRealtime(["Ten."], words=("what time",))
    model.words_take = 1.0

    async def story(line: OnTheLine) -> None:
        await line.silence(500)
        model.last.tell(CallerStarted(audio_ms=200))
        await line.silence(600)
        model.last.tell(CallerStopped(audio_ms=700, item_id=model.last.place("heard")))
        await line.silence(200)
        (utterance,) = {frame.utterance for frame in line.bench.reports if hasattr(frame, "utterance")}
        turn = await line.ask(utterance)
        model.last.lose()
        await line.silence(3000)
        await line.over(turn)

    line = call(model, story, finds_turns=True)
    (asked,) = model.last.asked
    assert len(asked) == 1
    assert spans(asked[0])[1] >= 1000
    assert line.finals == ["what time"]


def spans_of_buffer(model: FakeRealtime) -> tuple[int, int]:
    return spans(np.concatenate(model.last.buffer))


def test_frames_wait_for_nobody_while_there_is_no_connection() -> None:
    model = FakeRealtime()
    model.connect_takes = 60

    async def story(line: OnTheLine) -> None:
        before = line.bench.clock.now()
        await line.say(5000)
        assert line.bench.clock.now() - before == 5000 * MS

    call(model, story)
