"""Rules files: what may be written, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.errors import ConfigErrors
from voicepipe.speech.rules import Span, Value, parse_rules, read_rules

HELLO = "intents: {hello: {sentences: hello, answer: Hello.}}"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse_rules(text)
    return [f"{error.line}:{error.column}: {error.message}" for error in caught.value.errors]


def test_short_forms_stand_for_the_long_ones() -> None:
    rules, _ = parse_rules(
        "lists:\n"
        "  city: [Paris, 4.10, 7, {say: (meter|meters), value: m}]\n"
        "  minutes: {from: 1, to: 60}\n"
        "  order: {digits: {from: 3, to: 8}}\n"
        "intents:\n"
        "  weather: {sentences: 'how is {city}', tool: t, answer: [Fine., Bad.], error: Sorry.}\n"
        "  there: {after: weather, sentences: [and there, there], answer: Fine.}\n"
        "fallback: {unknown: Pardon.}\n"
    )
    city = rules.lists["city"].values
    assert city == (
        Value(say="Paris", value="Paris"),
        Value(say="4.10", value="4.10"),
        Value(say="7", value=7),
        Value(say="(meter|meters)", value="m"),
    )
    assert rules.lists["minutes"].range == Span(**{"from": 1, "to": 60})
    assert rules.lists["order"].digits == Span(**{"from": 3, "to": 8})
    weather, there = rules.intents.values()
    assert (weather.sentences, weather.answer, weather.error) == (
        ("how is {city}",),
        ("Fine.", "Bad."),
        ("Sorry.",),
    )
    assert (there.after, there.sentences) == (("weather",), ("and there", "there"))
    assert rules.fallback.unknown == ("Pardon.",)
    assert rules.fallback.error == ("Sorry, that didn't work. {error}",)


def test_words_that_older_yaml_takes_for_something_else_stay_words() -> None:
    rules, _ = parse_rules(
        "language: no\nlists: {state: [on, off, yes, {say: no, value: no}]}\n"
        "intents: {on: {sentences: [on, 007], answer: true}}"
    )
    assert rules.language == "no"
    assert [value.value for value in rules.lists["state"].values] == ["on", "off", "yes", "no"]
    assert rules.intents["on"].sentences == ("on", "007")
    assert rules.intents["on"].answer == ("true",)


def test_arguments_keep_the_types_of_yaml() -> None:
    rules, _ = parse_rules(
        "intents: {go: {sentences: go, tool: move, answer: Gone., arguments: {far: 1.5, fast: true, to: no}}}"
    )
    assert rules.intents["go"].arguments == {"far": 1.5, "fast": True, "to": "no"}


def test_all_mistakes_of_a_file_are_told_at_once_in_its_order() -> None:
    text = (
        "lists:\n"
        "  day: monday\n"
        "  minutes: {from: 60, to: 1}\n"
        "  hours: {form: 1, to: 12}\n"
        "  city: [Paris, {say: Rome, valu: Roma}]\n"
        "intents:\n"
        "  hello: {sentence: hello, answer: []}\n"
        "phrases: {please: [please]}\n"
        "fallbak: {}\n"
    )
    assert problems(text) == [
        "2:8: expected a list, found 'monday'",
        "3:12: 'from' (60) is greater than 'to' (1)",
        "4:10: 'from' is missing",
        "4:11: unknown key 'form'. Did you mean 'from'?",
        "5:17: 'value' is missing",
        "5:29: unknown key 'valu'. Did you mean 'value'?",
        "7:10: 'sentences' is missing",
        "7:11: unknown key 'sentence'. Did you mean 'sentences'?",
        "7:36: expected at least 1 entry, found 0",
        "8:19: expected text, found a list",
        "9:1: unknown key 'fallbak'. Did you mean 'fallback'?",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: 'intents' is missing"),
        ("hello", "1:1: expected a map, found 'hello'"),
        ("intents: {}", "1:10: expected at least 1 entry, found 0"),
        ("intents: [hello]", "1:10: expected a map, found a list"),
        ("intents: {hello: hi}", "1:18: expected a map, found 'hi'"),
        ("intents: {a: {sentences: , answer: x}}", "1:25: expected some text, found nothing"),
        (
            f"{HELLO}\nlists: {{x: []}}",
            "2:12: expected a list of values, {from:, to:} or {digits: {from:, to:}}",
        ),
        (
            f"{HELLO}\nlists: {{x: {{digits: {{from: 3, to: 30}}}}}}",
            "2:12: a number said digit by digit has 1 to 20 digits",
        ),
        (f"{HELLO}\nlists: {{x: {{from: 0, to: 10001}}}}", "2:26: expected at most 10000, found '10001'"),
        (f"{HELLO}\n{HELLO}", "2:1: 'intents' is given twice, first in line 1"),
        ("intents: {hello", "1:16: expected ',' or '}' to go on or to close the bracket"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_what_was_written_is_found_by_its_path_in_the_long_form() -> None:
    _, source = parse_rules("intents:\n  hello:\n    sentences: hello\n    answer: [Hello., Hi.]\n")
    paths = [("intents", "hello", "sentences", 0), ("intents", "hello", "answer", 1), ("intents", "x", "y")]
    assert [str(source.place_of(path)) for path in paths] == ["rules:3:16", "rules:4:22", "rules:2:3"]


def test_a_file_is_read_and_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "shop.rules.yaml"
    path.write_text(HELLO, encoding="utf-8")
    rules, source = read_rules(path)
    assert list(rules.intents) == ["hello"]
    assert str(source.place) == f"{path}:1:1"


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(HELLO.replace("Hello.", "Olá.").encode("latin-1"))
    for name, words in (("nowhere.yaml", "can't read the file: No such"), ("latin.yaml", "expected UTF-8")):
        with pytest.raises(ConfigErrors, match=words) as caught:
            read_rules(tmp_path / name)
        assert [error.path for error in caught.value.errors] == [str(tmp_path / name)]


@given(st.text(max_size=40) | st.text("aint:{}[],- \nsewr", max_size=40).map(lambda tail: f"intents: {tail}"))
def test_any_text_is_either_rules_or_problems(text: str) -> None:
    try:
        rules, _ = parse_rules(text)
    except ConfigErrors as errors:
        unplaced = [error for error in errors.errors if not error.line]
    else:
        unplaced = []
        assert rules.intents
    assert unplaced == []
