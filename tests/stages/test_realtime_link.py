"""A fused model's connection is lost, or grows old: the call goes on with all that was said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.fused import STAGES, hold, items, reads_out
from voicepipe.api import Call
from voicepipe.core.records import ToolFinished, ToolStarted, TurnEnded
from voicepipe.testing.realtime_script import Reply, Tool
from voicepipe.testing.realtime_server import RealtimeServer
from voicepipe.transports.wav import Typed

TIME = "slt_what_time_is_it"
LIGHTS = "slt_turn_on_the_kitchen_lights"
NOTICES = [Reply()] * 4


def at(kind: type[Any], do: Callable[[], Any]) -> Callable[[Call], None]:
    """Run ``do`` beside the call when it comes to its first event of ``kind``."""
    begun: list[asyncio.Task[None]] = []

    def note(at_ns: int, event: Any) -> None:
        if isinstance(event, kind) and not begun:
            begun.append(asyncio.get_running_loop().create_task(do()))

    return lambda call: call.observe(note)


def until_turn(number: int) -> Callable[[Call], None]:
    """Hang up when that many turns have ended."""

    def begin(call: Call) -> None:
        ended: list[Any] = []

        def note(at_ns: int, event: Any) -> None:
            if isinstance(event, TurnEnded):
                ended.append(event)
                if len(ended) == number:
                    call.hang_up()

        call.observe(note)

    return begin


def told(server: RealtimeServer) -> list[tuple[str, str]]:
    """Who said what in the messages that the last connection was told."""
    messages = [event["item"] for event in items(server, "conversation.item.create")]
    return [(m["role"], m["content"][0]["text"]) for m in messages if m["type"] == "message"]


def test_a_connection_that_is_lost_between_two_turns_is_made_anew_with_what_was_said(tmp_path: Path) -> None:
    async def main() -> None:
        answer = reads_out("It is ten.", "Done.")
        async with RealtimeServer(heard=["what time is it", "turn on the lights"], answer=answer) as server:
            dropped = at(TurnEnded, lambda: server.drop("reset"))
            held = await hold(server, tmp_path, TIME, LIGHTS, on_call=dropped, gap_ms=500)
        assert [turn.agent for turn in held.report.turns] == ["It is ten.", "Done."]
        assert told(server) == [("user", "what time is it"), ("assistant", "It is ten.")]

    asyncio.run(main())


def test_a_reply_that_is_lost_before_its_first_sound_is_asked_for_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(heard=["what time is it"]) as server:
            server.script.replies.extend(
                [*NOTICES, Reply(text=["Ten."], fault="reset", fault_after=0), Reply(text=["It is ten."])]
            )
            held = await hold(server, tmp_path, TIME)
        assert [(turn.user, turn.agent) for turn in held.report.turns] == [("what time is it", "It is ten.")]
        assert told(server) == [("user", "what time is it")]

    asyncio.run(main())


def test_a_tool_that_runs_while_the_connection_is_lost_keeps_its_call_and_its_result(tmp_path: Path) -> None:
    async def main() -> None:
        tools = tmp_path / "slow.py"
        tools.write_text(
            "import asyncio\nfrom voicepipe import tool\n\n"
            "@tool\nasync def look() -> str:\n    '''Look.'''\n"
            "    await asyncio.sleep(0.5)\n    return 'ten'\n"
        )
        async with RealtimeServer(heard=["what time is it"]) as server:
            server.script.replies.extend(
                [*NOTICES, Reply(tools=[Tool(name="look")]), Reply(text=["It is ten."])]
            )
            held = await hold(
                server,
                tmp_path,
                TIME,
                agent="{tools: [./slow.py]}",
                on_call=at(ToolStarted, lambda: server.drop("reset")),
            )
        assert [turn.agent for turn in held.report.turns] == ["It is ten."]
        assert [finished.result for finished in held.of(ToolFinished)] == ["ten"]
        kinds = [event["item"]["type"] for event in items(server, "conversation.item.create")]
        assert kinds == ["message", "function_call", "function_call_output"]

    asyncio.run(main())


def test_a_connection_is_renewed_in_a_quiet_moment_before_the_server_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        stages = STAGES.replace("base_url", "renew_after: 1s, base_url")
        answer = reads_out("It is ten.", "Done.")
        async with RealtimeServer(heard=["what time is it", "turn on the lights"], answer=answer) as server:
            held = await hold(server, tmp_path, TIME, LIGHTS, stages=stages, gap_ms=400)
        assert [turn.agent for turn in held.report.turns] == ["It is ten.", "Done."]
        assert ("assistant", "It is ten.") in told(server)
        assert len(server.sessions) >= 4 + 2

    asyncio.run(main())


def test_the_server_may_find_the_callers_turns(tmp_path: Path) -> None:
    async def main() -> None:
        stages = (
            "  turn: {{strategy: provider}}\n"
            "  realtime: {{use: openai/gpt-realtime-2.1, base_url: '{url}',"
            " turn_detection: {{type: server_vad, silence_duration: 300ms}}}}\n"
        )
        answer = reads_out("It is ten.", "Done.")
        async with RealtimeServer(heard=["what time is it", "turn on the lights"], answer=answer) as server:
            held = await hold(server, tmp_path, TIME, LIGHTS, stages=stages)
        said = [(turn.user, turn.agent) for turn in held.report.turns]
        assert said == [("what time is it", "It is ten."), ("turn on the lights", "Done.")]
        assert not items(server, "input_audio_buffer.commit")

    asyncio.run(main())


def test_a_caller_who_says_nothing_is_spoken_to(tmp_path: Path) -> None:
    async def main() -> None:
        stages = (
            "  turn: {{strategy: provider}}\n"
            "  realtime: {{use: openai/gpt-realtime-2.1, base_url: '{url}',"
            " turn_detection: {{type: server_vad, silence_duration: 300ms, idle_timeout: 5s}}}}\n"
        )
        answer = reads_out("It is ten.", "Are you still there?")
        async with RealtimeServer(heard=["what time is it"], answer=answer) as server:
            held = await hold(
                server, tmp_path, TIME, Typed("yes"), stages=stages, gap_ms=7000, on_call=until_turn(2)
            )
        said = [(turn.user, turn.agent) for turn in held.report.turns]
        assert said == [("what time is it", "It is ten."), ("", "Are you still there?")]

    asyncio.run(main())


def test_the_models_words_may_be_spoken_by_another_voice(tmp_path: Path) -> None:
    async def main() -> None:
        stages = (
            "  vad: energy\n"
            "  realtime: {{use: openai/gpt-realtime-2.1, output: text, base_url: '{url}'}}\n"
            "  tts: sim\n"
        )
        agent = "{greeting: Hello there!}"
        async with RealtimeServer(heard=["what time is it"], answer=reads_out("It is ten.")) as server:
            held = await hold(server, tmp_path, TIME, stages=stages, agent=agent)
        assert [turn.agent for turn in held.report.turns] == ["Hello there!", "It is ten."]
        assert [turn.heard for turn in held.report.turns] == ["Hello there!", "It is ten."]
        session = server.sessions[-1]
        assert session.config["output_modalities"] == ["text"]
        assert ("assistant", "Hello there!") in told(server)

    asyncio.run(main())
