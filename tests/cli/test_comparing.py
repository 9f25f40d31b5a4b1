from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.plans import plan, variant
from voicepipe.cli.comparing import (
    announce,
    check_limit,
    cost_sentence,
    dollars,
    followed,
    may_go_on,
    plural,
    spent_time,
)
from voicepipe.cli.terminal import Terminal
from voicepipe.compare.estimate import Forecast
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Scripted
from voicepipe.core.units import SECOND
from voicepipe.errors import UsageError
from voicepipe.speech.pricing import PICO
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.wav import Typed

CALL = Scripted("a", "conversation", [Utterance(Typed("hello"))], 0)
FREE = Forecast(2, 60 * SECOND, 0, 0, (), False)
DEAR = replace(FREE, cost=PICO // 8, billed=True, real_ns=60 * SECOND)


def call(number: int, **others: Any) -> MeasuredCall:
    return MeasuredCall(
        variant="default",
        call="a",
        repetition=number,
        clock="simulated",
        began="2026-11-23T16:00:00+00:00",
        load=0.0,
        duration_ns=SECOND,
        **others,
    )


def told(*, quiet: bool = False) -> tuple[Terminal, io.StringIO]:
    written = io.StringIO()
    return Terminal(written, quiet=quiet), written


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [(0, "0 s"), (89 * SECOND, "89 s"), (100 * SECOND, "2 min"), (12_000 * SECOND, "3 h 20 min")],
)
def test_times_are_told_roughly(nanoseconds: int, shown: str) -> None:
    assert spent_time(nanoseconds) == shown


@pytest.mark.parametrize(
    ("picodollars", "shown"), [(PICO * 5 // 2, "2.50"), (PICO * 10_001 // 10_000, "1.01"), (1, "0.0001")]
)
def test_money_is_rounded_up(picodollars: int, shown: str) -> None:
    assert dollars(picodollars) == shown


def test_one_call_is_no_calls() -> None:
    assert (plural(1, "call"), plural(0, "call")) == ("1 call", "0 calls")


def test_what_is_about_to_be_held_is_told_with_what_is_left_out() -> None:
    made = plan(
        [variant("default"), variant("apart", section="Apart")], [CALL], 2, left_out={"x": "no model"}
    )
    terminal, written = told()
    announce(terminal, made, 3, DEAR)
    assert written.getvalue().splitlines() == [
        "left out: x: no model",
        "4 calls to be held: 1 on each of 1 variant, and 1 on each of 1 variant (Apart), 2 times each",
        "3 of them were held before and are kept; --fresh holds them anew",
        "about 60 s of calls, which takes 60 s on the real clock; about 0.1250 USD by rules of thumb",
    ]


def test_what_it_costs_is_told_as_far_as_it_is_known() -> None:
    assert cost_sentence(FREE) == "nobody sends a bill for them"
    assert cost_sentence(DEAR) == "about 0.1250 USD by rules of thumb"
    unknown = replace(DEAR, unpriced=("openai/m",))
    assert cost_sentence(unknown).endswith(
        "at least 0.1250 USD by rules of thumb, and there is no price for openai/m"
    )
    assert cost_sentence(replace(unknown, cost=0)) == (
        "what they cost isn't known: there is no price for openai/m"
    )


def test_a_limit_without_a_price_cannot_be_kept() -> None:
    unknown = replace(DEAR, unpriced=("openai/m",))
    with pytest.raises(UsageError, match="--max-usd 2 can't be kept: there is no price for openai/m"):
        check_limit(unknown, Decimal(2))
    check_limit(unknown, None)
    check_limit(DEAR, Decimal(2))


def test_money_is_asked_for_and_only_a_yes_spends_it() -> None:
    terminal, written = told()
    assert may_go_on(terminal, FREE, yes=False, ask=None)
    assert may_go_on(terminal, DEAR, yes=True, ask=None)
    assert written.getvalue() == ""
    for answer, goes_on in (("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)):
        assert may_go_on(terminal, DEAR, yes=False, ask=lambda answer=answer: answer) is goes_on
    assert "Go on? [y/N]" in written.getvalue()


def test_money_is_not_spent_where_nobody_can_be_asked() -> None:
    with pytest.raises(UsageError, match=r"this costs money \(about 0\.1250 USD"):
        may_go_on(told()[0], DEAR, yes=False, ask=None)


def test_the_progress_is_told_in_ten_lines_where_it_is_no_terminal() -> None:
    terminal, written = told()
    runs = plan([variant("default")], [CALL], 40).runs
    calls = [call(number) for number in range(40)]
    assert followed(terminal, iter(calls), kept=4, runs=runs) == calls
    lines = written.getvalue().splitlines()
    assert len(lines) == 9
    assert lines[0].startswith("8 of 40 calls held")
    assert lines[-1] == "40 of 40 calls held"
    assert "about 0 s left" not in written.getvalue()


def test_a_call_that_could_not_be_held_is_told_even_when_quiet() -> None:
    terminal, written = told(quiet=True)
    runs = plan([variant("default")], [CALL]).runs
    followed(terminal, iter([call(0, error="there is no stub\x1b[2J")]), kept=0, runs=runs)
    assert written.getvalue() == "'a' on 'default' couldn't be held: there is no stub [2J\n"


def test_why_a_call_broke_off_may_quote_somebody_and_is_left_out_if_that_is_wanted() -> None:
    terminal, written = told()
    broken = [call(0, error="OpenAIError: 'my card is 4111'")]
    runs = plan([variant("default")], [CALL]).runs
    (found,) = followed(terminal, iter(broken), kept=0, runs=runs, redact=True)
    assert found.error == "[left out]"
    assert written.getvalue().startswith("'a' on 'default' couldn't be held: [left out]\n")


def test_calls_that_stop_early_stop_the_progress() -> None:
    def calls() -> Iterator[MeasuredCall]:
        yield call(0)

    terminal, _ = told()
    assert len(followed(terminal, calls(), kept=0, runs=plan([variant("default")], [CALL], 9).runs)) == 1
