from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core import yaml12
from voicepipe.core.nodes import Node, Place, Source, from_python, plain
from voicepipe.errors import ConfigError

SOURCE = Source("file.yaml", Path(), Path())


def load(text: str) -> Any:
    errors: list[ConfigError] = []
    node = yaml12.parse(text, SOURCE, errors)
    assert not errors
    assert node is not None
    return plain(node)


def problems(text: str) -> list[ConfigError]:
    errors: list[ConfigError] = []
    yaml12.parse(text, SOURCE, errors)
    return errors


def problem(text: str) -> ConfigError:
    (error,) = problems(text)
    return error


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("9:30", "9:30"),
        ("12:30:45", "12:30:45"),
        ("+15551234567", "+15551234567"),
        ("0123", "0123"),
        ("2026-11-23", "2026-11-23"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("=", "="),
        ("'12'", "12"),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("4.10", 4.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!float 2.5", 2.5),
        ("!!seq [a]", ["a"]),
    ],
)
def test_scalar_is_resolved_by_the_core_schema_of_yaml_1_2(written: str, value: object) -> None:
    loaded = load(f"key: {written}\n")["key"]
    assert loaded == value
    assert type(loaded) is type(value)


def test_number_keeps_the_text_it_was_written_as() -> None:
    node = yaml12.parse("model: 4.10", SOURCE, [])
    assert node is not None
    assert node.map["model"].text == "4.10"


def test_keys_are_text_whatever_they_look_like() -> None:
    assert load("no: 1\n12: 2\ntrue: 3") == {"no": 1, "12": 2, "true": 3}


def test_every_value_and_key_knows_its_place() -> None:
    node = yaml12.parse("a: 1\nb:\n  - {c: x}\n", SOURCE, [])
    assert node is not None
    places = {"/".join(path): str(child.place) for path, child in node.walk()}
    assert places == {
        "": "file.yaml:1:1",
        "a": "file.yaml:1:4",
        "b": "file.yaml:3:3",
        "b/0": "file.yaml:3:5",
        "b/0/c": "file.yaml:3:9",
    }
    assert node.keys["b"] == Place(SOURCE, 2, 1)


def test_key_given_twice_names_both_places() -> None:
    error = problem("a: 1\nb: 2\na: 3\n")
    assert (error.line, error.column) == (3, 1)
    assert error.message == "'a' is given twice, first in line 1"


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    errors = problems("a: 1\na: 2\nb: !!python/name:os.system x\nc: !own [1]\n<<: {d: 1}\n")
    assert [(error.line, error.column) for error in errors] == [(2, 1), (3, 4), (4, 4), (5, 1)]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: [1, 2", (1, 9), "close the bracket"),
        ("a:\n\t- b", (2, 1), "a tab can't indent"),
        ("a: 'one\nb: 2\n", (1, 4), "the quote is never closed"),
        ("a: b: c", (1, 5), "a ':' can't stand here"),
        ("a: 1\n  b: 2", (2, 4), "a ':' can't stand here"),
        ("a: @x", (1, 4), "text can't begin with this character"),
        ('a: "\\d"', (1, 6), "begins an escape"),
        ("- a\nb: c", (2, 1), "doesn't fit the lines above"),
        ("a: *nowhere", (1, 4), "names no anchor"),
        ("a: &x [*x]", (1, 8), "contains itself"),
        ("a: 1\n---\nb: 2\n", (2, 1), "one document"),
        ("a: 1\n...\nb: 2\n", (3, 1), "one document"),
        ("a: ok\nb: \x07", (2, 4), "U+0007 can't stand in YAML"),
        ("? [a, b]\n: c", (1, 3), "expected a name as the key"),
        (f"{'k' * 101}: 1", (1, 1), "more than 100 characters"),
        ("<<: {a: 1}", (1, 1), "isn't part of YAML 1.2"),
        ("a: !!int x", (1, 4), "isn't a YAML int"),
        ("a: !!timestamp 2026-01-01", (1, 4), "'!!timestamp' isn't allowed"),
        ('a: "\\ud800"', (1, 4), "half of a character"),
        ("a: }", (1, 4), "expected a value"),
    ],
)
def test_broken_yaml_is_reported_with_its_place_in_plain_words(
    text: str, place: tuple[int, int], words: str
) -> None:
    error = problem(text)
    assert (error.line, error.column) == place
    assert words in error.message


@pytest.mark.parametrize("text", ["a: {b: ${env:X}}", "a: [${env:X}]", "{a: ${env:X:-1}, b: 2}"])
def test_unquoted_interpolation_inside_braces_gets_the_hint_to_quote_it(text: str) -> None:
    assert problem(text).hint == 'quote it inside brackets: "${env:NAME}"'


def test_a_brace_error_without_interpolation_gets_no_such_hint() -> None:
    assert problem("a: {b: c d: e}").hint != problem("a: {b: ${env:X}}").hint


def test_a_question_that_is_not_quoted_inside_brackets_gets_the_hint_to_quote_it() -> None:
    for text in ("a: {b: What time is it?}", "a: [What time is it?]", "a: {b: is it? yes}"):
        assert problem(text).hint == "quote text with a '?' inside brackets"
    assert load("a: What time is it?") == {"a": "What time is it?"}


def test_quoted_merge_key_is_an_ordinary_key() -> None:
    assert load('"<<": 1') == {"<<": 1}


def test_alias_repeats_the_value_of_its_anchor() -> None:
    assert load("a: &x {k: [1, 2]}\nb: *x\n") == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}


def test_alias_expansion_is_bounded_before_it_costs_anything() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    assert "values, counting those that aliases repeat" in problem("\n".join(lines)).message


def test_depth_is_bounded_also_through_aliases() -> None:
    assert "levels inside each other" in problem("[" * 5000).message
    deep = "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 50))
    assert "levels inside each other" in problem(f"a0: &a0 []\n{deep}").message


def test_empty_text_is_a_document_that_holds_nothing() -> None:
    assert load("# only a comment\n") is None


def test_file_that_is_missing_too_large_or_not_utf8_is_one_clear_problem(tmp_path: Path) -> None:
    def read(path: Path) -> ConfigError:
        errors: list[ConfigError] = []
        assert yaml12.read(path, SOURCE, errors) is None
        (error,) = errors
        return error

    assert "No such file" in read(tmp_path / "missing.yaml").message
    assert "can't read the file" in read(tmp_path).message
    (tmp_path / "large.yaml").write_bytes(b"#" * (yaml12.MAX_BYTES + 1))
    assert "larger than 1024 KiB" in read(tmp_path / "large.yaml").message
    (tmp_path / "latin.yaml").write_bytes("a: 1\nb: caf\xe9\n".encode("latin-1"))
    error = read(tmp_path / "latin.yaml")
    assert (error.message, error.line, error.column) == ("expected UTF-8 text", 2, 7)


def test_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    node = yaml12.read(tmp_path / "bom.yaml", SOURCE, [])
    assert node is not None
    assert plain(node) == {"a": 1}


scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=12)
data = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(data)
def test_plain_data_survives_json_which_is_yaml(value: object) -> None:
    assert load(json.dumps(value)) == value
    assert plain(from_python(value, Place(SOURCE, 1, 1))) == value


@given(st.text(alphabet="ab01:-?&*!|>{}[],#'\"\\ \n\t~+.$", max_size=60))
def test_any_text_is_either_data_or_problems_with_places(text: str) -> None:
    errors: list[ConfigError] = []
    node = yaml12.parse(text, SOURCE, errors)
    assert (node is None) <= bool(errors)
    assert node is None or isinstance(node, Node)
    for error in errors:
        assert (error.line or 0) in range(1, text.count("\n") + 3)
        assert (error.column or 0) >= 1


@given(st.integers().map(str) | st.from_regex(r"[-+]?[0-9]{1,40}", fullmatch=True))
def test_digits_become_a_number_only_where_the_number_still_tells_what_was_written(text: str) -> None:
    value = yaml12.resolve(text)
    assert str(value) == text or (text, value) == ("-0", 0)
