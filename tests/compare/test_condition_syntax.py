from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.compare.condition_syntax import (
    Figure,
    Negative,
    Node,
    Number,
    Operation,
    named,
    parse,
    written,
)
from voicepipe.errors import UsageError

VARIANTS = st.one_of(
    st.sampled_from(["default", "cheap", "tts=piper", "other.yaml", "and", 'a "b"']), st.text()
)
FIGURES = st.builds(Figure, VARIANTS, st.sampled_from(["success", "voice_to_voice.p95", "a.b.c"]), st.just(0))
NUMBERS = st.builds(
    Number,
    st.decimals(0, 10**9, places=3),
    st.sampled_from(["", "ms", "s", "%", "usd"]),
)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "and", "or"])
NODES: st.SearchStrategy[Node] = st.recursive(
    FIGURES | NUMBERS,
    lambda nodes: st.builds(Negative, nodes) | st.builds(Operation, OPERATORS, nodes, nodes, st.just(0)),
    max_leaves=10,
)


def bare(node: Node) -> Node:
    """Without its columns."""
    if isinstance(node, Figure):
        return replace(node, column=0)
    if isinstance(node, Negative):
        return Negative(bare(node.of))
    if isinstance(node, Operation):
        return replace(node, left=bare(node.left), right=bare(node.right), column=0)
    return node


@given(NODES)
def test_what_is_written_is_read_as_the_same(node: Node) -> None:
    text = written(node)
    if len(text) <= 1000:
        assert bare(parse(text)) == node


@given(st.text(max_size=60) | st.text("ab.<>=!+-*/()'\"1 and or ms%usd", max_size=60))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        node = parse(text)
    except UsageError:
        with pytest.raises(UsageError, match="--fail-on, column "):
            parse(text)
    else:
        assert bare(parse(written(node))) == bare(node)


def test_products_bind_closer_than_sums_and_sums_closer_than_comparisons() -> None:
    assert (
        written(parse("a.x+b.x*2<1ms and c.x>1 or d.x==2")) == "a.x + b.x * 2 < 1ms and c.x > 1 or d.x == 2"
    )
    assert written(parse("(a.x + b.x) * 2 < (1ms)")) == "(a.x + b.x) * 2 < 1ms"
    assert written(parse("a.x < 1 and (b.x < 1 or c.x < 1)")) == "a.x < 1 and (b.x < 1 or c.x < 1)"


def test_operations_of_one_rank_go_from_left_to_right() -> None:
    assert bare(parse("1 - 2 - 3")) == bare(parse("(1 - 2) - 3"))
    assert bare(parse("1 / 2 * 3")) == bare(parse("(1 / 2) * 3"))


def test_a_name_with_other_signs_stands_in_quotes_of_either_kind() -> None:
    assert bare(parse("'tts=piper'.cost.per_call")) == Figure("tts=piper", "cost.per_call", 0)
    assert bare(parse('"say ""hi""".success')) == Figure('say "hi"', "success", 0)
    assert (named("cheap"), named("tts=piper"), named("and")) == ("cheap", '"tts=piper"', '"and"')


def test_numbers_have_units() -> None:
    assert parse("1.5 S") == Number(Decimal("1.5"), "s")
    assert parse("5%") == parse("5 %") == Number(Decimal(5), "%")
    assert parse("0.05USD") == Number(Decimal("0.05"), "usd")


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "expected a figure, a number or '(', it ends here"),
        ("a.b <", 6, "it ends here"),
        ("a.b < 3 c", 9, "expected a unit: ms, s, % or usd, found 'c'"),
        ("a.b < 3min", 8, "expected a unit"),
        ("a.b c", 5, "expected an operator such as < or and, found 'c'"),
        ("a < 3", 3, "expected a dot and a figure after the variant 'a'"),
        ("a. < 3", 4, "expected the name of a figure, found '<'"),
        ("(a.b < 3", 9, "expected ')', it ends here"),
        ("a.b = 3", 5, "'=' means nothing here"),
        ("a.b < 3 && c.d < 3", 9, "'&' means nothing here"),
        ('"a.b < 3', 1, "this quote isn't closed"),
        ("1 < 2 < 3", 7, "a second comparison"),
        ("and < 3", 1, "expected a figure"),
        ("a.b < 1e999", 8, "expected a unit"),
        ("(" * 60 + "1" + ")" * 60, 51, "more than 50 levels"),
        ("-" * 60 + "1", 51, "more than 50 levels"),
    ],
)
def test_an_error_marks_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert f"column {column}: " in caught.value.message
    assert message in caught.value.message
    assert caught.value.message.splitlines()[-1] == f"  {' ' * (column - 1)}^"


def test_the_longest_chain_of_operations_is_read() -> None:
    assert written(parse("1+" * 499 + "1")).count("+") == 499
    with pytest.raises(UsageError, match="1000 are the most"):
        parse("1+" * 600)


def test_an_equals_sign_of_a_name_is_explained() -> None:
    with pytest.raises(UsageError) as caught:
        parse("tts=piper.success > 1")
    assert caught.value.hint is not None
    assert "'tts=piper'.success" in caught.value.hint
