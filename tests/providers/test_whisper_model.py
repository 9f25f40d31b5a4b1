from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.hearing import COMMANDS, FIXTURES, WHISPER, load, words_of
from voicepipe.errors import SetupError
from voicepipe.providers.whisper_model import RATE, SILENCE, Clip, DecodeOptions, WhisperBatch

pytest.importorskip("faster_whisper", reason="needs the extra 'local'")


@pytest.fixture(scope="module")
def model() -> Iterator[WhisperBatch]:
    folder = WHISPER
    said: list[str] = []
    loaded = WhisperBatch(folder, device="cpu", compute_type=None, threads=1, progress=said.append)
    assert said == ["loading whisper-commands on cpu"]
    yield loaded
    loaded.close()


def _decode(model: WhisperBatch, *clips: Clip, **options: object) -> list[str]:
    model.configure("en", DecodeOptions(**options))  # type: ignore[arg-type]
    return [decoded.text.strip() for decoded in model.decode(clips)]


def test_a_batch_gives_each_clip_what_it_gets_alone(model: WhisperBatch) -> None:
    clips = [Clip(load(path, RATE)) for path in COMMANDS[:6]]
    assert _decode(model, *clips) == [words_of(path) for path in COMMANDS[:6]]
    assert [_decode(model, clip)[0] for clip in clips] == [words_of(path) for path in COMMANDS[:6]]


def test_a_text_goes_on_after_its_prefix_also_beside_clips_without_one(model: WhisperBatch) -> None:
    clip = load(FIXTURES / "commands" / "slt_set_a_timer_for_ten_minutes.wav", RATE)
    hello = load(FIXTURES / "commands" / "slt_hello.wav", RATE)
    texts = _decode(model, Clip(clip, prefix="turn on a timer"), Clip(hello))
    assert texts == ["turn on a timer for ten minutes", "hello"]


def test_words_that_were_given_are_not_counted_as_sure(model: WhisperBatch) -> None:
    model.configure("en", DecodeOptions())
    clip = load(FIXTURES / "commands" / "slt_set_a_timer_for_ten_minutes.wav", RATE)
    free, given = model.decode([Clip(clip), Clip(clip, prefix="set a timer for ten")])
    assert given.text == free.text
    assert given.mean_logprob == pytest.approx(free.mean_logprob, abs=0.02)


def test_a_wider_beam_finds_the_same_words(model: WhisperBatch) -> None:
    clip = load(FIXTURES / "commands" / "slt_turn_on_the_kitchen_lights.wav", RATE)
    assert _decode(model, Clip(clip), beam_size=3) == ["turn on the kitchen lights"]


def test_the_score_is_a_mean_log_probability(model: WhisperBatch) -> None:
    model.configure("en", DecodeOptions())
    clear, guess = model.decode([Clip(load(COMMANDS[0], RATE)), SILENCE])
    assert guess.mean_logprob < clear.mean_logprob < 0
    assert 0 <= clear.no_speech <= 1


def test_a_clip_shorter_than_a_spectrogram_window_can_be_decoded(model: WhisperBatch) -> None:
    model.configure("en", DecodeOptions())
    assert len(model.decode([Clip(np.zeros(1, np.int16))])) == 1


def test_a_language_that_the_model_does_not_know_is_refused(model: WhisperBatch) -> None:
    with pytest.raises(SetupError, match="knows English only, and the language is 'de'"):
        model.configure("de", DecodeOptions())


def test_hints_that_leave_no_room_for_the_answer_are_refused(model: WhisperBatch) -> None:
    with pytest.raises(SetupError, match="tokens"):
        model.configure("en", DecodeOptions(initial_prompt="stop " * 150, hotwords="timer " * 120))
