"""The scripted Realtime server as a whole: who is let in, what a turn looks like, how it fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.realtime_client import Client, client, kinds, talk
from voicepipe.testing.realtime_script import Heard, Refusal, Reply
from voicepipe.testing.realtime_server import RealtimeServer


def handshake(server: RealtimeServer, path: str, **headers: str) -> Any:
    """The status with which a connection is refused; None if it is open."""

    async def main() -> Any:
        async with server:
            url = f"ws{server.base_url.removeprefix('http').removesuffix('/v1')}{path}"
            try:
                async with connect(url, proxy=None, additional_headers=headers):
                    return None
            except InvalidStatus as error:
                return error.response.status_code

    return asyncio.run(main())


GOOD = "/v1/realtime?model=test-model"


@pytest.mark.parametrize(
    ("server", "path", "headers", "status"),
    [
        (RealtimeServer(), GOOD, {}, None),
        (RealtimeServer(key="k"), GOOD, {"Authorization": "Bearer k"}, None),
        (RealtimeServer(key="k"), GOOD, {"Authorization": "Bearer other"}, 401),
        (RealtimeServer(key="k"), GOOD, {}, 401),
        (RealtimeServer(), "/v1/realtime", {}, 400),
        (RealtimeServer(), "/v2/realtime?model=m", {}, 404),
        (RealtimeServer(), GOOD, {"OpenAI-Beta": "realtime=v1"}, 400),
        (RealtimeServer(refusals=[Refusal(status=503)]), GOOD, {}, 503),
    ],
)
def test_only_who_asks_properly_is_let_in(
    server: RealtimeServer, path: str, headers: dict[str, str], status: int | None
) -> None:
    assert handshake(server, path, **headers) == status


def test_refusals_are_taken_one_after_the_other() -> None:
    async def main() -> list[str]:
        seen = []
        async with RealtimeServer(refusals=[None, Refusal(status=500)]) as server:
            for _ in range(3):
                try:
                    async with client(server):
                        seen.append("open")
                except InvalidStatus as error:
                    seen.append(str(error.response.status_code))
            assert len(server.handshakes) == 3
        return seen

    assert asyncio.run(main()) == ["open", "500", "open"]


def test_a_turn_of_the_caller_and_its_answer_come_as_the_protocol_says() -> None:
    async def script(caller: Client) -> Any:
        await caller.utterance()
        words = await caller.until("conversation.item.input_audio_transcription.completed")
        await caller.send("response.create")
        return words, await caller.until("response.done")

    session = {
        "type": "realtime",
        "audio": {"input": {"turn_detection": None, "transcription": {"model": "t"}}},
    }
    words, reply = talk(script, RealtimeServer(Reply(text=["Hel", "lo."]), heard=["hi there"]), session)
    assert kinds(words) == [
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert words[-1]["transcript"] == "hi there"
    assert kinds(reply) == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    (item,) = reply[-1]["response"]["output"]
    assert item["content"] == [{"type": "output_audio", "transcript": "Hello."}]
    assert reply[2]["item"]["content"] == []


def test_a_client_sees_what_it_sent_and_the_server_waits_for_it() -> None:
    async def main() -> Any:
        async with RealtimeServer() as server, client(server) as caller:
            waiting = asyncio.ensure_future(server.seen("conversation.item.create", 2))
            await caller.message("one")
            await caller.message("two")
            event = await waiting
            assert server.kinds() == ["session.update"] + ["conversation.item.create"] * 2
            return event["item"]["content"][0]["text"]

    assert asyncio.run(main()) == "two"


@pytest.mark.parametrize(
    ("how", "code"), [("drop", 1011), ("expire", 1001), ("reset", None)], ids=["drop", "expire", "reset"]
)
def test_all_connections_can_be_ended_at_once(how: str, code: int | None) -> None:
    async def main() -> Any:
        async with RealtimeServer() as server, client(server) as caller:
            await server.drop(how)
            seen = []
            try:
                while True:
                    seen.append(await caller.next())
            except ConnectionClosed as error:
                await server.alone()
                return seen, error.rcvd.code if error.rcvd else None, server.open

    seen, found, still_open = asyncio.run(main())
    assert found == code
    assert [event["error"]["code"] for event in seen] == (["session_expired"] if how == "expire" else [])
    assert still_open == 0


def test_a_script_may_decide_by_what_was_asked() -> None:
    def answer(asked: Any) -> Reply:
        said = asked.conversation[-1]["content"][0]["text"]
        return Reply(text=[f"{said}? {asked.params['metadata']['who']} says no."])

    async def script(caller: Client) -> Any:
        await caller.message("Tea")
        fields = {"metadata": {"who": "Ann"}, "output_modalities": ["text"]}
        await caller.send("response.create", response=fields)
        return (await caller.until("response.output_text.done"))[-1]["text"]

    assert talk(script, RealtimeServer(answer=answer)) == "Tea? Ann says no."


def test_without_a_script_left_it_says_and_hears_nothing() -> None:
    async def script(caller: Client) -> Any:
        await caller.utterance()
        words = await caller.until("conversation.item.input_audio_transcription.completed")
        await caller.send("response.create")
        return words[-1]["transcript"], (await caller.until("response.done"))[-1]["response"]["output"]

    session = {
        "type": "realtime",
        "audio": {"input": {"turn_detection": None, "transcription": {"model": "t"}}},
    }
    assert talk(script, RealtimeServer(heard=[Heard()]), session) == ("", [])


def test_its_address_is_known_only_while_it_runs() -> None:
    with pytest.raises(RuntimeError, match="not been started"):
        _ = RealtimeServer().base_url


def test_a_server_that_refuses_all_refuses_each_until_it_doesnt() -> None:
    async def main() -> list[int | None]:
        seen: list[int | None] = []
        async with RealtimeServer(refusals=[Refusal(status=401)]) as server:
            server.refuse_all = Refusal(status=503)
            for attempt in range(4):
                if attempt == 3:
                    server.refuse_all = None
                try:
                    async with client(server):
                        seen.append(None)
                except InvalidStatus as error:
                    seen.append(error.response.status_code)
        return seen

    assert asyncio.run(main()) == [401, 503, 503, None]


def test_who_stops_listening_takes_no_new_connections_and_keeps_the_old_ones() -> None:
    async def main() -> str:
        async with RealtimeServer() as server, client(server) as caller:
            server.stop_listening()
            with pytest.raises(ConnectionError):
                async with connect(server.base_url.replace("http", "ws") + GOOD[3:], proxy=None):
                    pass
            return str((await caller.ask("input_audio_buffer.clear", "input_audio_buffer.cleared"))["type"])

    assert asyncio.run(main()) == "input_audio_buffer.cleared"


def test_aborted_connections_end_without_a_word() -> None:
    async def main() -> Any:
        async with RealtimeServer() as server, client(server) as caller:
            server.abort()
            with pytest.raises(ConnectionClosed) as caught:
                await caller.next()
            await server.alone()
            return caught.value.rcvd

    assert asyncio.run(main()) is None


def test_frozen_connections_stay_open_and_say_nothing() -> None:
    async def main() -> None:
        async with RealtimeServer() as server, client(server) as caller:
            server.freeze()
            await caller.send("input_audio_buffer.clear")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await caller.next()
            assert server.open == 1
            server.abort()

    asyncio.run(main())
