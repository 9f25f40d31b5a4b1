from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.config.record import Private
from voicepipe.observe.cards import luhn
from voicepipe.observe.redact import DEEPEST, LONGEST_TEXT, Redactor

ALL: tuple[Private, ...] = ("card", "phone", "email", "iban")
EVERYTHING: tuple[Private, ...] = get_args(Private)
REDACT = Redactor(ALL)
CARDS = Redactor(["card"])

VISA = "4111 1111 1111 1111"
AMEX = "3782 822463 10005"


def luhn_numbers(text: str) -> list[str]:
    """All 13 to 19 figures in a row that pass Luhn's formula, found in another way than by the redactor."""
    found = []
    for run in re.findall(r"\d(?:[ \-]{0,3}\d)*", text):
        bare = re.sub(r"\D", "", run)
        found += [
            bare[at : at + size]
            for size in range(13, 20)
            for at in range(len(bare) - size + 1)
            if luhn(bare[at : at + size])
        ]
    return found


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"my card is {VISA}, thanks", "my card is [card], thanks"),
        ("4111111111111111", "[card]"),
        ("4111-1111-1111-1111.", "[card]."),
        (f"amex {AMEX}", "amex [card]"),
        ("card4111111111111111x", "card[card]x"),
        ("4111, 1111, 1111, 1111", "[card]"),
        ("4111 1111 1111 1112", "[card]"),  # misheard: it doesn't add up
        ("four one one one, one one one one, one one one one, uh, one one one one", "[card]"),
        ("forty-one eleven forty-one eleven forty-one eleven forty-one eleven", "[card]"),
        ("four triple one 1111 1111 double one 11 please", "[card] please"),
        ("1700000000000", "1700000000000"),  # 13 figures that are no card
        ("the numbers 1000, 2000, 3000 and so on", "the numbers 1000, 2000, 3000 and so on"),
    ],
)
def test_card_numbers_are_masked_as_they_are_written_and_said(text: str, masked: str) -> None:
    assert CARDS.text(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +1 (555) 123-4567 now", "call [phone] now"),
        ("call 555-123-4567", "call [phone]"),
        ("555.123.4567", "[phone]"),
        ("5551234567", "[phone]"),
        ("five five five, one two three, four five six seven", "[phone]"),
        ("plus four nine one five one, double two three four five", "[phone]"),
        ("+49 151 22345", "[phone]"),
        ("it was 2026-11-23 10:30", "it was 2026-11-23 10:30"),
        ("23.11.2026, 11/23/2026", "23.11.2026, 11/23/2026"),
        ("192.168.100.100", "192.168.100.100"),
        ("3.14159265", "3.14159265"),
        ("1234567", "1234567"),
        ("1,234,567 people", "1,234,567 people"),
        ("5f0c6a1e-1234-4567-8901-abcdef012345", "5f0c6a1e-1234-4567-8901-abcdef012345"),
        ("two at ten thirty", "two at ten thirty"),
        ("2026-11-23 555 123 4567", "2026-11-23 [phone]"),
    ],
)
def test_telephone_numbers_are_masked_and_dates_and_amounts_are_not(text: str, masked: str) -> None:
    assert Redactor(["phone"]).text(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to ann.smith+x@mail.example.com.", "write to [email]."),
        ("it is ann at example dot com", "it is [email]"),
        ("ann dot smith underscore two at mail dot example dot org please", "[email] please"),
        ("j o h n at gmail.com", "[email]"),
        ("anna arroba ejemplo punto es", "[email]"),
        ("look at example dot com", "look at example dot com"),
        ("I'm at work.Then we go", "I'm at work.Then we go"),
        ("meet me at ten", "meet me at ten"),
        ("@home", "@home"),
    ],
)
def test_mail_addresses_are_masked_as_they_are_written_and_said(text: str, masked: str) -> None:
    assert Redactor(["email"]).text(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("DE89 3704 0044 0532 0130 00 is it", "[iban] is it"),
        ("GB29NWBK60161331926819", "[iban]"),
        ("de89370400440532013000", "[iban]"),
        ("D E eight nine three seven oh four oh oh four four oh five three two", "D E [iban]"),
        ("order AB12 CDEF", "order AB12 CDEF"),
    ],
)
def test_account_numbers_are_masked(text: str, masked: str) -> None:
    assert Redactor(["iban"]).text(text) == masked


def test_all_figures_can_be_masked() -> None:
    assert (
        Redactor(["digits"]).text("pin 1234, in room 12 since nineteen eighty-four")
        == "pin [digits], in room 12 since [digits]"
    )


def test_only_what_was_asked_for_is_masked() -> None:
    text = f"{VISA}; +1 555 123 4567; ann@example.com"
    assert Redactor(["email"]).text(text) == f"{VISA}; +1 555 123 4567; [email]"
    assert REDACT.text(text) == "[card]; [phone]; [email]"
    assert Redactor([]).text(text) is text


def test_plain_data_is_masked_in_texts_keys_and_numbers() -> None:
    value = {
        "card": 4111111111111111,
        "n": 5,
        "t": 0.5,
        "ok": True,
        VISA: [None, f"x {VISA}", 4.111111111111111e15],
    }
    assert CARDS.value(value) == {
        "card": "[card]",
        "n": 5,
        "t": 0.5,
        "ok": True,
        "[card]": [None, "x [card]", "[card]"],
    }


def test_json_in_a_text_stays_json() -> None:
    result = json.dumps({"card": 4111111111111111, "prices": [1000, 2000], "to": [f"{VISA}"]})
    assert json.loads(CARDS.value(result)) == {"card": "[card]", "prices": [1000, 2000], "to": ["[card]"]}
    same = '{"a": 1,  "b": "x"}'
    assert CARDS.value(same) is same
    assert CARDS.value(f"[not json {VISA}") == "[not json [card]"
    assert CARDS.value("[" * 5000) == "[" * 5000


def test_a_number_in_the_items_of_a_list_is_masked_and_other_lists_are_not() -> None:
    card = ["[card]"] * 4
    assert REDACT.value({"groups": VISA.split()}) == {"groups": card}
    assert CARDS.value([int(group) for group in VISA.split()]) == card
    assert CARDS.value(json.dumps({"figures": [int(figure) for figure in VISA.replace(" ", "")]})) == (
        json.dumps({"figures": ["[card]"] * 16}, separators=(",", ":"))
    )
    assert REDACT.value(("555", "123", "4567")) == ("[phone]",) * 3
    for free in (
        [1200, 1350, 900, 42, 7],
        [4112, 1111, 1111, 1111],
        ["12", "30"],
        ["09:30", "10:00"],
        [True],
    ):
        assert REDACT.value(free) == free


def test_a_card_number_that_is_split_over_fields_is_masked_in_each_of_them() -> None:
    """Neither of them alone is a card, so that it came through."""
    halves = {"first": "4111 1111", "last": "1111 1111", "cvc": "cvc", "amount": 30}
    hidden = {**halves, "first": "[card]", "last": "[card]"}
    assert CARDS.value(halves) == hidden
    assert CARDS.value({"pay": [halves, 1]}) == {"pay": [hidden, 1]}
    assert json.loads(CARDS.value(json.dumps({"a": halves}))) == {"a": hidden}
    assert Redactor(["email"]).value(halves) == halves


def test_a_number_that_goes_on_from_what_was_said_before_is_masked_from_its_eighth_figure_on() -> None:
    assert CARDS.following("my card is 4111", "1111 1111 ok") == "[card] ok"
    assert CARDS.following("my card is 4111", "11 ok") == "11 ok"
    assert CARDS.following("it is 4111 please", "1111 1111") == "[card]"
    assert CARDS.following("", "my order is 4711") == "my order is 4711"
    assert CARDS.following("", "my card is 4111 1111, ") == "my card is [card], "
    assert Redactor(["email"]).following("it is ann at", "example dot com yes") == "[email] yes"


def test_of_a_part_of_what_is_masked_no_figure_remains() -> None:
    assert CARDS.part("Your card 4111 11") == "Your card [digits]"
    assert CARDS.part("at ten, 4") == "at [digits]"


def test_what_is_looked_at_is_bounded() -> None:
    assert len(CARDS.text("x" * (LONGEST_TEXT + 1))) == LONGEST_TEXT
    assert CARDS.text("9" * LONGEST_TEXT) == "[card]"
    assert CARDS.value(10**5000) == "[card]"
    nested: Any = VISA
    for _ in range(5000):
        nested = [nested]
    assert str(CARDS.value(nested)).count("[") == DEEPEST + 1


# ── properties ───────────────────────────────────────────────────────────────────────────────────

ANYTHING = st.text(max_size=80)
NUMBERISH = st.text(st.sampled_from("0123456789 -+.,()@\n[]{}\"'aeDE"), max_size=80)
WORDS = "four one double triple forty oh uh and at dot com ann 4111 1111 - , . DE89 +1 555 the @ 2026-11-23"
SAID = st.lists(st.sampled_from([*WORDS.split(), "1111 1111"]), max_size=30).map(" ".join)
TEXTS = ANYTHING | NUMBERISH | SAID
KINDS = st.lists(st.sampled_from(EVERYTHING), unique=True)


def with_check_digit(figures: str) -> str:
    return next(figures + last for last in "0123456789" if luhn(figures + last))


@st.composite
def cards(draw: st.DrawFn) -> str:
    number = with_check_digit(draw(st.text("0123456789", min_size=12, max_size=18)))
    parts, at = [], 0
    while at < len(number):
        size = draw(st.integers(1, 6))
        parts.append(number[at : at + size])
        at += size
    return draw(st.sampled_from(["", " ", "-", " - "])).join(parts)


@given(TEXTS, cards(), TEXTS)
def test_no_card_number_is_left_in_any_text(before: str, card: str, after: str) -> None:
    assert luhn_numbers(card)
    for text in (f"{before} {card} {after}", before + card + after):
        assert luhn_numbers(CARDS.text(text)) == []
        assert luhn_numbers(CARDS.following(before, card + after)) == []


@given(st.lists(cards() | TEXTS | st.integers(10**12, 10**19), max_size=4).map(json.dumps))
def test_no_card_number_is_left_in_any_result_of_a_tool(result: str) -> None:
    for one in json.loads(CARDS.value(result)):
        assert luhn_numbers(str(one)) == []


@given(KINDS, TEXTS)
def test_what_was_masked_is_not_masked_again(kinds: list[Any], text: str) -> None:
    once = Redactor(kinds).text(text)
    assert Redactor(kinds).text(once) == once


@given(st.text(st.characters(exclude_categories=["Nd"], exclude_characters="@"), max_size=100))
def test_a_text_without_numbers_and_addresses_stays_as_it_is(text: str) -> None:
    redact = Redactor(["card", "phone", "iban", "digits"])
    spoken = any(
        word in text.casefold() for word in ("one", "two", "o", "four", "five", "six", "seven", "ni")
    )
    if not spoken:
        assert redact.text(text) == text


@given(KINDS, TEXTS, TEXTS)
def test_whatever_is_masked_the_rest_keeps_its_order(kinds: list[Any], before: str, text: str) -> None:
    for masked in (Redactor(kinds).text(text), Redactor(kinds).following(before, text), REDACT.part(text)):
        at = 0
        for piece in re.split(r"\[(?:card|phone|email|iban|digits)\]", masked):
            at = text.index(piece, at) + len(piece)
