from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.comparisons import call, comparison, item, turn, variant
from voicepipe.compare.conditions import ConditionResult, fail_on, judge_condition
from voicepipe.compare.figures import figures_of
from voicepipe.errors import UsageError

CALLS = [
    call("default", turns=[turn(1, 500), turn(2, 700)], items=[item(usd=0.002)], passed=True, cut_ins=1),
    call("tts=piper", turns=[turn(1, 400), turn(2, 600)], items=[item(usd=0.001)], passed=False),
    call("nameless", turns=[turn(1, 400)], items=[item(unpriced=1)]),
]
VARIANTS = [
    *(variant(name) for name in ("default", "tts=piper", "nameless")),
    variant("gpu", left_out="no GPU"),
]
FIGURES = figures_of(comparison(CALLS, variants=VARIANTS))
NAMES = [one.name for one in VARIANTS]


def judged(text: str) -> ConditionResult:
    return judge_condition(fail_on(text, NAMES), FIGURES)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("'tts=piper'.voice_to_voice.p95 < 1.1 * default.voice_to_voice.p95", True),
        ("default.voice_to_voice.p95 < 'tts=piper'.voice_to_voice.p95", False),
        ("default.voice_to_voice.p50 == 0.5s", True),
        ("default.voice_to_voice.p50 != 500ms", False),
        ("default.voice_to_voice.p50 - 'tts=piper'.voice_to_voice.p50 <= 100ms", True),
        ("-default.voice_to_voice.p50 < 0ms", True),
        ("default.cost.per_call == 0.002 usd", True),
        ("default.cost.per_call / 'tts=piper'.cost.per_call == 2", True),
        ("default.cost.per_call >= 2.1 * 'tts=piper'.cost.per_call", False),
        ("default.success >= 95% and default.cut_ins <= 1", True),
        ("'tts=piper'.success > 0 or default.success == 100%", True),
        ("'tts=piper'.success > 0 and default.success == 100%", False),
        ("(default.cut_ins + 1) * 2 > 3", True),
        ("default.voice_to_voice.p50 * default.cost.per_call > 0.0009 usd * 1s", True),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    assert judged(text).holds is holds


def test_exact_figures_are_compared_exactly() -> None:
    assert judged("default.cost.per_call + 0.1 usd == 0.102 usd").holds


def test_the_result_says_what_was_found() -> None:
    assert judged("default.voice_to_voice.p95 < 1s and 'tts=piper'.cost.per_call < 1 usd").found == (
        'default.voice_to_voice.p95 is 700 ms; "tts=piper".cost.per_call is 0.001 USD'
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nameless.cost.per_call < 1 usd", "there is no price for llm openai/gpt-6-luna (tokens_out)"),
        ("default.voice_to_voice.p99 < 9s", "it needs 300 measurements, and there are 2"),
        ("nameless.success > 0 or 1 < 2", "nameless.success isn't known: "),
        ("gpu.voice_to_voice.p50 < 1s", "the variant was left out: no GPU"),
        ("default.voice_to_voice.p50 / default.dead_air < 1s", "which divides by zero"),
    ],
)
def test_what_is_not_known_fails_with_its_reason(text: str, why: str) -> None:
    result = judged(text)
    assert not result.holds
    assert why in result.found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defualt.success > 1", "column 1: there is no variant 'defualt'. Did you mean 'default'?"),
        ("default.sucess > 1", "there is no figure 'sucess'. Did you mean 'success'?"),
        ("1 < default.voice_to_voice.p96", "column 5: there is no figure 'voice_to_voice.p96'."),
        ("default.voice_to_voice.p50 < 800", "column 28: '<' between a duration and a number without a unit"),
        ("default.cost.per_call < 1s", "'<' between an amount of money and a duration"),
        ("default.voice_to_voice.p50 * 1s < 1s", "'<' between another kind of quantity and a duration"),
        ("default.success", "nothing is compared"),
        ("1 and default.success > 0", "'and' joins comparisons"),
        ("(default.success > 0) + 1 > 2", "what is compared already is no quantity"),
        ("-(default.success > 0) > 2", "what is compared already is no quantity"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_call_is_held(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        fail_on(text, NAMES)
    assert message in caught.value.message


def test_the_figures_below_a_name_are_listed() -> None:
    with pytest.raises(UsageError) as caught:
        fail_on("default.cost.per_cal < 1 usd", NAMES)
    assert caught.value.hint is not None
    assert "cost.per_call" in caught.value.hint
    assert "success" not in caught.value.hint


TOKENS = st.sampled_from(
    [
        "default",
        "'tts=piper'",
        "nameless",
        ".success",
        ".voice_to_voice.p95",
        ".cost.per_call",
        "<",
        "<=",
        "==",
        "+",
        "-",
        "*",
        "/",
        "(",
        ")",
        "and",
        "or",
        "1",
        "5ms",
        "2usd",
        "3%",
    ]
)


@given(st.lists(TOKENS, max_size=14))
def test_any_condition_is_refused_or_judged(tokens: list[str]) -> None:
    text = " ".join(tokens).replace(" .", ".")
    try:
        condition = fail_on(text, NAMES)
    except UsageError:
        return
    assert isinstance(judge_condition(condition, FIGURES).holds, bool)


def test_the_longest_condition_is_checked_and_judged() -> None:
    assert judged("1+" * 497 + "1 > 0").holds
