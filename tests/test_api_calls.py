"""``Pipeline.session`` and ``Call``: one conversation at a time, and several."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.stages import settle
from tests.support.witness import PIPELINE, Witness
from voicepipe.api import RATE, Call, Pipeline
from voicepipe.core.clock import run_on
from voicepipe.core.frames import PlaybackStarted, Text
from voicepipe.core.messages import Message
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.errors import ConfigError, ToolError, UsageError
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.transports.wav import Typed, WavCall

TOOLS = """\
voicepipe: 1
stages:
  vad: energy
  stt: sim
  llm: {use: sim, replies: [{call: {find_order: {number: 7}}, say: "{result}"}]}
  tts: {use: sim, speed: 20}
"""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    Witness.forget()
    yield
    Witness.forget()


Make = Callable[..., Pipeline]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A pipeline from its text."""

    def made(text: str = PIPELINE, **options: Any) -> Pipeline:
        (tmp_path / "pipeline.yaml").write_text(text)
        return Pipeline.from_yaml(tmp_path / "pipeline.yaml", **options)

    return made


async def converse(call: Call, *lines: str) -> list[tuple[int, Any]]:
    """Type ``lines``, each after the reply to the one before, and listen to the end."""
    ends = WavCall(call.clock, [Typed(line) for line in lines], rate=RATE)
    return [event async for event in call.run(ends.caller, ends.output)]


def heard(call: Call) -> list[str | None]:
    return [turn.heard for turn in call.report.turns]


# ── variables and tools ──────────────────────────────────────────────────────────────────────────


def test_variables_of_a_session_are_its_own(make: Make) -> None:
    async def main() -> None:
        pipe = make()
        async with pipe.session(vars={"name": "Ann"}) as one, pipe.session() as other:
            await converse(one, "hello")
            await converse(other, "hello")
        prompts = [messages[0] for messages in Witness.asked]
        assert prompts == [
            Message(role="system", text="You talk to Ann."),
            Message(role="system", text="You talk to nobody."),
        ]

    run_on("simulated", main())


def test_a_variable_that_nobody_declared_is_refused_before_anything_starts(make: Make) -> None:
    async def main() -> None:
        async with make().session(vars={"nam": "Ann"}):
            pass

    with pytest.raises(UsageError, match="Did you mean 'name'"):
        asyncio.run(main())
    assert Witness.journal == []


def find_order(number: int) -> str:
    """Look an order up."""
    return f"Order {number} has left."


def test_tools_of_a_session_are_added_to_it_alone(make: Make) -> None:
    async def main() -> None:
        pipe = make(TOOLS)
        async with pipe.session(tools=[find_order]) as one, pipe.session() as other:
            await converse(one, "where is it")
            await converse(other, "where is it")
            assert heard(one) == ["Order 7 has left."]
            (told,) = other.report.turns[0].tool_calls
            assert told.error
            assert "no tool named 'find_order'" in str(told.result)

    run_on("simulated", main())


def test_a_bound_method_is_a_tool_of_the_session_that_it_serves(make: Make) -> None:
    class Shop:
        def __init__(self) -> None:
            self.sold: list[int] = []

        def find_order(self, number: int) -> str:
            self.sold.append(number)
            return "Sold."

    async def main() -> None:
        shop = Shop()
        async with make(TOOLS).session(tools=[shop.find_order]) as call:
            await converse(call, "where is it")
        assert shop.sold == [7]

    run_on("simulated", main())


def test_stubs_answer_instead_of_the_tools(make: Make) -> None:
    def find_order(number: int) -> str:
        raise ToolError("executed")

    async def main() -> None:
        mode = Stubs({"find_order": "A stub."})
        async with make(TOOLS).session(tools=[find_order], tool_mode=mode) as call:
            await converse(call, "where is it")
            assert heard(call) == ["A stub."]

    run_on("simulated", main())


def test_two_tools_of_one_name_are_refused_and_the_providers_closed(make: Make) -> None:
    def stranger() -> None:
        """Another one."""

    stranger.__name__ = "find_order"

    async def main() -> None:
        async with make().session(tools=[find_order, stranger]):
            pass

    with pytest.raises(ConfigError, match="two tools named 'find_order'"):
        asyncio.run(main())
    assert Witness.journal == ["starting", "started", "closed"]


# ── several calls ────────────────────────────────────────────────────────────────────────────────


def test_calls_at_the_same_time_do_not_hear_each_other(make: Make) -> None:
    async def main() -> None:
        pipe = make()

        async def call(name: str, lines: int) -> tuple[str, list[str]]:
            async with pipe.session(name=name) as call:
                await converse(call, *[f"{name} {n}" for n in range(lines)])
                return call.report.session, [turn.user for turn in call.report.turns]

        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(call(name, lines)) for name, lines in (("ann", 3), ("bob", 2))]
        assert [one.result() for one in calls] == [
            ("ann", ["ann 0", "ann 1", "ann 2"]),
            ("bob", ["bob 0", "bob 1"]),
        ]
        for messages in Witness.asked:
            assert len({m.text.split()[0] for m in messages if m.role == "user"}) == 1
        assert Witness.journal == ["starting", "started", "closed"]

    run_on("simulated", main())


def test_each_call_has_a_name_and_a_clock_of_its_own(make: Make) -> None:
    async def main() -> None:
        pipe = make()
        async with pipe.session() as one:
            await asyncio.sleep(3)
            async with pipe.session() as other:
                assert one.report.session != other.report.session
                assert (one.clock.now(), other.clock.now()) == (3 * SECOND, 0)

    run_on("simulated", main())


# ── one call ─────────────────────────────────────────────────────────────────────────────────────


def test_a_call_is_held_in_the_loop_that_runs_without_a_signal_handler(make: Make) -> None:
    async def main() -> None:
        before = signal.getsignal(signal.SIGINT)
        async with make().session() as call:
            events = await converse(call, "hello")
            assert signal.getsignal(signal.SIGINT) is before
        assert heard(call) == ["Fine."]
        assert [at for at, _ in events] == sorted(at for at, _ in events)
        kinds = [type(event) for _, event in events]
        assert kinds.index(Text) < kinds.index(PlaybackStarted) < kinds.index(TurnEnded)

    run_on("simulated", main())


def test_an_observer_hears_what_the_iteration_yields(make: Make) -> None:
    async def main() -> None:
        seen: list[tuple[int, Any]] = []
        async with make().session() as call:
            call.observe(lambda at, event: seen.append((at, event)))
            assert await converse(call, "hello") == seen

    run_on("simulated", main())


def test_leaving_the_iteration_early_ends_the_call(make: Make) -> None:
    async def main() -> None:
        async with make().session() as call:
            ends = WavCall(call.clock, [Typed("hello")] * 100, rate=RATE)
            async for _, event in call.run(ends.caller, ends.output):
                if isinstance(event, PlaybackStarted):
                    break
            await settle(100)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            ended = call.clock.now()
            await call.clock.sleep(60 * SECOND)
        assert ended < 2 * SECOND
        assert len(call.report.turns) == 1

    run_on("simulated", main())


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_leaving_the_session_ends_the_call_before_the_providers_close(make: Make, steps: int) -> None:
    async def main() -> None:
        async with make().session() as call:
            ends = WavCall(call.clock, [Typed("hello")] * 100, rate=RATE)
            async for _ in call.run(ends.caller, ends.output):
                break
            await settle(steps)
        assert not {task.get_name() for task in asyncio.all_tasks()} & {"in", "turn", "llm", "playout"}
        assert Witness.journal[-1] == "closed"

    run_on("simulated", main())


def test_leaving_the_session_ends_a_call_that_somebody_still_listens_to(make: Make) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group, make().session() as call:
            listening = group.create_task(converse(call, *["hello"] * 100))
            await call.clock.sleep(2 * SECOND)
        assert listening.cancelled()
        assert Witness.journal[-1] == "closed"

    run_on("simulated", main())


def test_a_call_is_held_once(make: Make) -> None:
    async def main() -> None:
        async with make().session() as call:
            await converse(call, "hello")
            with pytest.raises(UsageError, match="held once"):
                await converse(call, "hello")

    run_on("simulated", main())


def test_hanging_up_ends_the_call_from_within(make: Make) -> None:
    async def main() -> None:
        async with make(set={"stages.llm.says": "word " * 500}).session() as call:
            ends = WavCall(call.clock, [Typed("hello"), Typed("never said")], rate=RATE)
            async for _, event in call.run(ends.caller, ends.output):
                if isinstance(event, PlaybackStarted):
                    call.hang_up()
            (turn,) = call.report.turns
            assert turn.status == "interrupted"

    run_on("simulated", main())


def test_the_report_of_a_call_grows_with_it(make: Make) -> None:
    async def main() -> None:
        async with make().session(name="s1") as call:
            ends = WavCall(call.clock, [Typed("hello")], rate=RATE)
            async for _, event in call.run(ends.caller, ends.output):
                if isinstance(event, PlaybackStarted):
                    (turn,) = call.report.turns
                    assert (turn.user, turn.heard) == ("hello", None)
        told = json.loads(json.dumps(call.report.to_dict()))
        assert (told["session"], told["clock"]) == ("s1", "simulated")
        assert told["turns"][0]["heard"] == "Fine."

    run_on("simulated", main())


def test_a_reply_can_be_skipped_and_repeated(make: Make) -> None:
    async def main() -> None:
        async with make(set={"stages.llm.says": "one two three " * 20}).session() as call:
            ends = WavCall(call.clock, [Typed("hello"), Typed("again")], rate=RATE)
            skipped = False
            async for _, event in call.run(ends.caller, ends.output):
                if isinstance(event, PlaybackStarted) and not skipped:
                    skipped = True
                    call.skip()
            first, second = call.report.turns
            assert (first.status, second.status) == ("interrupted", "completed")

    run_on("simulated", main())


# ── another history ──────────────────────────────────────────────────────────────────────────────


def test_a_model_can_be_given_another_history(make: Make) -> None:
    past = [Message(role="user", text="I am Ann."), Message(role="assistant", text="Hello Ann.")]

    async def main() -> None:
        async with make().session() as call:
            call.recall(past)
            await converse(call, "Who am I?")

    run_on("simulated", main())
    assert [one for one in Witness.asked[-1] if one.role != "system"] == [
        *past,
        Message(role="user", text="Who am I?"),
    ]


def test_a_fused_model_cannot_be_given_another_history(make: Make) -> None:
    fused = "voicepipe: 1\nstages: {vad: energy, realtime: 'tests.support.fake_realtime:FakeRealtime'}\n"

    async def main() -> None:
        async with make(fused).session() as call:
            call.recall([])

    with pytest.raises(UsageError, match="remembers the call itself"):
        run_on("real", main())
