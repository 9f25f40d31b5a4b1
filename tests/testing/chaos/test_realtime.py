"""The scripted model speaks well until it is struck."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.realtime_client import Client, client
from voicepipe.providers.openai_realtime_events import READ_OUT
from voicepipe.testing.chaos.faults import Fault
from voicepipe.testing.chaos.realtime import RealtimePeer
from voicepipe.testing.chaos.talk import ANSWER, CALLER, FIRST, RESULT, SORRY, TOOL


async def reply(caller: Client) -> dict[str, Any]:
    """What comes of one response."""
    await caller.send("response.create")
    response: dict[str, Any] = (await caller.until("response.done"))[-1]["response"]
    return response


def words(response: dict[str, Any]) -> str:
    (item,) = response["output"]
    return str(item["content"][0]["transcript"])


async def give(caller: Client, call_id: str, output: str) -> None:
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    await caller.ask("conversation.item.create", "conversation.item.done", item=item)


async def first_turn(caller: Client) -> str:
    """The caller asks, and the model looks it up; what it says then."""
    await caller.message(CALLER)
    (call,) = (await reply(caller))["output"]
    assert call["name"] == TOOL
    await give(caller, call["call_id"], json_of(RESULT))
    return words(await reply(caller))


def json_of(result: Any) -> str:
    return json.dumps(result, separators=(",", ":"))


def test_all_is_well_at_first_and_then_it_answers_at_once() -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=False) as peer, client(peer) as caller:
            assert await first_turn(caller) == "".join(FIRST)
            await caller.message(CALLER)
            assert words(await reply(caller)) == "".join(ANSWER)

    asyncio.run(main())


def test_where_tools_are_struck_it_looks_up_again_and_says_that_it_couldnt() -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=True) as peer, client(peer) as caller:
            await first_turn(caller)
            await caller.message(CALLER)
            (call,) = (await reply(caller))["output"]
            await give(caller, call["call_id"], '{"error":"its server answered 500"}')
            assert words(await reply(caller)) == "".join(SORRY)

    asyncio.run(main())


def test_it_reads_out_what_it_is_given() -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=False) as peer, client(peer) as caller:
            asked = {"conversation": "none", "input": [], "instructions": READ_OUT + "One moment."}
            await caller.send("response.create", response=asked)
            assert words((await caller.until("response.done"))[-1]["response"]) == "One moment."

    asyncio.run(main())


@pytest.mark.parametrize("status", ["429", "500"])
def test_a_status_fails_replies_and_refuses_connections(status: Fault) -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=False) as peer, client(peer) as caller:
            await caller.message(CALLER)
            peer.strike(status)
            response = await reply(caller)
            assert response["status"] == "failed"
            with pytest.raises(InvalidStatus) as caught:
                async with client(peer):
                    pass
            assert caught.value.response.status_code == int(status)

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["refuse", "reset"])
def test_a_connection_that_is_reset_ends_without_a_word(fault: Fault) -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=False) as peer, client(peer) as caller:
            await caller.message(CALLER)
            peer.strike(fault)
            with pytest.raises(ConnectionClosed) as caught:
                await reply(caller)
            assert caught.value.rcvd is None
            await peer.alone()

    asyncio.run(main())


def test_what_is_refused_finds_nobody() -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=False) as peer:
            port = int(peer.url.removesuffix("/v1").rpartition(":")[2])
            peer.strike("refuse")
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["half_open", "hang", "slow_drip"])
def test_a_reply_that_doesnt_come_keeps_its_connection(fault: Fault) -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=False) as peer, client(peer) as caller:
            await caller.message(CALLER)
            peer.strike(fault)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reply(caller)
            assert peer.open == 1
            peer.abort()

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["garbage", "cut_utf8", "content_type", "nan"])
def test_what_is_no_event_comes_in_the_middle_of_a_reply(fault: Fault) -> None:
    async def main() -> None:
        async with RealtimePeer(tools_struck=False) as peer, client(peer) as caller:
            await caller.message(CALLER)
            peer.strike(fault)
            await caller.send("response.create")
            with pytest.raises((ValueError, ConnectionClosed)):
                await until_nonsense(caller)

    asyncio.run(main())


async def until_nonsense(caller: Client) -> None:
    """Raises what comes of reading what is no event, or of audio that is none."""
    while True:
        event = await caller.next()
        if event["type"] == "response.output_audio.delta":
            base64.b64decode(event["delta"], validate=True)
