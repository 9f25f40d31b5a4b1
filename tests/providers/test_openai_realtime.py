"""The ``openai`` realtime provider: what it needs, which key goes where, and what it leaves behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from tests.support.realtime import BRIEF, SECRET, a_config, connected, started
from tests.support.workers import make_call, make_host
from voicepipe.errors import SetupError
from voicepipe.providers.openai_realtime import OpenAIRealtime
from voicepipe.testing.realtime_script import Refusal
from voicepipe.testing.realtime_server import RealtimeServer


def provider(env: dict[str, str] | None = None, **fields: Any) -> OpenAIRealtime:
    return OpenAIRealtime(a_config(**fields), make_host(env=env or {}))


def test_the_rates_are_those_of_the_formats() -> None:
    assert (provider().rate_in, provider().rate) == (24_000, 24_000)
    assert provider(output_format="pcma").rate == 8000
    assert provider(input_format="pcmu").rate_in == 8000


def test_silence_would_be_billed_as_the_callers_audio_is() -> None:
    assert provider().billed(1990) == {"audio_tokens_in": 19}


def test_openais_own_hosts_need_a_key_and_find_it_in_the_environment() -> None:
    own = "https://api.openai.com/v1"
    assert provider({"OPENAI_API_KEY": SECRET}, base_url=own).check() == []
    (problem,) = provider(base_url=own).check()
    assert "OPENAI_API_KEY" in problem
    with pytest.raises(SetupError, match="OPENAI_API_KEY"):
        asyncio.run(provider(base_url=own).start())


def test_the_environments_key_goes_to_nobody_else() -> None:
    async def main() -> Any:
        async with RealtimeServer() as server:
            made = OpenAIRealtime(a_config(server.base_url), make_host(env={"OPENAI_API_KEY": SECRET}))
            await made.start()
            async with made.connect(make_call(), BRIEF):
                pass
            await made.close()
            return server.handshakes[0]

    request = asyncio.run(main())
    assert SECRET not in str(request.headers)
    assert request.path == "/v1/realtime?model=test-model"
    assert "OpenAI-Beta" not in request.headers


def test_a_written_key_is_sent_and_a_strange_server_is_named() -> None:
    said: list[str] = []

    async def main() -> None:
        async with RealtimeServer(key=SECRET) as server:
            made = OpenAIRealtime(a_config(server.base_url, api_key=SECRET), make_host(progress=said.append))
            await made.start()
            async with made.connect(make_call(), BRIEF):
                assert server.open == 1
            await made.close()
            assert said == [f"realtime openai: test-model at {server.base_url}"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("refusal", "message", "hint"),
    [
        (Refusal(status=401), "wants a key", "check api_key"),
        (
            Refusal(event=True, error={"type": "x", "code": "model_not_found", "message": "No model x."}),
            "No model x",
            "",
        ),
        (None, "nothing answers", ""),
    ],
    ids=["key", "model", "nobody"],
)
def test_what_no_call_could_be_held_with_is_said_before_the_first(
    refusal: Refusal | None, message: str, hint: str
) -> None:
    async def main() -> None:
        async with RealtimeServer(refusals=[refusal]) as server:
            url = server.base_url
            if refusal is not None:
                await provider(base_url=url).start()
        await provider(base_url=url).start()

    with pytest.raises(SetupError, match=message) as caught:
        asyncio.run(main())
    assert hint in (caught.value.hint or "")


def test_a_voice_that_the_server_does_not_know_is_found_out_before_the_first_call() -> None:
    async def main() -> None:
        async with RealtimeServer() as server:
            await provider(base_url=server.base_url, voice="bob").start()

    with pytest.raises(SetupError, match=r"'bob'\. Supported values are: 'alloy'"):
        asyncio.run(main())


def test_a_server_that_is_busy_at_the_start_may_answer_later() -> None:
    async def main() -> None:
        async with RealtimeServer(refusals=[Refusal(status=503)]) as server:
            await provider(base_url=server.base_url).start()

    asyncio.run(main())


def test_a_model_s_name_is_quoted_in_the_address() -> None:
    async def main() -> str:
        async with RealtimeServer() as server, connected(server, model="a/b c&d=e"):
            return server.sessions[0].config["model"]

    assert asyncio.run(main()) == "a/b c&d=e"


def test_connections_are_made_one_after_the_other_and_each_is_closed() -> None:
    async def main() -> Any:
        async with RealtimeServer() as server:
            async with started(server.base_url) as made:
                for _ in range(3):
                    async with made.connect(make_call(), BRIEF):
                        pass
            await server.alone()
            return len(server.sessions), server.open

    assert asyncio.run(main()) == (1 + 3, 0)  # the first finds out whether the server is there


def test_the_language_and_the_voice_are_those_of_the_agent() -> None:
    async def main() -> Any:
        async with RealtimeServer() as server, connected(server, language="sv-SE", voice="cedar"):
            return server.sessions[0].config["audio"]

    audio = asyncio.run(main())
    assert audio["input"]["transcription"]["languages"] == ["sv"]
    assert audio["output"]["voice"] == "cedar"
