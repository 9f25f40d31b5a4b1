from __future__ import annotations

from tests.support.comparisons import call, turn
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.outcomes import answered, counts, reached_in, success, word_errors


def grouped(*calls: MeasuredCall) -> dict[str, list[MeasuredCall]]:
    groups: dict[str, list[MeasuredCall]] = {}
    for one in calls:
        groups.setdefault(one.call, []).append(one)
    return groups


def test_success_is_the_share_of_the_calls_of_which_something_was_expected() -> None:
    calls = [call(name="a", passed=True), call(name="b", passed=False), call(name="c")]
    share = success(grouped(*calls), reached_in(calls))
    assert share is not None
    assert (share.part, share.whole) == (1, 2)


def test_where_nothing_is_expected_there_is_no_success() -> None:
    calls = [call(name="a"), call(name="b")]
    assert success(grouped(*calls), reached_in(calls)) is None


def test_a_call_that_broke_off_has_not_reached_what_another_variant_shows_was_expected() -> None:
    ours, theirs = call("fast", error="the server hung up"), call("default", passed=True)
    share = success(grouped(ours), reached_in([ours, theirs]))
    assert share is not None
    assert (share.part, share.whole) == (0, 1)


def test_a_call_that_broke_off_after_all_was_met_is_no_success_either() -> None:
    broken = call(passed=True, error="the disk is full")
    assert reached_in([broken])(broken) is False


def test_a_call_of_which_nothing_was_expected_reached_nothing_and_missed_nothing() -> None:
    ours, theirs = call("fast"), call("default", passed=True)
    assert reached_in([ours, theirs])(ours) is None


def test_repetitions_of_one_script_give_a_success_no_interval() -> None:
    calls = [call(passed=True, repetition=number) for number in range(9)]
    share = success(grouped(*calls), reached_in(calls))
    assert share is not None
    assert (share.part, share.whole, share.low, share.high) == (9, 9, None, None)


def test_turns_that_nobody_spoke_are_no_part_of_those_answered() -> None:
    greeting = turn(1, 300, user="")
    share = answered(grouped(call(turns=[greeting, turn(2, 400), turn(3, None)])))
    assert share is not None
    assert (share.part, share.whole) == (1, 2)
    assert answered(grouped(call(turns=[greeting]))) is None


def test_word_errors_are_pooled_over_all_words() -> None:
    calls = [
        call(name="a", word_errors=1, words=10),
        call(name="b", word_errors=30, words=20),
        call(name="c"),
    ]
    rate = word_errors(grouped(*calls), 1)
    assert rate is not None
    assert (rate.part, rate.whole, rate.value) == (31, 30, 31 / 30)
    assert (rate.low, rate.high) == (0.1, 1.5)
    assert word_errors(grouped(call()), 1) is None


def test_everything_that_happened_is_counted_over_all_calls() -> None:
    one = call(
        turns=[turn(1, 400), turn(2, None)],
        interruptions=3,
        honoured=2,
        backchannels=4,
        ignored=1,
        cut_ins=5,
        dead_air=6,
        discarded_drafts=7,
        switches=8,
        failures=("a time-out", "another"),
    )
    found = counts([one, call(error="nobody answered")])
    assert (found.turns, found.answered) == (2, 1)
    assert (found.interruptions, found.honoured, found.backchannels, found.ignored) == (3, 2, 4, 1)
    assert (found.cut_ins, found.dead_air, found.discarded_drafts, found.switches) == (5, 6, 7, 8)
    assert found.failures == 2
    assert found.errors == ("booking: nobody answered",)
