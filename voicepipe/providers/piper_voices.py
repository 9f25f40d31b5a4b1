"""Piper voices on this computer, and the collection that they come from.

A voice is two files, ``NAME.onnx`` and ``NAME.onnx.json``. The public collection is the repository
rhasspy/piper-voices of the Hugging Face hub, whose ``voices.json`` tells each file's size and MD5 sum::

    {"en_US-lessac-medium": {"files": {"en/…/en_US-lessac-medium.onnx": {"size_bytes": …, "md5_digest": …}}}}
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from voicepipe.core.names import did_you_mean
from voicepipe.errors import SetupError

COLLECTION = "https://huggingface.co/rhasspy/piper-voices/resolve/main"
MAX_INDEX_BYTES = 8 << 20
MAX_FILE_BYTES = 512 << 20
"""The largest voice of the collection has 120 MB."""
TIMEOUT_S = 30
BLOCK = 1 << 18
REPORT_EVERY = 10 << 20

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class VoiceFile(BaseModel):
    size_bytes: int = Field(ge=0, le=MAX_FILE_BYTES)
    md5_digest: str


class Voice(BaseModel):
    files: dict[str, VoiceFile]
    """By their paths in the collection."""


_INDEX = TypeAdapter(dict[str, Voice])


def models_folder(env: Mapping[str, str]) -> Path:
    """``$VOICEPIPE_MODELS/piper``, else ``voicepipe/piper`` in the user's cache (XDG)."""
    if own := env.get("VOICEPIPE_MODELS"):
        return Path(own).expanduser() / "piper"
    return Path(env.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "voicepipe" / "piper"


def is_path(voice: str) -> bool:
    return voice.endswith(".onnx") or os.path.isabs(voice)


def voice_file(voice: str, folder: Path) -> Path:
    """The ``.onnx`` file that ``voice`` means: itself if it is a path, else the one in ``folder``."""
    if is_path(voice):
        return Path(voice)
    if not _NAME.fullmatch(voice):
        raise SetupError(
            f"'{voice}' is neither the name of a Piper voice nor the path of its .onnx file",
            hint="write a name such as 'en_US-lessac-medium', or a path such as './voices/mine.onnx'",
        )
    return folder / f"{voice}.onnx"


def missing_files(model: Path) -> list[Path]:
    """Those of the voice's two files that aren't there."""
    return [path for path in (model, Path(f"{model}.json")) if not path.is_file()]


def present_voices(folder: Path) -> list[str]:
    """The voices in ``folder`` that have both of their files."""
    return sorted(path.stem for path in folder.glob("*.onnx") if not missing_files(path))


def check_url(url: str) -> str:
    """``url`` without a slash at its end, if it is encrypted or of this computer; ``ValueError`` if not."""
    parts = urlsplit(url)
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        return url.rstrip("/")
    raise ValueError(f"expected an address that begins with https://, found '{url}'")


def download(voice: str, folder: Path, *, url: str, progress: Callable[[str], None]) -> None:
    """Fetch the files of ``voice`` that ``folder`` lacks; blocks. Raises `SetupError`, leaving no halves."""
    wanted = {path.name for path in missing_files(voice_file(voice, folder))}
    if not wanted:
        progress(f"the Piper voice {voice} is there already")
        return
    index = _read_index(url)
    if voice not in index:
        raise SetupError(f"there is no Piper voice '{voice}' at {url}.{did_you_mean(voice, index)}")
    for remote, facts in index[voice].files.items():
        name = remote.rpartition("/")[2]
        if name in wanted:
            _fetch(f"{url}/{remote}", folder / name, facts, progress)
            wanted.remove(name)
    if wanted:
        raise SetupError(f"the Piper voice '{voice}' at {url} lacks {', '.join(sorted(wanted))}")


def _read_index(url: str) -> dict[str, Voice]:
    with _opened(f"{url}/voices.json") as response:
        data = response.read(MAX_INDEX_BYTES + 1)
    if len(data) > MAX_INDEX_BYTES:
        raise SetupError(f"{url}/voices.json has more than {MAX_INDEX_BYTES >> 20} MiB; it isn't read")
    try:
        return _INDEX.validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SetupError(f"{url}/voices.json isn't a list of Piper voices: {place} {first['msg']}") from None


def _fetch(url: str, path: Path, facts: VoiceFile, progress: Callable[[str], None]) -> None:
    size, digest, reported = 0, hashlib.md5(usedforsecurity=False), 0
    with _opened(url) as response, _replacing(path) as file:
        progress(f"fetching {path.name}: {_megabytes(facts.size_bytes)}")
        while size <= facts.size_bytes and (block := response.read(BLOCK)):
            file.write(block)
            digest.update(block)
            size += len(block)
            if size - reported >= REPORT_EVERY:
                reported = size
                progress(f"fetching {path.name}: {_megabytes(size)} of {_megabytes(facts.size_bytes)}")
        if size != facts.size_bytes or digest.hexdigest() != facts.md5_digest:
            more = "more than " if size > facts.size_bytes else ""
            raise SetupError(
                f"{url} isn't the file that the collection describes: {more}{size} bytes came,"
                f" {facts.size_bytes} with the MD5 sum {facts.md5_digest} were expected",
                hint="try again; if it stays so, the collection is being changed, or something is in between",
            )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file beside ``path`` that takes its place when all went well, and is gone when it didn't."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SetupError(f"can't write to {path.parent}: {error.strerror}") from error
    try:
        with open(descriptor, "wb") as file:
            yield file
        os.chmod(name, 0o644)  # mkstemp's is for the owner alone; a model is no secret
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    opener = build_opener(_CheckedRedirects)
    try:
        with opener.open(Request(check_url(url)), timeout=TIMEOUT_S) as response:  # noqa: S310 - checked
            yield response
    except (OSError, ValueError, HTTPException) as error:
        raise SetupError(
            f"can't fetch {url}: {error}",
            hint="connect this computer to the internet and try again, or put the file in its place by hand",
        ) from error


class _CheckedRedirects(HTTPRedirectHandler):
    """The hub sends to its storage; wherever that is, it has to be as safe as the first address."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
