"""``Pipeline``: loading, starting and closing, and whole calls by ``hold`` and ``run_sync``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.tones import tone
from tests.support.witness import PIPELINE, Witness
from voicepipe.api import RATE, Call, Pipeline
from voicepipe.audio.wav import read_wav, write_wav
from voicepipe.core.calls import Call as ProviderCall
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.units import SECOND
from voicepipe.errors import AudioError, ConfigError, ConfigErrors, ProviderError, SetupError, UsageError
from voicepipe.providers.base import Speech, TtsProvider, Word
from voicepipe.runtime.graph import INPUT, OUTPUT
from voicepipe.speech.notices import NAMES
from voicepipe.transports.wav import Typed, WavCall

NO_NOTICES = "{wait: '', failed: '', not_heard: '', reconnected: ''}"


class Scribe(TtsProvider):
    """Hums, and notes what it was to say."""

    name: ClassVar[str] = "scribe"
    asked: ClassVar[list[str]] = []
    rate = 16_000

    async def synthesize(self, call: ProviderCall, text: str) -> AsyncIterator[Speech | Word]:
        self.asked.append(text)
        yield Speech(pcm=tone(300, self.rate, 0.1))


class Late(TtsProvider):
    """A service that answers when it may."""

    name: ClassVar[str] = "late"
    may: ClassVar[asyncio.Event]
    asked: ClassVar[asyncio.Event]
    rate = 16_000

    async def synthesize(self, call: ProviderCall, text: str) -> AsyncIterator[Speech | Word]:
        self.asked.set()
        await self.may.wait()
        yield Speech(pcm=tone(300, self.rate, 0.1))


class Mute(TtsProvider):
    """A voice that can't be had."""

    name: ClassVar[str] = "mute"
    rate = 16_000

    async def synthesize(self, call: ProviderCall, text: str) -> AsyncIterator[Speech | Word]:
        raise ProviderError("no credit", provider=self.name, kind="authentication")
        yield Speech(pcm=tone(300, self.rate, 0.1))


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    Witness.forget()
    yield
    Witness.forget()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE)
    return path


def use(path: Path, llm: str) -> Path:
    """The pipeline with another model."""
    path.write_text(PIPELINE.replace('"tests.support.witness:Witness"', llm))
    return path


# ── from_yaml ────────────────────────────────────────────────────────────────────────────────────


def test_a_profile_overrides_and_the_environment_are_laid_over_the_file(file: Path) -> None:
    file.write_text(PIPELINE + "name: ${env:NAME}\n")
    pipe = Pipeline.from_yaml(
        file, profile="slow", set={"stages.llm.says": "Hi."}, env={"NAME": "desk", "UNUSED": "x"}
    )
    config = next(slot.provider_config for slot in pipe.loaded.slots if slot.key == "llm")
    assert config is not None
    assert config.model_dump() == {"says": "Hi.", "start_takes": 5 * SECOND, "broken": False}
    assert (pipe.loaded.name, pipe.loaded.profile) == ("desk", "slow")


def test_overrides_may_be_written_as_on_the_command_line(file: Path) -> None:
    pipe = Pipeline.from_yaml(file, set=["stages.llm=sim", "agent.prompt=Hello"])
    assert [slot.use for slot in pipe.loaded.slots if slot.key == "llm"] == ["sim"]
    assert pipe.loaded.agent.prompt == "Hello"


def test_all_problems_of_a_file_are_raised_at_once(file: Path) -> None:
    file.write_text("voicepipe: 1\nstages: {sst: sim, llm: simm}\n")
    with pytest.raises(ConfigErrors) as caught:
        Pipeline.from_yaml(file)
    assert len(caught.value.errors) >= 2


def test_own_code_can_be_forbidden(file: Path) -> None:
    with pytest.raises(ConfigErrors, match="own code isn't allowed"):
        Pipeline.from_yaml(file, code="forbid")


def test_loading_starts_nothing_and_knows_the_graph(file: Path) -> None:
    pipe = Pipeline.from_yaml(file)
    stages = {"vad", "stt", "turn", "llm", "tts"}
    assert {slot.key for slot in pipe.loaded.slots} == stages
    assert {edge.source for edge in pipe.graph.edges} == {INPUT, *stages}
    assert {edge.target for edge in pipe.graph.edges} == {OUTPUT, *stages}
    assert Witness.journal == []


# ── start and close ──────────────────────────────────────────────────────────────────────────────


def test_providers_start_with_the_first_user_and_close_with_the_last(file: Path) -> None:
    async def main() -> None:
        pipe = Pipeline.from_yaml(file)
        async with pipe:
            assert Witness.journal == ["starting", "started"]
            async with pipe.session(), pipe.session():
                assert Witness.journal == ["starting", "started"]
            assert Witness.journal == ["starting", "started"]
        assert Witness.journal == ["starting", "started", "closed"]

    asyncio.run(main())


def test_a_pipeline_that_was_closed_can_be_started_again(file: Path) -> None:
    async def main() -> None:
        pipe = Pipeline.from_yaml(file)
        for _ in range(2):
            async with pipe.session():
                pass
        assert Witness.journal == ["starting", "started", "closed"] * 2

    asyncio.run(main())


def test_the_notices_are_spoken_once_for_all_sessions(file: Path) -> None:
    async def main() -> None:
        pipe = Pipeline.from_yaml(file, set={"stages.tts": {"use": f"{__name__}:Scribe"}})
        await pipe.start()
        async with pipe.session(), pipe.session():
            await pipe.close()
        assert Scribe.asked == [
            "One moment, please.",
            "Sorry, something went wrong. Please say that again.",
            "Sorry, I didn't catch that.",
            "I'm back. Please go on.",
        ]

    Scribe.asked.clear()
    asyncio.run(main())


def test_a_call_can_be_held_before_a_service_has_spoken_the_notices(file: Path) -> None:
    async def main() -> None:
        pipe = Pipeline.from_yaml(file, set={"stages.tts": {"use": f"{__name__}:Scribe"}})
        async with pipe.session():
            assert Scribe.asked == []
            await pipe.start()
            assert len(Scribe.asked) == len(NAMES), "who asks for all of them waits"
            await pipe.close()

    Scribe.asked.clear()
    asyncio.run(main())


@pytest.mark.parametrize("patient", [True, False])
def test_a_session_is_held_while_a_start_waits_for_all_notices(file: Path, patient: bool) -> None:
    async def main() -> None:
        Late.may, Late.asked = asyncio.Event(), asyncio.Event()
        pipe = Pipeline.from_yaml(file, set={"stages.tts": {"use": f"{__name__}:Late"}})
        starting = asyncio.ensure_future(pipe.start())
        await Late.asked.wait()
        async with asyncio.timeout(30), pipe.session():  # would wait for ever
            assert not starting.done()
        assert "closed" not in Witness.journal, "who waits is a user, too"
        if patient:
            Late.may.set()
            await starting
            await pipe.close()
        else:
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
        assert Witness.journal == ["starting", "started", "closed"]

    asyncio.run(main())


def test_a_pipeline_starts_although_its_voice_fails_and_says_which_notices_are_silent(file: Path) -> None:
    async def main() -> list[str]:
        warnings: list[str] = []
        pipe = Pipeline.from_yaml(file, set={"stages.tts": {"use": f"{__name__}:Mute"}})
        await pipe.start(warn=warnings.append)
        async with pipe.session():
            await pipe.close()
        return warnings

    assert asyncio.run(main()) == [f"the notice '{name}' will be silent: mute: no credit" for name in NAMES]


def test_a_second_session_waits_until_the_first_has_started_the_providers(file: Path) -> None:
    file.write_text(PIPELINE.replace("agent:", f"agent:\n  notices: {NO_NOTICES}"))

    async def main() -> list[int]:
        pipe, clock, entered = Pipeline.from_yaml(file, profile="slow"), Clock(), list[int]()

        async def session(after_s: float) -> None:
            await asyncio.sleep(after_s)
            async with pipe.session():
                entered.append(clock.now())

        async with asyncio.TaskGroup() as group:
            group.create_task(session(0))
            group.create_task(session(2))
        return entered

    assert run_on("simulated", main()) == [5 * SECOND, 5 * SECOND]
    assert Witness.journal == ["starting", "started", "closed"]


def test_the_start_says_what_it_does(file: Path) -> None:
    async def main() -> list[str]:
        said: list[str] = []
        pipe = Pipeline.from_yaml(file)
        await pipe.start(said.append)
        await pipe.close()
        return said

    assert asyncio.run(main()) == [
        "starting vad energy",
        "starting stt sim",
        "starting llm witness",
        "starting tts sim",
    ]


def test_a_start_that_fails_leaves_nothing_behind(file: Path) -> None:
    async def main() -> None:
        pipe = Pipeline.from_yaml(file, profile="broken")
        for _ in range(2):
            with pytest.raises(SetupError, match="the model is broken"):
                await pipe.start()
        assert Witness.journal == ["starting", "closed"] * 2
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_start_that_is_cancelled_leaves_nothing_behind(file: Path) -> None:
    async def main() -> None:
        pipe = Pipeline.from_yaml(file, profile="slow")
        starting = asyncio.ensure_future(pipe.start())
        await asyncio.sleep(1)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert Witness.journal == ["starting", "closed"]
        async with pipe.session():
            assert Witness.journal[2:] == ["starting", "started"]

    run_on("simulated", main())


def test_tools_that_cannot_be_used_are_told_before_a_model_is_loaded(file: Path) -> None:
    (file.parent / "tools.py").write_text("from voicepipe import tool\n@tool\ndef f(a): ...\n")
    pipe = Pipeline.from_yaml(file, set={"agent.tools": [str(file.parent / "tools.py")]})
    with pytest.raises(ConfigError, match="parameter 'a' has no type"):
        asyncio.run(pipe.start())
    assert Witness.journal == []


# ── whole calls ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clock", ["real", "simulated", "charged"])
def test_a_call_can_be_held_on_each_clock(file: Path, clock: ClockName) -> None:
    report = Pipeline.from_yaml(file).run_sync(text="How are you?", gap_ns=0, clock=clock)
    assert report.clock == clock
    assert [(turn.user, turn.heard, turn.status) for turn in report.turns] == [
        ("How are you?", "Fine.", "completed")
    ]
    assert Witness.journal == ["starting", "started", "closed"]


@pytest.mark.parametrize("clock", ["simulated", "charged"])
def test_what_keeps_real_time_is_refused_on_a_virtual_clock_by_its_slots_name(
    file: Path, clock: ClockName
) -> None:
    pipe = Pipeline.from_yaml(use(file, '"tests.support.witness:OnlyReal"'))
    with pytest.raises(UsageError) as caught:
        pipe.run_sync(text="hello", clock=clock)
    assert caught.value.message == f"stages.llm (only-real) can't run on the {clock} clock"
    assert Witness.journal == []
    assert pipe.run_sync(text="hello", gap_ns=0).turns[0].heard == "Fine."


def test_files_and_typed_lines_are_said_one_after_the_other_and_recorded(file: Path, tmp_path: Path) -> None:
    spoken = np.concatenate((tone(300, RATE, 1.0, peak=8000), np.zeros(RATE, np.int16)))
    write_wav(tmp_path / "a.wav", spoken, RATE)
    report = Pipeline.from_yaml(file, set={"stages.stt": {"use": "sim", "texts": ["first"]}}).run_sync(
        input=tmp_path / "a.wav",
        text=["second", "third"],
        output=tmp_path / "call.wav",
        events=tmp_path / "e.jsonl",
        vars={"name": "Ann"},
        clock="simulated",
    )
    assert [turn.user for turn in report.turns] == ["first", "second", "third"]
    assert Witness.asked[0][0].text == "You talk to Ann."
    assert read_wav(tmp_path / "call.wav").rate == 24_000
    events = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert events[0]["session"] == report.session
    assert [event["event"] for event in events].count("TurnEnded") == 3


def test_a_call_with_nothing_to_say_or_a_file_that_is_none_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="something to say"):
        Pipeline.from_yaml(file).run_sync()
    with pytest.raises(AudioError):
        Pipeline.from_yaml(file).run_sync(input=tmp_path / "none.wav")
    assert Witness.journal == []


def test_holding_a_call_gives_its_ends_back_also_when_it_fails(file: Path) -> None:
    closed: list[str] = []

    class Ends(WavCall):
        def close(self) -> None:
            closed.append("closed")
            super().close()

    async def main() -> None:
        pipe = Pipeline.from_yaml(file)
        ends = partial(Ends, script=[Typed("hello")], rate=RATE)
        await pipe.hold(ends)
        assert closed == ["closed"]

        def stumble(at_ns: int, event: Any) -> None:
            raise LookupError("an observer's own mistake")

        def refuse(call: Call) -> None:
            call.observe(stumble)

        with pytest.raises(LookupError):
            await pipe.hold(ends, on_call=refuse)
        assert closed == ["closed"] * 2
        assert Witness.journal[-1] == "closed"

    run_on("simulated", main())


def test_whoever_holds_a_call_is_given_it_before_it_begins(file: Path) -> None:
    async def main() -> None:
        ends = partial(WavCall, script=[Typed("hello")], rate=RATE)
        calls: list[Call] = []
        report = await Pipeline.from_yaml(file).hold(ends, on_call=calls.append)
        assert [call.report for call in calls] == [report]

    run_on("simulated", main())
