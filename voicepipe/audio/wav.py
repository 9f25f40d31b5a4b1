"""Reading and writing WAV files.

RIFF and the chunk layout: "Multimedia Programming Interface and Data Specifications 1.0", IBM and
Microsoft, 1991. WAVE_FORMAT_EXTENSIBLE: Microsoft, "Multiple Channel Audio Data and WAVE Files". The
standard library's ``wave`` refuses float samples and, before 3.12, the extensible format, and says little
about what it found instead.
"""

from __future__ import annotations

import os
import shlex
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import FULL_SCALE, Pcm, check_rate, to_pcm
from voicepipe.audio.sniff import what_it_is
from voicepipe.errors import AudioError

MAX_BYTES = 1 << 30
MAX_SECONDS = 4 * 3600
MAX_DATA_BYTES = 0xFFFF_FFFF - 36
"""The outer size counts 36 bytes of header too."""

MAX_CHUNKS = 1000
"""Files hold about five; a file of empty chunks would keep the reader busy for minutes."""

STREAMED_BYTES = 0x7FFF_0000
"""A data size from here on is no size: writers to a pipe, which can't know it, leave about 2 or 4 GiB
there."""

BLOCK_BYTES = 1 << 20

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
CODECS = {
    0x0002: "Microsoft ADPCM",
    0x0006: "G.711 A-law",
    0x0007: "G.711 μ-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0050: "MPEG layer 1 or 2",
    0x0055: "MP3",
    EXTENSIBLE: "in a codec that its extended header doesn't name by number",
}
SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the two bytes of the format tag in the GUID of an extensible format."""

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Wav:
    """A clip: ``pcm`` is int16 mono ``(n,)`` with n ≥ 1, ``rate`` is in Hz, ``channels`` are the file's."""

    pcm: Pcm
    rate: int
    channels: int = 1

    @property
    def seconds(self) -> float:
        return len(self.pcm) / self.rate


@dataclass(frozen=True, slots=True)
class _Format:
    tag: int
    channels: int
    rate: int
    width: int
    """Bytes of one sample of one channel."""

    @property
    def frame(self) -> int:
        return self.channels * self.width


def read_wav(path: str | os.PathLike[str], *, channel: int | None = None) -> Wav:
    """Read a WAV file of PCM (8, 16, 24, 32 bits) or float (32, 64 bits) samples, at its own rate.

    Several channels are averaged, or ``channel`` (from 0) is taken. Float samples beyond ±1.0 are clipped.
    A data size of 0 or of 2 GiB and more, which programs leave that write to a pipe, means "to the end of
    the file". An incomplete sample at the end is left out. Raises `AudioError` for anything else:
    unreadable, empty, truncated, in another format or codec, NaN or infinite samples, more than 1 GiB or 4
    hours.
    """
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{path}: not a regular file", hint="Write the audio to a .wav file first.")
        if status.st_size > MAX_BYTES:
            raise AudioError(
                f"{path}: {status.st_size} bytes were found, at most {MAX_BYTES} (1 GiB) are read",
                hint="Split the recording into shorter files.",
            )
        with open(path, "rb") as file:
            return _Reader(file, str(path), status.st_size).read(channel)
    except OSError as error:
        raise AudioError(
            f"{path}: can't be read: {error.strerror or error}", hint="Check the path and its permissions."
        ) from error


class _Reader:
    """One pass over an open file: the chunks up to ``data``, then the samples block by block."""

    def __init__(self, file: BinaryIO, path: str, size: int) -> None:
        self._file = file
        self._path = path
        self._size = size

    def read(self, channel: int | None) -> Wav:
        riff_size = self._check_magic()
        form: _Format | None = None
        for _ in range(MAX_CHUNKS):
            name, size = self._chunk_header(has_format=form is not None)
            start = self._file.tell()
            if name == b"data":
                if form is None:
                    raise self._error("the samples come before the 'fmt ' chunk that describes them")
                size = self._data_size(size, start, riff_size)
                pcm = self._samples(form, size // form.frame, channel)
                return Wav(pcm, form.rate, form.channels)
            if start + size > self._size:
                raise self._truncated(f"in the {_printable(name)} chunk", size, self._size - start)
            if name == b"fmt ":
                form = self._format(size)
            self._file.seek(start + size + size % 2)
        raise self._error(f"more than {MAX_CHUNKS} chunks were found before any samples")

    def _check_magic(self) -> int:
        head = self._file.read(4096)
        if not head:
            raise AudioError(f"{self._path}: the file is empty (0 bytes)", hint="Record or export it again.")
        if head[:4] == b"RIFF" and len(head) < 12:
            raise self._truncated("in the header", 12, len(head))
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            what, convertible = what_it_is(head)
            hint = None if convertible else "Name a WAV file."
            raise self._error(f"not a WAV file: it {what}", hint=hint)
        self._file.seek(12)
        return int.from_bytes(head[4:8], "little")

    def _chunk_header(self, *, has_format: bool) -> tuple[bytes, int]:
        header = self._file.read(8)
        if len(header) == 8:
            return header[:4], int.from_bytes(header[4:], "little")
        missing = "samples ('data' chunk)" if has_format else "description of the samples ('fmt ' chunk)"
        raise self._error(f"truncated: the file ends after {self._size} bytes, before the {missing}")

    def _format(self, size: int) -> _Format:
        body = self._file.read(min(size, 40))
        if len(body) < 16:
            raise self._error(f"its 'fmt ' chunk has {len(body)} bytes, at least 16 were expected")
        tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", body[:16])
        if tag == EXTENSIBLE and len(body) == 40 and body[26:] == SUBFORMAT_TAIL:
            tag = int.from_bytes(body[24:26], "little")
        if tag not in (PCM, FLOAT):
            codec = CODECS.get(tag, f"codec 0x{tag:04x}")
            raise self._error(f"its samples are {codec}, PCM or float was expected")
        check_rate(rate, f"{self._path}: ")
        width = -(-bits // 8)
        if channels == 0 or frame != channels * width:
            raise self._error(
                f"its header contradicts itself: {channels} × {bits} bits in {frame} bytes per frame"
            )
        if width not in ((1, 2, 3, 4) if tag == PCM else (4, 8)):
            kind = "8, 16, 24 or 32 bits of PCM" if tag == PCM else "32 or 64 bits of float"
            raise self._error(f"its samples have {bits} bits, {kind} were expected")
        return _Format(tag, channels, rate, width)

    def _data_size(self, declared: int, start: int, riff_size: int) -> int:
        there = self._size - start
        # A recording of nothing declares 0 too, but its outer size fits the file.
        streamed = declared >= STREAMED_BYTES or (declared == 0 and riff_size + 8 != self._size)
        if streamed:
            return there
        if declared > there:
            raise self._truncated("in the samples", declared, there)
        return declared

    def _samples(self, form: _Format, frames: int, channel: int | None) -> Pcm:
        if frames == 0:
            raise AudioError(f"{self._path}: holds no samples", hint="Record or export it again.")
        if frames > MAX_SECONDS * form.rate:
            raise AudioError(
                f"{self._path}: {frames / form.rate / 3600:.1f} hours were found, at most 4 are read",
                hint="Split the recording into shorter files.",
            )
        if channel is not None and not 0 <= channel < form.channels:
            raise AudioError(
                f"{self._path}: channel {channel} was asked for, the file has {form.channels}",
                hint="Channels are counted from 0.",
            )
        pcm = np.empty(frames, np.int16)
        step = max(1, BLOCK_BYTES // form.frame)
        bad, first_bad = 0, 0
        for start in range(0, frames, step):
            count = min(step, frames - start)
            raw = self._file.read(count * form.frame)
            if len(raw) < count * form.frame:
                raise self._truncated("while it was read", count * form.frame, len(raw))
            block = _decode(raw, form).reshape(count, form.channels)
            unusable = np.isnan(block).any(axis=1)
            if unusable.any():
                first_bad = first_bad if bad else start + int(np.argmax(unusable))
                bad += int(unusable.sum())
            elif not bad:
                pcm[start : start + count] = to_pcm(
                    block.mean(axis=1) if channel is None else block[:, channel]
                )
        if bad:
            raise self._error(
                f"{bad} of {frames} samples are NaN or infinite, the first one at sample {first_bad} "
                f"({first_bad / form.rate:.3f} s)",
                hint="The program that wrote the file failed at its arithmetic; export it again.",
            )
        return pcm

    def _truncated(self, where: str, expected: int, found: int) -> AudioError:
        return self._error(
            f"truncated {where}: {expected} bytes were expected, {found} were found",
            hint=f"Copy or export it again; or keep what is there: {self._ffmpeg()}",
        )

    def _error(self, message: str, *, hint: str | None = None) -> AudioError:
        return AudioError(f"{self._path}: {message}", hint=hint or f"Convert it: {self._ffmpeg()}")

    def _ffmpeg(self) -> str:
        stem = Path(self._path).with_suffix("")
        return f"ffmpeg -i {shlex.quote(self._path)} -ac 1 -c:a pcm_s16le {shlex.quote(f'{stem}-pcm.wav')}"


def _printable(name: bytes) -> str:
    return repr(name.decode("latin-1"))


def _decode(raw: bytes, form: _Format) -> Samples:
    """All samples in int16 units, the channels interleaved; NaN where the file's aren't finite."""
    if form.tag == FLOAT:
        values = np.frombuffer(raw, f"<f{form.width}")
        return (
            np.where(np.isfinite(values), np.clip(values, -1.0, 1.0), np.nan).astype(np.float64) * FULL_SCALE
        )
    if form.width == 1:  # the only width that is unsigned
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) * 256
    if form.width == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 65536.0
    if form.width == 4:
        return np.frombuffer(raw, "<i4") / 65536.0
    return np.frombuffer(raw, "<i2").astype(np.float64)


def write_wav(path: str | os.PathLike[str], pcm: Pcm, rate: int) -> None:
    """Write a whole clip, mono ``(n,)`` or stereo ``(n, 2)``, as 16-bit PCM. Errors as of `WavWriter`."""
    with WavWriter(path, rate, channels=1 if pcm.ndim == 1 else pcm.shape[1]) as writer:
        writer.write(pcm)


def append_wav(path: str | os.PathLike[str], end: str | os.PathLike[str]) -> None:
    """Let the file at ``path`` go on with the one at ``end``. Both are stereo, and of one rate.

    Both are held in memory. Raises `AudioError` as `read_wav` and `WavWriter` do.
    """
    sides = [[read_wav(file, channel=channel) for file in (path, end)] for channel in (0, 1)]
    (beginning, ending), _ = sides
    if beginning.rate != ending.rate:
        raise ValueError(f"{end} has {ending.rate} Hz and {path} has {beginning.rate} Hz")
    left, right = (np.concatenate([one.pcm for one in side]) for side in sides)
    write_wav(path, np.stack((left, right), axis=1), beginning.rate)


class WavWriter:
    """Writes 16-bit PCM block by block, so that a long call is never held in memory.

    The header is brought up to date by `flush` and `close`: after a `flush` the file stays a valid WAV of
    what was written by then, even if the process is killed. An existing file is replaced. Raises
    `AudioError` where the file can't be written, or would exceed the 4 GiB that a WAV can hold (12 hours of
    stereo at 24 kHz).
    """

    def __init__(self, path: str | os.PathLike[str], rate: int, *, channels: int = 1) -> None:
        if channels not in (1, 2):
            raise ValueError(f"{channels} channels were given, 1 or 2 are written")
        self._path = str(path)
        self._rate = check_rate(rate)
        self._channels = channels
        self.frames = 0
        """Samples per channel written so far."""
        try:
            self._file = open(path, "wb")  # noqa: SIM115 - closed by close(); the writer outlives this function
            self._file.write(self._header())
        except OSError as error:
            raise self._error(error) from error

    def write(self, pcm: Pcm) -> None:
        """Append int16 samples: ``(n,)`` for one channel, ``(n, 2)`` for two."""
        shape = (len(pcm),) if self._channels == 1 else (len(pcm), self._channels)
        if pcm.dtype != np.int16 or pcm.shape != shape:
            raise ValueError(
                f"int16 samples of the shape {shape} were expected, {pcm.dtype} {pcm.shape} were given"
            )
        if self._bytes(self.frames + len(pcm)) > MAX_DATA_BYTES:
            raise AudioError(
                f"{self._path}: a WAV file can't hold more than 4 GiB", hint="Begin another file before that."
            )
        try:
            self._file.write(pcm.astype("<i2", copy=False).tobytes())
        except OSError as error:
            raise self._error(error) from error
        self.frames += len(pcm)

    def flush(self) -> None:
        """Hand everything to the operating system: first the samples, then the header that counts them."""
        try:
            self._file.flush()
            self._file.seek(0)
            self._file.write(self._header())
            self._file.seek(0, os.SEEK_END)
            self._file.flush()
        except OSError as error:
            raise self._error(error) from error

    def silence(self, start: int, end: int) -> None:
        """Overwrite what was written from sample ``start`` to ``end`` with zeros, on all channels."""
        start, end = max(0, start), min(end, self.frames)
        try:
            self._file.flush()
            self._file.seek(len(self._header()) + self._bytes(start))
            for at in range(start, end, self._rate):
                self._file.write(bytes(self._bytes(min(end, at + self._rate) - at)))
            self._file.seek(0, os.SEEK_END)
            self._file.flush()
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Complete the header and close the file; a second call does nothing."""
        if self._file.closed:
            return
        try:
            with self._file:  # closing hands over what is left again, and fails again, on a full disk
                self.flush()
        except OSError as error:
            raise self._error(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bytes(self, frames: int) -> int:
        return frames * self._channels * 2

    def _header(self) -> bytes:
        size, frame = self._bytes(self.frames), self._bytes(1)
        form = struct.pack("<HHIIHH", PCM, self._channels, self._rate, self._rate * frame, frame, 16)
        return struct.pack("<4sI4s4sI16s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, form, b"data", size)

    def _error(self, error: OSError) -> AudioError:
        return AudioError(
            f"{self._path}: can't be written: {error.strerror or error}",
            hint="Choose a file in an existing folder that you may write to, with enough free space.",
        )
