from __future__ import annotations

import numpy as np

from tests.observe.conversations import RATE, evidence
from tests.support.happenings import Story
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.policy import State


def test_a_reply_is_spoken_from_its_first_sound_to_its_end() -> None:
    story = Story().begin(1000).audible(2000).end(4000, said="Yes.", heard="Yes.")
    found = evidence(story)
    assert found.spoken_at(1999 * MS) is None
    assert found.spoken_at(2000 * MS) is found.spoken_at(3999 * MS) is found.replies[1]
    assert found.spoken_at(4000 * MS) is None


def test_turns_belong_to_the_part_of_the_call_in_which_they_began() -> None:
    story = Story().begin(1000).end(1500).begin(2000, 2).end(9000, 2)
    assert [reply.report.turn for reply in evidence(story).between(1000 * MS, 2000 * MS)] == [1]
    assert [reply.report.turn for reply in evidence(story).between(0, SECOND * 10)] == [1, 2]


def test_silence_begins_after_the_last_sound_of_the_reply_not_of_the_next_one() -> None:
    story = Story().begin(100).audible(1000).end(2100, status="interrupted").begin(2500, 2).audible(3000, 2)
    found = evidence(story.end(5000, 2), sounds=[(1000, 2100), (3000, 5000)])
    assert found.silent_ns(found.replies[1], 2000 * MS) == 2100 * MS


def test_silence_has_begun_where_nothing_more_is_heard() -> None:
    found = evidence(Story().begin(100).audible(1000).end(3000), sounds=[(1000, 1500)])
    assert found.silent_ns(found.replies[1], 2000 * MS) == 2000 * MS


def test_the_state_is_that_of_the_last_change() -> None:
    found = evidence(Story().idle(500))
    assert found.state_at(400 * MS) is State.IDLE
    assert found.state_at(600 * MS) is State.IDLE


def test_the_sound_that_was_played_is_on_the_sessions_time_line() -> None:
    found = evidence(Story(), sounds=[(1000, 1020)])
    assert np.flatnonzero(found.played)[0] == RATE


def test_a_reply_is_audible_from_its_first_sound_even_if_that_stops_for_a_while() -> None:
    found = evidence(Story().begin(100).audible(500, filler=True).audible(3000).end(5000))
    assert found.replies[1].audible_ns == 500 * MS


def test_what_was_ignored_belongs_to_the_part_in_which_it_was_noticed() -> None:
    story = Story().begin(0).speech(1000, position=7).ignored(3000, position=7)
    found = evidence(story.speech(2500, position=9))
    assert [one.utterance for one in found.ignored(0, 2000 * MS)] == [7]
    assert found.ignored(2000 * MS, 4000 * MS) == []
    assert found.noticed(2000 * MS, 4000 * MS)
    assert not found.noticed(3000 * MS, 4000 * MS)


def test_a_turn_that_was_begun_anew_under_another_number_is_no_reply() -> None:
    story = Story().begin(100).end(300, status="discarded").begin(300, 2).audible(800, 2).end(2000, 2)
    assert list(evidence(story).replies) == [2]
