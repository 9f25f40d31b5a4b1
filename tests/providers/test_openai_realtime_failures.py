"""What goes wrong between the ``openai`` realtime provider and its server, and what the caller of it sees."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import aclosing
from typing import Any

import pytest

from tests.support.realtime import BRIEF, SECRET, Bench, connected, run, started, words
from tests.support.workers import make_call
from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_events import complete_call
from voicepipe.providers.realtime_base import RealtimeSetup, ReplyText
from voicepipe.testing.realtime_script import Refusal, Reply, Tool
from voicepipe.testing.realtime_server import RealtimeServer

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")


def error(code: str | None, message: str = "so it is", kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"type": kind, "code": code, "message": message}


# ── the handshake ────────────────────────────────────────────────────────────────────────────────


def refused(refusal: Refusal | None, key: str | None = None, **fields: Any) -> ProviderError:
    """How a connection ends that the server doesn't want."""

    async def main() -> None:
        async with RealtimeServer() as server, started(server.base_url, **fields) as provider:
            server.refusals.append(refusal)
            server.key = key
            async with provider.connect(make_call(), BRIEF):
                pytest.fail("it was let in")

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    return caught.value


@pytest.mark.parametrize(
    ("refusal", "kind", "retryable"),
    [
        (Refusal(status=401, error=error("invalid_api_key")), "authentication", False),
        (Refusal(status=403), "authentication", False),
        (Refusal(status=404, error=error("model_not_found")), "bad_request", False),
        (Refusal(status=429, error=error("rate_limit_exceeded")), "rate_limit", True),
        (Refusal(status=500), "server", True),
        (Refusal(status=503), "server", True),
        (Refusal(status=200, body="<html>", headers={"Content-Type": "text/html"}), "protocol", True),
        (Refusal(event=True, error=error("invalid_api_key")), "authentication", False),
        (Refusal(event=True, error=error("insufficient_quota")), "rate_limit", False),
        (Refusal(event=True, error=error("model_not_found")), "bad_request", False),
        (Refusal(event=True, error=error(None, kind="server_error")), "server", True),
    ],
    ids=str,
)
def test_a_connection_that_is_refused_says_why(refusal: Refusal, kind: str, retryable: bool) -> None:
    failure = refused(refusal)
    assert (failure.kind, failure.retryable, failure.provider) == (kind, retryable, "openai")


def test_a_busy_server_says_when_to_ask_again() -> None:
    failure = refused(Refusal(status=429, headers={"Retry-After": "2"}))
    assert failure.retry_after_ns == 2 * SECOND


def test_a_wrong_key_is_refused_and_is_nowhere_to_be_read() -> None:
    echoed = error("invalid_api_key", f"Incorrect API key provided: {SECRET}")
    for refusal in (None, Refusal(event=True, error=echoed), Refusal(status=500, error=echoed)):
        failure = refused(refusal, key="another", api_key=SECRET)
        assert SECRET not in "".join(traceback.format_exception(failure))


def test_a_server_that_never_greets_is_given_up() -> None:
    async def main() -> None:
        async with RealtimeServer() as server, started(server.base_url, read_timeout="20ms") as provider:
            server.refusals.append(Refusal(mute=True))
            async with provider.connect(make_call(), BRIEF):
                pytest.fail("it was let in")

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)


def test_settings_that_the_server_refuses_are_a_bad_request() -> None:
    tool = ToolOffer(name="weather", description="", parameters={"type": "object"})

    async def main() -> None:
        setup = RealtimeSetup(instructions="", tools=[tool])
        async with RealtimeServer() as server, connected(server, setup, tool_choice="wether"):
            pytest.fail("it was let in")

    with pytest.raises(ProviderError, match="'wether' not found") as caught:
        asyncio.run(main())
    assert caught.value.kind == "bad_request"


def test_nobody_there_is_a_connection_error() -> None:
    async def main() -> None:
        server = RealtimeServer()
        await server.__aenter__()
        async with started(server.base_url) as provider:
            await server.__aexit__(None, None, None)
            async with provider.connect(make_call(), BRIEF):
                pytest.fail("it was let in")

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.retryable) == ("connection", True)


def test_use_before_start_and_after_close_is_our_own_fault() -> None:
    async def main() -> None:
        async with RealtimeServer() as server:
            async with started(server.base_url) as provider:
                pass
            async with provider.connect(make_call(), BRIEF):
                pytest.fail("it was let in")

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    assert caught.value.kind == "internal"


# ── during a reply ───────────────────────────────────────────────────────────────────────────────


async def failing(bench: Bench) -> tuple[list[Any], ProviderError, Any]:
    """What came of a reply until it failed, how, and what it consumed."""
    seen: list[Any] = []
    call = make_call()
    try:
        async with aclosing(bench.connection.respond(call)) as events:
            async for event in events:
                seen.append(event)
    except ProviderError as error:
        return seen, error, call.usage
    raise AssertionError("it didn't fail")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", "server"),
        ("reset", "connection"),
        ("expire", "connection"),
        ("malformed", "protocol"),
        ("cut_utf8", "protocol"),
        ("binary", "protocol"),
        ("odd", "protocol"),
    ],
)
def test_a_connection_that_breaks_is_an_error_for_all_after_what_has_come(fault: Any, kind: str) -> None:
    async def script(bench: Bench) -> Any:
        seen, failure, usage = await failing(bench)
        lost = await bench.until_lost()
        with pytest.raises(ProviderError) as late:
            await bench.respond()
        with pytest.raises(ProviderError) as spoken:
            await bench.speak(200)
        return seen, failure, usage, lost, late.value, spoken.value

    seen, failure, usage, *others = run(script, Reply(text=["Half a", " loaf"], fault=fault))
    assert words(seen) == "Half a loaf"
    assert [each.kind for each in (failure, others[0])] == [kind, kind]
    assert all(each.retryable and each is not failure for each in others)
    assert usage["tokens_out", True] == 3
    assert usage["audio_tokens_out", True] == 13


@pytest.mark.parametrize(
    ("reply", "kind", "retryable"),
    [
        (Reply(status="failed", error=error("rate_limit_exceeded")), "rate_limit", True),
        (Reply(status="failed", error=error("insufficient_quota")), "rate_limit", False),
        (Reply(status="failed", error=error(None, kind="server_error")), "server", True),
        (Reply(status="failed", error=error("unknown_thing")), "bad_request", False),
        (Reply(status="cancelled", reason="turn_detected"), "server", True),
        (Reply(status="incomplete", reason="max_output_tokens"), "protocol", True),
        (Reply(status="incomplete", reason="content_filter", text=["Half"]), "protocol", True),
        (Reply(text=["Half"], fault="bad_audio"), "protocol", True),
        (Reply(text=["Half"], fault="error"), "server", True),
    ],
    ids=str,
)
def test_a_reply_that_fails_leaves_the_connection_as_it_is(reply: Reply, kind: str, retryable: bool) -> None:
    async def script(bench: Bench) -> Any:
        _, failure, _ = await failing(bench)
        return failure, words(await bench.respond()), bench.failure

    failure, after, lost = run(script, reply, Reply(text=["Here."]))
    assert (failure.kind, failure.retryable) == (kind, retryable)
    assert after == "Here."
    assert lost is None


def test_a_reply_that_reached_the_limit_that_was_set_is_a_reply() -> None:
    reply = Reply(text=["As long as", " allowed"], status="incomplete", reason="max_output_tokens")
    assert words(run(lambda bench: bench.respond(), reply)) == "As long as allowed"


def test_a_server_that_stops_in_the_middle_is_left_to_the_deadlines() -> None:
    async def script(bench: Bench) -> Any:
        async with aclosing(bench.connection.respond(make_call())) as events:
            first = await anext(events)
            assert isinstance(first, ReplyText)
        await bench.server.seen("response.cancel")
        return words(await bench.respond())

    assert run(script, Reply(text=["Half"], fault="stall"), Reply(text=["Here."])) == "Here."


def test_a_connection_that_freezes_is_still_left_within_a_moment() -> None:
    async def script(bench: Bench) -> Any:
        call = make_call()
        async with aclosing(bench.connection.respond(call)) as events:
            async for event in events:
                if isinstance(event, ReplyText):
                    break
        return call.usage

    usage = run(script, Reply(text=["Half a", " loaf"], hold_after=2, fault="freeze", fault_after=1))
    assert usage["tokens_out", True] == 2


def test_what_the_server_refuses_of_the_conversation_fails_the_reply_that_needs_it() -> None:
    async def script(bench: Bench) -> Any:
        await bench.connection.add(Message(role="tool", text="clear", tool_call_id="call_of_nobody"))
        await bench.respond(remember=False)
        seen, failure, usage = await failing(bench)
        return seen, failure, usage, words(await bench.respond())

    seen, failure, usage, after = run(script, Reply(text=["Aside."]), Reply(text=["Here."]))
    assert seen == []
    assert failure.kind == "bad_request"
    assert "call_of_nobody" in failure.message
    assert usage == {}
    assert after == "Here."


def test_what_the_server_refuses_just_before_a_reply_fails_that_one_and_no_other() -> None:
    async def script(bench: Bench) -> Any:
        await bench.connection.add(Message(role="tool", text="clear", tool_call_id="call_of_nobody"))
        seen, failure, _ = await failing(bench)
        return seen, failure.kind, words(await bench.respond())

    replies = Reply(text=["Without it."], hold_after=1), Reply(text=["Here."])
    assert run(script, *replies) == ([], "bad_request", "Here.")


def test_a_call_without_a_name_is_a_bad_answer() -> None:
    async def script(bench: Bench) -> Any:
        return (await failing(bench))[1]

    assert run(script, Reply(tools=[Tool(name="")])).kind == "protocol"


def test_a_call_that_was_cut_short_is_not_made() -> None:
    cut = {
        "type": "function_call",
        "status": "incomplete",
        "call_id": "call_1",
        "name": "order",
        "arguments": "{",
    }
    assert complete_call(cut) is None
    assert complete_call({**cut, "status": "completed", "arguments": "{}"}) == ToolCall(
        id="call_1", name="order", arguments="{}"
    )


def test_two_sessions_at_once_do_not_meet() -> None:
    async def main() -> Any:
        server = RealtimeServer(answer=lambda asked: Reply(text=[asked.config["id"]]))
        async with server, connected(server) as one, connected(server) as other:
            return words(await one.respond()), words(await other.respond())

    assert asyncio.run(main()) == ("sess_000001", "sess_000002")


def test_after_a_call_there_is_no_connection_left() -> None:
    async def main() -> int:
        async with RealtimeServer(Reply(text=["Hi"])) as server:
            async with connected(server) as bench:
                await bench.respond()
                assert server.open == 1
            await server.alone()
            return server.open

    assert asyncio.run(main()) == 0
