from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.config.interpolate import Environment, read_env_file
from voicepipe.core import yaml12
from voicepipe.core.masking import MASK
from voicepipe.core.nodes import Node, Place, Source, plain
from voicepipe.errors import ConfigError

SOURCE = Source("file.yaml", Path(), Path())
VARIABLES = {"KEY": "s3cret-value", "EMPTY": "", "PORT": "80", "EVIL": "x, admin: true}\nstages: {}"}


def interpolated(text: str, env: Environment | None = None) -> tuple[Node, list[ConfigError]]:
    errors: list[ConfigError] = []
    node = yaml12.parse(text, SOURCE, errors)
    assert node is not None
    return (env or Environment(VARIABLES)).interpolate(node, errors), errors


@pytest.mark.parametrize(
    ("written", "value", "shown"),
    [
        ("${env:KEY}", "s3cret-value", MASK),
        ("Bearer ${env:KEY}!", "Bearer s3cret-value!", f"Bearer {MASK}!"),
        ("${env:KEY:-other}", "s3cret-value", MASK),
        ("${env:NONE:-a:b}", "a:b", "a:b"),
        ("${env:EMPTY:-other}", "other", "other"),
        ("${env:EMPTY}", "", ""),
        ("${env:NONE:-}", "", ""),
        ("${env:KEY:?needed}", "s3cret-value", MASK),
        ("$$", "$", "$"),
        ("$${env:KEY}", "${env:KEY}", "${env:KEY}"),
        ("$$${env:KEY}", "$s3cret-value", f"${MASK}"),
        ("costs $5", "costs $5", "costs $5"),
        ("${env:PORT}${env:PORT}", "8080", MASK + MASK),
    ],
)
def test_reference_is_replaced_and_masked(written: str, value: str, shown: str) -> None:
    node, errors = interpolated(f'a: "{written}"')
    assert not errors
    assert (node.map["a"].value, node.map["a"].text, node.map["a"].shown) == (value, value, shown)


def test_references_are_replaced_in_lists_and_unquoted_scalars_but_not_in_keys() -> None:
    node, errors = interpolated("${env:KEY}: [1, '${env:KEY}']\nb: ${env:KEY}\n")
    assert not errors
    assert plain(node) == {"${env:KEY}": [1, "s3cret-value"], "b": "s3cret-value"}


def test_value_from_the_environment_cannot_inject_yaml_or_another_reference() -> None:
    assert plain(interpolated("a: ${env:EVIL}")[0]) == {"a": VARIABLES["EVIL"]}
    twice = Environment({"A": "${env:B}", "B": "never"})
    assert plain(interpolated("a: ${env:A}", twice)[0]) == {"a": "${env:B}"}
    node, _ = interpolated("a: ${env:A}", twice)
    assert plain(twice.interpolate(node, [])) == {"a": "${env:B}"}


def test_value_from_the_environment_stays_text_until_a_field_types_it() -> None:
    assert plain(interpolated("a: ${env:PORT}")[0]) == {"a": "80"}


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("${env:NONE}", "NONE isn't set", "give a default: ${env:NONE:-default}"),
        ("${env:NONE:?ask the boss}", "NONE isn't set", "ask the boss"),
        ("${env:EMPTY:?ask the boss}", "EMPTY isn't set", "ask the boss"),
        ("${KEY}", "expected '${env:NAME}'", "did you mean '${env:KEY}'?"),
        ("${KEY:-x}", "expected '${env:NAME}'", "did you mean '${env:KEY:-x}'?"),
        ("${file:x}", "expected '${env:NAME}'", "write $$ for a dollar sign"),
        ("${env:9}", "expected '${env:NAME}'", "write $$ for a dollar sign"),
        ("${env:KEY", "expected '${env:NAME}', found '${'", "write $$ for a dollar sign"),
    ],
)
def test_wrong_reference_is_an_error_at_its_place(written: str, message: str, hint: str) -> None:
    _, (error,) = interpolated(f'a: 1\nb: "{written}"')
    assert (error.line, error.column) == (2, 4)
    assert message in error.message
    assert hint in (error.hint or "")


def test_used_values_are_masked_in_any_text_the_longest_first() -> None:
    env = Environment({"A": "secret", "B": "secret-longer", "C": "80", "D": "unused-value"})
    interpolated('a: "${env:A} ${env:B} ${env:C}"', env)
    assert env.mask("secret-longer, secret, 80, unused-value") == f"{MASK}, {MASK}, 80, unused-value"


def test_env_file_never_overrides_the_environment_and_its_names_are_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# comment\n\nexport A=1\nKEY=from file\nB='single $x' # c\n"
        'C="two\\nlines \\"q\\""\nD=bare # c\nE=#c\n'
    )
    errors: list[ConfigError] = []
    env = Environment({"KEY": "from process"}, read_env_file(tmp_path, errors))
    assert not errors
    assert env.taken == ("A", "B", "C", "D", "E")
    assert env.values == {
        "A": "1",
        "KEY": "from process",
        "B": "single $x",
        "C": 'two\nlines "q"',
        "D": "bare",
        "E": "",
    }


def test_folder_without_env_file_gives_nothing(tmp_path: Path) -> None:
    errors: list[ConfigError] = []
    assert read_env_file(tmp_path, errors) == {}
    assert not errors


def test_broken_env_file_is_reported_by_line_without_its_values(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nhunter2\nB='open\n")
    errors: list[ConfigError] = []
    assert read_env_file(tmp_path, errors) == {"A": "1"}
    assert [error.line for error in errors] == [2, 3]
    assert "hunter2" not in str(errors)


def test_env_file_that_is_too_large_or_not_text_is_one_clear_problem(tmp_path: Path) -> None:
    for content, message in ((b"#" * (65 << 10), "larger than 64 KiB"), (b"A=\xff", "can't read the file")):
        (tmp_path / ".env").write_bytes(content)
        errors: list[ConfigError] = []
        assert read_env_file(tmp_path, errors) == {}
        assert message in errors[0].message


@given(st.text(max_size=30))
def test_dollar_escaping_brings_any_text_through(text: str) -> None:
    node = Node(text.replace("$", "$$"), Place(SOURCE, 1, 1))
    errors: list[ConfigError] = []
    assert Environment({}).interpolate(node, errors).value == text
    assert not errors
