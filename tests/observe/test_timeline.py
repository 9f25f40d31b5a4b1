from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.happenings import Story
from voicepipe.core.units import MS
from voicepipe.observe.timeline import MAX_MARKS, Timelines, TurnTimeline

SPOKEN = (1000, 1500)


def timelines(story: Story) -> list[TurnTimeline]:
    found: list[TurnTimeline] = []
    story.play(Timelines(found.append))
    return found


def only(story: Story) -> TurnTimeline:
    (found,) = timelines(story)
    return found


def steps(turn: TurnTimeline) -> list[tuple[str, float]]:
    return [(part.step, part.duration_ns / MS) for part in turn.contributions]


def test_a_spoken_turn_is_divided_into_its_steps() -> None:
    story = Story().begin(1600, spoken=SPOKEN)
    story.provider(1800, "llm").provider(1950, "tts").audible(1960).end(4000)
    turn = only(story)
    assert steps(turn) == [
        ("endpoint", 500),
        ("stt", 100),
        ("llm_first_token", 200),
        ("tts_first_audio", 150),
        ("playout", 10),
    ]
    assert turn.latency_ms() == {
        "endpoint": 500,
        "stt": 100,
        "llm_first_token": 200,
        "tts_first_audio": 150,
        "voice_to_voice": 960,
    }


def test_the_end_of_speech_is_an_estimate_unless_a_recording_tells_it() -> None:
    estimated = only(Story().begin(1600, spoken=SPOKEN).audible(2000).end(3000))
    assert (estimated.start_ns, estimated.estimated) == (1000 * MS, True)
    recorded = only(Story().clip(1400, 960).begin(1600, spoken=SPOKEN).audible(2000).end(3000))
    assert (recorded.start_ns, recorded.estimated) == (960 * MS, False)
    assert recorded.latency_ms()["voice_to_voice"] == 1040


def test_a_recording_whose_silence_outlasts_the_decision_still_tells_the_end_of_speech() -> None:
    turn = only(Story().begin(1600, spoken=SPOKEN).clip(1900, 980).audible(2000).end(3000))
    assert (turn.start_ns, turn.estimated) == (980 * MS, False)


def test_a_recording_that_was_about_another_turn_tells_nothing() -> None:
    story = Story().clip(900, 800).begin(1000, turn=1, spoken=(810, 950)).audible(1100).end(1200)
    story.begin(3000, turn=2, spoken=(2500, 2900)).audible(3100, turn=2).end(3200, turn=2)
    first, second = timelines(story)
    assert (first.start_ns, first.estimated) == (800 * MS, False)
    assert (second.start_ns, second.estimated) == (2500 * MS, True)


def test_a_recording_that_led_to_no_turn_tells_nothing_about_the_next() -> None:
    story = Story().clip(900, 500).idle(1000).begin(3000, spoken=(2500, 2900)).audible(3100).end(3200)
    assert only(story).estimated


def test_a_recording_that_is_still_speaking_at_a_premature_end_is_no_end_of_speech() -> None:
    turn = only(Story().begin(1600, spoken=SPOKEN).clip(2600, 2400).end(2700, status="interrupted"))
    assert (turn.start_ns, turn.estimated) == (1000 * MS, True)


def test_typed_turns_and_greetings_begin_without_speech() -> None:
    turn = only(
        Story().clip(90, 50).begin(100).provider(400, "llm").provider(500, "tts").audible(510).end(900)
    )
    assert not turn.spoken
    assert not turn.estimated
    assert turn.latency_ms() == {
        "endpoint": None,
        "stt": None,
        "llm_first_token": 300,
        "tts_first_audio": 100,
        "voice_to_voice": None,
    }


def test_a_greeting_asks_no_model() -> None:
    turn = only(Story().begin(0, user="").provider(80, "tts").audible(85).end(900))
    assert steps(turn) == [("tts_first_audio", 80), ("playout", 5)]


def test_tools_and_the_models_second_answer_are_steps_of_their_own() -> None:
    story = Story().begin(0).provider(200, "llm").tool(230, id="a").tool(230, id="b")
    story.told(500, id="a").told(900, id="b").provider(1100, "llm").provider(1200, "tts").audible(1200)
    turn = only(story.end(2000))
    assert steps(turn) == [
        ("llm_first_token", 200),
        ("llm", 30),
        ("tools", 670),
        ("llm", 200),
        ("tts_first_audio", 100),
        ("playout", 0),
    ]
    assert turn.spent_ns("llm") == 230 * MS
    assert turn.latency_ms()["llm_first_token"] == 200


def test_tools_that_run_while_the_voice_already_speaks_cost_nothing() -> None:
    story = Story().begin(0).provider(200, "llm").provider(300, "tts").tool(310).audible(320).told(900)
    assert steps(only(story.provider(1000, "llm").provider(1200, "tts").end(2000))) == [
        ("llm_first_token", 200),
        ("tts_first_audio", 100),
        ("playout", 20),
    ]


def test_a_turn_that_was_never_heard_ends_where_it_came_to() -> None:
    turn = only(Story().begin(1600, spoken=SPOKEN).provider(1700, "llm").end(1800, status="interrupted"))
    assert not turn.audible
    assert turn.latency_ms() == {
        "endpoint": 500,
        "stt": 100,
        "llm_first_token": 100,
        "tts_first_audio": None,
        "voice_to_voice": None,
    }


def test_taps_and_other_turns_do_not_count() -> None:
    story = Story().begin(0).provider(10, "llm/second").provider(20, "llm", turn=7).audible(30, turn=7)
    turn = only(story.provider(100, "llm").end(200).end(300, turn=7))
    assert steps(turn) == [("llm_first_token", 100)]


def test_what_was_not_waited_for_contributes_nothing() -> None:
    """The recording goes on speaking, too softly for the VAD, until after the policy has decided."""
    turn = only(Story().clip(1590, 1560).begin(1600, spoken=SPOKEN).audible(2000).end(3000))
    assert steps(turn) == [("endpoint", 0), ("stt", 40), ("playout", 400)]


def test_a_model_that_calls_tools_for_ever_does_not_fill_the_memory() -> None:
    story = Story().begin(0).provider(1, "llm")
    for n in range(1000):
        story.tool(2 + n, id=str(n)).told(2.5 + n, id=str(n))
    assert len(only(story.end(5000)).marks) == MAX_MARKS


EVENT = st.one_of(
    st.tuples(st.just("provider"), st.sampled_from(["llm", "tts", "stt"])),
    st.tuples(st.just("tool"), st.just("t")),
    st.tuples(st.just("told"), st.just("t")),
    st.tuples(st.just("audible"), st.just(1)),
    st.tuples(st.just("clip"), st.integers(0, 5000)),
)


@given(
    st.none() | st.tuples(st.integers(0, 3000), st.integers(0, 3000)),
    st.lists(st.tuples(st.integers(0, 5000), EVENT), max_size=30),
)
def test_the_steps_sum_to_the_total_whatever_happens(
    spoken: tuple[int, int] | None, events: list[tuple[int, tuple[str, object]]]
) -> None:
    story = Story().begin(2000, spoken=spoken)
    for at_ms, (kind, argument) in events:
        getattr(story, kind)(at_ms, argument)
    turn = only(story.end(6000))
    assert sum(part.duration_ns for part in turn.contributions) == turn.total_ns
    assert all(type(part.duration_ns) is int and part.duration_ns >= 0 for part in turn.contributions)
    assert all(a.start_ns + a.duration_ns == b.start_ns for a, b in pairwise(turn.contributions))
    assert turn.audible == any(kind == "audible" for _, (kind, _) in events)
