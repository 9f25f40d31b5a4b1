"""libpocketsphinx itself: one decoder, on real speech, with a grammar of two commands."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from tests.support.hearing import COMMANDS, load
from voicepipe.core.frames import Pcm
from voicepipe.errors import SetupError
from voicepipe.providers.pocketsphinx_library import RATE, Decoder, bind, model_folder
from voicepipe.providers.pocketsphinx_library import load as load_library
from voicepipe.speech.ngram import Bigrams, word

pytest.importorskip("pocketsphinx", reason="needs the extra 'quickstart'")

MEAN = (49.4, 0.7, -1.1, 12.5, -6.7, -1.6, 0.4, -8.3, -0.9, -3.0, 3.9, -1.0, -0.3)


@pytest.fixture
def decoder(tmp_path: Path) -> Decoder:
    bigrams = Bigrams()
    for sentence in ("stop", "hello"):
        bigrams.add([word(sentence)], 1.0)
    (tmp_path / "words.dict").write_text("stop S T AA P\nhello HH AH L OW\nhello(2) HH EH L OW\n")
    (tmp_path / "pairs.lm").write_text(bigrams.arpa())
    return Decoder(
        load_library(),
        acoustic=model_folder() / "en-us",
        dictionary=tmp_path / "words.dict",
        grammar=tmp_path / "pairs.lm",
    )


def clip(name: str) -> Pcm:
    return load(next(path for path in COMMANDS if path.stem == name), RATE)


def words(decoder: Decoder, pcm: Pcm) -> list[str]:
    decoder.set_mean(decoder.mean(pcm.tobytes(), MEAN))
    decoder.begin()
    decoder.hear(pcm.tobytes())
    decoder.end()
    return [entry.word for entry in decoder.heard() if entry.word[0] not in "<["]


@pytest.mark.parametrize(("name", "said"), [("slt_stop", "stop"), ("kal_hello", "hello")])
def test_a_command_is_heard_by_its_word_without_the_mark_of_its_variant(
    decoder: Decoder, name: str, said: str
) -> None:
    assert words(decoder, clip(name)) == [said]


def test_the_parts_of_an_utterance_follow_each_other_and_fit_worse_than_the_best_sounds(
    decoder: Decoder,
) -> None:
    words(decoder, clip("slt_stop"))
    entries = decoder.heard()
    assert [entry.first for entry in entries[1:]] == [entry.last + 1 for entry in entries[:-1]]
    assert all(entry.score <= 0 for entry in entries)


def test_a_louder_voice_has_a_mean_of_greater_loudness(decoder: Decoder) -> None:
    quiet = clip("slt_stop") // 4
    low, high = (decoder.mean(pcm.tobytes(), MEAN)[0] for pcm in (quiet, quiet * 4))
    assert high > low + 5


def test_a_mean_depends_on_its_audio_alone(decoder: Decoder) -> None:
    once, other = clip("slt_stop").tobytes(), clip("kal_hello").tobytes()
    first = decoder.mean(once, MEAN)
    assert decoder.mean(other, MEAN) != first
    assert decoder.mean(once, MEAN) == first


def test_an_utterance_that_was_left_in_the_middle_is_ended_by_the_next(decoder: Decoder) -> None:
    decoder.begin()
    decoder.hear(clip("kal_hello").tobytes())
    assert words(decoder, clip("slt_stop")) == ["stop"]


def test_a_folder_without_an_acoustic_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=str(tmp_path)):
        Decoder(load_library(), acoustic=tmp_path, dictionary=tmp_path / "no", grammar=tmp_path / "no")


def test_a_library_that_hides_what_is_needed_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match="hides what is needed"):
        bind(ctypes.CDLL(None))
