from __future__ import annotations

from tests.support.comparisons import call, comparison, turn
from voicepipe.compare.figures import figures_of
from voicepipe.compare.measured import Comparison, MeasuredCall
from voicepipe.compare.page.audio import Recording
from voicepipe.compare.page.calls import (
    MAX_TURNS,
    Listening,
    Shown,
    key_of,
    one_call,
    shown,
    worst_pair,
)
from voicepipe.compare.page.html import Html
from voicepipe.compare.page.tables import Column
from voicepipe.compare.page.words import Words
from voicepipe.core.units import MS

SILENT = Listening({}, Words(), lambda call: {})


def parts_of(*calls: MeasuredCall) -> tuple[Comparison, list[Shown]]:
    made = comparison(calls)
    columns = [Column(index, one) for index, one in enumerate(figures_of(made).variants)]
    held: dict[tuple[str, str], list[MeasuredCall]] = {}
    for one in calls:
        held.setdefault((one.variant, one.call), []).append(one)
    return made, shown(held, made.calls[0].name, columns)


def drawn(*calls: MeasuredCall, listening: Listening = SILENT) -> Html:
    made, parts = parts_of(*calls)
    return one_call(made.calls[0], 0, parts, listening)


def test_the_typical_repetition_is_the_middle_one_and_a_much_slower_one_is_shown_as_well() -> None:
    calls = [call("a", repetition=n, turns=[turn(1, ms)]) for n, ms in enumerate((500, 1600, 520))]
    _, (part,) = parts_of(*calls)
    assert (part.typical.repetition, part.repetitions) == (2, 3)
    assert part.worst is not None
    assert part.worst.repetition == 1
    assert "1 further repetition not shown." in drawn(*calls)


def test_a_repetition_that_is_hardly_slower_is_no_worst_one() -> None:
    _, (part,) = parts_of(
        *(call("a", repetition=n, turns=[turn(1, ms)]) for n, ms in enumerate((500, 510, 505)))
    )
    assert part.worst is None


def test_a_repetition_without_an_answer_isnt_typical_of_those_that_have_one() -> None:
    _, (part,) = parts_of(
        *(call("a", repetition=n, turns=[turn(1, ms)]) for n, ms in enumerate((None, 500, 510)))
    )
    assert part.typical.repetition == 2


def test_variants_that_didnt_hold_the_call_are_missing_without_a_gap() -> None:
    _, parts = parts_of(call("a", "one", turns=[turn(1)]), call("b", "two", turns=[turn(1)]))
    assert [part.column.figures.name for part in parts] == ["a"]


def test_two_recordings_can_be_heard_at_the_turn_in_which_they_differ_most() -> None:
    calls = [
        call("a", turns=[turn(1, 500), turn(2, 900)]),
        call("b", turns=[turn(1, 600), turn(2, 400)]),
        call("c", turns=[turn(1, 550), turn(2, None)]),
    ]
    _, parts = parts_of(*calls)
    pair = worst_pair(parts)
    assert pair is not None
    assert (pair.difference_ns, pair.turn) == (500 * MS, 1)
    assert [side[0].column.figures.name for side in (pair.one, pair.other)] == ["b", "a"]
    recordings = {key_of(part.typical, part.column.index, 0): Recording("data:,", 9, 9) for part in parts}
    with_sound = drawn(*calls, listening=Listening(recordings, Words(), lambda call: {}))
    assert "A/B at turn 2, where the two differ most (500 ms)" in with_sound
    assert 'data-recording="call-0-1-0" data-from="8.50" data-length="4.90"' in with_sound
    assert "data-ab" not in drawn(*calls), "there is nothing to hear"


def test_a_turn_without_a_latency_says_so_in_place_of_its_bar() -> None:
    assert "nothing was heard" in drawn(call("a", turns=[turn(1, None)]))
    typed = turn(1, None, answered=True, status="completed", spoken=False)
    assert "no latency: it wasn&#x27;t spoken, or ended the call" in drawn(call("a", turns=[typed]))
    hasty = turn(1, None, answered=True, status="interrupted")
    assert "no latency: the caller went on before the reply was heard" in drawn(call("a", turns=[hasty]))


def test_greetings_are_no_turns_of_the_caller() -> None:
    greeted = [turn(1, None, user="", answered=True), turn(2, 400, user="hello")]
    assert "<b>1.</b> <bdi>hello</bdi>" in drawn(call("a", turns=greeted))


def test_reasons_for_slow_turns_stand_with_them() -> None:
    listening = Listening({}, Words(), lambda call: {2: "the <tool> took 3 s."})
    assert "the &lt;tool&gt; took 3 s." in drawn(call("a", turns=[turn(1), turn(2)]), listening=listening)


def test_what_was_missed_and_what_failed_is_told_of_each_call() -> None:
    made = call("a", turns=[turn(1)], passed=False, missed=("a <b>",), failures=("f",), error="e")
    found = drawn(made)
    for told in ("missed: <bdi>a &lt;b&gt;</bdi>", "failed: <bdi>f</bdi>", "broke off: <bdi>e</bdi>"):
        assert told in found
    assert "broke off</span>" in found
    assert "✓ passed" in drawn(call("a", passed=True))
    assert "✗ missed" in drawn(call("a", passed=False))


def test_a_call_of_many_turns_is_held_against_others_in_part() -> None:
    found = drawn(call("a", turns=[turn(number) for number in range(1, MAX_TURNS + 4)]))
    assert "3 further turns not shown." in found


def test_turns_are_not_held_against_those_of_a_call_in_which_the_agent_cut_in() -> None:
    calls = [
        call("default", turns=[turn(1, 750)]),
        call("hasty", turns=[turn(1, 400), turn(2, 800)]),
        call("slow", turns=[turn(1, 950)]),
        call("usual", turns=[turn(1, 800)]),
        call("hastier", turns=[turn(1, 300), turn(2, 2000)]),
    ]
    _, parts = parts_of(*calls)
    pair = worst_pair(parts)
    assert pair is not None
    assert [side[0].column.figures.name for side in (pair.one, pair.other)] == ["default", "slow"]
    assert worst_pair(parts[:2]) is None
    recordings = {key_of(part.typical, part.column.index, 0): Recording("data:,", 9, 9) for part in parts}
    heard = drawn(*calls[:2], listening=Listening(recordings, Words(), lambda call: {}))
    assert "A/B at turn 1, where the two differ most (350 ms)" in heard, "the two can be heard all the same"
