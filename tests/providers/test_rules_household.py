"""What the pipelines that ship say by rules: each sentence, the real tool's result, the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.talk import Talk
from voicepipe.errors import ToolError
from voicepipe.providers.base import ToolCall
from voicepipe.runtime.tool_files import load_python_tools
from voicepipe.speech.rules import read_rules
from voicepipe.speech.templates import Templates
from voicepipe.speech.tools import result_text

pytest.importorskip("hassil", reason="needs the extra 'quickstart'")

PIPELINES = Path(__file__).parents[2] / "pipelines"

Example = tuple[str, str | None, str]
"""What is said (after ``/``, what is said next), the last call, and the pattern of the last answer."""

HOUSEHOLD: dict[str, list[Example]] = {
    "greeting": [("Hello.", None, "Hello! You can ask"), ("good morning there", None, "Hello!")],
    "thanks": [("thanks a lot", None, "You're welcome."), ("Thank you / thanks", None, "With pleasure.")],
    "goodbye": [("bye", None, "Goodbye!")],
    "stop": [("stop", None, "All right."), ("never mind", None, "All right.")],
    "yes": [("yes please", None, "Fine. What can I do for you")],
    "no": [("no thank you", None, "All right.")],
    "who": [
        ("What is your name?", None, "I am your household assistant"),
        ("Who are you?", None, "I am your"),
    ],
    "listening": [("Uh huh.", None, "What can I do for you"), ("okay", None, "What can I do for you")],
    "time": [("What time is it?", "get_time()", r"It is \d{1,2}:\d\d [AP]M\.$")],
    "weather": [
        ("What is the weather in Paris?", "get_weather(city=Paris)", "In Paris it is sunny and 21 degrees"),
        ("how's the weather like in new york today", "get_weather(city=New York)", "In New York it is windy"),
    ],
    "weather_somewhere": [("what's the weather", None, "In which city")],
    "weather_there": [
        ("how is the weather today / in Rome please", "get_weather(city=Rome)", "In Rome it is sunny")
    ],
    "set_timer": [
        ("Set a timer for five minutes.", "set_timer(minutes=5)", "The timer is set for 5 minutes."),
        ("start a 1 minute timer please", "set_timer(minutes=1)", "The timer is set for 1 minute."),
    ],
    "set_some_timer": [("set a timer please", None, "For how many minutes")],
    "set_timer_length": [
        ("start a timer / twenty five", "set_timer(minutes=25)", "The timer is set for 25 minutes.")
    ],
    "list_timers": [
        ("list my timers", "list_timers()", "Timers that are running: none."),
        ("set a 2 minute timer / which timers are running", "list_timers()", ".* running: 2 minutes."),
    ],
    "cancel_timer": [
        ("cancel the timer", "cancel_timers()", "I can't cancel it. No timer is running."),
        ("set a 2 minute timer / stop the timer", "cancel_timers()", ".* cancelled the timer of 2 minutes."),
    ],
    "cancel_all_timers": [("cancel all the timers", None, "Cancel all timers. Are you sure")],
    "cancel_all_timers_yes": [
        (
            "set a 2 minute timer / set a 3 minute timer / cancel all timers / yes",
            "cancel_timers()",
            "I have cancelled 2 timers.",
        ),
        ("cancel all timers / yes please", "cancel_timers()", "I can't cancel them. No timer is running."),
    ],
    "lights": [
        (
            "Turn on the kitchen lights.",
            "set_lights(room=kitchen, state=on)",
            "The lights in the kitchen are on.",
        ),
        ("switch the living room light off", "set_lights(room=living room, state=off)", ".* room are off."),
        ("turn off the lights in the hall please", "set_lights(room=hall, state=off)", ".* hall are off."),
    ],
    "order": [
        (
            "Can you check the status of my order number one two three four five, please?",
            "get_order_status(number=12345)",
            "Order 12345 was delivered on Monday.",
        ),
        ("where is my order 0042", "get_order_status(number=0042)", "Order 0042 was delivered"),
        ("what is the status of order 1235", "get_order_status(number=1235)", "Order 1235 is packed"),
    ],
    "some_order": [("I'd like to check my order status", None, "What is the order number")],
    "order_number": [
        ("where is my order / it's one two three six", "get_order_status(number=1236)", "Order 1236 was")
    ],
}
ROBOT: dict[str, list[Example]] = {
    "move": [
        (
            "Go forward ten meters.",
            "move(direction=forward, distance=10, unit=meters)",
            "Going forward 10 meters.",
        ),
        ("drive left 1 foot", "move(direction=left, distance=1, unit=feet)", "Going left 1 feet."),
    ],
    "move_somewhere": [("move backward", None, "How far")],
    "move_that_far": [("go right / 20 centimeters", None, "Please say the direction")],
    "stop": [("halt", "stop()", "Stopped.")],
}
CASES = [
    pytest.param(name, example, id=f"{name} {intent}: {example[0]}")
    for name, examples in (("household", HOUSEHOLD), ("robot", ROBOT))
    for intent, several in examples.items()
    for example in several
]


def rules(name: str) -> Path:
    return PIPELINES / f"{name}.rules.yaml"


def converse(name: str, *said: str) -> tuple[ToolCall | None, str]:
    """Say it all with new tools; the call and the answer that came of the last."""
    tools = {tool.name: tool for tool in load_python_tools(f"./{name}_tools.py", PIPELINES)}
    talk = Talk(rules(name), tools)
    for text in said:
        call, answer = None, talk.say(text)
        if isinstance(answer, ToolCall):
            call = answer
            answer = talk.tell(_result(tools[call.name].fn, tools[call.name].validate(call.arguments)))
    return call, answer


def _result(fn: Callable[..., object], arguments: dict[str, object]) -> str:
    try:
        return result_text(fn(**arguments))
    except ToolError as error:
        return json.dumps({"error": error.message})


@pytest.mark.parametrize(("name", "example"), CASES)
def test_a_sentence_calls_its_tool_and_its_result_is_told(name: str, example: Example) -> None:
    said, expected, pattern = example
    call, answer = converse(name, *said.split(" / "))
    shown = call and f"{call.name}({', '.join(f'{k}={v}' for k, v in json.loads(call.arguments).items())})"
    assert shown == expected
    assert re.match(pattern, answer), answer


@pytest.mark.parametrize(("name", "examples"), [("household", HOUSEHOLD), ("robot", ROBOT)])
def test_every_rule_has_an_example_that_it_is_chosen_for(
    name: str, examples: dict[str, list[Example]]
) -> None:
    file, source = read_rules(rules(name))
    assert list(examples) == list(file.intents)
    templates = Templates(file, source, purpose="the test")
    for intent, several in examples.items():
        for said, _, _ in several:
            match = None
            for text in said.split(" / "):
                match = templates.match(text, after=match.intent if match else None)
            assert match is not None, said
            assert match.intent == intent, said


def test_cities_of_the_rules_are_those_of_the_tool() -> None:
    file, _ = read_rules(rules("household"))
    for city in file.lists["city"].values:
        call, answer = converse("household", f"what is the weather in {city.say}")
        assert call is not None
        assert answer.startswith(f"In {city.value} it is "), answer


def test_whatever_else_is_said_is_answered_by_the_fallback() -> None:
    call, answer = converse("household", "who was the first man on the moon")
    assert call is None
    assert answer.startswith("Sorry, I can't help with that.")
