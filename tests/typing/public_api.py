"""The public API as somebody writes it who checks types: tests/test_public_names.py gives it to mypy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ClassVar, assert_type

from voicepipe import (
    Call,
    ConfigError,
    LlmProvider,
    Pipeline,
    ProviderError,
    Stage,
    SttProvider,
    ToolError,
    TtsProvider,
    VadProvider,
    VoicepipeError,
    tool,
)
from voicepipe.core.frames import EndOfText, Text
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.io import AudioInput, AudioOutput
from voicepipe.observe.report import CallReport
from voicepipe.providers.base import (
    Call as ProviderCall,
)
from voicepipe.providers.base import (
    Hypothesis,
    Message,
    Pcm,
    ProviderConfig,
    Speech,
    TextDelta,
    ToolCall,
    ToolOffer,
    VadStream,
    Word,
)


@tool
def plain(day: str) -> str:
    """Stays the function that it was."""
    return day


@tool(side_effect=False, timeout="3s", cancellable=False, say_while_running="Let me look.")
async def configured(day: str, count: int = 1) -> dict[str, int]:
    """And with arguments, too."""
    raise ToolError("there is none")


assert_type(plain("monday"), str)
as_written: Callable[[str], str] = plain
plain(3)  # type: ignore[arg-type]  # unused if the decorator forgot the signature


async def look_up() -> None:
    assert_type(await configured("monday", count=2), dict[str, int])


async def converse(audio_in: AudioInput, audio_out: AudioOutput) -> None:
    pipe = Pipeline.from_yaml("p.yaml", profile="cheap", set={"stages.tts": "espeak"}, env={})
    answers = {"ring_up": configured}
    async with pipe, pipe.session(vars={"name": "Ann"}, tools=[plain, configured], answers=answers) as call:
        assert_type(call, Call)
        async for at_ns, event in call.run(audio_in, audio_out):
            assert_type(at_ns, int)
            assert_type(event, Any)
        call.hang_up()
        assert_type(call.report, CallReport)


def hold_with_files() -> CallReport | str | None:
    try:
        report = Pipeline.from_yaml("p.yaml").run_sync(input=["a.wav"], text="hello", clock="simulated")
    except ConfigError as error:
        return f"{error.path}:{error.line}:{error.column}"
    except ProviderError as error:
        return error.kind if error.retryable else None
    except VoicepipeError as error:
        return error.hint
    assert_type(report, CallReport)
    return report


class Keys(ProviderConfig):
    model: str = "small"


class MyVad(VadProvider):
    name: ClassVar[str] = "mine"

    def open(self, rate: int) -> VadStream:
        raise NotImplementedError


class MyStt(SttProvider):
    name: ClassVar[str] = "mine"
    Config = Keys

    async def transcribe(self, call: ProviderCall, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for block in audio:
            call.set_usage("audio_in_ms", block.size // 16)
        yield Hypothesis(text="hello", final=True)


class MyLlm(LlmProvider):
    name: ClassVar[str] = "mine"

    async def generate(
        self, call: ProviderCall, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        yield TextDelta(text=messages[-1].text)


class MyTts(TtsProvider):
    name: ClassVar[str] = "mine"

    @property
    def rate(self) -> int:
        return 24_000

    async def synthesize(self, call: ProviderCall, text: str) -> AsyncIterator[Speech | Word]:
        for word in text.split():
            yield Word(text=word, start_ms=0, end_ms=100)


class Louder(Stage):
    kind: ClassVar[str] = "louder"

    async def run(self, ctx: Any, inbox: Inbox[Text | EndOfText], out: Outlet[Text | EndOfText]) -> None:
        async for frame in inbox:
            await out.send(frame)


asyncio.run(look_up())
