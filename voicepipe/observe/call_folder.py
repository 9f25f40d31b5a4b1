"""The folder of one recorded call: making, finishing and deleting it. All of it blocks."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voicepipe.errors import SetupError
from voicepipe.observe.kept_call import AUDIO_FILE, EVENTS_FILE, REPORT_FILE

PART = f"{REPORT_FILE}.part"
OURS = frozenset((EVENTS_FILE, AUDIO_FILE, REPORT_FILE, PART))
"""All that a recording consists of; a folder with anything else in it isn't deleted."""

MOST_LOOKED_AT = 20_000
"""Folders of ``record.dir`` that are looked at when a call begins."""

MOST_DELETED = 200
"""Of them, those that are deleted: a machine that was off for long catches up within some calls."""

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-[A-Za-z0-9_.-]{1,80}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_BEGINNING = b'{"t_ms":0,"event":"LogBegan"'


def make_folder(parent: Path, session: str, at: datetime) -> Path:
    """A new folder for the call, which nobody but its owner may enter. ``SetupError`` if it can't be made.

    ``20261123T160215Z-5f0c6a1e9b1d``: when the call began, and its session's name.
    """
    name = f"{at.astimezone(UTC).strftime(_STAMP)}-{_UNSAFE.sub('_', session)[:64] or 'call'}"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, 100):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder
        raise FileExistsError(f"{folder} and all before it are there already")
    except OSError as error:
        raise SetupError(
            f"the call can't be recorded in {parent}: {error.strerror or error}",
            hint="check record.dir, its permissions and the space left",
        ) from None


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Whole or not at all. Raises ``SetupError``."""
    data = json.dumps(report, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"
    part = folder / PART
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        part.replace(folder / REPORT_FILE)
    except OSError as error:
        raise SetupError(
            f"{folder / REPORT_FILE} can't be written: {error.strerror or error}",
            hint="check the folder, its permissions and the space left",
        ) from None


def remove_folder(folder: Path) -> None:
    """A recording that holds nothing. One that can't be removed stays; it is no harm."""
    with suppress(OSError):
        _delete(folder)


def delete_old(parent: Path, before: datetime) -> str | None:
    """Delete the recordings in ``parent`` that began and ended before then, the oldest first.

    Only folders that are ours: with such a name, with nothing else in them, and with a log that begins as
    ours do. No link is followed. Returns what a person should know if one can't be deleted.
    """
    problem: str | None = None
    deleted = 0
    for name in _names(parent):
        match = _NAME.fullmatch(name)
        if match is None or deleted == MOST_DELETED:
            continue
        try:
            began = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
        except ValueError:  # the 31st of February
            continue
        if began < before:
            try:
                deleted += _is_over(parent / name, before) and _delete(parent / name)
            except FileNotFoundError:
                continue  # another process was quicker
            except OSError as error:
                problem = problem or f"the old recording {parent / name} can't be deleted: {error.strerror}"
    return problem


def _names(parent: Path) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            found = [entry.name for entry, _ in zip(entries, range(MOST_LOOKED_AT), strict=False)]
    except OSError:
        return []  # it was there a moment ago; the call's own files will tell
    return sorted(found)


def _is_over(folder: Path, before: datetime) -> bool:
    """Whether the last event of the call in ``folder``, a recording of ours, is older than ``before``."""
    at = _opened(folder)
    if at is None:
        return False
    try:
        names = os.listdir(at)
        if not OURS.issuperset(names) or not all(_is_file(name, at) for name in names):
            return False
        log = os.open(EVENTS_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        with open(log, "rb") as file:
            status = os.fstat(log)
            ours = stat.S_ISREG(status.st_mode) and file.read(len(_BEGINNING)) == _BEGINNING
        return ours and status.st_mtime < before.timestamp()
    finally:
        os.close(at)


def _is_file(name: str, folder: int) -> bool:
    """And no link to one, no folder and no pipe, which aren't ours."""
    return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _delete(folder: Path) -> bool:
    at = _opened(folder)
    if at is None:
        return False
    try:  # the log last: as long as it is there, the folder is known to be ours
        for name in (AUDIO_FILE, REPORT_FILE, PART, EVENTS_FILE):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=at)
    finally:
        os.close(at)
    folder.rmdir()
    return True


def _opened(folder: Path) -> int | None:
    """None for what is no folder, but a link or a file."""
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except NotADirectoryError:
        return None
    except OSError as error:
        if folder.is_symlink():
            return None
        raise error
