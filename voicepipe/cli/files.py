"""Files that come with voicepipe, and files that commands write."""

from __future__ import annotations

from pathlib import Path

from voicepipe.errors import SetupError, UsageError

PACKAGE = Path(__file__).parent.parent
IN_WHEEL = PACKAGE / "_pipelines"
IN_CHECKOUT = PACKAGE.parent / "pipelines"


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
    """Write a file that the user asked for. Raises ``UsageError`` if it can't be written there."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"can't write '{path}': {error.strerror or error}") from None
