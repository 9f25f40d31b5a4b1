"""What one scripted reply sends: pieces, pauses, tools, formats, and each way to go wrong."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from websockets.exceptions import ConnectionClosed

from tests.support.realtime import sound
from tests.support.realtime_client import NO_VAD, Client, client, kinds, talk
from voicepipe.audio import g711
from voicepipe.testing.realtime_script import Reply, Tool, hum
from voicepipe.testing.realtime_server import RealtimeServer


def reply(script: Reply, **asked: Any) -> list[dict[str, Any]]:
    """All events of one response."""

    async def main(caller: Client) -> Any:
        await caller.send("response.create", response=asked)
        return await caller.until("response.done")

    found: list[dict[str, Any]] = talk(main, RealtimeServer(script))
    return found


def deltas(events: list[dict[str, Any]], kind: str) -> list[str]:
    return [event["delta"] for event in events if event["type"] == f"response.{kind}.delta"]


def audio(events: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(delta) for delta in deltas(events, "output_audio"))


def test_the_audio_is_a_hum_of_the_words_length_or_what_the_script_gives() -> None:
    assert audio(reply(Reply(text=["Hel", "lo"]))) == (
        hum("Hel", 24_000).astype("<i2").tobytes() + hum("lo", 24_000).astype("<i2").tobytes()
    )
    own = sound(50)
    assert audio(reply(Reply(text=["Hello", "!"], audio=[own]))) == own.astype("<i2").tobytes()


def test_text_alone_has_no_audio() -> None:
    events = reply(Reply(text=["Hel", "lo"]), output_modalities=["text"])
    assert deltas(events, "output_text") == ["Hel", "lo"]
    assert audio(events) == b""
    assert events[-1]["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Hello"}]


@pytest.mark.parametrize(("law", "encode"), [("pcmu", g711.encode_ulaw), ("pcma", g711.encode_alaw)])
def test_g711_is_a_byte_a_sample(law: str, encode: Any) -> None:
    output = {"format": {"type": f"audio/{law}"}}
    assert audio(reply(Reply(text=["Hello"]), audio={"output": output})) == encode(hum("Hello", 8000))


def test_audio_may_be_cut_within_samples() -> None:
    whole = reply(Reply(text=["Hello, caller."], odd_cuts=True))
    assert all(len(base64.b64decode(delta)) % 2 for delta in deltas(whole, "output_audio")[:-1])
    assert audio(whole) == hum("Hello, caller.", 24_000).astype("<i2").tobytes()


def test_tools_are_items_of_their_own_whose_arguments_come_in_pieces() -> None:
    events = reply(Reply(text=["Let me see."], tools=[Tool(name="f", arguments=["{", "}"], id="call_1")]))
    assert deltas(events, "function_call_arguments") == ["{", "}"]
    assert kinds(events)[-8:] == [
        "response.output_item.done",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    call = events[-1]["response"]["output"][1]
    assert (call["name"], call["call_id"], call["arguments"], call["status"]) == (
        "f",
        "call_1",
        "{}",
        "completed",
    )


def test_out_of_the_conversation_nothing_is_added_to_it() -> None:
    events = reply(Reply(text=["Aside."]), conversation="none", metadata={"k": "v"})
    assert "conversation.item.added" not in kinds(events)
    assert events[-1]["response"]["metadata"] == {"k": "v"}


@pytest.mark.parametrize(
    ("script", "status", "details"),
    [
        (Reply(text=["x"]), "completed", None),
        (Reply(), "completed", None),
        (Reply(status="failed", error={"code": "c"}), "failed", {"type": "failed", "error": {"code": "c"}}),
        (
            Reply(text=["x"], status="incomplete", reason="content_filter"),
            "incomplete",
            {"type": "incomplete", "reason": "content_filter"},
        ),
    ],
)
def test_a_reply_ends_as_the_script_says(script: Reply, status: str, details: Any) -> None:
    response = reply(script)[-1]["response"]
    assert (response["status"], response["status_details"]) == (status, details)


def test_its_usage_may_be_given() -> None:
    usage = {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}
    assert reply(Reply(text=["x"], usage=usage))[-1]["response"]["usage"] == usage


def test_a_reply_waits_where_it_is_told_to_until_it_may_go_on() -> None:
    async def main(caller: Client) -> Any:
        await caller.send("response.create")
        await caller.until("response.output_audio.delta")
        await caller.message("meanwhile")
        server.go_on()
        return await caller.until("response.done")

    server = RealtimeServer(Reply(text=["One", "two"], hold_after=1))
    assert deltas(talk(main, server), "output_audio_transcript") == ["two"]


def test_a_slow_server_takes_its_time_between_the_pieces() -> None:
    events = reply(Reply(text=["a"] * 3, delay=0.001))
    assert deltas(events, "output_audio_transcript") == ["a"] * 3


@pytest.mark.parametrize(
    ("fault", "code"),
    [("drop", 1011), ("expire", 1001), ("reset", None)],
)
def test_a_reply_may_take_the_connection_with_it(fault: Any, code: int | None) -> None:
    async def main(caller: Client) -> Any:
        await caller.send("response.create")
        try:
            await caller.until("response.done")
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else None

    assert talk(main, RealtimeServer(Reply(text=["One", "two"], fault=fault, fault_after=1))) == code


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("malformed", '{"type": "response.output_audio.del'),
        ("binary", b"\x00\x01\x02\x03"),
        ("odd", "[]"),
    ],
)
def test_a_reply_may_end_in_what_is_no_event(fault: Any, message: Any) -> None:
    async def main(caller: Client) -> Any:
        await caller.send("response.create")
        await caller.until("response.output_item.done")
        return await caller.socket.recv()

    assert talk(main, RealtimeServer(Reply(text=["One"], fault=fault))) == message


def test_text_may_break_off_within_a_character() -> None:
    async def main(caller: Client) -> Any:
        await caller.send("response.create")
        await caller.until("response.output_item.done")
        return await caller.socket.recv(decode=False)

    data = talk(main, RealtimeServer(Reply(text=["One"], fault="cut_utf8")))
    with pytest.raises(UnicodeDecodeError):
        data.decode()


def test_audio_may_be_no_audio() -> None:
    events = reply(Reply(text=["One"], fault="bad_audio"))
    assert deltas(events, "output_audio")[-1] == "?NaN?"


def test_a_reply_may_fail_in_the_middle() -> None:
    done = reply(Reply(text=["One", "two"], fault="error", fault_after=1))[-1]["response"]
    assert done["status"] == "failed"
    assert done["status_details"]["error"]["type"] == "server_error"


@pytest.mark.parametrize("fault", ["stall", "freeze"])
def test_a_reply_may_never_end(fault: Any) -> None:
    async def main() -> Any:
        script = Reply(text=["One", "two"], fault=fault, fault_after=1)
        async with RealtimeServer(script) as server, client(server, NO_VAD) as caller:
            await caller.send("response.create")
            await caller.until("response.output_audio.delta")
            if fault == "freeze":
                caller.socket.transport.abort()  # nothing would be answered, not even the farewell
                return "nothing"
            await caller.message("still there?")
            done = await caller.ask("response.cancel", "response.done")
            return done["response"]["status"]

    assert asyncio.run(main()) == ("nothing" if fault == "freeze" else "cancelled")


def test_hum_is_as_long_as_its_words_at_any_rate() -> None:
    assert hum("four", 8000).shape == (4 * 60 * 8,)
    assert hum("", 24_000).shape == (0,)
    assert np.abs(hum("four", 24_000)).max() > 6000
