from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.audio.pcm_bytes import PcmBytes


@given(st.lists(st.binary(max_size=9), max_size=20))
def test_samples_are_the_same_however_the_bytes_are_portioned(portions: list[bytes]) -> None:
    pcm = PcmBytes()
    blocks = [pcm.push(portion) for portion in portions]
    data = b"".join(portions)
    whole = np.frombuffer(data, "<i2", len(data) // 2)
    found = np.concatenate([np.zeros(0, np.int16), *blocks])
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, whole)
    assert pcm.samples == whole.size
    assert pcm.split == bool(len(data) % 2)


def test_a_sample_that_is_split_comes_when_its_second_half_does() -> None:
    pcm = PcmBytes()
    assert pcm.push(b"\x01").tolist() == []
    assert pcm.split
    assert pcm.push(b"\x02\x03").tolist() == [0x0201]
    assert pcm.push(b"\xff").tolist() == [0xFF03 - 0x10000]
    assert not pcm.split
