from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.audio.sniff import AUDIO, OTHER, what_it_is


@pytest.mark.parametrize(("offset", "magic", "name"), AUDIO)
def test_audio_is_named_and_worth_converting(offset: int, magic: bytes, name: str) -> None:
    assert what_it_is(bytes(offset) + magic + bytes(50)) == (f"looks like {name}", True)


@pytest.mark.parametrize(("offset", "magic", "name"), OTHER)
def test_what_is_no_audio_is_named_and_not_worth_converting(offset: int, magic: bytes, name: str) -> None:
    assert what_it_is(bytes(offset) + magic + b" and so on") == (f"looks like {name}", False)


def test_an_mp3_without_tags_is_known_by_its_frames() -> None:
    assert what_it_is(b"\xff\xfb\x90\x64" + bytes(100)) == ("looks like an MP3 or AAC stream", True)


@pytest.mark.parametrize("text", ["hello\n", "größer " * 200, "a" + "ö" * 1000, "\ufeffvoicepipe: 1\r\n"])
def test_text_is_called_text_even_if_the_excerpt_cuts_a_letter(text: str) -> None:
    assert what_it_is(text.encode()) == ("looks like text", False)


def test_anything_else_is_described_by_its_first_bytes() -> None:
    phrase, convertible = what_it_is(b"\x00\x01\x02\x03\x04")
    assert phrase == "begins with the bytes 00 01 02 03, which no format known here does"
    assert not convertible


@given(st.binary(min_size=1, max_size=2000))
def test_any_bytes_get_a_phrase(head: bytes) -> None:
    phrase, _ = what_it_is(head)
    assert phrase.startswith(("looks like", "begins with"))
