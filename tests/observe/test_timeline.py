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


AT_ONCE = ("llm_queue", "chunk")
"""Steps that take no time where nothing else is said."""


def steps(turn: TurnTimeline) -> list[tuple[str, float]]:
    spent = [(part.step, part.duration_ns / MS) for part in turn.contributions]
    return [(step, ms) for step, ms in spent if ms or step not in AT_ONCE]


def latencies(turn: TurnTimeline) -> dict[str, float]:
    """What is known of them."""
    known = turn.latency_ms().items()
    return {name: ms for name, ms in known if ms is not None and (ms or name not in AT_ONCE)}


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
    assert latencies(turn) == {
        "endpoint": 500,
        "stt": 100,
        "llm_first_token": 200,
        "tts_first_audio": 150,
        "playout": 10,
        "voice_to_voice": 960,
    }


def test_what_each_side_waited_for_before_it_began_is_told_apart() -> None:
    story = Story().sign(1060).begin(1600, spoken=SPOKEN).provider(1800, "llm", asked_ms=1650)
    turn = only(story.provider(1950, "tts", asked_ms=1880).voice(1990).audible(2000).end(4000))
    assert steps(turn) == [
        ("vad", 60),
        ("endpoint", 440),
        ("stt", 100),
        ("llm_queue", 50),
        ("llm_first_token", 150),
        ("chunk", 80),
        ("tts_first_audio", 70),
        ("audible", 40),
        ("playout", 10),
    ]


def test_the_first_sign_that_speech_is_over_is_that_of_its_last_pause() -> None:
    story = Story().sign(300).speech(600).sign(1060).sign(1160).begin(1600, spoken=SPOKEN)
    assert steps(only(story.audible(2000).end(3000)))[0] == ("vad", 60)


def test_a_fused_model_is_asked_and_answers_like_any_other() -> None:
    story = Story().begin(1600, spoken=SPOKEN).provider(1900, "realtime", asked_ms=1610).voice(1905)
    assert steps(only(story.audible(1910).end(4000)))[2:] == [
        ("llm_queue", 10),
        ("llm_first_token", 290),
        ("audible", 5),
        ("playout", 5),
    ]


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
    assert latencies(turn) == {"llm_first_token": 300, "tts_first_audio": 100, "playout": 10}


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
    assert latencies(turn) == {"endpoint": 500, "stt": 100, "llm_first_token": 100}


def test_taps_and_other_turns_do_not_count() -> None:
    story = Story().begin(0).provider(10, "llm/second").provider(20, "llm", turn=7).audible(30, turn=7)
    turn = only(story.provider(100, "llm", asked_ms=0).end(200).end(300, turn=7))
    assert steps(turn) == [("llm_first_token", 100)]


def test_what_was_not_waited_for_contributes_nothing() -> None:
    """The recording goes on speaking, too softly for the VAD, until after the policy has decided."""
    turn = only(Story().clip(1590, 1560).begin(1600, spoken=SPOKEN).audible(2000).end(3000))
    assert steps(turn) == [("endpoint", 0), ("stt", 40), ("playout", 400)]


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────


def ahead(turn: TurnTimeline) -> list[tuple[str, float, float]]:
    """Step, when it was begun, how long it took, in ms."""
    return [(part.step, part.start_ns / MS, part.duration_ns / MS) for part in turn.ahead]


def test_what_a_draft_has_done_before_the_turn_began_costs_nothing_and_is_kept_as_done_ahead() -> None:
    story = Story().draft(1100).provider(1200, "llm").provider(1350, "tts")
    turn = only(story.begin(1500, spoken=SPOKEN).audible(1502).end(4000))
    assert steps(turn) == [
        ("endpoint", 500),
        ("stt", 0),
        ("llm_first_token", 0),
        ("tts_first_audio", 0),
        ("playout", 2),
    ]
    assert ahead(turn) == [("stt", 1000, 100), ("llm_first_token", 1100, 100), ("tts_first_audio", 1200, 150)]
    assert turn.latency_ms()["voice_to_voice"] == 502


def test_work_that_outlasts_the_wait_costs_what_is_left_of_it() -> None:
    story = Story().draft(1200).begin(1500, spoken=SPOKEN).provider(1700, "llm", asked_ms=1200)
    story.provider(1800, "tts")
    turn = only(story.audible(1800).end(4000))
    assert steps(turn)[2:] == [("llm_first_token", 200), ("tts_first_audio", 100), ("playout", 0)]
    assert ahead(turn) == [("stt", 1000, 200), ("llm_first_token", 1200, 300)]


def test_a_tool_of_a_draft_is_done_ahead_too() -> None:
    story = Story().draft(1100).provider(1150, "llm").tool(1200).told(1300).provider(1400, "llm")
    turn = only(story.begin(1500, spoken=SPOKEN).provider(1600, "tts", asked_ms=1420).audible(1600).end(4000))
    assert steps(turn)[2:] == [
        ("llm_first_token", 0),
        ("llm", 0),
        ("tools", 0),
        ("llm", 0),
        ("tts_first_audio", 100),
        ("playout", 0),
    ]
    assert [step for step, _, _ in ahead(turn)] == [
        *("stt", "llm_first_token", "llm", "tools", "llm"),
        *("chunk", "tts_first_audio"),
    ]


def test_a_draft_that_is_discarded_has_no_timeline_and_leaves_nothing_behind() -> None:
    found: list[TurnTimeline] = []
    observer = Timelines(found.append)
    story = Story()
    for turn in range(1, 1000):
        story.draft(turn, turn).provider(turn, "llm", turn).end(turn, turn, status="discarded")
        story.provider(turn, "tts", turn)
    story.play(observer)
    assert found == []
    assert observer._open == {}


def test_a_draft_that_is_discarded_takes_nothing_from_the_next_turn() -> None:
    story = Story().clip(900, 800).draft(950, 1).end(960, 1, status="discarded").draft(1000, 2)
    turn = only(story.begin(1100, 2, spoken=(810, 1100)).audible(1200, 2).end(1300, 2))
    assert (turn.start_ns, turn.estimated) == (800 * MS, False)


def test_a_filler_ends_the_wait_and_is_told() -> None:
    story = Story().begin(0).provider(200, "llm").tool(210).audible(260, filler=True).told(900)
    turn = only(story.provider(1100, "llm").provider(1200, "tts").end(3000))
    assert turn.filler
    assert steps(turn) == [("llm_first_token", 200), ("llm", 10), ("playout", 50)]
    assert not only(Story().begin(0).audible(5).end(10)).filler


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
    st.none() | st.integers(0, 2000),
    st.lists(st.tuples(st.integers(0, 5000), EVENT), max_size=30),
)
def test_the_steps_sum_to_the_total_whatever_happens(
    spoken: tuple[int, int] | None, drafted: int | None, events: list[tuple[int, tuple[str, object]]]
) -> None:
    story = Story() if drafted is None else Story().draft(drafted)
    before = [one for one in events if drafted is not None and one[0] < 2000]
    for moment in (before, None, [one for one in events if one not in before]):
        if moment is None:
            story.begin(2000, spoken=spoken)
        else:
            for at_ms, (kind, argument) in sorted(moment, key=lambda one: one[0]):
                getattr(story, kind)(at_ms, argument)
    turn = only(story.end(6000))
    assert sum(part.duration_ns for part in turn.contributions) == turn.total_ns
    assert all(type(part.duration_ns) is int and part.duration_ns >= 0 for part in turn.contributions)
    assert all(a.start_ns + a.duration_ns == b.start_ns for a, b in pairwise(turn.contributions))
    assert turn.audible == any(kind == "audible" for _, (kind, _) in events)
    ends = [part.start_ns + part.duration_ns for part in turn.ahead]
    assert all(
        turn.start_ns <= part.start_ns < end <= 2000 * MS for part, end in zip(turn.ahead, ends, strict=True)
    )
    assert all(end <= after.start_ns for end, after in zip(ends, turn.ahead[1:], strict=False))
    assert {part.step for part in turn.ahead} <= {part.step for part in turn.contributions}
