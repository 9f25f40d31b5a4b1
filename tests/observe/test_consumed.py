from __future__ import annotations

from voicepipe.core.records import AttemptStatus, ProviderAttempt, Usage
from voicepipe.observe.consumed import Consumed
from voicepipe.observe.turn_report import TurnReport
from voicepipe.observe.usage import Tally


def request(tokens: int, turn: int | None = 1, status: AttemptStatus = "ok") -> ProviderAttempt:
    return ProviderAttempt(
        at_ns=0,
        turn=turn,
        slot="llm",
        provider="sim",
        began_ns=0,
        first_event_ns=None,
        status=status,
        usage=(Usage(unit="tokens_out", amount=tokens),),
    )


def tokens(tally: Tally) -> int:
    return sum(amount.total for amount in tally.amounts.values())


def sums(consumed: Consumed, *turns: TurnReport) -> tuple[int, int]:
    """What was used, and what of it was for nothing."""
    return tokens(consumed.used(turns)), tokens(consumed.wasted(turns))


def test_a_request_counts_for_its_turn_for_a_draft_that_is_gone_or_for_the_call() -> None:
    consumed, turn = Consumed(None), TurnReport(1, "hello")
    consumed.count(request(100), turn)
    consumed.count(request(20, turn=2), None)
    consumed.count(request(3, turn=None), None)
    assert tokens(turn.usage) == 100
    assert sums(consumed, turn) == (123, 20)


def test_a_request_that_failed_is_waste_wherever_it_counts() -> None:
    consumed, turn = Consumed(None), TurnReport(1, "hello")
    consumed.count(request(100, status="failed"), turn)
    consumed.count(request(3, turn=None, status="failed"), None)
    assert sums(consumed, turn) == (103, 103)


def test_a_turn_that_leaves_still_counts_and_what_comes_after_it_is_waste() -> None:
    consumed, turn = Consumed(None), TurnReport(1, "hello", status="completed")
    consumed.count(request(100), turn)
    consumed.count(request(10, status="failed"), turn)
    before = sums(consumed, turn)
    consumed.leave(turn)
    assert sums(consumed) == before == (110, 10)
    consumed.count(request(5), None)
    assert sums(consumed) == (115, 15)


def test_who_asks_is_told_of_each_request_with_what_it_consumed() -> None:
    consumed, told = Consumed(None), list[tuple[int | None, int]]()
    consumed.on_request.append(lambda one, used: told.append((one.turn, tokens(used))))
    consumed.count(request(7), TurnReport(1, ""))
    consumed.count(request(8, turn=None), None)
    assert told == [(1, 7), (None, 8)]
