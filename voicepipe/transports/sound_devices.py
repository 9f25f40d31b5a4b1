"""The sound devices of this computer, by PortAudio: which there are, and opening one.

``sounddevice`` and PortAudio are loaded when the first function here is called.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from voicepipe.core.extras import require
from voicepipe.core.frames import FRAME_MS
from voicepipe.errors import SetupError

Direction = Literal["input", "output"]

OTHER_RATES = (48_000, 44_100, 16_000)
"""Hz, tried in this order where neither the wanted rate nor the device's own one works."""

_WHAT = {"input": "microphone", "output": "loudspeaker"}
_NoticeHandler = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)
_IGNORE_NOTICE = _NoticeHandler(lambda *notice: None)
"""Of the type ``snd_lib_error_handler_t``, without what varies. ALSA keeps it: it must never be collected."""

_SEE = "voicepipe doctor lists the devices"


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """``inputs`` and ``outputs`` are numbers of channels; ``rate`` (Hz) is the one that it prefers."""

    index: int
    name: str
    system: str
    """The sound system that offers it: ALSA, Core Audio, Windows WASAPI …"""
    inputs: int
    outputs: int
    rate: int
    default_input: bool
    default_output: bool

    def serves(self, direction: Direction) -> bool:
        return (self.inputs if direction == "input" else self.outputs) > 0


def sound_library() -> Any:
    """The module ``sounddevice``. Raises ``SetupError`` where it or PortAudio isn't installed."""
    _hush_alsa()
    try:
        return require("sounddevice", extra="local", purpose="the sound card")
    except OSError:  # what sounddevice raises on import
        raise SetupError(
            "the library PortAudio, by which sounddevice reaches the sound card, is not installed",
            hint=_portaudio_remedy(),
        ) from None


def devices(sound: Any = None) -> list[SoundDevice]:
    """All sound devices, in PortAudio's order; empty if there is none. ``SetupError`` as `sound_library`.

    ``sound`` stands in for the module ``sounddevice``.
    """
    sound = sound or sound_library()
    systems = [str(system["name"]) for system in sound.query_hostapis()]
    default_input, default_output = sound.default.device
    return [
        SoundDevice(
            index=index,
            name=str(info["name"]),
            system=systems[info["hostapi"]],
            inputs=int(info["max_input_channels"]),
            outputs=int(info["max_output_channels"]),
            rate=round(info["default_samplerate"]),
            default_input=index == default_input,
            default_output=index == default_output,
        )
        for index, info in enumerate(sound.query_devices())
    ]


def choose(found: Sequence[SoundDevice], direction: Direction, wanted: str | None) -> SoundDevice:
    """The default device, or the one whose name is or contains ``wanted``; ``SetupError`` if it isn't one.

    Upper and lower case are the same. Where several sound systems offer a device under one name, it is the
    first of them, which is PortAudio's preferred one.
    """
    what = _WHAT[direction]
    usable = [device for device in found if device.serves(direction)]
    if not usable:
        raise SetupError(
            f"this computer has no {what}",
            hint=f"connect one, or see whether the sound server runs; {_SEE}. --input and --text need none",
        )
    if wanted is None:
        default = [d for d in usable if (d.default_input if direction == "input" else d.default_output)]
        return (default or usable)[0]
    asked = wanted.casefold()
    matches = [d for d in usable if d.name.casefold() == asked] or [
        d for d in usable if asked in d.name.casefold()
    ]
    if len({device.name for device in matches}) == 1:
        return matches[0]
    names = ", ".join(f"'{name}'" for name in dict.fromkeys(d.name for d in (matches or usable)))
    if matches:
        raise SetupError(f"more than one {what} has '{wanted}' in its name: {names}", hint="give more of it")
    raise SetupError(f"no {what} has '{wanted}' in its name", hint=f"there is: {names}")


class DeviceStream:
    """An open and running PortAudio stream of int16 mono in blocks of ``block_ms``.

    ``callback(buffer, samples, flags)`` runs in PortAudio's thread. ``on_lost`` is called there when the
    stream ends without having been closed, as it does if the device is unplugged.
    """

    def __init__(
        self,
        device: SoundDevice,
        direction: Direction,
        *,
        wanted_rate: int,
        block_ms: int,
        callback: Callable[[Any, int, Any], None],
        on_lost: Callable[[], object],
        sound: Any,
    ) -> None:
        """Raises ``SetupError`` if the device can't be opened."""
        self.what = _WHAT[direction]
        self._name = device.name
        self.calls = 0
        """How often the callback ran; a stream at which this stands still is dead."""
        self._callback = callback
        self._on_lost = on_lost
        self._closed = False
        self._refused: type[Exception] = sound.PortAudioError
        self.rate = self._choose_rate(device, direction, wanted_rate, sound)
        make = sound.RawInputStream if direction == "input" else sound.RawOutputStream
        try:
            self._stream = make(
                device=device.index,
                samplerate=self.rate,
                blocksize=self.rate * block_ms // 1000,
                channels=1,
                dtype="int16",
                latency="low",
                callback=self._call,
                finished_callback=self._finished,
            )
        except self._refused as error:
            raise self._unusable(error) from None
        latency_s: float = self._stream.latency
        self.latency_samples = round(latency_s * self.rate)

    def start(self) -> None:
        """The callback is called from now on. Raises ``SetupError`` if the device refuses."""
        try:
            self._stream.start()
        except self._refused as error:
            self.close()
            raise self._unusable(error) from None

    def close(self) -> None:
        """The callback isn't called any more; may be called twice."""
        if not self._closed:
            self._closed = True
            self._stream.abort()
            self._stream.close()

    def _choose_rate(self, device: SoundDevice, direction: Direction, wanted: int, sound: Any) -> int:
        check = sound.check_input_settings if direction == "input" else sound.check_output_settings
        refusal: Exception | None = None
        for rate in dict.fromkeys((wanted, device.rate, *OTHER_RATES)):
            if rate * FRAME_MS % 1000:
                continue  # 20 ms would not be a whole number of samples
            try:
                check(device=device.index, channels=1, dtype="int16", samplerate=rate)
            except self._refused as error:
                refusal = refusal or error
            else:
                return rate
        assert refusal is not None, "at least one rate was tried"
        raise self._unusable(refusal)

    def _unusable(self, error: Exception) -> SetupError:
        return SetupError(
            f"the {self.what} '{self._name}' can't be used: {error}",
            hint=f"another program may hold it; close that one or choose another device; {_SEE}",
        )

    def _call(self, buffer: Any, samples: int, time: Any, flags: Any) -> None:
        self.calls += 1
        self._callback(buffer, samples, flags)

    def _finished(self) -> None:
        if not self._closed:
            self._on_lost()


def _hush_alsa() -> None:
    """ALSA writes what it notices straight to standard error, into the middle of the screen.

    What matters of it comes to us as PortAudio's flags and errors.
    """
    try:
        alsa = ctypes.CDLL("libasound.so.2")
    except OSError:  # another system
        return
    alsa.snd_lib_error_set_handler(_IGNORE_NOTICE)


def _portaudio_remedy() -> str:
    if sys.platform == "darwin":
        return "install it: brew install portaudio"
    if sys.platform == "win32":
        return "reinstall sounddevice, whose packages for Windows contain it"
    return (
        "install it: sudo apt-get install libportaudio2 (Debian, Ubuntu), sudo dnf install portaudio (Fedora)"
    )
