"""Where a Whisper model in CTranslate2's format lies on this computer, and how it comes there."""

from __future__ import annotations

from pathlib import Path

from voicepipe.core.extras import require
from voicepipe.core.names import did_you_mean
from voicepipe.errors import SetupError

PURPOSE = "stt 'faster-whisper'"
FILES = ("config.json", "model.bin", "tokenizer.json", "vocabulary.*")


def locate(model: str, *, download: bool = False) -> Path:
    """The folder of ``model``, a name or a path; blocks. Raises ``SetupError`` if some of it is missing.

    Without ``download`` nothing but the disk is asked.
    """
    if Path(model).is_absolute():
        folder = Path(model)
        if not folder.is_dir():
            raise SetupError(
                f"there is no folder '{model}' with a Whisper model",
                hint=f"put {', '.join(FILES)} of a model in CTranslate2 format there, or name one: base.en",
            )
    else:
        folder = _from_hub(model, download=download)
    if missing := [name for name in FILES if not any(folder.glob(name))]:
        are = "is" if len(missing) == 1 else "are"
        raise SetupError(
            f"the Whisper model in '{folder}' is not whole: {', '.join(missing)} {are} missing",
            hint=f"a model in CTranslate2 format consists of {', '.join(FILES)}",
        )
    return folder


def present_models() -> list[str]:
    """Those of the models that have names of their own that are on this computer; imports faster-whisper."""
    library = require("faster_whisper", extra="local", purpose=PURPOSE)
    return [name for name in library.available_models() if _is_present(name)]


def _is_present(name: str) -> bool:
    try:
        locate(name)
    except SetupError:
        return False
    return True


def _from_hub(name: str, *, download: bool) -> Path:
    library = require("faster_whisper", extra="local", purpose=PURPOSE)
    known = library.available_models()
    if "/" not in name and name not in known:
        raise SetupError(
            f"faster-whisper knows no model '{name}'.{did_you_mean(name, known)}",
            hint=f"it knows {', '.join(known)}; a folder is written ./{name}, or with its whole path",
        )
    errors = require("huggingface_hub.errors", extra="local", purpose=PURPOSE)
    constants = require("huggingface_hub.constants", extra="local", purpose=PURPOSE)
    # A lost connection shows as an HTTP library's own error, whose module changes between versions.
    http_error = require("huggingface_hub.utils", extra="local", purpose=PURPOSE).HfHubHTTPError
    try:
        return Path(library.download_model(name, local_files_only=not download))
    except (errors.LocalEntryNotFoundError, http_error, OSError) as error:
        by_hand = (
            f"put the files {', '.join(FILES)} of the model into a folder and write "
            "model: ./FOLDER, relative to the pipeline's file"
        )
        if download:
            reason = str(error).partition("\n")[0][:200]
            raise SetupError(
                f"the faster-whisper model '{name}' could not be downloaded: {reason}",
                hint=f"connect this computer to the internet and try again; or {by_hand}",
            ) from error
        raise SetupError(
            f"the faster-whisper model '{name}' is not on this computer (looked in {constants.HF_HUB_CACHE})",
            hint=f"fetch it with: voicepipe pull pipeline.yaml; or {by_hand}",
        ) from None
