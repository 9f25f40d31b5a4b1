"""What a pipeline file can ask of a fused model, in whole calls with a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import sides
from tests.support.fused import STAGES, hold, items, reads_out
from voicepipe import Pipeline
from voicepipe.api import Call
from voicepipe.core.frames import PlaybackStarted, SpeechStarted, Text
from voicepipe.core.records import ProviderAttempt, ToolFinished, ToolStarted, TurnEnded
from voicepipe.testing.realtime_script import Asked, Reply, Tool
from voicepipe.testing.realtime_server import RealtimeServer
from voicepipe.transports.wav import Typed, WavCall

TIME = "slt_what_time_is_it"
LONG = "I am going to count for you now: one, two, three, four, five, six, seven, eight, nine, and ten."


def with_keys(keys: str) -> str:
    return STAGES.replace("base_url", f"{keys}, base_url")


def answers(*replies: Reply) -> Callable[[Asked], Reply]:
    """Reads out what it is told to, and otherwise gives the next of ``replies``."""
    read, left = reads_out(), list(replies)

    def answer(asked: Asked) -> Reply:
        told = "Say exactly" in (asked.params.get("instructions") or "")
        return read(asked) if told or not left else left.pop(0)

    return answer


def when(kind: type[Any], do: Callable[[Call], None]) -> Callable[[Call], None]:
    """``do`` once, at the call's first event of ``kind`` that belongs to a reply to the caller."""

    def on_call(call: Call) -> None:
        done: list[bool] = []

        def note(at_ns: int, event: Any) -> None:
            if isinstance(event, kind) and not done:
                done.append(True)
                do(call)

        call.observe(note)

    return on_call


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_a_call_may_be_g711_in_both_directions(tmp_path: Path, law: str) -> None:
    async def main() -> None:
        stages = with_keys(f"input_format: {law}, output_format: {law}, noise_reduction: far_field")
        async with RealtimeServer(heard=["what time is it"], answer=reads_out("It is ten.")) as server:
            held = await hold(server, tmp_path, TIME, stages=stages)
        (turn,) = held.report.turns
        assert (turn.user, turn.heard) == ("what time is it", "It is ten.")
        audio = server.sessions[-1].config["audio"]
        assert audio["input"]["format"]["type"] == audio["output"]["format"]["type"] == f"audio/{law}"
        assert audio["input"]["noise_reduction"] == {"type": "far_field"}
        _, agent = sides(tmp_path / "call.wav")
        assert 400 < agent.sounding_ms() < 800  # 60 ms for each of 10 characters
        (ear,) = [session.ear for session in server.sessions if session.ear.audio]
        assert ear.rate == 8000
        assert sum(pcm.size for pcm in ear.audio) > 8000

    asyncio.run(main())


def test_a_caller_who_is_not_written_down_is_answered_and_not_billed_for_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(answer=reads_out("It is ten.")) as server:
            held = await hold(server, tmp_path, TIME, stages=with_keys("transcription: off"))
        (turn,) = held.report.turns
        assert turn.heard == "It is ten."
        assert server.sessions[-1].config["audio"]["input"]["transcription"] is None
        assert {one.model for one in held.of(ProviderAttempt) if one.usage} == {"gpt-realtime-2.1"}

    asyncio.run(main())


def test_words_are_said_while_a_tool_runs_and_are_no_part_of_the_conversation(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import asyncio\nfrom voicepipe import tool\n\n"
        "@tool\nasync def look() -> str:\n    '''Look.'''\n    await asyncio.sleep(0.6)\n    return 'ten'\n"
    )
    agent = "{tools: [{python: './slow.py:look', say_while_running: Let me look.}]}"

    async def main() -> None:
        answer = answers(Reply(tools=[Tool(name="look")]), Reply(text=["It is ten."]))
        async with RealtimeServer(answer=answer) as server:
            held = await hold(server, tmp_path, Typed("what time is it"), agent=agent)
        (turn,) = held.report.turns
        assert (turn.agent, turn.heard) == ("It is ten.", "Let me look. It is ten.")
        said = [frame.text for frame in held.of(Text) if not frame.in_history]
        assert said == ["Let me look."]
        words = [
            part for item in server.sessions[-1].conversation.items for part in item.wire.get("content", [])
        ]
        assert not [part for part in words if "Let me look." in str(part)]

    asyncio.run(main())


def test_the_model_may_end_the_call(tmp_path: Path) -> None:
    async def main() -> None:
        answer = answers(Reply(text=["Goodbye."], tools=[Tool(name="end_call")]), Reply())
        agent = "{tools: [{builtin: end_call}]}"
        async with RealtimeServer(answer=answer) as server:
            held = await hold(server, tmp_path, Typed("bye"), Typed("are you there"), agent=agent)
        assert [turn.heard for turn in held.report.turns] == ["Goodbye."]

    asyncio.run(main())


def test_what_is_typed_while_the_model_speaks_cuts_it_off(tmp_path: Path) -> None:
    async def main() -> None:
        script = [Typed("count"), Typed("stop")]
        async with RealtimeServer(answer=reads_out(LONG, "Well.")) as server:
            held = await hold(server, tmp_path, *script, on_call=when(PlaybackStarted, skip_soon))
        first, second = held.report.turns
        assert (first.status, second.heard) == ("interrupted", "Well.")
        (cut,) = items(server, "conversation.item.truncate")
        assert 0 < cut["audio_end_ms"] < 2000
        kinds = [item.wire["role"] for item in server.sessions[-1].conversation.items]
        assert kinds == ["user", "assistant", "user", "assistant"]

    asyncio.run(main())


def skip_soon(call: Call) -> None:
    asyncio.get_running_loop().call_later(0.4, call.skip)


def test_a_greeting_that_may_not_be_interrupted_is_heard_to_its_end(tmp_path: Path) -> None:
    async def main() -> None:
        agent = "{greeting: {say: 'This call is recorded, thank you.', interruptible: false}}"
        async with RealtimeServer(heard=["what time is it"], answer=reads_out("Ten.")) as server:
            held = await hold(server, tmp_path, TIME, agent=agent)
        greeting, *_ = held.report.turns
        assert (greeting.status, greeting.heard) == ("completed", "This call is recorded, thank you.")
        assert not items(server, "conversation.item.truncate")

    asyncio.run(main())


def test_usage_belongs_to_the_turn_that_caused_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(answer=reads_out("Ten.", "Noon.")) as server:
            held = await hold(server, tmp_path, Typed("a"), Typed("b"))
        turns = [turn.turn for turn in held.report.turns]
        used = [(one.turn, use.unit) for one in held.of(ProviderAttempt) for use in one.usage]
        assert [turn for turn, unit in used if unit == "audio_tokens_out"] == turns
        again = [turn for turn, unit in used if unit == "audio_tokens_in"]
        assert again == turns[1:]  # the second reply is billed for the first one's audio

    asyncio.run(main())


def test_a_tool_that_outlives_an_interruption_answers_late(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import asyncio\nfrom voicepipe import tool\n\n"
        "@tool(cancellable=False)\nasync def order() -> str:\n    '''Order.'''\n"
        "    await asyncio.sleep(0.5)\n    return 'ordered'\n"
    )

    async def main() -> None:
        answer = answers(
            Reply(tools=[Tool(name="order")]), Reply(text=["Yes?"]), Reply(text=["It is ordered."])
        )
        script = [Typed("order it"), Typed("wait"), Typed("and now")]
        async with RealtimeServer(answer=answer) as server:
            held = await hold(
                server,
                tmp_path,
                *script,
                agent="{tools: [./slow.py]}",
                on_call=when(ToolStarted, skip_soon_after_tool),
                gap_ms=500,
            )
        assert [finished.result for finished in held.of(ToolFinished)] == ["ordered"]
        outputs = [
            item.wire["output"]
            for item in server.sessions[-1].conversation.items
            if item.wire["type"] == "function_call_output"
        ]
        assert outputs == ["ordered"]

    asyncio.run(main())


def skip_soon_after_tool(call: Call) -> None:
    asyncio.get_running_loop().call_later(0.1, call.skip)


def test_two_calls_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "fused.yaml"

    async def one(pipeline: Pipeline, words: str) -> list[tuple[str, str]]:
        report = await pipeline.hold(
            partial(WavCall, script=[Typed(words), Typed(f"{words} again")], rate=16_000)
        )
        return [(turn.user, turn.heard) for turn in report.turns]

    def echo(asked: Asked) -> Reply:
        last = next((item for item in reversed(asked.conversation) if item.get("role") == "user"), None)
        if last is None:
            return Reply(text=["Just a moment."])
        return Reply(text=[last["content"][0]["text"]])

    async def main() -> None:
        async with RealtimeServer(answer=echo) as server:
            path.write_text(
                f"voicepipe: 1\nagent: {{prompt: Be brief.}}\nstages:\n{STAGES.format(url=server.base_url)}"
            )
            pipeline = Pipeline.from_yaml(path)
            async with pipeline, asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(pipeline, word)) for word in ("red", "blue")]
            await server.alone()
        assert [task.result() for task in tasks] == [
            [(w, w) for w in (word, f"{word} again")] for word in ("red", "blue")
        ]
        assert server.open == 0

    asyncio.run(main())


def test_a_server_that_drops_each_reply_ends_no_call_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        dropped = Reply(text=["It "], fault="reset", fault_after=0)
        async with RealtimeServer(answer=answers(*[dropped] * 30)) as server:
            held = await hold(server, tmp_path, Typed("what time is it"))
            await server.alone()
        assert {ended.status for ended in held.of(TurnEnded)} >= {"failed"}
        assert [turn for turn in held.report.turns if turn.heard]  # the caller is told
        assert len(server.sessions) < 15
        assert asyncio.all_tasks() == before

    asyncio.run(main())


def test_the_key_to_talk_says_when_the_turn_is_over(tmp_path: Path) -> None:
    async def main() -> None:
        stages = f"  turn: {{{{strategy: push_to_talk}}}}\n{STAGES}"
        async with RealtimeServer(heard=["what time is it"], answer=reads_out("Ten.")) as server:
            held = await hold(server, tmp_path, TIME, stages=stages)
        assert [(turn.user, turn.heard) for turn in held.report.turns] == [("what time is it", "Ten.")]

    asyncio.run(main())


@pytest.mark.parametrize("finder", ["vad", "server"])
def test_what_is_said_while_the_connection_is_lost_is_answered(tmp_path: Path, finder: str) -> None:
    stages = STAGES
    if finder == "server":
        stages = with_keys("turn_detection: {{type: server_vad, silence_duration: 300ms}}")
        stages = stages.replace("  vad: energy", "  turn: {{strategy: provider}}")

    async def main() -> None:
        dropping: list[asyncio.Task[None]] = []

        def drop(call: Call) -> None:
            dropping.append(asyncio.get_running_loop().create_task(server.drop("reset")))

        async with RealtimeServer(heard=["what time is it"], answer=reads_out("Ten.")) as server:
            held = await hold(server, tmp_path, TIME, stages=stages, on_call=when(SpeechStarted, drop))
        assert [(turn.user, turn.heard) for turn in held.report.turns] == [("what time is it", "Ten.")]
        assert len(dropping) == 1
        (utterance,) = [i for i in server.sessions[-1].conversation.items if i.role == "user"]
        assert utterance.audio_ms > 700  # of a clip of 900 ms

    asyncio.run(main())
