"""LLM ``rules`` as the llm stage drives it: one request after the other, with the tools' answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.talk import Talk
from tests.support.workers import make_call, make_host
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.errors import ConfigError, ProviderError
from voicepipe.providers.base import Message, TextDelta
from voicepipe.providers.rules import MEMORY, Rules, RulesConfig

pytest.importorskip("hassil", reason="needs the extra 'quickstart'")

SHOP = """
lists:
  day: [monday, saturday]
  count: {from: 1, to: 60}
intents:
  hours:
    sentences: when are you open on {day} [for {count}]
    tool: opening_hours
    arguments: {day: "{day}", kind: shop, note: "on {day}", count: "{count}"}
    answer: ["On {day} we are open {result.hours}.", "{day}: closed, since {result.reason}."]
    error: I can't look that up. {error}
  which_day:
    sentences: when are you open
    answer: "On which day?"
  that_day:
    after: which_day
    sentences: "[on] {day}"
    tool: opening_hours
    arguments: {day: "{day}"}
    answer: Open {result.hours}.
  reserve:
    sentences: reserve a table for {count}
    tool: reserve
    arguments: {count: "{count}"}
    answer: "Reserved: {result}"
  hello:
    sentences: hello
    answer: [Hello!, Hello again., And again hello.]
fallback:
  unknown: [I don't know., I still don't know.]
  unrecognised: ["Pardon?", "Once more?"]
"""


def talk_by(folder: Path, rules: str) -> Talk:
    (folder / "shop.rules.yaml").write_text(rules)
    return Talk(folder / "shop.rules.yaml", ["opening_hours", "reserve"])


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return talk_by(tmp_path, SHOP)


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


def test_a_sentence_becomes_a_call_with_its_slots_and_the_result_an_answer(talk: Talk) -> None:
    call = talk.say("When are you open on Monday?")
    assert call.name == "opening_hours"
    assert json.loads(call.arguments) == {"day": "monday", "kind": "shop", "note": "on monday"}
    assert talk.tell({"hours": "from nine to six"}) == "On monday we are open from nine to six."


def test_a_number_stays_a_number(talk: Talk) -> None:
    assert json.loads(talk.say("reserve a table for twenty five").arguments) == {"count": 25}


def test_the_answer_that_fits_the_result_is_said(talk: Talk) -> None:
    talk.say("when are you open on saturday")
    assert talk.tell({"reason": "it is a holiday"}) == "saturday: closed, since it is a holiday."


def test_a_result_that_fits_no_answer_is_told_with_the_rule(talk: Talk) -> None:
    talk.say("when are you open on saturday")
    with pytest.raises(ProviderError, match=r"no answer of the rule 'hours' fits the result \{'x': 1\}"):
        talk.tell({"x": 1})


def test_a_text_that_looks_like_a_number_is_said_as_it_is(talk: Talk) -> None:
    talk.say("reserve a table for two")
    assert talk.tell("0042") == "Reserved: 0042"


def test_what_went_wrong_in_a_tool_is_said_as_the_rule_has_it_or_else_the_fallback(talk: Talk) -> None:
    talk.say("when are you open on monday")
    assert talk.tell({"error": "The diary is lost."}) == "I can't look that up. The diary is lost."
    talk.say("reserve a table for two")
    assert talk.tell({"error": "We are full."}) == "Sorry, that didn't work. We are full."


def test_a_tool_that_the_agent_lacks_is_an_error_that_says_what_to_do(talk: Talk) -> None:
    with pytest.raises(ProviderError) as caught:
        Talk(talk.model.config.file, ["opening_hours"]).say("reserve a table for two")
    assert "'reserve' calls the tool 'reserve'" in caught.value.message
    assert caught.value.hint == "add it to agent.tools; it has: opening_hours"
    assert (caught.value.kind, caught.value.retryable) == ("bad_request", False)


def test_a_tool_is_called_anew_when_it_is_asked_for_again(talk: Talk) -> None:
    first = talk.say("reserve a table for two")
    talk.tell("done")
    second = talk.say("reserve a table for two")
    assert (first.arguments, second.name) == (second.arguments, "reserve")
    assert first.id != second.id


# ── several turns ────────────────────────────────────────────────────────────────────────────────


def test_a_reply_is_understood_after_its_question_and_only_then(talk: Talk) -> None:
    assert talk.say("on saturday") == "I don't know."
    assert talk.say("when are you open") == "On which day?"
    assert talk.say("on saturday").name == "opening_hours"
    assert talk.tell({"hours": "all day"}) == "Open all day."
    assert talk.say("on monday") == "I still don't know."


def test_a_question_stays_open_while_the_caller_is_not_understood(talk: Talk) -> None:
    talk.say("when are you open")
    assert talk.say(UNRECOGNISED) == "Pardon?"
    assert talk.say("monday").name == "opening_hours"


def test_a_question_is_closed_by_anything_else_that_is_said(talk: Talk) -> None:
    talk.say("when are you open")
    assert talk.say("tell me a joke") == "I don't know."
    assert talk.say("monday") == "I still don't know."


def test_several_answers_take_turns_whatever_is_said_between(talk: Talk) -> None:
    said = [talk.say(text) for text in ("hello", "hello", "when are you open", "hello", "hello")]
    assert said == ["Hello!", "Hello again.", "On which day?", "And again hello.", "Hello!"]


def test_unknown_words_and_unrecognised_speech_take_turns_each_for_itself(talk: Talk) -> None:
    said = [talk.say(text) for text in ("what", UNRECOGNISED, "what else", UNRECOGNISED, UNRECOGNISED)]
    assert said == ["I don't know.", "Pardon?", "I still don't know.", "Once more?", "Pardon?"]


def test_only_the_last_turns_are_looked_back_on(talk: Talk) -> None:
    talk.messages += [Message(role="user", text="hello")] * (10 * MEMORY)
    assert talk.say("when are you open") == "On which day?"
    assert talk.say("saturday").name == "opening_hours"


# ── the stream ───────────────────────────────────────────────────────────────────────────────────


def test_an_answer_comes_word_by_word_and_ends_without_a_blank(talk: Talk) -> None:
    talk.messages.append(Message(role="user", text="when are you open"))
    assert talk.events() == [TextDelta(text=word) for word in ("On ", "which ", "day?")]


def test_each_request_is_counted(talk: Talk) -> None:
    talk.say("reserve a table for two")
    talk.tell("done")
    assert [call.usage for call in talk.calls] == [{("requests", False): 1}] * 2


# ── the start ────────────────────────────────────────────────────────────────────────────────────


def test_mistakes_in_the_file_are_found_at_the_start_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"shop\.rules\.yaml:4:16: .*there is no list \{town\}"):
        talk_by(tmp_path, "\nintents:\n  where:\n    sentences: how far is {town}\n    answer: Far.\n")


def test_use_before_start_is_a_provider_error(tmp_path: Path) -> None:
    async def main() -> None:
        model = Rules(RulesConfig(file=str(tmp_path / "x.yaml")), make_host())
        await anext(aiter(model.generate(make_call(), [Message(role="user", text="hello")], ())))

    with pytest.raises(ProviderError, match="before start"):
        asyncio.run(main())
