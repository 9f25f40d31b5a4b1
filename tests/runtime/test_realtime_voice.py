from __future__ import annotations

import asyncio

import pytest

from tests.support.fused import reads_out
from tests.support.workers import make_host
from voicepipe.core.calls import NO_SESSION, Call, Host
from voicepipe.core.clock import Clock
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech
from voicepipe.providers.openai_realtime import OpenAIRealtime
from voicepipe.runtime.realtime_voice import RealtimeVoice
from voicepipe.runtime.workers import ThreadWorkers, make_workers
from voicepipe.testing.realtime_script import Reply
from voicepipe.testing.realtime_server import RealtimeServer


async def spoken(server: RealtimeServer, text: str) -> list[Speech]:
    clock = Clock()
    workers = make_workers(clock)
    assert isinstance(workers, ThreadWorkers)
    config = OpenAIRealtime.Config(model="gpt-realtime-2.1", base_url=server.base_url)  # type: ignore[call-arg]
    provider = OpenAIRealtime(config, Host(workers=workers, language="en-US"))  # type: ignore[arg-type]
    await provider.start()
    try:
        call = Call(session=NO_SESSION, turn=None, clock=clock, workers=workers)
        return [speech async for speech in RealtimeVoice(provider).synthesize(call, text)]
    finally:
        await provider.close()
        workers.close()


def test_the_model_reads_a_text_out() -> None:
    async def main() -> None:
        async with RealtimeServer(answer=reads_out()) as server:
            (speech,) = await spoken(server, "One moment, please.")
        assert speech.pcm.size > 24_000  # 60 ms for each of 19 characters

    asyncio.run(main())


@pytest.mark.parametrize("local", [True, False])
def test_it_is_of_this_machine_if_the_model_is(local: bool) -> None:
    class Model(OpenAIRealtime):
        pass

    Model.local = local
    config = Model.Config(model="gpt-realtime-2.1", base_url="http://localhost:1/v1")  # type: ignore[call-arg]
    assert RealtimeVoice(Model(config, make_host())).local is local


def test_a_model_that_says_something_else_is_not_believed() -> None:
    async def main() -> None:
        async with RealtimeServer(Reply(text=["How can I help you today?"])) as server:
            with pytest.raises(
                ProviderError, match=r"was to say 'One moment, please\.' and said 'How can I help"
            ):
                await spoken(server, "One moment, please.")

    asyncio.run(main())


def test_a_connection_that_breaks_off_is_said_to_have_done_so() -> None:
    async def main() -> None:
        async with RealtimeServer(Reply(text=["One ", "moment."], fault="reset", fault_after=1)) as server:
            with pytest.raises(ProviderError) as caught:
                await spoken(server, "One moment, please.")
            assert caught.value.kind == "connection"
            await server.alone()

    asyncio.run(main())
