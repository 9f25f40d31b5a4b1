from __future__ import annotations

from typing import Any

import pytest

from voicepipe.runtime.tool_doors import readable, told_secrets


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1]", [1]),
        ("1.50", "1.50"),
        ('"a"', '"a"'),
        ("twelve", "twelve"),
        ("{", "{"),
        (" \n", None),
        ("[" * 90_000, "[" * 90_000),
        (f"[{'1' * 5000}]", f"[{'1' * 5000}]"),
    ],
)
def test_an_answer_is_json_or_text_or_nothing(text: str, result: Any) -> None:
    assert readable(text) == result


def test_secrets_are_told_by_their_names_with_what_follows_the_scheme() -> None:
    given = {"authorization": "Bearer abc", "x-api-key": "k", "accept": "text/plain", "cookie": "a=b"}
    assert list(told_secrets(given)) == ["Bearer abc", "abc", "k", "a=b"]
