from __future__ import annotations

import numpy as np
import pytest

from voicepipe.audio.echo_path import DECAY, SPREAD, Background, EchoPath

BANDS = 20


def powers(db: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.full(BANDS, 10 ** (db / 10), np.float32)


def noisy(db: float, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """What five seconds of steady noise look like: powers scatter."""
    return (powers(db) * np.random.default_rng(seed).chisquare(8, (250, BANDS)) / 8).astype(np.float32)


def test_steady_noise_is_known_within_3_db_after_five_seconds() -> None:
    background = Background(BANDS)
    for frame in noisy(-80, 1):
        background.update(frame)
    np.testing.assert_allclose(10 * np.log10(background.level), -80, atol=3)


def test_a_sentence_is_not_taken_for_noise() -> None:
    background = Background(BANDS)
    for frame in noisy(-80, 1):
        background.update(frame)
    for _ in range(100):
        background.update(powers(-40))
    assert 10 * np.log10(background.level.max()) < -70


def test_noise_is_not_learnt_where_as_much_echo_is_expected() -> None:
    background = Background(BANDS)
    before = background.level.copy()
    for _ in range(50):
        background.update(powers(-30), powers(-30))
    np.testing.assert_array_equal(background.level, before)


def test_looking_at_one_frame_in_five_learns_as_fast_as_at_all() -> None:
    every, some = Background(BANDS), Background(BANDS)
    for number, frame in enumerate(np.tile(powers(-62), (500, 1))):
        every.update(frame)
        if number % 5 == 0:
            some.update(frame, frames=5)
    np.testing.assert_allclose(10 * np.log10(every.level), 10 * np.log10(some.level), atol=1)


def test_the_gain_of_each_band_is_learnt() -> None:
    path, gain = EchoPath(BANDS), np.linspace(-40, -10, BANDS)
    played = noisy(-30, 2)
    heard = (played * 10 ** (gain / 10)).astype(np.float32)
    path.begin(heard[:12], played[:12])
    for sound, echo in zip(played[12:], heard[12:], strict=True):
        path.expect(sound)
        path.learn(echo, sound, powers(-120), talking=False)
    np.testing.assert_allclose(path.gain_db, gain, atol=3)


def test_what_is_played_rings_on_and_spreads_a_little() -> None:
    path = EchoPath(BANDS)
    sound = np.zeros(BANDS, np.float32)
    sound[5] = 1
    first, second = path.expect(sound), path.expect(np.zeros(BANDS, np.float32))
    assert first[5] == pytest.approx(1 + SPREAD)
    assert first[6] == pytest.approx(SPREAD)
    np.testing.assert_allclose(second, DECAY * first, rtol=1e-5)
    path.forget_sound()
    assert not path.expect(np.zeros(BANDS, np.float32)).any()


def test_a_caller_who_talks_is_hardly_learnt_as_echo() -> None:
    learnt = {}
    for talking in (False, True):
        path = EchoPath(BANDS)
        path.begin(np.tile(powers(-50), (12, 1)), np.tile(powers(-30), (12, 1)))
        for _ in range(60):
            path.expect(powers(-30))
            path.learn(powers(-50), powers(-30), powers(-120), talking=False)
        before = path.gain_db.copy()
        for _ in range(15):
            path.expect(powers(-30))
            path.learn(powers(-35), powers(-30), powers(-120), talking=talking)
        learnt[talking] = float((path.gain_db - before).mean())
    assert learnt[True] < 5 < 9 < learnt[False]


def test_noise_alone_only_tells_that_the_echo_is_weaker() -> None:
    path = EchoPath(BANDS)
    path.begin(np.tile(powers(-70), (12, 1)), np.tile(powers(-30), (12, 1)))
    before = path.gain_db.copy()
    for _ in range(50):
        path.expect(powers(-30))
        path.learn(powers(-60), powers(-30), powers(-60), talking=False)
    assert (path.gain_db <= before).all()
