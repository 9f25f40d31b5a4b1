from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.support.comparisons import call, item, turn
from voicepipe.compare.intervals import Estimate
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.outcomes import reached_in
from voicepipe.compare.spending import NOTHING_METERED, Spending, spending
from voicepipe.core.units import SECOND
from voicepipe.speech.pricing import PICO


def of(*groups: Sequence[MeasuredCall]) -> Spending:
    grouped = {str(number): group for number, group in enumerate(groups)}
    return spending(grouped, "charged", 1, reached_in([one for group in groups for one in group]))


def test_money_is_summed_and_divided_exactly() -> None:
    first = call(items=[item(usd=0.003), item("tts", usd=0.004)], duration_ns=40 * SECOND, passed=True)
    second = call(name="other", items=[item(usd=0.005)], duration_ns=20 * SECOND, passed=False)
    cost = of([first], [second])
    assert cost.total == cost.priced == 12 * PICO // 1000
    assert cost.per_minute is not None
    assert cost.per_minute.value == 12 * PICO // 1000
    assert cost.per_call is not None
    assert cost.per_call.value == 6 * PICO // 1000
    assert cost.per_task is not None
    assert cost.per_task.value == 12 * PICO // 1000
    assert cost.by_slot == (("llm", 8 * PICO // 1000), ("tts", 4 * PICO // 1000))


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20))
def test_no_picodollar_is_lost(costs: list[int]) -> None:
    calls = [call(items=[item().model_copy(update={"cost": cost})]) for cost in costs]
    cost = of(calls)
    assert cost.total == sum(costs)
    assert cost.per_call == Estimate(round(sum(costs) / len(costs)), None, None) or len(costs) > 1
    assert abs((cost.per_call.value if cost.per_call else 0) * len(costs) - sum(costs)) * 2 <= len(costs)


def test_what_has_no_price_is_named_and_makes_every_sum_unknown() -> None:
    missing = item("stt", "deepgram", "nova-3", "audio_in_ms", unpriced=5)
    cost = of([call(items=[item(usd=0.003)], passed=True)], [call(name="other", items=[missing, missing])])
    assert cost.unpriced == ("stt deepgram/nova-3 (audio_in_ms)",)
    assert (cost.total, cost.per_minute, cost.per_call, cost.per_task, cost.waste) == (None,) * 5
    assert cost.waste_share is None
    assert cost.priced == 3 * PICO // 1000


def test_a_model_that_is_a_file_is_named_without_its_folder() -> None:
    local = item("stt", "faster-whisper", "/home/ann/models/tiny", "machine_ms", unpriced=5)
    assert of([call(items=[local])]).unpriced == ("stt faster-whisper/tiny (machine_ms)",)


def test_answered_calls_of_which_nothing_was_metered_are_not_free() -> None:
    cost = of([call(turns=[turn(1, 400)])])
    assert cost.unpriced == (NOTHING_METERED,)
    assert cost.total is None


def test_without_calls_nothing_is_known() -> None:
    cost = of()
    assert (cost.total, cost.per_minute, cost.per_call, cost.saved) == (None,) * 4


def test_a_task_that_nobody_completed_has_no_cost() -> None:
    cost = of([call(items=[item(usd=0.003)], passed=False)])
    assert cost.per_task is None
    assert cost.why_no_task == "no call reached what was expected of it"


def test_calls_of_which_nothing_is_expected_are_no_tasks() -> None:
    talk = call(name="talk", items=[item(usd=0.003)])
    assert of([talk]).why_no_task == "nothing was expected of the calls"
    cost = of([talk], [call(items=[item(usd=0.001)], passed=True)])
    assert cost.per_task == Estimate(PICO // 1000, None, None)


def test_waste_is_a_part_of_the_total() -> None:
    cost = of([call(items=[item(usd=0.008, wasted_usd=0.002)])])
    assert cost.waste == 2 * PICO // 1000
    assert cost.waste_share == 0.25
    assert of([call(items=[item(usd=0.0)])]).waste_share is None


def test_what_silence_saved_is_unknown_without_its_price() -> None:
    silence = item("stt", "deepgram", "nova-3", "audio_in_ms", usd=0.001)
    assert of([call(items=[item()], saved=(silence,))]).saved == PICO // 1000
    free = silence.model_copy(update={"cost": 0, "unpriced": 100})
    assert of([call(items=[item()], saved=(free,))]).saved is None


def test_calls_that_took_no_time_have_no_cost_a_minute() -> None:
    assert of([call(items=[item(usd=0.001)], duration_ns=0)]).per_minute is None
