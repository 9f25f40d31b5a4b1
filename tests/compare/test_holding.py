from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.comparisons import item
from tests.support.plans import SIM, conversations, plan, variant
from tests.support.witness import Witness
from voicepipe.compare.holding import Holding
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Plan, Scripted, Variant
from voicepipe.compare.store import Store
from voicepipe.errors import AudioError, SetupError
from voicepipe.speech.pricing import PICO, usd

TIME = "the time comes from the tool"
ORDER = "a question is answered within a second"
STEPS = ("stages.llm=tests.support.witness:Witness", "stages.tts={use: sim, speed: 20}")


@cache
def calls() -> list[Scripted]:
    return conversations(names=[TIME, ORDER])


def of(*variants: Variant, repetitions: int = 1, **others: Any) -> Plan:
    return plan(variants or [variant("a")], calls(), repetitions, **others)


def hold(of_what: Plan, folder: Path, **others: Any) -> tuple[list[MeasuredCall], Holding]:
    holding = Holding(of_what, Store(folder), **others)
    return list(holding), holding


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    Witness.forget()


def test_every_run_is_held_and_kept(tmp_path: Path) -> None:
    found, holding = hold(of(variant("a"), variant("b", clock="charged")), tmp_path)
    assert sorted((one.variant, one.call, one.clock) for one in found) == [
        ("a", ORDER, "simulated"),
        ("a", TIME, "simulated"),
        ("b", ORDER, "charged"),
        ("b", TIME, "charged"),
    ]
    assert holding.unfinished is None
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_what_was_held_before_is_not_held_again(tmp_path: Path) -> None:
    one = variant("a", overrides=STEPS, clock="charged")
    first, _ = hold(of(one), tmp_path)
    Witness.forget()
    second, holding = hold(of(one), tmp_path)
    assert second == first
    assert Witness.journal == []
    assert holding.unfinished is None


def test_a_comparison_that_was_broken_off_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Holding(of(repetitions=2), Store(tmp_path))
    some = list(itertools.islice(iter(first), 3))
    assert first.unfinished == "it was broken off"
    found, second = hold(of(repetitions=2), tmp_path)
    assert found[:3] == some
    assert len(found) == 4
    assert second.unfinished is None


def test_of_a_comparison_that_was_changed_only_what_is_the_same_is_taken(tmp_path: Path) -> None:
    other = variant("b", overrides=STEPS)
    first, _ = hold(of(variant("a"), other), tmp_path)
    changed = variant("b", overrides=[*STEPS, "stages.llm.says=Hm."])
    second, _ = hold(of(variant("a"), changed), tmp_path)
    assert [one for one in second if one.variant == "a"] == [one for one in first if one.variant == "a"]
    assert {one.turns[0].agent for one in second if one.variant == "b"} == {"Hm."}


def test_charged_and_real_calls_are_held_in_the_order_of_the_plan(tmp_path: Path) -> None:
    wanted = of(variant("a", clock="charged"), variant("b", clock="charged"), repetitions=2)
    wanted = replace(wanted, runs=tuple(reversed(wanted.runs)))
    found, _ = hold(wanted, tmp_path)
    assert [(one.variant, one.call, one.repetition) for one in found] == [
        (run.variant.name, run.call.name, run.repetition) for run in wanted.runs
    ]


def test_a_call_that_fails_is_measured_as_one_and_tried_again_the_next_time(tmp_path: Path) -> None:
    broken = variant("broken", overrides=[*STEPS, "stages.llm.broken=true"])
    told: list[str] = []
    found, holding = hold(of(broken, variant("a")), tmp_path, tell=told.append)
    assert told == ["'broken' can't be held: the model is broken"]
    assert {one.error for one in found if one.variant == "broken"} == {"the model is broken"}
    assert {one.error for one in found if one.variant == "a"} == {None}
    assert holding.unfinished is None
    hold(of(broken, variant("a")), tmp_path)
    assert Witness.journal.count("starting") == 4


def test_a_file_that_was_corrupted_is_told_and_held_again(tmp_path: Path) -> None:
    hold(of(), tmp_path)
    path = next(tmp_path.glob("*.json"))
    path.write_text("{")
    told: list[str] = []
    found, _ = hold(of(), tmp_path, tell=told.append)
    assert len(found) == 2
    assert [path.name in one for one in told] == [True]
    assert path.read_text() != "{"


def test_both_sides_of_each_call_can_be_listened_to(tmp_path: Path) -> None:
    found, _ = hold(of(audio=True), tmp_path)
    assert sorted(str(one.audio) for one in found) == sorted(one.name for one in tmp_path.glob("*.wav"))
    assert all(turn.in_recording_ns for one in found for turn in one.turns)


def test_a_folder_that_is_gone_ends_it(tmp_path: Path) -> None:
    for wanted, error in ((of(), SetupError), (of(audio=True), AudioError)):
        holding = Holding(wanted, Store(tmp_path / "store"))
        (tmp_path / "store").rmdir()
        with pytest.raises(error, match="store"):
            list(holding)


# ── money ────────────────────────────────────────────────────────────────────────────────────────

PRICED = "cost: {machine_usd_hour: 36}\n"


def dear(tmp_path: Path, *overrides: str) -> Variant:
    """On the real clock, and done in no time."""
    path = tmp_path / "sim.yaml"
    path.write_text(SIM.read_text(encoding="utf-8") + PRICED)
    return variant("dear", path, [*STEPS, "stages.stt=sim", *overrides], clock="real")


def test_no_call_begins_that_may_cost_more_than_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    wanted = of(dear(tmp_path), variant("a"))
    found, holding = hold(wanted, folder, most=PICO, estimate=lambda run: 2 * PICO)
    assert {one.variant for one in found} == {"a"}, "what costs nothing is held nevertheless"
    assert str(holding.unfinished).startswith("0 of 1 USD were spent, and the next call on 'dear' may cost 2")


def test_what_was_held_before_counts_as_spent(tmp_path: Path) -> None:
    one = dear(tmp_path)
    wanted = of(one, variant("a"))
    kept = Store(tmp_path / "store").open(wanted, print)
    run = wanted.runs[0]
    (first, _) = hold(plan([variant("dear")], [run.call]), tmp_path / "other")
    kept.put(run, first[0].model_copy(update={"items": (item(usd=3),), "clock": "real"}))
    found, holding = hold(wanted, tmp_path / "store", most=PICO)
    assert [call.variant for call in found].count("dear") == 1
    assert "3 of 1 USD were spent" in str(holding.unfinished)


def test_a_call_that_turns_out_dearer_than_what_is_left_is_broken_off_and_not_counted(tmp_path: Path) -> None:
    found, holding = hold(
        of(dear(tmp_path), repetitions=2), tmp_path / "store", most=1, estimate=lambda run: 0
    )
    assert found == [], "that it was broken off is no fault of the variant"
    assert str(holding.unfinished).endswith("USD were spent of 0.000000000001, in a call on 'dear'")
    spent = str(holding.unfinished).partition(" ")[0]
    again, holding = hold(
        of(dear(tmp_path), repetitions=2), tmp_path / "store", most=1, estimate=lambda run: 0
    )
    assert again == [], "what was spent before is spent"
    assert str(holding.unfinished).startswith(f"{spent} of 0.000000000001 USD were spent, and the next call")


def test_what_a_call_had_cost_at_ctrl_c_counts_as_spent_when_the_comparison_goes_on(tmp_path: Path) -> None:
    impatient = of(dear(tmp_path, "stages.llm=tests.support.witness:Impatient"))
    with pytest.raises(KeyboardInterrupt):
        hold(impatient, tmp_path / "store")
    (lost,) = (tmp_path / "store").glob("*.lost")
    spent = int(lost.read_text())
    assert spent > 0
    found, holding = hold(impatient, tmp_path / "store", most=spent)
    assert found == []
    assert str(holding.unfinished).startswith(
        f"{usd(spent):f} of {usd(spent):f} USD were spent, and the next"
    )
