from __future__ import annotations

from tests.support.comparisons import call, comparison, made_up, turn, variant
from voicepipe.compare.figures import figures_of, grouped
from voicepipe.core.units import MS


def test_each_variant_has_figures_in_the_order_of_the_comparison() -> None:
    figures = figures_of(made_up({"default": 800, "fast": 400}))
    assert [one.name for one in figures.variants] == ["default", "fast"]
    fast = figures.by_name["fast"]
    assert (fast.calls, fast.scripts, fast.voice_to_voice.turns) == (12, 6, 36)
    assert fast.voice_to_voice.p50 is not None
    assert 320 * MS <= fast.voice_to_voice.p50.value <= 480 * MS


def test_the_same_measurements_make_the_same_figures() -> None:
    assert figures_of(made_up({"a": 800, "b": 400})) == figures_of(made_up({"a": 800, "b": 400}))


def test_the_order_in_which_calls_were_held_decides_nothing() -> None:
    found = made_up({"a": 800, "b": 400}, usd_per_turn={"a": 0.001})
    backwards = found.model_copy(update={"measured": found.measured[::-1]})
    assert figures_of(found) == figures_of(backwards)


def test_figures_name_the_clock_they_were_measured_on() -> None:
    figures = figures_of(comparison([call(clock="charged", turns=[turn(1, 400)])]))
    only = figures.variants[0]
    stage = only.stage("stt")
    assert only.clock == only.voice_to_voice.clock == only.cost.clock == "charged"
    assert stage is not None
    assert stage.latency.clock == "charged"


def test_a_step_that_no_turn_took_has_no_figure() -> None:
    figures = figures_of(made_up({"default": 800}))
    assert figures.variants[0].stage("tools") is None


def test_sections_stand_ins_and_what_was_left_out_are_not_in_the_verdict() -> None:
    variants = [
        variant("default"),
        variant("fused", section="cascade against fused"),
        variant("played", stand_in=True),
        variant("gpu", left_out="there is no GPU here"),
    ]
    calls = [call(one.name, turns=[turn(1, 400)]) for one in variants[:3]]
    figures = figures_of(comparison(calls, variants=variants))
    assert [one.name for one in figures.in_verdict] == ["default"]
    assert figures.by_name["gpu"].calls == 0
    assert figures.by_name["gpu"].voice_to_voice.p50 is None


def test_how_long_agents_went_on_after_an_interruption_is_a_latency() -> None:
    calls = [call(silences_ns=(200 * MS, 300 * MS)), call(name="other", silences_ns=(400 * MS,))]
    silence = figures_of(comparison(calls)).variants[0].silent_after_interruption
    assert silence.values_ns == (200 * MS, 300 * MS, 400 * MS)


def test_calls_are_grouped_by_script() -> None:
    found = comparison([call(name="b"), call(name="a"), call(name="b", repetition=1), call("other", "c")])
    assert {name: len(calls) for name, calls in grouped(found, "default").items()} == {"b": 2, "a": 1}
