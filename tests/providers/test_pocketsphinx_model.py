"""What pocketsphinx is given to hear with, and what is believed of what it heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicepipe.core.frames import UNRECOGNISED
from voicepipe.errors import ConfigError
from voicepipe.providers.pocketsphinx_library import Heard
from voicepipe.providers.pocketsphinx_model import dictionary, judged, spoken, words_of
from voicepipe.speech.ngram import Bigrams, word

KNOWN = "go G OW\ngo(2) G AO\nleft L EH F T\nright R AY T\n"


def grammar(*sentences: str) -> Bigrams:
    bigrams = Bigrams()
    for sentence in sentences:
        bigrams.add([word(text) for text in sentence.split()], 1.0)
    return bigrams


def heard(*words: str, score: float = -20.0) -> list[Heard]:
    """Each word takes ten frames, between two silences; ``score`` is that of a whole word."""
    silence = Heard("<sil>", 0, 4, 0.0)
    found = [Heard(text, 5 + 10 * at, 14 + 10 * at, score) for at, text in enumerate(words)]
    return [silence, *found, Heard("[NOISE]", 100, 110, 0.0)]


def test_the_dictionary_holds_the_words_of_the_grammar_with_all_their_pronunciations() -> None:
    assert dictionary(KNOWN, ["go", "left"], {}) == "go G OW\ngo(2) G AO\nleft L EH F T\n"


def test_a_pronunciation_of_the_user_s_own_replaces_the_bundled_ones() -> None:
    assert dictionary(KNOWN, ["go"], {"Go": "g  ao"}) == "go G AO\n"


def test_words_without_a_pronunciation_are_named() -> None:
    with pytest.raises(ConfigError, match="doesn't have: robot, stop"):
        dictionary(KNOWN, ["go", "stop", "robot"], {})


def test_sounds_that_do_not_exist_are_named_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="ZZ: no such sound") as caught:
        dictionary(KNOWN, ["go"], {"go": "G ZZ"})
    assert "AO AY EH" in (caught.value.hint or "")


def test_silences_and_noises_are_no_words() -> None:
    assert [entry.word for entry in spoken(heard("go", "left"))] == ["go", "left"]


def test_words_have_their_times_in_milliseconds() -> None:
    (only,) = words_of(heard("go"))
    assert (only.text, only.start_ms, only.end_ms) == ("go", 50, 150)


def test_a_sentence_of_the_grammar_that_fits_the_audio_is_believed() -> None:
    hypothesis = judged(heard("go", "left"), grammar("go left"))
    assert (hypothesis.text, hypothesis.final) == ("go left", True)
    assert len(hypothesis.words) == 2


def test_words_that_no_sentence_puts_together_are_not_believed() -> None:
    assert judged(heard("left", "go"), grammar("go left")).text == UNRECOGNISED


def test_a_sentence_that_has_not_come_to_its_end_is_not_believed() -> None:
    assert judged(heard("go"), grammar("go left")).text == UNRECOGNISED


def test_words_that_fit_the_audio_badly_are_not_believed() -> None:
    assert judged(heard("go", "left", score=-90.0), grammar("go left")).text == UNRECOGNISED


def test_one_word_has_to_fit_better_than_a_long_sentence() -> None:
    rules = grammar("go", "go left right")
    assert judged(heard("go", score=-50.0), rules).text == UNRECOGNISED
    assert judged(heard("go", "left", "right", score=-50.0), rules).text == "go left right"


@pytest.mark.parametrize("nothing", [[], heard()], ids=["empty", "noise"])
def test_where_no_word_was_heard_there_is_nothing(nothing: list[Heard]) -> None:
    assert judged(nothing, grammar("go")).text == ""


def test_a_missing_word_is_told_with_the_file_it_is_in(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="needs the extra 'quickstart'")
    from voicepipe.providers.pocketsphinx_model import Model  # noqa: PLC0415 - after the check that it can run

    rules = tmp_path / "own.rules.yaml"
    rules.write_text("intents: {a: {sentences: call zzyzx, answer: Fine.}}")
    with pytest.raises(ConfigError, match="zzyzx") as caught:
        Model(rules)
    assert caught.value.path == str(rules)
