from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.plans import conversations, variant
from voicepipe.compare.desk import Desk
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Run, Scripted
from voicepipe.providers.openai_realtime_events import READ_OUT
from voicepipe.testing.realtime_script import Asked
from voicepipe.testing.realtime_stand_in import PLAIN, RealtimeStandIn
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.wav import Typed

PIPELINE = """\
voicepipe: 1
agent:
  tools: [{builtin: current_time}]
  notices: {wait: "", failed: "", not_heard: "", reconnected: ""}
stages:
  vad: energy
  realtime: {use: openai/gpt-realtime-2.1}
tool_results: {current_time: {time: "12"}}
"""
WORDS = "What time is it, please?"
(TIME,) = conversations(names=["the time comes from the tool"])


def reply(stand_in: RealtimeStandIn, *items: dict[str, object], **params: object) -> tuple[str, list[str]]:
    """Words, and the names of tools."""
    made = stand_in._reply(Asked(params=params, config={}, conversation=items))
    return "".join(made.text), [tool.name for tool in made.tools]


def user(words: str) -> dict[str, object]:
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": words}]}


def prepared(call: Scripted = TIME) -> RealtimeStandIn:
    stand_in = RealtimeStandIn()
    stand_in.prepare(call)
    return stand_in


def test_it_calls_the_tool_that_is_expected_of_what_was_said() -> None:
    assert reply(prepared(), user(WORDS)) == ("", ["current_time"])
    assert reply(prepared(), user(WORDS), user("")) == ("", ["current_time"]), "heard in two parts"


def test_it_reads_out_what_the_tool_answered() -> None:
    answer = {"type": "function_call_output", "output": '{"time": "12:30", "zone": "UTC"}'}
    assert reply(prepared(), user(WORDS), answer) == ("12:30, UTC", [])
    assert reply(prepared(), {**answer, "output": "half past"}) == ("half past", [])


def test_where_nothing_is_expected_it_says_what_it_is() -> None:
    assert reply(prepared(), user("Hello.")) == (PLAIN, [])
    assert reply(prepared()) == (PLAIN, [])
    assert reply(prepared(replace(TIME, test=None)), user(WORDS)) == (PLAIN, [])


def test_it_reads_out_what_it_is_told_to() -> None:
    told = reply(prepared(), conversation="none", instructions=f"{READ_OUT}One moment.")
    assert told == ("One moment.", [])


def test_it_hears_each_utterance_once() -> None:
    stand_in = prepared()
    stand_in.listen(0)
    assert [stand_in.script.next_heard().text for _ in range(2)] == [WORDS, ""]
    stand_in.listen(1)
    assert stand_in.script.next_heard().text == "", "nobody knows what is said there"


def test_a_comparison_holds_its_call_with_it(tmp_path: Path) -> None:
    path = tmp_path / "fused.yaml"
    path.write_text(PIPELINE)
    one = variant("fused", path, clock="real", server="realtime")
    call = replace(TIME, script=[Utterance(Typed(WORDS)), *TIME.script[1:]])
    with Desk("real", [one], "stubs", stand_ins={"realtime": RealtimeStandIn}, tell=print) as desk:
        held: MeasuredCall = desk.hold(Run(one, call, 0), None)
    assert held.error is None
    (turn,) = held.turns
    assert [tool.name for tool in turn.tools] == ["current_time"]
    assert turn.heard == "12"
    assert {item.slot for item in held.items} == {"realtime"}
