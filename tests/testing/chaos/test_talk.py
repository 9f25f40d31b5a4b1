"""What the model says follows from what it was told."""

from __future__ import annotations

import json

from voicepipe.testing.chaos.talk import ANSWER, FIRST, RESULT, SORRY, wants_tool, words


def test_the_tool_is_asked_while_all_is_well_and_later_only_where_tools_are_struck() -> None:
    assert wants_tool(1, tools_struck=False)
    assert not wants_tool(2, tools_struck=False)
    assert wants_tool(2, tools_struck=True)


def test_the_answer_follows_from_the_tool_s() -> None:
    result = json.dumps(RESULT, separators=(",", ":"))
    assert words(1, result) == FIRST
    assert words(2, result) == words(2, None) == ANSWER
    assert words(2, '{"error":"its server answered 500"}') == SORRY
    assert words(2, result[:20]) == SORRY
