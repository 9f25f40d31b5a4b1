from __future__ import annotations

from typing import Any

import pytest

from tests.support.workers import make_call
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.providers.token_tally import TokenTally


def _tally(sent: int) -> tuple[TokenTally, Call]:
    async def main() -> Call:
        return make_call()

    call = run_on("simulated", main())
    return TokenTally(call, sent), call


def test_what_was_reported_is_not_estimated_as_well() -> None:
    tally, call = _tally(sent=400)
    tally.received = 41
    tally.report("tokens_in", 90)
    tally.close()
    assert call.usage == {("tokens_in", False): 90, ("tokens_out", True): 11}


def test_the_last_report_counts() -> None:
    tally, call = _tally(sent=0)
    for tokens in (1, 5, 9):
        tally.report("tokens_out", tokens)
    assert call.usage == {("tokens_out", False): 9}


@pytest.mark.parametrize("tokens", [None, "7", -1, True, 7.0])
def test_what_is_no_count_is_no_report(tokens: Any) -> None:
    tally, call = _tally(sent=4)
    tally.report("tokens_in", tokens)
    tally.close()
    assert call.usage == {("tokens_in", True): 1, ("tokens_out", True): 0}


def test_a_request_that_was_refused_costs_nothing() -> None:
    tally, call = _tally(sent=400)
    tally.billed = False
    tally.close()
    assert call.usage == {}
