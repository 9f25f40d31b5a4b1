from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.observe.cards import holds_card, leaves_of, luhn, split_cards, with_leaves
from voicepipe.observe.number_runs import NumberFinder

ENGLISH = NumberFinder("en-US")

VISA = "4111111111111111"
AMEX = "378282246310005"
DINERS = "30569309025904"
TEST_NUMBERS = [
    *(VISA, AMEX, DINERS),
    *("5555555555554444", "2223003122003222", "6011111111111117", "3530111333300000", "6200000000000005"),
    *("6759649826438453", "2200000000000053"),
]
"""Those that issuers publish for tests."""


def split(*leaves: Any) -> set[int]:
    return split_cards(leaves, ENGLISH)


@pytest.mark.parametrize("number", TEST_NUMBERS)
def test_a_card_of_any_issuer_is_found_wherever_it_is_cut(number: str) -> None:
    assert luhn(number)
    for at in range(3, len(number) - 2):
        assert split(number[:at], number[at:]) == {0, 1}


@pytest.mark.parametrize(
    "leaves",
    [
        ("4111 1111", "1111 1111"),
        ("4111", "1111", "1111", "1111"),
        (4111, 1111, 1111, 1111),
        (41111111, 11111111),
        (41111111.0, "1111-1111"),
        (3782, 822463, 10005),
        ("411111111111", "1111"),
        ("411111", "1111111111"),
        tuple(VISA),
        ("four triple one, four ones".replace("four ones", "double one double one"), "1111 1111"),
        (" 4111_1111 ", "–1111–1111"),
        ("٤١١١١١١١", "11111111"),
    ],
)
def test_pieces_are_found_however_they_are_written(leaves: tuple[Any, ...]) -> None:
    assert split(*leaves) == set(range(len(leaves)))


def test_what_holds_no_figure_may_stand_between_and_everything_else_ends_it() -> None:
    assert split("4111 1111", "Ann", None, True, "1111 1111") == {0, 4}
    for between in ("12/27", "to 4 people", "2026-11-23", 0.5, -1, {"deep": 1}):
        assert split("4111 1111", between, "1111 1111") == set()


def test_what_stands_beside_the_card_is_left_alone() -> None:
    assert split(3, "4111 1111", "1111 1111", 120, "10:30") == {1, 2}
    assert split("10115", "4111 1111", "1111 1111") == {1, 2}
    assert split(30, 4111, 1111, 1111, 1111, 123) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "leaves",
    [
        ("4111 1111", "1111 1112"),  # Luhn
        ("9111 1111", "1111 1110"),  # nobody's prefix
        ("4111 1111", "1111 111"),  # no such length
        (41, 111111, 11111111),  # whole numbers, cut as nobody does
        ("4", "111111111111111"),  # a quantity and something else
        (4111, 1111, 1111, 1111, 1999),  # prices
        (VISA,),  # alone: that is found as any text
        (),
    ],
)
def test_figures_that_are_no_card_together_are_left_alone(leaves: tuple[Any, ...]) -> None:
    assert split(*leaves) == set()


@pytest.mark.parametrize("day", ["20270913", "2027-09-13", "2027/9/13", "13.09.2027", "13-9-2027"])
def test_a_date_is_no_piece(day: str) -> None:
    order = next(f"4{number:07}" for number in range(100) if luhn(f"4{number:07}20270913"))
    assert split(order, "2027 0913") == {0, 1}
    assert split(order, day) == set()


# ── properties ───────────────────────────────────────────────────────────────────────────────────

DATES = st.dates(date(1900, 1, 1), date(2099, 12, 31))
INNOCENT = st.one_of(
    st.integers(0, 999),
    st.floats(allow_nan=False).filter(lambda number: not number.is_integer()),
    DATES.map(str),
    DATES.map(lambda day: day.strftime("%Y%m%d")),
    DATES.map(lambda day: day.strftime("%d.%m.%Y")),
    st.times().map(lambda time: time.strftime("%H:%M")),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.decimals(0, 10_000, places=2).map(str),
    st.sampled_from(["Ann", "", None, True, "2 adults", "Flat 4", "+1 555 0100"]),
)


@given(st.lists(INNOCENT, max_size=60))
def test_dates_times_prices_and_quantities_are_never_masked(leaves: list[Any]) -> None:
    assert split(*leaves) == set()


@given(
    st.lists(INNOCENT | st.text(max_size=5), max_size=5),
    st.sampled_from(TEST_NUMBERS),
    st.lists(st.integers(3, 8), min_size=1),
    st.lists(INNOCENT, max_size=5),
)
def test_a_card_is_found_among_anything(
    before: list[Any], number: str, sizes: list[int], after: list[Any]
) -> None:
    pieces, rest = [], number
    for size in sizes:
        if len(rest) - size >= 3:
            pieces.append(rest[:size])
            rest = rest[size:]
    pieces.append(rest)
    found = split(*before, *pieces, *after)
    assert len(pieces) == 1 or found >= set(range(len(before), len(before) + len(pieces)))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN, st.integers(-1, 4))
def test_leaves_are_put_back_where_they_were(value: Any, deepest: int) -> None:
    leaves = list(leaves_of(value, deepest))
    assert with_leaves(value, iter(leaves), deepest) == value
    assert len(list(leaves_of(with_leaves(value, iter(range(len(leaves))), deepest), deepest))) == len(leaves)


def test_a_card_within_more_figures_is_held() -> None:
    assert holds_card(f"12{VISA}7")
    assert not holds_card("4111 1111")
