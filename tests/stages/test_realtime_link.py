"""A fused model's connection is lost, or grows old: the call goes on with all that was said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.fake_realtime import FakeRealtime, OnTheLine, call
from tests.support.fused import STAGES, hold, items, reads_out
from voicepipe.api import Call
from voicepipe.core.frames import Recovered, Recovering, TurnFailed
from voicepipe.core.records import Failed, ToolFinished, ToolStarted, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.stages.realtime_link import FIRST_WAIT, LONGEST_WAIT
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
            " turn_detection: {{type: server_vad, silence_duration: 300ms, idle_timeout: 1s}}}}\n"
        )
        answer = reads_out("It is ten.", "Are you still there?")
        async with RealtimeServer(heard=["what time is it"], answer=answer) as server:
            held = await hold(
                server, tmp_path, TIME, Typed("yes"), stages=stages, gap_ms=2500, on_call=until_turn(2)
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


def refusal(kind: Any, *, retryable: bool = False, retry_after_ns: int | None = None) -> ProviderError:
    return ProviderError("no", provider="fake", kind=kind, retryable=retryable, retry_after_ns=retry_after_ns)


def test_a_server_that_drops_each_connection_is_tried_after_growing_waits() -> None:
    model = FakeRealtime()
    model.on_connect = lambda connection: connection.lose()

    async def story(line: OnTheLine) -> None:
        await line.silence(60_000)

    line = call(model, story)
    waits = [after - before for before, after in pairwise(model.attempts)]
    assert FIRST_WAIT // 2 <= waits[0] <= FIRST_WAIT + 100 * MS
    assert max(waits) <= LONGEST_WAIT + 100 * MS
    assert len(waits) < 20
    assert len(line.bench.of(Failed)) == len(model.connections)


def test_a_server_that_is_busy_is_left_alone_for_as_long_as_it_asks() -> None:
    model = FakeRealtime()
    model.refusals = [refusal("rate_limit", retryable=True, retry_after_ns=3 * SECOND)]

    async def story(line: OnTheLine) -> None:
        await line.silence(4000)

    call(model, story)
    assert model.attempts[1] - model.attempts[0] >= 3 * SECOND
    assert len(model.connections) == 1


def test_a_refused_key_fails_each_reply_at_once_and_is_not_shown_again() -> None:
    model = FakeRealtime(["Ten."])
    model.refusals = [refusal("authentication")]

    async def story(line: OnTheLine) -> None:
        for _ in range(3):
            await line.ask(await line.say(200))
            await line.silence(100)

    line = call(model, story)
    assert len(model.attempts) == 1
    failed = [frame.turn for frame in line.bench.reports if isinstance(frame, TurnFailed)]
    assert {1, 2, 3} <= set(failed)


def test_a_reply_waits_for_the_connection_and_not_for_the_farewell_of_the_last_one() -> None:
    model = FakeRealtime(["Ten."])
    model.close_takes = 0.8  # a peer that vanished doesn't answer

    async def story(line: OnTheLine) -> None:
        utterance = await line.say(200)
        await line.silence(200)
        model.last.lose()
        await line.silence(20)
        turn = await line.ask(utterance)
        await line.silence(2000)
        await line.over(turn)

    line = call(model, story)
    assert not [frame for frame in line.bench.reports if isinstance(frame, TurnFailed)]
    assert len(model.connections) == 2


def test_while_a_connection_is_made_anew_the_turn_stage_knows() -> None:
    model = FakeRealtime()

    async def story(line: OnTheLine) -> None:
        await line.silence(500)
        model.last.lose()
        await line.silence(1000)

    line = call(model, story)
    told = [type(frame) for frame in line.bench.reports]
    assert told == [Recovering, Recovered]


def test_a_connection_is_not_renewed_while_anybody_speaks_or_a_reply_is_due() -> None:
    model = FakeRealtime(["Ten."], words=("one",))

    async def story(line: OnTheLine) -> None:
        turn = await line.ask(await line.say(3000))
        await line.silence(3000)
        assert len(model.connections) == 1
        line.end_turn(turn, completed=True)
        await line.silence(200)
        assert len(model.connections) == 2

    line = call(model, story, renew_after="1s")
    assert not [frame for frame in line.bench.reports if isinstance(frame, Recovering)]


def test_a_reply_that_is_interrupted_while_there_is_no_connection_leaves_nothing_behind() -> None:
    model = FakeRealtime(["Ten."], ["Done."])
    model.connect_takes = 1.0

    async def story(line: OnTheLine) -> None:
        first = await line.ask(await line.say(200))
        await line.silence(200)
        line.end_turn(first, completed=False)
        second = await line.ask(await line.say(200))
        await line.silence(1500)
        await line.over(second)

    call(model, story)
    assert len(model.last.asked) == 1
    assert len(model.last.asked[0]) == 2  # both utterances, in audio


def test_another_provider_is_connected_to_at_once_also_while_the_first_is_waited_for() -> None:
    first, second = FakeRealtime(), FakeRealtime(["Ten."])
    first.connect_takes = 30.0

    async def story(line: OnTheLine) -> None:
        turn = await line.ask(await line.say(200))
        await line.silence(3500)  # the first one's time is over
        await line.over(turn)

    line = call(first, story, fallback=second)
    assert not first.connections
    assert len(second.connections) == 1
    assert not [frame for frame in line.bench.reports if isinstance(frame, TurnFailed)]


def test_at_the_end_of_a_call_no_connection_is_left() -> None:
    model = FakeRealtime(["Ten."])

    async def story(line: OnTheLine) -> None:
        await line.ask(await line.say(200))
        await line.silence(20)

    call(model, story)
    assert all(connection.over for connection in model.connections)
