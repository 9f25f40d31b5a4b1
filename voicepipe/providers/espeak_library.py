"""libespeak-ng through ctypes, after its header ``speak_lib.h``.

The library's state is global to the process: there is one `Library`, and whoever uses it holds `LOCK`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from voicepipe.core.extras import require
from voicepipe.core.frames import Pcm
from voicepipe.errors import ProviderError, SetupError

LOCK = Lock()

RATE = 22_050

SYNCHRONOUS, BUFFER_MS, DONT_EXIT, PHONEME_EVENTS = 2, 60, 0x8000, 0x0001
BY_CHARACTER, UTF8, END_PAUSE = 1, 1, 0x1000
SPEED, VOLUME, PITCH, PITCH_RANGE = 1, 2, 3, 4
WORD_EVENT, PHONEME_EVENT = 1, 7


class _Event(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("at_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("phoneme", ctypes.c_char * 8),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender_age_variant", ctypes.c_ubyte * 4),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Manner(NamedTuple):
    """How to speak: ``voice`` is an identifier of the library, the rest are its parameters."""

    voice: str
    speed: int
    volume: int
    pitch: int
    pitch_range: int


class Sound(NamedTuple):
    """What is heard at ``at_ms``: the word at ``position`` (in characters, from 0), a phoneme or a pause."""

    at_ms: int
    position: int | None
    pause: bool


class Rendering(NamedTuple):
    pcm: Pcm
    sounds: list[Sound]


class Library:
    """The one libespeak-ng of this process, and the voices that it has."""

    def __init__(self) -> None:
        loader = require("espeakng_loader", extra="quickstart", purpose="tts 'espeak'")
        try:
            self._lib = ctypes.CDLL(loader.get_library_path())
            data = loader.get_data_path()
        except (OSError, RuntimeError) as error:
            raise SetupError(
                f"tts 'espeak' can't load libespeak-ng: {error}",
                hint="reinstall it with: pip install --force-reinstall espeakng-loader",
            ) from error
        rate = self._lib.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, data.encode(), DONT_EXIT | PHONEME_EVENTS)
        if rate != RATE:
            raise SetupError(
                f"tts 'espeak' can't read its voices in {data}, a path of {len(data)} characters",
                hint="it reads no path of more than about 150; install into a folder nearer to the root",
            )
        # Kept in self, or Python would free it while the library holds it.
        self._callback = _Callback(self._on_block)
        self._lib.espeak_SetSynthCallback(self._callback)
        self._manner: Manner | None = None
        self._blocks: list[bytes] = []
        self._sounds: list[Sound] = []
        self._stopped: Callable[[], bool] = bool
        self._error: BaseException | None = None
        self.voices = self._list_voices()
        self.variants = {path.name.casefold(): path.name for path in Path(data, "voices", "!v").iterdir()}

    def select(self, manner: Manner) -> None:
        """Speak in this manner from now on. Changing the language reads a dictionary: some milliseconds."""
        if manner == self._manner:
            return
        self._manner = None
        self._check(self._lib.espeak_SetVoiceByName(manner.voice.encode()), f"set the voice '{manner.voice}'")
        for parameter, value in zip((SPEED, VOLUME, PITCH, PITCH_RANGE), manner[1:], strict=True):
            self._check(self._lib.espeak_SetParameter(parameter, value, 0), f"set parameter {parameter}")
        self._manner = manner

    def render(self, text: str, *, end_pause: bool, stopped: Callable[[], bool]) -> Rendering:
        """Speak ``text``; ``end_pause``: with the pause that follows its last clause.

        The text is ``harmless`` (see ``speech.pieces``). ``stopped`` is asked every 60 ms of audio; once it
        is true, the library gives up at once.
        """
        import numpy as np  # noqa: PLC0415 - 0.1 s that validating a pipeline file doesn't need

        self._blocks, self._sounds, self._stopped, self._error = [], [], stopped, None
        data = text.encode() + b"\0"
        flags = UTF8 | (END_PAUSE if end_pause else 0)
        status = self._lib.espeak_Synth(
            data, ctypes.c_size_t(len(data)), 0, BY_CHARACTER, 0, flags, None, None
        )
        if self._error is not None:
            raise self._error
        self._check(status, "speak")
        return Rendering(np.frombuffer(b"".join(self._blocks), np.int16), self._sounds)

    def _on_block(self, samples: int | None, count: int, events: Any) -> int:
        try:
            if samples:
                self._blocks.append(ctypes.string_at(samples, 2 * count))
            index = 0
            while kind := events[index].kind:
                event = events[index]
                if kind == WORD_EVENT:
                    self._sounds.append(Sound(event.at_ms, event.position - 1, False))
                elif kind == PHONEME_EVENT:
                    self._sounds.append(Sound(event.at_ms, None, event.phoneme.startswith(b"_")))
                index += 1
            return int(self._stopped())
        except BaseException as error:  # ctypes would print and forget it; render() raises it
            self._error = error
            return 1

    def _list_voices(self) -> dict[str, str]:
        """Whatever a voice may be called, in lower case → its identifier."""
        names: dict[str, tuple[int, str]] = {}
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        listed = self._lib.espeak_ListVoices(None)
        index = 0
        while listed[index]:
            voice = listed[index].contents
            identifier = voice.identifier.decode()
            for name in (voice.name.decode().strip(), identifier, identifier.rpartition("/")[2]):
                names[name.casefold()] = (0, identifier)
            # Languages are a byte of priority (a low one is good) and a string each; a zero byte ends them.
            at = voice.languages
            while priority := ctypes.string_at(at, 1)[0]:
                language = ctypes.string_at(at + 1)
                candidate = (priority, identifier)
                name = language.decode().casefold()
                names[name] = min(names.get(name, candidate), candidate)
                at += len(language) + 2
            index += 1
        return {name: identifier for name, (_, identifier) in names.items()}

    def _check(self, status: int, action: str) -> None:
        if status:
            raise ProviderError(
                f"libespeak-ng failed to {action} (status {status})", provider="espeak", kind="internal"
            )


@lru_cache(maxsize=1)
def library() -> Library:
    """The library, loaded by the first who asks; `LOCK` is held."""
    return Library()
