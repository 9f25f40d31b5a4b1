from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.config.fakes import SMALLEST, load, one, problems
from voicepipe.errors import ConfigError

FIND = {
    "description": "Find a slot.",
    "type": "object",
    "properties": {"day": {"type": "string", "pattern": "^\\w+$"}},
    "required": ["day"],
}


def with_tools(text: str) -> str:
    return SMALLEST.replace("[./tools.py]", text)


def tool(folder: Path, entry: str, files: dict[str, str]) -> Any:
    return load(folder, {"pipeline.yaml": with_tools(f"[{entry}]"), **files}).agent.tools[0]


def error(folder: Path, entry: str, files: dict[str, str], **options: Any) -> ConfigError:
    return one(problems(folder, {"pipeline.yaml": with_tools(f"[{entry}]"), **files}, **options))


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_a_schema_in_a_json_file_gives_the_tool_its_name_and_its_description(
    tmp_path: Path, indent: int | str | None
) -> None:
    found = tool(tmp_path, "{schema: s/find.json}", {"s/find.json": json.dumps(FIND, indent=indent)})
    assert (found.name, found.description) == ("find", "Find a slot.")
    assert found.schema_ == FIND


def test_a_schema_may_be_yaml_and_what_the_entry_says_wins(tmp_path: Path) -> None:
    text = "description: x\nproperties:\n  day: {enum: [no, 9:30]}\n"
    found = tool(tmp_path, "{schema: find.yaml, name: look, description: Look it up.}", {"find.yaml": text})
    assert (found.name, found.description) == ("look", "Look it up.")
    assert found.schema_["properties"]["day"]["enum"] == ["no", "9:30"]


def test_a_file_s_name_is_the_tool_s_rather_than_the_address_s(tmp_path: Path) -> None:
    entry = "{http: 'https://crm.example/v1/search', schema: find.json}"
    assert tool(tmp_path, entry, {"find.json": json.dumps(FIND)}).name == "find"


def test_characters_beyond_the_first_plane_are_read_as_json_means_them(tmp_path: Path) -> None:
    text = json.dumps({**FIND, "description": "Find a 🎹."})
    assert "\\ud83c" in text
    assert tool(tmp_path, "{schema: find.json}", {"find.json": text}).description == "Find a 🎹."


def test_a_dollar_in_a_schema_s_file_stands_for_itself(tmp_path: Path) -> None:
    text = json.dumps({**FIND, "properties": {"day": {"pattern": "^${env:X}$"}}})
    found = tool(tmp_path, "{schema: find.json}", {"find.json": text})
    assert found.schema_["properties"]["day"]["pattern"] == "^${env:X}$"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("{", (1, 2), "not JSON"),
        ('{\n "type": "array"}', (2, 10), "expected 'object', found 'array'"),
        ('{\n "properties": []}', (2, 16), "expected a map from names to schemas, found a list"),
        ('{"properties": {\n  "a b": {}}}', (2, 3), "'a b' can't be an argument's name"),
        ('{"properties": {\n  "a": "string"}}', (2, 8), "'a': expected a schema such as {type: string}"),
        ('{"properties": {"day": {}},\n "required": ["dya"]}', (2, 15), "has no 'dya'. Did you mean 'day'?"),
        ('{"properties": {"day": {\n  "type": "strin"}}}', (2, 11), "this is no JSON schema: 'strin'"),
        ('{"properties": {"day": {\n  "$ref": "http://x"}}}', (2, 11), "refers to another document"),
        ('{"a": 1,\n "a": 2}', (2, 2), "'a'"),
    ],
)
def test_what_is_wrong_in_a_schema_is_told_at_its_place_in_the_file(
    tmp_path: Path, text: str, place: tuple[int, int], message: str
) -> None:
    found = error(tmp_path, "{schema: find.json, name: x, description: x}", {"find.json": text})
    assert message in found.message
    assert found.path is not None
    assert found.path.endswith("find.json")
    assert (found.line, found.column) == place


def test_the_same_is_told_of_a_schema_that_stands_in_the_pipeline(tmp_path: Path) -> None:
    found = error(tmp_path, "{schema: {required: [x], properties: {}}, name: x, description: x}", {})
    assert found.path is not None
    assert found.path.endswith("pipeline.yaml")
    assert found.message == "'properties' has no 'x'."
    assert (found.line, found.column) == (4, 32)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("missing.json", "can't read 'missing.json': No such file"),
        ("../find.json", "is outside the pipeline's folder"),
        ("https://x.example/find.json", "found the address"),
    ],
)
def test_a_schema_s_file_is_one_of_the_pipeline_s_folder(
    tmp_path: Path, reference: str, message: str
) -> None:
    (tmp_path / "find.json").write_text(json.dumps(FIND))
    entry = f"{{schema: '{reference}', name: x, description: x}}"
    found = one(problems(tmp_path / "in", {"pipeline.yaml": with_tools(f"[{entry}]")}))
    assert message in found.message
