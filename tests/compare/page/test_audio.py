from __future__ import annotations

import base64
import struct
from pathlib import Path

import numpy as np

from tests.compare.page.samples import RATE, write_recording
from voicepipe.audio.g711 import decode_ulaw
from voicepipe.audio.wav import read_wav
from voicepipe.compare.page.audio import recordings


def unpack(url: str) -> tuple[int, int, int, bytes]:
    """Codec, channels, rate and samples of a ``data:`` address."""
    head, _, body = url.partition(",")
    assert head == "data:audio/wav;base64"
    wav = base64.b64decode(body, validate=True)
    assert wav[:4] + wav[8:16] == b"RIFFWAVEfmt "
    assert struct.unpack("<I", wav[4:8])[0] == len(wav) - 8
    codec, channels, rate = struct.unpack("<HHI", wav[20:28])
    at = wav.index(b"data")
    size = struct.unpack("<I", wav[at + 4 : at + 8])[0]
    return codec, channels, rate, wav[at + 8 : at + 8 + size]


def test_a_recording_becomes_stereo_mu_law_with_the_caller_on_the_left(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", 2)
    kept, missing = recordings({"a": tmp_path / "a.wav"})
    codec, channels, rate, data = unpack(kept["a"].url)
    assert (codec, channels, rate, missing) == (7, 2, RATE, [])
    sides = decode_ulaw(data).reshape(-1, 2).astype(float)
    for channel in (0, 1):
        pcm = read_wav(tmp_path / "a.wav", channel=channel).pcm
        assert np.max(np.abs(sides[:, channel] - pcm)) < 300, "an eighth of a bit of the loudest"
    assert kept["a"].seconds == kept["a"].whole_seconds == 2


def test_too_much_is_taken_at_the_rate_of_a_telephone_and_still_too_much_left_out(tmp_path: Path) -> None:
    files = {}
    for name in "abc":
        write_recording(tmp_path / f"{name}.wav", 1)
        files[name] = tmp_path / f"{name}.wav"
    kept, missing = recordings(files, limit=50_000)
    assert (list(kept), missing) == (["a", "b"], ["c"]), "22 kB a second and recording"
    assert {unpack(one.url)[2] for one in kept.values()} == {8000}
    assert sum(len(one.url) for one in kept.values()) <= 50_000


def test_a_recording_that_cant_be_read_is_left_out(tmp_path: Path) -> None:
    write_recording(tmp_path / "good.wav", 1)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    files = {name: tmp_path / f"{name}.wav" for name in ("gone", "bad", "good")}
    kept, missing = recordings(files)
    assert (list(kept), missing) == (["good"], ["gone", "bad"])


def test_a_long_recording_is_cut(tmp_path: Path) -> None:
    write_recording(tmp_path / "long.wav", 3, rate=8000)
    kept, _ = recordings({"long": tmp_path / "long.wav"}, longest=2)
    assert (kept["long"].seconds, kept["long"].whole_seconds) == (2, 3)
    assert len(unpack(kept["long"].url)[3]) == 2 * 2 * RATE


def test_recordings_of_other_rates_are_brought_to_one(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", 1, rate=24_000)
    write_recording(tmp_path / "b.wav", 1, rate=8_000)
    kept, _ = recordings({name: tmp_path / f"{name}.wav" for name in "ab"})
    assert {len(unpack(one.url)[3]) for one in kept.values()} == {2 * RATE}
