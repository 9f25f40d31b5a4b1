from __future__ import annotations

from tests.support.comparisons import turn
from voicepipe.compare.measured import ToolUse
from voicepipe.compare.page.words import Words

SHOWN, REDACTED = Words(), Words(redact=True)


def test_words_are_shown_or_only_counted() -> None:
    assert SHOWN.text("my card <4111>") == "<bdi>my card &lt;4111&gt;</bdi>"
    assert "4111" not in REDACTED.text("my card 4111")
    assert "[3 words left out]" in REDACTED.text("my card 4111")


def test_what_wasnt_heard_of_a_reply_is_struck_out() -> None:
    cut = turn(1, agent="One. Two. Three.", heard="One.")
    assert SHOWN.reply(cut).startswith("<bdi>One.</bdi> <del")
    assert "<bdi>Two. Three.</bdi></del>" in SHOWN.reply(cut)
    assert SHOWN.reply(turn(1, agent="One.", heard="One.")) == "<bdi>One.</bdi>"
    assert SHOWN.reply(turn(1, agent="One.", heard="")).startswith("<del")
    assert "nothing was said" in SHOWN.reply(turn(1, agent="", heard=""))


def test_what_was_heard_besides_the_reply_is_shown_as_it_was() -> None:
    assert SHOWN.reply(turn(1, agent="", heard="One moment, please.")) == "<bdi>One moment, please.</bdi>"


def test_a_redacted_reply_has_no_words_in_it() -> None:
    for made in (turn(1, agent="One. Two.", heard="One."), turn(1, agent="One. Two.", heard="")):
        assert "One" not in REDACTED.reply(made)


def test_a_tool_is_shown_with_its_arguments_and_what_came_of_it() -> None:
    use = ToolUse(name="find", arguments={"day": "<thu>", "n": 2}, result='{"a": 1}', error=False)
    shown = SHOWN.tool(use)
    assert "<bdi>find</bdi>(<bdi>day=&quot;&lt;thu&gt;&quot;, n=2</bdi>)" in shown
    assert " → " in shown
    assert "failed" in SHOWN.tool(use.model_copy(update={"error": True, "arguments": "not json"}))
    assert "no result" in SHOWN.tool(use.model_copy(update={"result": None, "arguments": {}}))
    assert "thu" not in REDACTED.tool(use)
