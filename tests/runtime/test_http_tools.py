from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.http_tools import answer_to, asking, bench_of, http_tool
from tests.support.toolbench import ToolBench, call, error_of
from voicepipe.errors import ToolError
from voicepipe.runtime.http_tools import MOST_BYTES, HttpDoor
from voicepipe.speech.tools import RESULT_LIMIT
from voicepipe.testing.tool_server import Answer, ToolServer

FOUND = Answer(content={"slot": "Thursday 10:30"})
pytest.importorskip("httpx2", reason="needs the extra 'tools'")

BY_ID: dict[str, Any] = {
    "path": "/patients/{id}",
    "schema": {"properties": {"id": {"type": ["string", "boolean", "integer"]}}, "required": ["id"]},
}


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────


def test_get_sends_the_arguments_as_the_query_and_the_model_is_given_the_answer() -> None:
    text, server = answer_to('{"day": "thu & fri=ü", "seats": 2}', FOUND)
    assert text == '{"slot":"Thursday 10:30"}'
    (request,) = server.requests
    assert request.method == "GET"
    assert dict(parse_qsl(request.path.partition("?")[2])) == {"day": "thu & fri=ü", "seats": "2"}
    assert request.body == b""


def test_post_sends_them_as_a_json_object() -> None:
    text, server = answer_to('{"day": "ü"}', Answer(content="ok", content_type="text/plain"), method="POST")
    assert text == "ok"
    (request,) = server.requests
    assert (request.method, request.path, request.json) == ("POST", "/find", {"day": "ü"})
    assert request.headers["content-type"] == "application/json"


def test_delete_has_a_query_and_patch_a_body_without_what_the_path_took() -> None:
    _, server = answer_to('{"id": "a b"}', FOUND, method="DELETE", **BY_ID)
    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/patients/a%20b")
    schema = {"properties": {"id": {"type": "string"}, "name": {"type": "string"}}, "required": ["id"]}
    _, server = answer_to(
        '{"id": "7", "name": "Ann"}', FOUND, method="PATCH", path="/patients/{id}", schema=schema
    )
    assert (server.requests[0].path, server.requests[0].json) == ("/patients/7", {"name": "Ann"})


def test_lists_flags_and_nothing_have_one_form_in_a_query() -> None:
    schema = {"properties": {name: {} for name in "abcd"}}
    _, server = answer_to(
        '{"a": ["x", 1], "b": true, "c": null, "d": [{"e": 1}]}', FOUND, path="/find?v=2", schema=schema
    )
    query = server.requests[0].path.partition("?")[2]
    assert parse_qsl(query) == [("v", "2"), ("a", "x"), ("a", "1"), ("b", "true"), ("d", '{"e":1}')]


def test_headers_are_sent_and_no_others_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    text, server = answer_to("{}", FOUND, headers={"X-Tenant": "north", "accept": "text/plain"})
    assert text == '{"slot":"Thursday 10:30"}'
    headers = server.requests[0].headers
    assert (headers["x-tenant"], headers["accept"], headers["accept-encoding"]) == (
        "north",
        "text/plain",
        "identity",
    )
    assert "authorization" not in headers
    assert headers["host"].startswith("127.0.0.1:")


def test_a_cookie_of_one_caller_is_not_sent_for_another() -> None:
    async def test(server: ToolServer, bench: ToolBench) -> None:
        await bench.ask("find")
        await bench.ask("find")
        assert "cookie" not in server.requests[1].headers

    asking(test, Answer(content={}, headers={"Set-Cookie": "session=ann; Path=/"}), FOUND)


def test_calls_share_a_connection() -> None:
    async def test(server: ToolServer, bench: ToolBench) -> None:
        for _ in range(3):
            await bench.ask("find")
        assert server.connections == 1

    asking(test, FOUND, FOUND, FOUND)


# ── what the model can't do with it ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('{"seats": "many"}', "argument 'seats': 'many' is not of type 'integer'"),
        ('{"admin": true}', "there is no argument 'admin'"),
        ('["day"]', "expected a JSON object"),
        ('{"day": "' + "x" * 9000 + '"}', "an address of more than 8000 characters"),
    ],
)
def test_arguments_that_do_not_fit_are_told_and_nothing_is_sent(arguments: str, problem: str) -> None:
    text, server = answer_to(arguments, FOUND)
    assert problem in error_of(text)
    assert server.requests == []


@pytest.mark.parametrize("value", ["..", ".", "../admin", "a/b", "a\\b", "a\nb", "", "  ", "\u202e"])
def test_an_argument_can_not_leave_its_place_in_the_path(value: str) -> None:
    text, server = answer_to(json.dumps({"id": value}), FOUND, **BY_ID)
    assert "not called" in error_of(text)
    assert server.requests == []


def test_two_arguments_together_can_not_leave_it_either() -> None:
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "b"]}
    text, server = answer_to('{"a": ".", "b": "."}', FOUND, path="/x/{a}{b}/y", schema=schema)
    assert "would lead elsewhere" in error_of(text)
    assert server.requests == []


@settings(deadline=None)
@given(st.one_of(st.text(min_size=1, max_size=20), st.integers(), st.booleans()))
def test_whatever_the_argument_the_path_keeps_its_parts(value: str | int | bool) -> None:
    door = HttpDoor(http_tool("http://127.0.0.1", **BY_ID))
    try:
        url, body = door.address({"id": value})
    except ToolError:
        return
    assert body is None
    assert url.startswith("http://127.0.0.1/patients/")
    part = url.removeprefix("http://127.0.0.1/patients/")
    assert not set(part) & set("/?#\\ ")
    assert unquote(part) == (str(value).lower() if isinstance(value, bool) else str(value))


# ── what comes back ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(content="", status=204), "done"),
        (Answer(content='{"a":\n  1}'), '{"a":1}'),
        (Answer(content="no { json"), "no { json"),
        (Answer(pieces=[b"caf\xe9"], content_type="text/plain; charset=latin-1"), "café"),
        (Answer(pieces=[b"caf\xc3\xa9"], content_type="text/plain; charset=nonsense"), "café"),
        (Answer(pieces=[b"caf\xc3\xa9"], content_type="text/plain; charset=punycode"), "café"),
        (Answer(content="1.50", content_type="text/plain"), "1.50"),
        (Answer(pieces=[b"a\xffb"], content_type="text/plain"), "a\ufffdb"),
        (Answer(pieces=[b"[" * 5000]), "[" * 5000),
    ],
)
def test_an_answer_is_text_or_compact_json(answer: Answer, text: str) -> None:
    assert answer_to("{}", answer)[0] == text


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(status=404, content="no such\n  day"), "its server answered 404: no such day"),
        (Answer(status=500), "its server answered 500"),
        (Answer(status=429, content="x" * 9000), "its server answered 429: " + "x" * 500),
        (Answer(pieces=[b"\x89PNG\0"]), "answered with what isn't text"),
        (
            Answer(content="x", headers={"Content-Encoding": "gzip"}),
            "(RemoteProtocolError)",
        ),
        (Answer(fault="drop"), "broke the answer off"),
        (Answer(fault="no_http"), "broke the answer off"),
    ],
)
def test_a_failure_is_an_error_that_the_model_is_told(answer: Answer, problem: str) -> None:
    text = error_of(answer_to("{}", answer)[0])
    assert problem in text
    assert len(text) < 700


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_not_told_where_to(status: int) -> None:
    text, server = answer_to("{}", Answer(status=status, headers={"Location": "/admin?key=x"}), FOUND)
    assert error_of(text) == f"its server answered {status}: it sends elsewhere, which isn't followed"
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_told_without_its_address() -> None:
    async def main() -> str:
        async with ToolServer() as server:
            origin = server.origin
        async with bench_of(http_tool(origin)) as bench:
            return await bench.ask("find")

    assert error_of(asyncio.run(main())) == "its server can't be reached"


def test_a_secret_is_in_no_answer_that_the_model_reads() -> None:
    headers = {"Authorization": "Bearer sk-12345", "X-Api-Key": "k-67890", "X-Tenant": "north"}
    echo = Answer(content="Bearer sk-12345, sk-12345, k-67890, north")
    text, _ = answer_to("{}", echo, headers=headers)
    assert text == "****, ****, ****, north"
    refused = Answer(status=401, content="sk-12345 is no key")
    assert error_of(answer_to("{}", refused, headers=headers)[0]) == "its server answered 401: **** is no key"


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────


def test_of_an_answer_without_end_only_the_beginning_is_read() -> None:
    pieces = [b"x" * 10_000] * 1000
    text, _ = answer_to("{}", Answer(pieces=pieces, content_type="text/plain"))
    assert len(text.encode()) == RESULT_LIMIT
    assert text.endswith(f"[cut: the answer is longer than {MOST_BYTES} bytes, only its beginning is shown]")


def test_an_answer_that_is_only_too_long_for_the_model_says_so() -> None:
    text, _ = answer_to("{}", Answer(content="x" * 20_000, content_type="text/plain"))
    assert len(text.encode()) == RESULT_LIMIT
    assert "has 20000 bytes" in text


@pytest.mark.parametrize("fault", ["silent", "stall", "drip"])
def test_a_server_that_takes_for_ever_is_cut_off_after_the_whole_time(fault: Any) -> None:
    async def test(server: ToolServer, bench: ToolBench) -> None:
        text = await bench.ask("find")
        assert error_of(text) == "find gave no answer within 300ms"
        await asyncio.wait_for(server.requests[0].hung_up.wait(), 10)

    asking(test, Answer(content="x", fault=fault), timeout="300ms")


def test_a_tool_with_effects_that_timed_out_may_have_had_its_effect() -> None:
    text, _ = answer_to("{}", Answer(fault="silent"), timeout="200ms", side_effect=True)
    assert error_of(text).endswith("It may still have its effect.")


def test_an_interruption_ends_the_request_of_a_tool_without_effects() -> None:
    async def test(server: ToolServer, bench: ToolBench) -> None:
        turn = bench.begin()
        asked = asyncio.ensure_future(bench.run(turn, call("find")))
        await server.asked.wait()
        bench.die(turn)
        assert await asked is None
        await asyncio.wait_for(server.requests[0].hung_up.wait(), 10)

    asking(test, Answer(fault="silent"))


def test_calls_that_fail_leave_no_connection_and_no_task_behind() -> None:
    async def test(server: ToolServer, bench: ToolBench) -> None:
        tasks = len(asyncio.all_tasks())
        for _ in range(20):
            await bench.ask("find")
        await bench.tools.close()
        assert server.connections == 20
        # What is left is what the server does for its last connection, if it hasn't ended yet.
        assert len(asyncio.all_tasks()) <= tasks + 1

    asking(test, *[Answer(fault="drop")] * 20)


def test_a_call_after_the_door_was_closed_is_an_error() -> None:
    async def main() -> None:
        async with ToolServer(FOUND) as server, bench_of(http_tool(server.origin)) as bench:
            assert await bench.ask("find") == '{"slot":"Thursday 10:30"}'
        assert "closed" in error_of(await bench.ask("find"))

    asyncio.run(main())
