"""Keeps what was measured, a file for each call, so that a comparison that was broken off goes on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from voicepipe.compare.fingerprint import Fingerprints
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.plan import Plan, Run
from voicepipe.errors import SetupError

MAX_BYTES = 64 << 20
"""Of one call's file; more than any that we have written."""

LOST = ".lost"
"""What was spent on a call that broke off: picodollars, in figures."""

MAX_DIGITS = 30


class Store:
    """A folder, made readable by its owner only: ``KEY.json``, and beside it ``KEY.wav`` if there is audio.

    A call's key is the fingerprint of all that its figures depend on: a comparison that was changed reuses
    what the change didn't touch, and nothing else. A call that couldn't be held isn't kept: the next time it
    is tried again. What it has cost nevertheless is, in ``KEY.lost``.
    """

    def __init__(self, folder: Path) -> None:
        """Raises ``SetupError`` if the folder can't be made."""
        self.folder = folder
        self._fingerprints: Fingerprints | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from None

    def open(self, plan: Plan, tell: Callable[[str], None]) -> Kept:
        """What is kept of ``plan``'s runs. ``tell`` gets a sentence for each file that can't be used."""
        if self._fingerprints is None or self._fingerprints.plan is not plan:
            self._fingerprints = Fingerprints(plan)
        return Kept(self.folder, plan, self._fingerprints, tell)


class Kept:
    def __init__(
        self, folder: Path, plan: Plan, fingerprints: Fingerprints, tell: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._fingerprints = fingerprints
        self._audio = plan.audio
        self._tell = tell

    def audio(self, run: Run) -> Path | None:
        """Where the recording of ``run`` is to go; None if none is wanted."""
        return self._path(run, ".wav") if self._audio else None

    def get(self, run: Run) -> MeasuredCall | None:
        """What was measured before; None if the run is to be held."""
        path = self._path(run, ".json")
        try:
            found = _read(path)
            if (found.variant, found.call, found.repetition) != _of(run):
                raise ValueError("it is of another call")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._tell(f"{path} can't be used, and its call is held again: {_reason(error)}")
            return None
        audio = self.audio(run)
        if audio is not None and not (found.audio == audio.name and audio.is_file()):
            return None
        return found

    def forget(self, run: Run) -> None:
        """Hold it anew, whatever is kept of it. Raises ``SetupError`` if that can't be thrown away."""
        for suffix in (".json", ".wav", LOST):
            path = self._path(run, suffix)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise _unwritable(path, error) from None

    def put(self, run: Run, call: MeasuredCall) -> None:
        """Keep ``call``, whole or not at all. Raises ``SetupError`` if it can't be written: what was kept
        before stays. Of one that broke off only what it has cost is kept."""
        if call.error is None:
            self._write(run, ".json", call.model_dump_json().encode("utf-8", "replace"))
        else:
            self.lose(run, sum(item.cost for item in call.items))

    def lose(self, run: Run, cost: int) -> None:
        """``run`` broke off, and has cost so many picodollars. Raises ``SetupError`` as ``put`` does."""
        if cost:
            self._write(run, LOST, str(self.lost(run) + cost).encode())

    def lost(self, run: Run) -> int:
        """Picodollars that were spent on ``run`` when it broke off, each time."""
        path = self._path(run, LOST)
        try:
            with path.open("rb") as file:
                return int(file.read(MAX_DIGITS))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            self._tell(f"{path} can't be used, and what it tells of was not spent: {_reason(error)}")
            return 0

    def _write(self, run: Run, suffix: str, data: bytes) -> None:
        path = self._path(run, suffix)
        try:
            _write(path, data)
        except OSError as error:
            raise _unwritable(path, error) from None

    def _path(self, run: Run, suffix: str) -> Path:
        return self._folder / f"{self._fingerprints.of(run)}{suffix}"


def _of(run: Run) -> tuple[str, str, int]:
    return run.variant.name, run.call.name, run.repetition


def _read(path: Path) -> MeasuredCall:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
    return MeasuredCall.model_validate_json(data)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ValidationError):
        return error.errors()[0]["msg"]
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _write(path: Path, data: bytes) -> None:
    """A temporary file that takes the name: nobody ever sees a part. It is made with mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _unwritable(path: Path, error: OSError) -> SetupError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return SetupError(
            f"calls can't be kept in {path}: it is a file, or lies in one, and no folder",
            hint="name a folder that is there, or that can be made",
        )
    return SetupError(
        f"{path} can't be written: {error.strerror or error}",
        hint="check the folder, its permissions and the space left; what was measured so far is kept there",
    )
