from __future__ import annotations

import pytest

from voicepipe.speech.chunker import has_words
from voicepipe.speech.notices import BUILT_IN, NAMES, has_built_in, notice_texts


@pytest.mark.parametrize("language", sorted(BUILT_IN))
def test_each_language_has_all_notices_in_words_of_its_own(language: str) -> None:
    texts = notice_texts(language, {})
    assert tuple(texts) == NAMES
    assert all(has_words(text) and len(text) < 100 for text in texts.values())
    others = {text for other in BUILT_IN if other != language for text in BUILT_IN[other]}
    assert not others & set(texts.values())


@pytest.mark.parametrize("tag", ["de", "de-AT", "DE-at"])
def test_the_region_doesnt_matter(tag: str) -> None:
    assert has_built_in(tag)
    assert notice_texts(tag, {})["wait"] == "Einen Moment, bitte."


def test_another_language_gets_the_english_ones() -> None:
    assert not has_built_in("ja-JP")
    assert notice_texts("ja-JP", {}) == notice_texts("en", {})


def test_own_texts_go_over_ours_and_an_empty_one_switches_a_notice_off() -> None:
    own = {"wait": " Just a second. ", "failed": " ", "not_heard": None, "reconnected": ""}
    texts = notice_texts("en-US", own)
    assert texts == {"wait": "Just a second.", "not_heard": "Sorry, I didn't catch that."}
