from __future__ import annotations

from typing import Any

from tests.support.comparisons import call, comparison, turn
from voicepipe.compare.figures import Figures, figures_of
from voicepipe.compare.measured import MeasuredCall, MeasuredTurn, ToolUse
from voicepipe.compare.why import is_slow, why_slow, whys
from voicepipe.core.units import MS
from voicepipe.observe.timeline import Step

USUAL: dict[Step, int] = {"endpoint": 200, "stt": 90, "llm_first_token": 200, "tts_first_audio": 110}


def among(slow: MeasuredTurn, **others: Any) -> tuple[MeasuredCall, Figures]:
    """``slow`` as the third turn of a call, with ten usual turns of 600 ms in another one."""
    first = call(turns=[turn(1, 600, shares=USUAL), turn(2, 600, shares=USUAL), slow], **others)
    rest = call(name="rest", turns=[turn(number, 600, shares=USUAL) for number in range(10)])
    return first, figures_of(comparison([first, rest]))


def explained(slow: MeasuredTurn, **others: Any) -> str | None:
    of, figures = among(slow, **others)
    return why_slow(slow, of, figures.variants[0])


def test_the_step_that_exceeds_its_median_most_is_named_with_its_part_and_what_is_usual() -> None:
    slow = turn(3, 1150, shares={**USUAL, "stt": 640})
    assert explained(slow) == (
        "the words came 640 ms after the wait was over: 56 % of this turn; here that usually takes 90 ms."
    )


def test_the_largest_step_is_not_blamed_for_what_it_always_takes() -> None:
    slow = turn(3, 1000, shares={"endpoint": 200, "stt": 90, "llm_first_token": 210, "tts_first_audio": 500})
    found = explained(slow)
    assert found is not None
    assert found.startswith("the voice's first audio came 500 ms after there was something to say: 50 %")


def test_tools_are_called_by_their_names() -> None:
    tools = [
        ToolUse(name=name, arguments={}, result="1", error=False) for name in ("find_slot", "book", "book")
    ]
    slow = turn(3, 2600, shares={**USUAL, "tools": 2000}, tools=tools)
    assert explained(slow) == (
        "find_slot and book took 2000 ms: 77 % of this turn, and no other one here has such a step."
    )


def test_what_happened_besides_is_told() -> None:
    slow = turn(3, 1150, shares={**USUAL, "stt": 640}, filler=True)
    at_ms = slow.start_ns / MS
    events = (
        {"t_ms": 100.0, "event": "TurnEnded", "turn": 9, "status": "discarded"},
        {"t_ms": at_ms - 300, "event": "TurnEnded", "turn": 2, "status": "discarded"},
        {
            "t_ms": at_ms + 10,
            "event": "ProviderAttempt",
            "turn": 3,
            "status": "failed",
            "provider": "deepgram",
        },
        {"t_ms": at_ms + 20, "event": "ProviderSwitched", "turn": 3, "provider": "b", "previous": "a"},
        {"t_ms": at_ms + 21, "event": "ProviderSwitched", "turn": 2, "provider": "c", "previous": "d"},
        {"t_ms": at_ms + 5000, "event": "TurnEnded", "turn": 4, "status": "discarded"},
    )
    found = explained(slow, events=events)
    assert found is not None
    assert found.endswith(
        "; a draft had been discarded, since the caller went on, a request to deepgram had failed, "
        "b had to take over from a and what was heard first was a filler, not yet the reply."
    )


def test_a_usual_turn_needs_no_reason() -> None:
    assert explained(turn(3, 600, shares=USUAL)) is None
    assert explained(turn(3, None)) is None


def test_a_turn_over_its_objective_is_slow_even_if_all_are() -> None:
    usual = turn(3, 600, shares=USUAL)
    of, figures = among(usual)
    assert not is_slow(usual, figures.variants[0])
    assert is_slow(usual, figures.variants[0], 500 * MS)
    assert why_slow(usual, of, figures.variants[0], 500 * MS) == (
        "no step took longer than it usually does here: there are just more of them."
    )


def test_a_slow_turn_of_which_no_step_is_known_is_told_so() -> None:
    assert explained(turn(3, 2000, waterfall=())) == "it took 2000 ms, and nothing is known of its steps."


def test_all_slow_turns_of_a_call_are_explained_at_once() -> None:
    of, figures = among(turn(3, 1150, shares={**USUAL, "stt": 640}))
    assert set(whys(of, figures)) == {3}
    assert set(whys(of, figures, {"default": 500 * MS})) == {1, 2, 3}


def test_of_a_few_turns_the_slowest_is_slow_unless_they_are_all_alike() -> None:
    few = call(turns=[turn(1, 600, shares=USUAL), turn(2, 600, shares=USUAL), turn(3, 900, shares=USUAL)])
    assert set(whys(few, figures_of(comparison([few])))) == {3}
    alike = call(turns=[turn(1, 600, shares=USUAL), turn(2, 600, shares=USUAL)])
    assert whys(alike, figures_of(comparison([alike]))) == {}
