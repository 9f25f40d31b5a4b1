from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.local_agreement import LocalAgreement, agreed, units

words = st.lists(st.sampled_from(["go", "forward", "ten", "meters", "stop"]), max_size=6)
texts = words.map(" ".join)


def test_only_what_two_successive_hypotheses_share_is_committed() -> None:
    agreement = LocalAgreement()
    assert not agreement.add("turn of")
    assert agreement.add("turn off the")
    assert agreement.text == "turn"
    assert agreement.add("turn off the kitchen")
    assert agreement.text == "turn off the"


def test_case_and_punctuation_do_not_make_words_different_and_the_newest_spelling_is_kept() -> None:
    agreement = LocalAgreement()
    agreement.add("What time is it?")
    agreement.add("what time is it, please")
    assert agreement.text == "what time is it,"


def test_committed_words_stay_while_one_hypothesis_differs() -> None:
    agreement = LocalAgreement()
    agreement.add("set a timer for ten")
    agreement.add("set a timer for ten minutes")
    assert not agreement.add("set a time")
    assert agreement.text == "set a timer for ten"
    assert agreement.contested


def test_two_hypotheses_that_agree_replace_words_that_were_committed_too_early() -> None:
    agreement = LocalAgreement()
    for text in (
        "set a timer for ten minutes",
        "set a timer for ten minutes",
        "set a timer for five minutes",
    ):
        agreement.add(text)
    assert agreement.text == "set a timer for ten minutes"
    assert agreement.add("set a timer for five minutes")
    assert agreement.text == "set a timer for five minutes"
    assert not agreement.contested


def test_a_script_without_spaces_agrees_character_by_character() -> None:
    agreement = LocalAgreement()
    agreement.add("今日は天")
    agreement.add("今日は天気が")
    assert agreement.text == "今日は天"


@given(st.text())
def test_the_units_of_a_text_give_the_text_again(text: str) -> None:
    assert "".join(units(text)) == text.rstrip()


@given(st.lists(texts, max_size=8))
def test_what_is_committed_was_said_by_two_successive_hypotheses(hypotheses: list[str]) -> None:
    agreement = LocalAgreement()
    shared = {""}
    for before, text in zip(["", *hypotheses], hypotheses, strict=False):
        agreement.add(text)
        common = units(text)[: agreed(units(before), units(text))]
        shared.add("".join(common).strip())
        assert agreement.text in shared


@given(st.lists(texts, max_size=8))
def test_committed_words_never_shrink_to_their_own_beginning(hypotheses: list[str]) -> None:
    agreement = LocalAgreement()
    for text in hypotheses:
        before = agreement.committed
        agreement.add(text)
        after = agreement.committed
        assert len(after) >= len(before) or agreed(before, after) < len(after)


@given(words)
def test_a_hypothesis_that_grows_word_by_word_is_committed_but_for_the_newest_word(said: list[str]) -> None:
    agreement = LocalAgreement()
    for count in range(len(said) + 1):
        agreement.add(" ".join(said[:count]))
    assert agreement.text == " ".join(said[:-1])


@given(texts)
def test_the_same_hypothesis_twice_is_committed_whole(text: str) -> None:
    agreement = LocalAgreement()
    agreement.add(text)
    agreement.add(text)
    assert agreement.text == text
