"""Whole calls in which one model hears and speaks: what comes out is what comes out of the cascade."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from tests.support.calls import sides
from tests.support.fused import STAGES, hold, items, reads_out
from voicepipe.core.frames import Heard as Played
from voicepipe.core.frames import Text, Transcript
from voicepipe.core.records import ProviderAttempt, ToolFinished, TurnBegan, TurnEnded, TurnReworded
from voicepipe.testing.realtime_script import Heard, Reply, Tool
from voicepipe.testing.realtime_server import RealtimeServer
from voicepipe.transports.wav import Typed

TIME = "slt_what_time_is_it"
LIGHTS = "slt_turn_on_the_kitchen_lights"


def test_a_call_has_the_words_of_both_sides_and_the_voice(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(
            heard=["what time is it"], answer=reads_out("It is ten o'clock.")
        ) as server:
            held = await hold(server, tmp_path, TIME)
        (turn,) = held.report.turns
        assert (turn.user, turn.agent, turn.heard) == ("what time is it",) + ("It is ten o'clock.",) * 2
        assert "".join(frame.text for frame in held.of(Text)) == "It is ten o'clock."
        assert [frame.text for frame in held.of(Transcript) if frame.final] == ["what time is it"]
        _, agent = sides(tmp_path / "call.wav")
        assert agent.sounding_ms() > 900  # 60 ms for each of 18 characters

    asyncio.run(main())


def test_the_greeting_is_said_by_the_model_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(heard=["what time is it"], answer=reads_out("Ten.")) as server:
            held = await hold(server, tmp_path, TIME, agent="{greeting: Hello there!}")
        assert [turn.agent for turn in held.report.turns] == ["Hello there!", "Ten."]

    asyncio.run(main())


def test_usage_tells_text_from_audio_and_what_was_cached(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(heard=["a", "b"], answer=reads_out("Ten.", "Done.")) as server:
            held = await hold(server, tmp_path, TIME, LIGHTS)
        attempts = held.of(ProviderAttempt)
        units = {(one.model, use.unit) for one in attempts if one.turn for use in one.usage}
        assert units >= {
            ("gpt-realtime-2.1", unit)
            for unit in ("tokens_in", "tokens_out", "audio_tokens_in", "audio_tokens_in_cached")
        }
        assert ("gpt-realtime-2.1", "audio_tokens_out") in units
        transcribed = [use for one in attempts if one.model == "gpt-transcribe" for use in one.usage]
        assert [use.unit for use in transcribed] == ["audio_in_ms"] * 2

    asyncio.run(main())


def test_a_tool_is_called_by_the_same_runner_and_its_result_answered(tmp_path: Path) -> None:
    async def main() -> None:
        replies = [Reply(tools=[Tool(name="current_time")]), Reply(text=["It is ", "ten."])]
        async with RealtimeServer(heard=["what time is it"]) as server:
            server.script.replies.extend([Reply()] * 4 + replies)  # four notices come first
            held = await hold(server, tmp_path, TIME, agent="{tools: [{builtin: current_time}]}")
        (finished,) = held.of(ToolFinished)
        assert not finished.error
        (turn,) = held.report.turns
        assert turn.agent == "It is ten."
        (output,) = [
            event["item"]
            for event in items(server, "conversation.item.create")
            if event["item"]["type"] == "function_call_output"
        ]
        assert output["output"] == finished.result

    asyncio.run(main())


def test_what_is_typed_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(answer=reads_out("Ten.")) as server:
            held = await hold(server, tmp_path, Typed("what time is it"))
        assert [(turn.user, turn.agent) for turn in held.report.turns] == [("what time is it", "Ten.")]

    asyncio.run(main())


def test_a_reply_does_not_wait_for_the_callers_words(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(heard=[Heard(silent=True)], answer=reads_out("Ten.")) as server:
            held = await hold(server, tmp_path, LIGHTS)
        (turn,) = held.report.turns
        assert turn.agent == "Ten."
        (began,) = held.of(TurnBegan)
        assert began.user == ""

    asyncio.run(main())


def test_words_that_come_late_become_those_of_their_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with RealtimeServer(heard=[Heard(text="turn on the lights", late=True)]) as server:
            server.script.replies.extend([Reply()] * 4 + [Reply(text=["Done."])])
            held = await hold(server, tmp_path, LIGHTS)
        (reworded,) = held.of(TurnReworded)
        assert reworded.user == "turn on the lights"
        assert [turn.user for turn in held.report.turns] == ["turn on the lights"]

    asyncio.run(main())


def test_every_microphone_frame_may_be_sent_also_while_the_model_speaks(tmp_path: Path) -> None:
    async def main() -> None:
        stages = STAGES.replace("base_url", "send_silence: true, base_url")
        long = "One moment, I am looking for that, and I have found it in the end, as it seems."
        async with RealtimeServer(heard=["what time is it"], answer=reads_out(long)) as server:
            held = await hold(server, tmp_path, TIME, stages=stages)
        caller, _ = sides(tmp_path / "call.wav")
        call = max(server.sessions, key=lambda session: len(session.received))
        uploaded = sum(event["type"] == "input_audio_buffer.append" for event in call.received)
        # An onset's padding goes up twice: it belongs to an utterance of which nobody knew yet.
        assert uploaded >= caller.pcm.size // (caller.rate // 50) - 2
        (ended,) = held.of(TurnEnded)
        assert ended.status == "completed"

    asyncio.run(main())


def test_the_servers_audio_is_played_sample_for_sample(tmp_path: Path) -> None:
    async def main() -> None:
        tone = (9000 * np.sin(np.arange(24_000) * 0.2)).astype(np.int16)
        async with RealtimeServer(heard=["what time is it"]) as server:
            server.script.replies.extend([Reply()] * 4 + [Reply(text=["Ten."], audio=[tone], odd_cuts=True)])
            held = await hold(server, tmp_path, TIME)
        *_, heard = (event for event in held.seen if isinstance(event, Played) and event.segment)
        assert heard.segment is not None
        assert heard.samples == tone.size - heard.segment.trimmed

    asyncio.run(main())


def test_nothing_that_is_recorded_tells_the_fused_call_from_the_cascades(tmp_path: Path) -> None:
    async def main() -> None:
        cascade, fused = tmp_path / "cascade", tmp_path / "fused"
        cascade.mkdir()
        fused.mkdir()
        stages = "  vad: energy\n  stt: {{use: sim, texts: [what time is it]}}\n  llm: sim\n  tts: sim\n"
        async with RealtimeServer(
            heard=["what time is it"], answer=reads_out("It is ten o'clock.")
        ) as server:
            one = await hold(server, cascade, TIME, stages=stages)
            other = await hold(server, fused, TIME)
        assert schema(other.log) <= schema(one.log) | {("TurnReworded", ("at_ms", "turn", "user"))}
        missing = {name for name, _ in schema(one.log)} - {name for name, _ in schema(other.log)}
        assert missing <= {"TurnDrafted"}  # a fused model bills drafts, so that none are made
        assert one.report.to_dict().keys() == other.report.to_dict().keys()

    asyncio.run(main())


def schema(log: list[dict[str, object]]) -> set[tuple[str, tuple[str, ...]]]:
    """The kinds of events, each with its fields; without one that only a busy machine has, and one that
    any billed provider has."""
    return {
        (str(event["event"]), tuple(sorted(event.keys() - {"event", "t_ms"})))
        for event in log
        if event["event"] not in ("PlaybackStopped", "NotSent")
    }
