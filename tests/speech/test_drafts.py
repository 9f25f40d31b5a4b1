from __future__ import annotations

from voicepipe.speech.drafts import MAX_DRAFTS, Drafts


def test_the_same_words_are_drafted_once_however_they_are_written() -> None:
    drafts = Drafts()
    assert drafts.begin("turn it off")
    assert not drafts.begin("Turn it off.")
    assert drafts.fits("Turn it off.")


def test_other_words_are_another_draft() -> None:
    drafts = Drafts()
    assert drafts.begin("turn it")
    assert drafts.begin("turn it off")
    assert not drafts.fits("turn it")


def test_nothing_is_not_drafted() -> None:
    assert not Drafts().begin(" … ")


def test_there_is_a_most() -> None:
    drafts = Drafts()
    assert [drafts.begin(str(number)) for number in range(MAX_DRAFTS + 1)] == [True] * MAX_DRAFTS + [False]


def test_a_draft_that_is_dead_fits_nothing_and_may_be_begun_anew() -> None:
    drafts = Drafts()
    drafts.begin("yes")
    drafts.drop()
    assert not drafts.fits("yes")
    assert drafts.begin("yes")


def test_after_giving_up_none_is_begun() -> None:
    drafts = Drafts()
    drafts.begin("yes")
    drafts.give_up()
    assert not drafts.fits("yes")
    assert not drafts.begin("no")
