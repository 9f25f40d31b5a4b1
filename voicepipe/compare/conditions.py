"""``--fail-on``: what has to hold between the figures of a comparison.

``cheap.voice_to_voice.p95 < 1.1 * default.voice_to_voice.p95`` is read by a parser of our own and computed
exactly. A figure that isn't known makes the condition fail, and says why: what has no price can't be cheap.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from voicepipe.compare.condition_syntax import Figure, Negative, Node, Number, Operation, fail, named, parse
from voicepipe.compare.figures import Figures
from voicepipe.compare.named import NAMED, Kind, Unknown, shown
from voicepipe.core.names import did_you_mean
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.pricing import PICO

_UNITS = {
    "": Fraction(1),
    "ms": Fraction(MS),
    "s": Fraction(SECOND),
    "%": Fraction(1, 100),
    "usd": Fraction(PICO),
}

Dimension = tuple[int, int]
"""The powers of time and of money; a share and a number have neither."""

_DIMENSIONS: dict[Kind, Dimension] = {"time": (1, 0), "money": (0, 1), "number": (0, 0), "share": (0, 0)}
_OF_UNIT: dict[str, Dimension] = {"ms": (1, 0), "s": (1, 0), "usd": (0, 1)}
_NAMES = {(1, 0): "a duration", (0, 1): "an amount of money", (0, 0): "a number without a unit"}

_COMPARED: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class FailOn:
    """A condition that was checked: its figures exist, and what it compares is of one kind."""

    text: str
    node: Node


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Whether ``text`` holds; ``found`` says what its figures are, or why it can't hold."""

    text: str
    holds: bool
    found: str


def fail_on(text: str, variants: Collection[str]) -> FailOn:
    """Read and check a condition on the figures of ``variants``.

    Raises ``UsageError``, which marks the column, for what can't be read, for unknown variants and figures,
    and for quantities that can't be compared.
    """
    node = parse(text)
    for figure in _figures(node):
        _check_figure(text, figure, variants)
    if _kind(text, node) is not None:
        fail(text, len(text) + 1, "nothing is compared", "Say what has to hold: default.success >= 95%.")
    return FailOn(text, node)


def judge_condition(condition: FailOn, figures: Figures) -> ConditionResult:
    """Whether it holds for ``figures``. A figure that isn't known makes it fail."""
    known = figures.by_name
    values: dict[str, Fraction] = {}
    told: dict[str, str] = {}
    unknown = []
    for figure in _figures(condition.node):
        name = f"{named(figure.variant)}.{figure.name}"
        of = NAMED[figure.name]
        variant = known[figure.variant]
        left_out = variant.info.left_out
        found = of.of(variant) if left_out is None else Unknown(f"the variant was left out: {left_out}")
        if isinstance(found, Unknown):
            unknown.append(f"{name} isn't known: {found.why}")
        else:
            values[name] = found
            told[name] = f"{name} is {shown(found, of.kind)}"
    if unknown:
        return ConditionResult(condition.text, False, "; ".join(dict.fromkeys(unknown)))
    try:
        holds = bool(_value(condition.node, values))
    except ZeroDivisionError:
        return ConditionResult(condition.text, False, "; ".join((*told.values(), "which divides by zero")))
    return ConditionResult(condition.text, holds, "; ".join(told.values()))


def _figures(node: Node) -> Iterator[Figure]:
    if isinstance(node, Figure):
        yield node
    elif isinstance(node, Negative):
        yield from _figures(node.of)
    elif isinstance(node, Operation):
        yield from _figures(node.left)
        yield from _figures(node.right)


# ── before ───────────────────────────────────────────────────────────────────────────────────────


def _check_figure(text: str, figure: Figure, variants: Collection[str]) -> None:
    if figure.variant not in variants:
        have = ", ".join(map(named, variants)) or "none"
        meant = did_you_mean(figure.variant, variants)
        fail(text, figure.column, f"there is no variant '{figure.variant}'.{meant}", f"There are: {have}.")
    if figure.name not in NAMED:
        meant = did_you_mean(figure.name, NAMED)
        fail(text, figure.column, f"there is no figure '{figure.name}'.{meant}", _figures_hint(figure.name))


def _figures_hint(name: str) -> str:
    first = name.split(".")[0]
    below = [known for known in NAMED if known.split(".")[0] == first]
    names = below or dict.fromkeys(known.split(".")[0] for known in NAMED)
    return f"There are: {', '.join(names)}."


def _kind(text: str, node: Node) -> Dimension | None:
    """What ``node`` is a quantity of; None for a truth."""
    if isinstance(node, Number):
        return _OF_UNIT.get(node.unit, (0, 0))
    if isinstance(node, Figure):
        return _DIMENSIONS[NAMED[node.name].kind]
    if isinstance(node, Negative):
        return _quantity(text, _kind(text, node.of), len(text) + 1)
    left, right = _kind(text, node.left), _kind(text, node.right)
    if node.operator in ("and", "or"):
        if left is not None or right is not None:
            fail(text, node.column, f"'{node.operator}' joins comparisons, and not all of this is compared")
        return None
    ours, theirs = _quantity(text, left, node.column), _quantity(text, right, node.column)
    if node.operator in ("*", "/"):
        sign = 1 if node.operator == "*" else -1
        return ours[0] + sign * theirs[0], ours[1] + sign * theirs[1]
    if ours != theirs:
        _unlike(text, node, ours, theirs)
    return None if node.operator in _COMPARED else ours


def _quantity(text: str, kind: Dimension | None, column: int) -> Dimension:
    if kind is None:
        fail(text, column, "what is compared already is no quantity", "Join comparisons with 'and' and 'or'.")
    return kind


def _unlike(text: str, node: Operation, ours: Dimension, theirs: Dimension) -> None:
    left, right = (_NAMES.get(kind, "another kind of quantity") for kind in (ours, theirs))
    hint = None
    if (0, 0) in (ours, theirs):
        hint = "A duration needs a unit, such as 800ms or 1.2s, and money needs usd, such as 0.05 usd."
    fail(text, node.column, f"'{node.operator}' between {left} and {right}", hint)


# ── after ────────────────────────────────────────────────────────────────────────────────────────


def _value(node: Node, values: dict[str, Fraction]) -> Fraction | bool:
    if isinstance(node, Number):
        return Fraction(node.value) * _UNITS[node.unit]
    if isinstance(node, Figure):
        return values[f"{named(node.variant)}.{node.name}"]
    if isinstance(node, Negative):
        return -Fraction(_value(node.of, values))
    left = _value(node.left, values)
    if node.operator == "and":
        return bool(left) and bool(_value(node.right, values))
    if node.operator == "or":
        return bool(left) or bool(_value(node.right, values))
    return _computed(node, Fraction(left), Fraction(_value(node.right, values)))


def _computed(node: Operation, left: Fraction, right: Fraction) -> Fraction | bool:
    match node.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
    return _COMPARED[node.operator](left, right)
