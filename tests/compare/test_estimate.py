from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.cli import SIM, pipeline
from tests.support.plans import plan, variant
from voicepipe.compare.calls import CallFinder
from voicepipe.compare.estimate import (
    CHARACTERS_PER_WORD,
    REPLY_NS,
    REPLY_TOKENS,
    REPLY_WORDS,
    REQUESTS_PER_TURN,
    STAND_IN_WORDS,
    WAIT,
    Estimator,
    Forecast,
    billed_fillings,
    cost_of,
    duration_ns,
    estimate,
    reply_words,
    requests,
)
from voicepipe.compare.plan import Scripted, Variant
from voicepipe.config.load import load_pipeline
from voicepipe.core.clock import ClockName
from voicepipe.core.units import SECOND
from voicepipe.speech.pricing import PICO, Rate
from voicepipe.transports.conversation import Pause, Utterance
from voicepipe.transports.wav import Typed

TWICE = [Utterance(Typed("hello")), Pause(SECOND), Utterance(Typed("and"))]
CALL = Scripted("a", "audio", TWICE, 8 * SECOND)
"""Two times 4 s, which are ten words each."""

CLOUD = SIM.replace("llm: sim", "llm: openai/gpt-6-luna")
PRICED = """\
cost:
  prices:
    openai/gpt-6-luna: {million_tokens_in: 1, million_tokens_out: 10}
"""


def cloud(folder: Path, text: str = CLOUD + PRICED, clock: ClockName = "real") -> Variant:
    return variant("cloud", pipeline(folder, text), clock=clock)


def forecast(one: Variant, repetitions: int = 1) -> Forecast:
    return estimate(plan([one], [CALL], repetitions))


def test_a_call_lasts_as_long_as_the_caller_and_the_replies(tmp_path: Path) -> None:
    assert duration_ns(CALL, cloud(tmp_path)) == 8 * SECOND + 2 * (REPLY_NS + WAIT)


def test_what_is_said_into_a_reply_takes_the_place_of_the_rest_of_it(tmp_path: Path) -> None:
    script = [
        *TWICE,
        Utterance(Typed("uh huh"), into_ns=SECOND),
        Utterance(Typed("stop"), into_ns=2 * SECOND),
    ]
    one = cloud(tmp_path)
    assert duration_ns(replace(CALL, script=script), one) == duration_ns(CALL, one)


def test_a_pause_that_is_longer_than_a_reply_is_waited_for(tmp_path: Path) -> None:
    script = [Pause(3 * SECOND), Utterance(Typed("hello")), Pause(50 * SECOND), Pause(10 * SECOND)]
    assert duration_ns(replace(CALL, script=script, speech_ns=0), cloud(tmp_path)) == 63 * SECOND


def test_how_long_the_replies_of_a_script_are_is_known(tmp_path: Path) -> None:
    text = SIM.replace("llm: sim", "llm: {use: sim, replies: [One two three., {when: x, say: Five.}]}")
    scripted = cloud(tmp_path, text)
    assert reply_words(scripted) == 2
    assert reply_words(replace(scripted, server="realtime")) == STAND_IN_WORDS
    assert reply_words(cloud(tmp_path)) == REPLY_WORDS


def test_what_ships_is_estimated_within_half_of_what_it_takes() -> None:
    """The calls of ``pipelines/compare`` took 52.5 s on its first variant, on the charged clock."""
    shipped = Path("pipelines/compare")
    household = variant("default", shipped / "household.yaml", clock="charged")
    calls = CallFinder(household.loaded, "free", "run", print).find([shipped / "calls.yaml"])
    took = estimate(plan([household], calls)).duration_ns / SECOND
    assert 52.5 / 1.5 < took < 52.5 * 1.5


def test_what_a_model_costs_is_counted_by_hand(tmp_path: Path) -> None:
    found = forecast(cloud(tmp_path), repetitions=3)
    said = 10 * 135 // 100
    fixed = len("Be brief.") // 4
    tokens_in = 2 * fixed + (said + REPLY_TOKENS) + 2 * said
    once = REQUESTS_PER_TURN * (tokens_in * 1 + 2 * REPLY_TOKENS * 10) * PICO // 10**6
    assert found.cost == 3 * once
    assert (found.calls, found.billed, found.unpriced) == (3, True, ())


def test_what_is_held_on_the_real_clock_takes_as_long_as_it_lasts(tmp_path: Path) -> None:
    found = forecast(cloud(tmp_path))
    assert found.real_ns == found.duration_ns == duration_ns(CALL, cloud(tmp_path))
    virtual = forecast(variant("sim"))
    assert (virtual.real_ns, virtual.duration_ns) == (0, duration_ns(CALL, variant("sim")))


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        (SIM, "simulated"),
        (SIM, "real"),
        (SIM.replace("llm: sim", "llm: {use: openai/m, base_url: 'http://127.0.0.1:1/v1'}"), "real"),
        (SIM.replace("tts: sim", "tts: espeak") + "cost: {machine_usd_hour: 1}\n", "real"),
    ],
)
def test_what_nobody_sends_a_bill_for_costs_nothing(tmp_path: Path, text: str, clock: ClockName) -> None:
    found = forecast(cloud(tmp_path, text, clock))
    assert (found.cost, found.billed, found.unpriced) == (0, False, ())


def test_a_stand_in_sends_no_bill(tmp_path: Path) -> None:
    text = SIM.replace("llm: sim", "realtime: openai/gpt-realtime-2.1").replace(
        "  stt: sim\n  tts: sim\n", ""
    )
    one = cloud(tmp_path, text)
    assert [slot.kind for slot, _ in billed_fillings(one)] == ["realtime"]
    assert list(billed_fillings(replace(one, server="realtime"))) == []


def test_a_price_that_is_not_known_is_told_and_is_not_0(tmp_path: Path) -> None:
    text = SIM.replace(
        "llm: sim", "llm: {use: openai/m, base_url: 'https://models.example.org/v1', api_key: k}"
    )
    found = forecast(cloud(tmp_path, text))
    assert (found.cost, found.billed, found.unpriced) == (0, True, ("openai/m",))


def test_a_fused_model_is_billed_for_the_whole_conversation_with_each_reply(tmp_path: Path) -> None:
    first, second = requests("realtime", CALL, load_pipeline(pipeline(tmp_path)))
    assert first["audio_tokens_in"] == 40
    assert second["audio_tokens_in"] == 40 + 40 + REPLY_NS * 20 // SECOND


def test_a_voice_is_asked_for_each_reply(tmp_path: Path) -> None:
    found = requests("tts", CALL, load_pipeline(pipeline(tmp_path)))
    assert [one["characters"] for one in found] == [REPLY_WORDS * CHARACTERS_PER_WORD] * 2
    assert requests("vad", CALL, load_pipeline(pipeline(tmp_path))) == []


def test_only_what_has_a_price_is_counted() -> None:
    rates = {"characters": Rate(Decimal(30), 10**6)}
    assert cost_of(rates, [{"characters": 1000, "requests": 1}]) == PICO * 30 // 1000
    assert cost_of({}, [{"characters": 1000}]) is None
    assert cost_of(rates, [{"audio_in_ms": 1000}]) is None
    assert cost_of({}, []) == 0


def test_an_estimate_of_a_run_is_its_part_of_the_whole(tmp_path: Path) -> None:
    made = plan([cloud(tmp_path), variant("sim")], [CALL], 2)
    estimator = Estimator()
    assert sum(map(estimator.cost, made.runs)) == estimator.of(made.runs).cost > 0
