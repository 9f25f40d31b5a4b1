"""Saying what a file is that isn't the WAV that was expected."""

from __future__ import annotations

# Offset, bytes, what a person calls it.
AUDIO = (
    (0, b"ID3", "an MP3 file"),
    (0, b"OggS", "an Ogg file (Vorbis or Opus)"),
    (0, b"fLaC", "a FLAC file"),
    (4, b"ftyp", "an MP4 or M4A file (AAC)"),
    (0, b"\x1aE\xdf\xa3", "a WebM or Matroska file"),
    (8, b"AIFF", "an AIFF file"),
    (8, b"AIFC", "an AIFF file"),
    (0, b"caff", "a Core Audio file"),
    (0, b".snd", "a Sun AU file"),
    (0, b"#!AMR", "an AMR file"),
    (0, b"RF64", "an RF64 file (a WAV of more than 4 GiB)"),
    (0, b"RIFX", "a big-endian WAV file (RIFX)"),
    (8, b"AVI ", "an AVI video"),
)
OTHER = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"version https://git-lfs", "a Git LFS pointer whose audio wasn't fetched"),
)


def what_it_is(head: bytes) -> tuple[str, bool]:
    """For the first bytes of a file (some 4 kB): a phrase with its verb, such as "looks like an MP3 file",
    and whether it is worth converting to WAV."""
    for table in (AUDIO, OTHER):
        for offset, magic, name in table:
            if head[offset : offset + len(magic)] == magic:
                return f"looks like {name}", table is AUDIO
    if _is_mpeg_frame(head):
        return "looks like an MP3 or AAC stream", True
    if _is_text(head):
        return "looks like text", False
    return f"begins with the bytes {head[:4].hex(' ')}, which no format known here does", False


def _is_mpeg_frame(head: bytes) -> bool:
    """Eleven set bits begin each frame of MPEG audio (ISO 11172-3, 2.4.1.3) and of ADTS."""
    return (
        len(head) >= 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] != 0xFF and head[2] != 0xFF
    )


def _is_text(head: bytes) -> bool:
    try:
        text = head[:1024].decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        # The cut at 1024 bytes may go through a character.
        text = head[: error.start].decode("utf-8") if error.start > 1000 else "\0"
    return all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in text)
