"""The script of a Realtime server: what is said and heard next."""

from __future__ import annotations

from voicepipe.testing.realtime_script import Asked, Heard, Reply, Script

ASKED = Asked(params={}, config={"instructions": "Be brief."}, conversation=[])


def test_replies_and_words_are_taken_in_their_order_and_then_there_are_empty_ones() -> None:
    script = Script([Reply(text=["one"])], ["hi", Heard(failed=True)], None)
    assert [script.next_reply(ASKED).text for _ in range(2)] == [["one"], ()]
    assert [script.next_heard() for _ in range(3)] == [Heard(text="hi"), Heard(failed=True), Heard()]


def test_once_the_replies_are_over_the_answer_is_asked_for() -> None:
    script = Script([Reply()], (), lambda asked: Reply(text=[asked.config["instructions"]]))
    assert [script.next_reply(ASKED).text for _ in range(3)] == [(), ["Be brief."], ["Be brief."]]


def test_more_may_be_added_while_the_server_runs() -> None:
    script = Script([], [], None)
    script.replies.append(Reply(text=["late"]))
    script.heard.append(Heard(text="later"))
    assert (script.next_reply(ASKED).text, script.next_heard().text) == (["late"], "later")
