"""Files that come with voicepipe, and files that commands write."""

from __future__ import annotations

import errno
from pathlib import Path

from voicepipe.errors import SetupError, UsageError

PACKAGE = Path(__file__).parent.parent
IN_WHEEL = PACKAGE / "_pipelines"
IN_CHECKOUT = PACKAGE.parent / "pipelines"
FULL = (errno.ENOSPC, errno.EDQUOT)


def shipped(name: str) -> Path:
    """The path of ``pipelines/NAME``, in a checkout or in an installed wheel. Raises ``SetupError``."""
    for folder in (IN_WHEEL, IN_CHECKOUT):
        if (folder / name).exists():
            return folder / name
    raise SetupError(
        f"'{name}' should have come with voicepipe, but it is neither in {IN_WHEEL} nor in {IN_CHECKOUT}",
        hint="install voicepipe anew",
    )


def write_text(path: Path, text: str) -> None:
    """Write a file that the user asked for, whole or not at all: what was there before stays until then.

    Raises ``UsageError`` if it can't be written there, and ``SetupError`` if the disk is full.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a pipe or a device takes it as it comes
            return
        target = path.resolve()
        part = target.with_name(f".{target.name[:200]}.part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        told = f"can't write '{path}': {error.strerror or error}"
        if error.errno in FULL:
            raise SetupError(told, hint="make room for it, or name a place elsewhere") from None
        raise UsageError(told) from None
