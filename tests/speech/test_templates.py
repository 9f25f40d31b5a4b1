"""Templates: what a text means, which words they are made of, and what is wrong with one."""

from __future__ import annotations

import pytest

from voicepipe.errors import ConfigError
from voicepipe.speech.rules import parse_rules
from voicepipe.speech.templates import MAX_TEXT, Match, Templates, join_digits

pytest.importorskip("hassil", reason="needs the extra 'quickstart'")

RULES = """
lists:
  city: [Paris, New York]
  minutes: {from: 1, to: 60}
  order: {digits: {from: 4, to: 6}}
  state: [{say: (on|running), value: on}, {say: "off", value: off}]
phrases:
  please: "[please]"
intents:
  weather: {sentences: "what is the weather [like] in {city} <please>", answer: "{city}?"}
  and_there: {after: weather, sentences: "and in {city}", answer: "{city}?"}
  timer: {sentences: "set a timer for {minutes} (minute|minutes)", answer: "{minutes}"}
  order: {sentences: "where is order {order}", answer: "{order}"}
  lights: {sentences: "lights {state}", answer: "{state}"}
"""


def templates(text: str = RULES) -> Templates:
    return Templates(*parse_rules(text), purpose="the test")


def problem(sentence: str, more: str = "") -> str:
    text = f"{more}intents:\n  it: {{sentences: '{sentence}', answer: Fine.}}\n"
    with pytest.raises(ConfigError) as caught:
        templates(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "intent", "slots"),
    [
        ("what is the weather in paris", "weather", {"city": "Paris"}),
        ("What is the weather like in New York please?", "weather", {"city": "New York"}),
        ("set a timer for twenty five minutes", "timer", {"minutes": 25}),
        ("set a timer for 5 minutes", "timer", {"minutes": 5}),
        ("where is order one two three oh", "order", {"order": "1230"}),
        ("where is order 0042", "order", {"order": "0042"}),
        ("lights running", "lights", {"state": "on"}),
    ],
)
def test_a_sentence_is_its_intent_with_its_slots(text: str, intent: str, slots: dict[str, object]) -> None:
    assert templates().match(text) == Match(intent, slots)


@pytest.mark.parametrize(
    "text",
    [
        "what is the weather in berlin",
        "set a timer for 90 minutes",
        "where is order 12",
        "",
        "x" * MAX_TEXT * 2,
    ],
)
def test_what_no_sentence_says_means_nothing(text: str) -> None:
    assert templates().match(text) is None


def test_a_reply_is_understood_only_after_what_it_replies_to() -> None:
    rules = templates()
    assert rules.match("and in paris") is None
    assert rules.match("and in paris", after="timer") is None
    assert rules.match("and in paris", after="weather") == Match("and_there", {"city": "Paris"})


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("order one two three", "order 123"),
        ("order 12-04", "order 1204"),
        ("one timer", "one timer"),
        ("zero oh nine", "009"),
    ],
)
def test_digits_that_follow_each_other_are_one_number(text: str, joined: str) -> None:
    assert join_digits(text) == joined


def test_the_recogniser_may_hear_exactly_the_words_of_the_sentences() -> None:
    bigrams = templates().bigrams()
    assert bigrams.allows(["what", "is", "the", "weather", "in", "new", "york"])
    assert bigrams.allows(["set", "a", "timer", "for", "twenty", "five", "minutes"])
    assert bigrams.allows(["where", "is", "order", "four", "two", "oh", "nine"])
    assert not bigrams.allows(["what", "is", "the", "weather", "in", "york"])
    assert {"please", "york", "running", "zero"} <= set(bigrams.vocabulary)
    assert not any(word[0].isdigit() for word in bigrams.vocabulary)


def test_a_template_that_cannot_be_read_is_told_with_its_place() -> None:
    assert "rules:2:" in (told := problem("hello [there"))
    assert "can't be read" in told


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("hello {nobody}", "there is no list {nobody}"),
        ("hello <nobody>", "there is no phrase <nobody>"),
    ],
)
def test_what_a_template_names_must_exist(sentence: str, told: str) -> None:
    assert told in problem(sentence)


def test_an_answer_may_name_only_what_is_known() -> None:
    text = "intents:\n  it: {sentences: hello, answer: 'Hello {name}.'}\n"
    with pytest.raises(ConfigError, match=r"\{name\} is neither a slot"):
        templates(text)


def test_a_phrase_that_contains_itself_is_refused() -> None:
    assert "contains itself" in problem("<a>", "phrases: {a: 'x <a>'}\n")
