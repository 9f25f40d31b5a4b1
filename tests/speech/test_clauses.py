from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.asked import Wanted
from voicepipe.speech.clauses import CLOSED, COMPLETE, EITHER_WAY, GOES_ON, HARDLY, SELDOM, completeness
from voicepipe.speech.languages import KNOWN, grammar
from voicepipe.speech.languages.en import GRAMMAR as ENGLISH


def judged(text: str, wanted: Wanted = Wanted.ANYTHING) -> float:
    return completeness(text.split(), ENGLISH, wanted)


@pytest.mark.parametrize(
    "text",
    [
        *("where is my", "i'd like to", "turn it on and", "um", "i need a um", "my number is", "we", "it's"),
        *("what's the capital of", "i'm allergic to", "how long will it take to", "when it"),
    ],
)
def test_no_sentence_ends_in_a_word_that_opens_something(text: str) -> None:
    assert judged(text) <= HARDLY


@pytest.mark.parametrize(
    "text",
    [
        *("turn it off", "who is it for", "where are you from", "what is the weather like", "how are you"),
        *("can you tell me where my package is", "what did you say", "what can i do", "yes", "no thank you"),
        *("i can't hear you", "i was charged twice", "where can i get tested", "come in", "i don't know"),
    ],
)
def test_what_looks_open_may_be_complete(text: str) -> None:
    assert judged(text) >= COMPLETE


@pytest.mark.parametrize(
    "text", ["i want", "can you tell me", "what time", "can you", "i think", "if it rains"]
)
def test_what_lacks_its_object_or_verb_hardly_ends(text: str) -> None:
    assert judged(text) == HARDLY


@pytest.mark.parametrize(
    "text", ["turn the lights", "i want to cancel", "set a timer for ten", "the one i got"]
)
def test_what_may_go_on_as_well_is_left_open(text: str) -> None:
    assert judged(text) == EITHER_WAY


def test_a_noun_is_an_answer_to_a_question_and_a_beginning_without_one() -> None:
    assert judged("the salad") == SELDOM
    assert judged("the salad", Wanted.THING) == judged("no the salad") == COMPLETE


def test_a_reason_is_an_answer_to_why() -> None:
    assert judged("because it broke") == HARDLY
    assert judged("because it broke", Wanted.CLAUSE) == COMPLETE


def test_please_closes_what_is_complete_and_nothing_else() -> None:
    assert judged("turn on the light please") == CLOSED
    assert judged("could you please") == HARDLY


@pytest.mark.parametrize(
    "text", ["the red one was broken when i opened", "is there any way to get it before"]
)
def test_a_clause_that_lacks_something_may_go_on_although_the_first_is_whole(text: str) -> None:
    assert EITHER_WAY <= judged(text) < COMPLETE


def test_the_second_clause_completes_the_first() -> None:
    assert judged("if you want to succeed you have to start early") == COMPLETE
    assert judged("when does it open") == EITHER_WAY


@pytest.mark.parametrize("language", KNOWN)
@given(data=st.data())
def test_any_row_of_known_words_gets_a_score(language: str, data: st.DataObject) -> None:
    known = grammar(language)
    assert known is not None
    classes = (known.determiners, known.subjects, known.questions, known.prepositions, known.transitives)
    words = sorted(
        frozenset({"light", "order"}).union(
            *classes, known.be, known.auxiliaries, known.particles, known.movers, known.subordinators
        )
    )
    said = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=8))
    wanted = data.draw(st.sampled_from(Wanted))
    assert 0 < completeness(said, known, wanted) < 1


def test_a_filler_outweighs_all_else() -> None:
    assert judged("thank you um") == GOES_ON
