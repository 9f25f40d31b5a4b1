from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.http_files import serving
from voicepipe.errors import SetupError
from voicepipe.providers import piper_voices
from voicepipe.providers.piper_voices import (
    check_url,
    download,
    missing_files,
    models_folder,
    present_voices,
    voice_file,
)

NAME = "en_US-tones-low"
FILES = {f"en/en_US/tones/low/{NAME}{suffix}": suffix.encode() * 1000 for suffix in (".onnx", ".onnx.json")}


def described(files: dict[str, bytes]) -> bytes:
    """The collection's ``voices.json``."""
    facts = {
        path: {"size_bytes": len(data), "md5_digest": hashlib.md5(data, usedforsecurity=False).hexdigest()}
        for path, data in (files | {"en/en_US/tones/low/MODEL_CARD": b"a card"}).items()
    }
    return json.dumps({NAME: {"key": NAME, "files": facts}}).encode()


@contextmanager
def collection(**changes: bytes | str) -> Iterator[tuple[str, list[str]]]:
    """The collection on a server of this computer; ``changes`` by the ends of the files' names."""
    contents: dict[str, bytes | str] = {"/voices.json": described(FILES)}
    contents |= {f"/{path}": data for path, data in FILES.items()}
    for end, data in changes.items():
        path = next(path for path in contents if path.endswith(end))
        contents[path] = data
    with serving(contents) as served:
        yield served


def fetch(folder: Path, url: str, voice: str = NAME) -> list[str]:
    told: list[str] = []
    download(voice, folder, url=url, progress=told.append)
    return told


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_voice_comes_with_its_two_files_and_says_so(tmp_path: Path) -> None:
    with collection() as (url, asked):
        told = fetch(tmp_path / "new" / "folder", url)
    folder = tmp_path / "new" / "folder"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.rpartition("/")[2]: data for path, data in FILES.items()
    }
    assert missing_files(folder / f"{NAME}.onnx") == []
    assert len(asked) == 3
    assert any("en_US-tones-low.onnx" in line and "MB" in line for line in told)


def test_only_what_is_missing_is_fetched(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.onnx").write_bytes(b"mine")
    with collection() as (url, asked):
        fetch(tmp_path, url)
        assert asked == ["/voices.json", f"/en/en_US/tones/low/{NAME}.onnx.json"]
        assert fetch(tmp_path, url) == [f"the Piper voice {NAME} is there already"]
    assert (tmp_path / f"{NAME}.onnx").read_bytes() == b"mine"


def test_progress_is_told_while_a_large_file_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper_voices, "BLOCK", 1000)
    monkeypatch.setattr(piper_voices, "REPORT_EVERY", 1000)
    with collection() as (url, _):
        told = fetch(tmp_path, url)
    assert len([line for line in told if " of " in line]) >= 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low.onnx": b"short"}, "5 bytes came, 5000 with the MD5 sum"),
        ({"low.onnx": b"x" * 5000}, "isn't the file that the collection describes: 5000 bytes"),
        ({"low.onnx": b"x" * 400_000}, "more than"),
    ],
)
def test_a_file_that_is_not_what_was_described_leaves_nothing_behind(
    tmp_path: Path, change: dict[str, bytes], message: str
) -> None:
    with collection(**change) as (url, _), pytest.raises(SetupError, match=message):
        fetch(tmp_path, url)
    assert names(tmp_path) == set()


def test_an_unknown_voice_is_named_with_the_nearest(tmp_path: Path) -> None:
    with collection() as (url, _), pytest.raises(SetupError, match=f"Did you mean '{NAME}'"):
        fetch(tmp_path, url, "en_US-tone-low")


@pytest.mark.parametrize(
    "index",
    [
        b"<html>",
        b"[]",
        b'{"a": {"files": {"a.onnx": {"size_bytes": -1, "md5_digest": ""}}}}',
        b'{"a": {"files": {"a.onnx": {"size_bytes": 99999999999, "md5_digest": ""}}}}',
    ],
)
def test_an_index_that_is_none_is_said(tmp_path: Path, index: bytes) -> None:
    with collection(json=index) as (url, _), pytest.raises(SetupError, match="isn't a list of Piper voices"):
        fetch(tmp_path, url, "a")


def test_an_endless_index_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper_voices, "MAX_INDEX_BYTES", 100)
    with collection() as (url, _), pytest.raises(SetupError, match="more than 0 MiB"):
        fetch(tmp_path, url)


def test_a_voice_without_its_second_file_is_said(tmp_path: Path) -> None:
    half = {path: data for path, data in FILES.items() if path.endswith(".onnx")}
    with (
        collection(**{"voices.json": described(half)}) as (url, _),
        pytest.raises(SetupError, match=r"lacks en_US-tones-low\.onnx\.json"),
    ):
        fetch(tmp_path, url)


def test_a_server_that_is_not_there_is_said_with_the_remedy(tmp_path: Path) -> None:
    with collection() as (url, _):
        pass
    with pytest.raises(SetupError, match=r"can't fetch http://127.*(?s:.*)put the file in its place by hand"):
        fetch(tmp_path, url)


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with collection() as (url, _), pytest.raises(SetupError, match="can't write to"):
        fetch(tmp_path / "file" / "below", url)


def test_a_redirect_is_followed_where_it_is_safe(tmp_path: Path) -> None:
    model = next(path for path in FILES if path.endswith(".onnx"))
    with (
        serving({"/storage": FILES[model]}) as (storage, _),
        collection(**{"low.onnx": f"{storage}/storage"}) as (
            url,
            _,
        ),
    ):
        fetch(tmp_path, url)
    assert (tmp_path / f"{NAME}.onnx").read_bytes() == FILES[model]


@pytest.mark.parametrize("target", ["http://voices.example/x", "file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_a_redirect_to_an_unsafe_address_is_refused(tmp_path: Path, target: str) -> None:
    with collection(**{"low.onnx": target}) as (url, _), pytest.raises(SetupError, match="can't fetch"):
        fetch(tmp_path, url)
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    "url",
    [
        "http://voices.example",
        "ftp://127.0.0.1",
        "file:///tmp",
        "https://",
        "voices",
        "http://localhost.evil.example",
    ],
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="begins with https://"):
        check_url(url)


@pytest.mark.parametrize("url", ["https://voices.example/a/", "http://127.0.0.1:80/a", "http://[::1]:8080"])
def test_encrypted_addresses_and_those_of_this_computer_are_taken(url: str) -> None:
    assert check_url(url) == url.rstrip("/")


def test_the_folder_follows_the_environment() -> None:
    assert models_folder({"VOICEPIPE_MODELS": "/m", "XDG_CACHE_HOME": "/c"}) == Path("/m/piper")
    assert models_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/voicepipe/piper")
    assert models_folder({}) == Path.home() / ".cache" / "voicepipe" / "piper"


def test_the_voices_on_this_computer_are_those_with_both_files(tmp_path: Path) -> None:
    assert present_voices(tmp_path / "none") == []
    for name in ("b.onnx", "b.onnx.json", "a.onnx", "a.onnx.json", "half.onnx", "other.onnx.json"):
        (tmp_path / name).touch()
    assert present_voices(tmp_path) == ["a", "b"]


def test_a_voice_is_a_path_or_a_name(tmp_path: Path) -> None:
    assert voice_file("/voices/mine.onnx", tmp_path) == Path("/voices/mine.onnx")
    assert voice_file(NAME, tmp_path) == tmp_path / f"{NAME}.onnx"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "a\\b", "", ".hidden", "a b", "a\0"])
def test_a_name_never_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="neither the name of a Piper voice"):
        voice_file(name, tmp_path)
