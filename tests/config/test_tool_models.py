from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.fakes import SMALLEST, agent, load, one
from voicepipe.config.tool_models import HttpTool, McpTool, SchemaTool
from voicepipe.core.units import SECOND
from voicepipe.errors import ConfigErrors

FIND = "schema: {properties: {id: {type: string}}, required: [id]}, description: Find it."
HTTP = f"{{http: 'https://crm.example/api/find', {FIND}}}"


def tools(folder: Path, text: str, **options: Any) -> Any:
    return load(folder, SMALLEST.replace("[./tools.py]", text), **options).agent.tools


def test_an_http_tool_has_its_name_from_its_address_and_asks_with_get(tmp_path: Path) -> None:
    (tool,) = tools(tmp_path, f"[{HTTP}]")
    assert isinstance(tool, HttpTool)
    assert (tool.name, tool.description, tool.method) == ("find", "Find it.", "GET")
    assert (tool.timeout, tool.side_effect, tool.allow_private, tool.headers) == (None, None, False, {})


def test_all_that_can_be_said_of_an_http_tool(tmp_path: Path) -> None:
    (tool,) = tools(
        tmp_path,
        "[{http: 'http://crm.internal:8080/p/{id}/slots?v=2', method: PUT, allow_private: true, name: book,"
        f" {FIND}, headers: {{X-Key: '${{env:K}}'}}, timeout: 3s, side_effect: false, cancellable: false,"
        " say_while_running: One moment.}]",
        env={"K": "secret"},
    )
    assert (tool.name, tool.in_path, tool.timeout) == ("book", ("id",), 3 * SECOND)
    assert tool.headers["X-Key"].get_secret_value() == "secret"
    assert "secret" not in repr(tool)


def test_an_address_from_the_environment_gives_no_name_that_the_model_could_learn_it_by(
    tmp_path: Path,
) -> None:
    text = f"[{{http: '${{env:HOOK}}', {FIND}}}]"
    with pytest.raises(ConfigErrors) as errors:
        tools(tmp_path, text, env={"HOOK": "https://hooks.example/T0KEN"})
    assert "needs a name" in str(errors.value)
    assert "T0KEN" not in str(errors.value)


def test_mcp_tools_are_of_an_address_or_of_a_command(tmp_path: Path) -> None:
    by_url, by_command = tools(
        tmp_path,
        "[{mcp: {url: 'https://crm.example/mcp', headers: {X-Key: x}}, allow: [a.b], prefix: crm_},"
        " {mcp: {command: [python, ./s.py], env: {TOKEN: x}}, allow: [find, book], side_effect: no}]",
    )
    assert isinstance(by_url, McpTool)
    assert isinstance(by_command, McpTool)
    assert by_url.name_of("a.b") == "crm_a_b"
    assert (by_command.mcp.command, by_command.allow) == (("python", "./s.py"), ("find", "book"))


def test_a_tool_that_the_program_answers_is_a_schema(tmp_path: Path) -> None:
    (tool,) = tools(tmp_path, f"[{{{FIND}, name: find}}]")
    assert isinstance(tool, SchemaTool)
    assert tool.schema_["required"] == ["id"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{http: crm.example}", "expected an address such as https://"),
        ("{http: 'https://ann:pw@crm.example/find', " + FIND + "}", "expected an address such as https://"),
        ("{http: 'https://crm.example/find#x', " + FIND + "}", "expected an address such as https://"),
        ("{http: 'https://crm.example:99999/find', " + FIND + "}", "expected a port from 1 to 65535"),
        ("{http: 'https://crm.example/{{name}}', " + FIND + "}", "an address can't insert a variable"),
        ("{http: 'https://crm.example/{id', " + FIND + "}", "expected '{argument}' in the path"),
        ("{http: 'https://{id}.example/find', " + FIND + "}", "expected an address such as https://"),
        ("{http: 'https://crm.example/../find', " + FIND + "}", "can't hold '.' or '..'"),
        (
            "{http: 'https://crm.example/{day}', name: a, " + FIND + "}",
            "inserts '{day}', which has to be a req",
        ),
        ("{http: 'http://crm.example/find', " + FIND + "}", "http sends all in the clear: expected https"),
        (
            "{http: 'https://127.0.0.1/find', " + FIND + "}",
            "private: if that is meant, say 'allow_private: true'",
        ),
        ("{http: 'https://[::ffff:10.0.0.1]/find', " + FIND + "}", "the address is private"),
        ("{http: 'https://localhost/find', " + FIND + "}", "the address is private"),
        # 0177 is octal to some, and was found out in the middle of a call
        ("{http: 'https://0177.0.0.1/find', " + FIND + "}", "expected four numbers from 0 to 255"),
        ("{mcp: {url: 'https://256.1.1.1'}, allow: [a]}", "expected four numbers from 0 to 255"),
        ("{http: 'https://x.example/find', method: FETCH, " + FIND + "}", "found 'FETCH'"),
        (
            "{http: 'https://x.example/find', headers: {'a b': x}, " + FIND + "}",
            "can't be the name of a header",
        ),
        ("{http: 'https://x.example/find', headers: {Host: x}, " + FIND + "}", "'Host' can't be set here"),
        ("{http: 'https://x.example/find', headers: {A: x, a: y}, " + FIND + "}", "'a' is there twice"),
        (
            '{http: "https://x.example/find", headers: {A: "x\\ny"}, ' + FIND + "}",
            "a character that can't be sent",
        ),
        ("{http: 'https://x.example/find'}", "the model has to be told what the tool is for"),
        ("{http: 'https://x.example/', description: x}", "the tool needs a name"),
        ("{http: 'https://x.example/f', " + FIND + ", timeout: 2h}", "expected at most 1h"),
        ("{http: 'https://x.example/f', " + FIND + ", alow_private: true}", "Did you mean 'allow_private'?"),
        (
            "{http: 'https://x.example/f', description: x, schema: {properties: {a: {type: object}}}}",
            "'a' is an object, which a GET request can't send",
        ),
        ("{mcp: {url: 'https://x.example/mcp'}}", "'allow' is missing"),
        ("{mcp: {url: 'https://x.example/mcp'}, allow: []}", "expected at least 1 entry"),
        ("{mcp: {url: 'https://x.example/mcp'}, allow: [a, a]}", "'a' is there twice"),
        ("{mcp: {}, allow: [a]}", "expected either 'url' or 'command'"),
        ("{mcp: {url: 'https://x.example/mcp', command: [x]}, allow: [a]}", "either 'url' or 'command'"),
        ("{mcp: {command: x}, allow: [a]}", "expected a list, found 'x'"),
        ("{mcp: {command: [x], headers: {A: b}}, allow: [a]}", "are for a 'url'"),
        ("{mcp: {url: 'https://x.example', env: {A: b}}, allow: [a]}", "'env' is for a 'command'"),
        ("{mcp: {url: 'http://x.example'}, allow: [a]}", "http sends all in the clear"),
        ("{mcp: {url: 'https://10.0.0.1'}, allow: [a]}", "the address is private"),
        ("{mcp: {url: 'https://x.example/{a}'}, allow: [a]}", "the address can't hold braces"),
        ("{mcp: {url: 'https://x.example'}, allow: [a], prefix: 'a b'}", "'a b' isn't of the expected form"),
        ("{schema: {}, name: find}", "the model has to be told what the tool is for"),
        ("{schema: {description: x}}", "the tool needs a name"),
        ("{schema: {description: x}, name: 'a b'}", "'a b' isn't of the expected form"),
    ],
)
def test_a_wrong_tool_is_one_error_at_its_place(tmp_path: Path, written: str, message: str) -> None:
    error = one(agent(tmp_path, "\n  {tools: [\n    " + written + "]}"))
    assert message in error.message
    assert (error.line, error.column and error.column >= 5) == (5, True)


def test_a_key_in_a_header_is_never_repeated(tmp_path: Path) -> None:
    written = "{tools: [{http: 'https://x.example/f', headers: {A: 'sk-s3cret\\u0001'}, " + FIND + "}]}"
    error = one(agent(tmp_path, written.replace("'sk", '"sk').replace("u0001'", 'u0001"')))
    assert "s3cret" not in str(error)
