from __future__ import annotations

from pathlib import Path

import pytest

from voicepipe.config.tool_lock import Lock, Pin
from voicepipe.config.tool_models import LONGEST_DESCRIPTION, McpTool
from voicepipe.core.nodes import Place, Source
from voicepipe.errors import ConfigError
from voicepipe.runtime.mcp_pins import check_offer, offered_pin, pinned

PLACE = Place(Source("clinic.yaml", Path("/"), Path("/")), 5, 7)
FIND, BOOK = Pin("find", "Find.", {}), Pin("book", "Book.", {})


def entry(*allow: str, prefix: str = "") -> McpTool:
    server = {"url": "https://crm.example/mcp"}
    return McpTool.model_validate({"mcp": server, "allow": allow, "prefix": prefix})


def test_what_was_accepted_is_looked_up_by_what_the_model_calls_it() -> None:
    lock = Lock("clinic.yaml", {"crm_find": FIND, "crm_book": BOOK, "find": BOOK})
    assert list(pinned(entry("find", "book", prefix="crm_"), lock, PLACE)) == [("find", FIND), ("book", BOOK)]


def test_what_nobody_has_accepted_says_how_to() -> None:
    with pytest.raises(ConfigError, match="nobody has accepted the MCP tool 'book' yet") as error:
        list(pinned(entry("find", "book"), Lock("my clinic.yaml", {"find": FIND}), PLACE))
    assert str(error.value).startswith("clinic.yaml:5:7: ")
    assert "voicepipe pin 'my clinic.yaml'" in str(error.value)


def test_a_name_that_was_accepted_for_another_tool_is_not_enough() -> None:
    with pytest.raises(ConfigError, match=r"what was accepted as 'a_b' is the tool 'a\.b'"):
        list(pinned(entry("a/b"), Lock(pins={"a_b": Pin("a.b", "", {})}), PLACE))


def test_an_offer_is_compared_for_the_tools_that_are_allowed_and_for_no_others() -> None:
    lock = Lock(pins={"find": FIND})
    check_offer(
        {"find": FIND, "delete_all": Pin("delete_all", "Run me.", {})}, [(entry("find"), PLACE)], lock
    )
    with pytest.raises(ConfigError, match="says something else of 'find'") as error:
        check_offer({"find": Pin("find", "Find all.\x1b[2J", {})}, [(entry("find"), PLACE)], lock)
    assert "+Find all." in str(error.value)


def test_a_change_of_many_lines_is_shown_in_part() -> None:
    new = Pin("find", "\n".join("x" * 1000 for _ in range(100)), {})
    with pytest.raises(ConfigError) as error:
        check_offer({"find": new}, [(entry("find"), PLACE)], Lock(pins={"find": FIND}))
    assert len(str(error.value)) < 6000


def test_a_description_that_nobody_would_read_can_not_be_accepted() -> None:
    long = Pin("find", "x" * (LONGEST_DESCRIPTION + 1), {})
    with pytest.raises(ConfigError, match=f"has {LONGEST_DESCRIPTION + 1} characters, expected at most"):
        offered_pin({"find": long}, "find", None)
    with pytest.raises(ConfigError, match="it has: none"):
        offered_pin({}, "find", None)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"properties": {"a": {"description": "x" * 40_000}}}, "bytes, expected at most 32768"),
        ({"properties": {"a": {"type": 5}}}, "is no JSON schema"),
        ({"properties": {"a": {"$ref": "https://evil.example/s"}}}, "refers to another document"),
    ],
)
def test_parameters_that_could_not_be_applied_can_not_be_accepted(
    parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        offered_pin({"find": Pin("find", "x", parameters)}, "find", PLACE)
