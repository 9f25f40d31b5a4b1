"""The files that a call writes, looked at before anything is loaded, let alone overwritten."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from voicepipe.errors import UsageError


def check_targets(
    written: Mapping[str, Path | None], read: Sequence[Path], folders: Sequence[Path] = ()
) -> None:
    """Raise ``UsageError`` for a file that can't be made, is given twice, or is one of those ``read``.

    ``written`` are the files by the option that named them, None where it wasn't given. Nothing may be
    written into ``folders``: all that lies in one is read, at the latest by the next such call.
    """
    given = {option: path for option, path in written.items() if path is not None}
    seen: list[tuple[Path, str]] = [(path, f"read by this very call: {path}") for path in read]
    for option, path in given.items():
        if path.is_dir():
            raise UsageError(f"{option} {path}: a folder was found, a file was expected")
        if not path.parent.is_dir():
            raise UsageError(
                f"{option} {path}: there is no folder {path.parent}", hint=f"make it: mkdir -p {path.parent}"
            )
        for folder in folders:
            if path.resolve().is_relative_to(folder.resolve()):
                raise UsageError(
                    f"{option} {path} lies in the folder that the calls are read from: {folder}",
                    hint=f"choose a place beside it, such as {folder.resolve().parent / path.name}",
                )
        for other, what in seen:
            if _same(path, other):
                raise UsageError(f"{option} {path} is {what}", hint="choose another file")
        seen.append((path, f"that of {option}, too"))


def _same(one: Path, other: Path) -> bool:
    """Also by way of a link. What isn't a regular file, such as /dev/null, keeps nothing to be lost."""
    if one.exists() and other.exists():
        return one.is_file() and one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)
