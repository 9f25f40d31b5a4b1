"""G.711 by its tables: the bytes that every telephone exchange agrees on."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pytest

from voicepipe.audio import g711
from voicepipe.audio.pcm import Pcm

BYTES = bytes(range(256))
SAMPLES = np.arange(-32768, 32768).astype(np.int16)

Decoder = Callable[[bytes], Pcm]
Encoder = Callable[[Pcm], bytes]
LAWS = [(g711.decode_ulaw, g711.encode_ulaw), (g711.decode_alaw, g711.encode_alaw)]


@pytest.mark.parametrize(
    ("made", "digest"),
    [
        (lambda: g711.decode_ulaw(BYTES).astype("<i2").tobytes(), "3dab54339e520bb2c924826e3b72a917"),
        (lambda: g711.decode_alaw(BYTES).astype("<i2").tobytes(), "e04788d110e58ff8c70c93b8480190d9"),
        (lambda: g711.encode_ulaw(SAMPLES), "81d633c9e6972a18c74a58720b96cb8c"),
        (lambda: g711.encode_alaw(SAMPLES), "38488f6fd710f4686360edc4d38639f9"),
    ],
    ids=["decode μ-law", "decode A-law", "encode μ-law", "encode A-law"],
)
def test_the_whole_table_is_that_of_audioop(made: Callable[[], bytes], digest: str) -> None:
    # The digests are of what ``audioop`` of Python 3.11 makes of all bytes and of all samples.
    assert sha256(made()).hexdigest()[:32] == digest


def test_the_loudest_and_the_quietest_codes_are_those_of_the_recommendation() -> None:
    assert g711.decode_ulaw(b"\x00\x80\xff\x7f").tolist() == [-32124, 32124, 0, 0]
    assert g711.decode_alaw(b"\x2a\xaa\xd5\x55").tolist() == [-32256, 32256, 8, -8]
    assert g711.encode_ulaw(np.zeros(2, np.int16)) == bytes([g711.ULAW_SILENCE] * 2)
    assert g711.encode_alaw(np.zeros(2, np.int16)) == bytes([g711.ALAW_SILENCE] * 2)


@pytest.mark.parametrize(("decode", "encode"), LAWS, ids=["μ-law", "A-law"])
def test_what_was_decoded_encodes_to_the_same_byte(decode: Decoder, encode: Encoder) -> None:
    again = encode(decode(BYTES))
    changed = [code for code in BYTES if again[code] != code]
    assert changed in ([], [0x7F])  # μ-law has two zeros


@pytest.mark.parametrize(("decode", "encode"), LAWS, ids=["μ-law", "A-law"])
def test_a_sample_comes_back_within_half_a_step_and_in_its_order(decode: Decoder, encode: Encoder) -> None:
    back = decode(encode(SAMPLES)).astype(np.int32)
    assert (np.diff(back) >= 0).all()
    error = np.abs(back - SAMPLES)
    assert (error <= np.maximum(np.abs(SAMPLES.astype(np.int32)) / 16, 16))[
        644:-644
    ].all()  # the rest is cut off


@pytest.mark.parametrize(("decode", "encode"), LAWS, ids=["μ-law", "A-law"])
def test_nothing_is_nothing(decode: Decoder, encode: Encoder) -> None:
    assert encode(decode(b"")) == b""
