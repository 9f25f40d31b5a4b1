from __future__ import annotations

import os
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clips import clip
from voicepipe.audio.pcm import Pcm
from voicepipe.audio.wav import FLOAT, PCM, SUBFORMAT_TAIL, WavWriter, append_wav, read_wav, write_wav
from voicepipe.errors import AudioError

RAMP = np.array([0, 256, -256, 25600, -32768], np.int16)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def fmt(tag: int, bits: int, channels: int = 1, rate: int = 16000, *, extensible: bool = False) -> bytes:
    frame = channels * bits // 8
    body = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * frame, frame, bits)
    if extensible:
        body += struct.pack("<HHIH", 22, bits, 0, tag) + SUBFORMAT_TAIL
    return chunk(b"fmt ", body)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks), size)


Put = Callable[[bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(content: bytes) -> Path:
        path = tmp_path / "a.wav"
        path.write_bytes(content)
        return path

    return write


def error_of(path: Path) -> AudioError:
    with pytest.raises(AudioError) as caught:
        read_wav(path)
    assert caught.value.message.startswith(str(path))
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


def encoded(tag: int, bits: int) -> bytes:
    if tag == FLOAT:
        return (RAMP / 32768).astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return (RAMP // 256 + 128).astype(np.uint8).tobytes()
    wide = RAMP.astype("<i4") * 65536
    return b"".join(sample.tobytes()[4 - bits // 8 :] for sample in wide)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("tag", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
def test_every_sample_format_gives_the_same_samples(put: Put, tag: int, bits: int, extensible: bool) -> None:
    form = fmt(tag, bits, rate=44100, extensible=extensible)
    wav = read_wav(put(riff(form, chunk(b"data", encoded(tag, bits)))))
    assert wav.pcm.tolist() == RAMP.tolist()
    assert wav.pcm.dtype == np.int16
    assert wav.rate == 44100
    assert wav.seconds == 5 / 44100


def test_stereo_is_averaged_or_one_channel_is_taken(put: Put) -> None:
    frames = np.array([[100, 300], [-32768, -32768], [32767, -32767]], "<i2")
    path = put(riff(fmt(PCM, 16, 2), chunk(b"data", frames.tobytes())))
    assert read_wav(path).pcm.tolist() == [200, -32768, 0]
    assert read_wav(path, channel=0).pcm.tolist() == [100, -32768, 32767]
    assert read_wav(path, channel=1).pcm.tolist() == [300, -32768, -32767]


@pytest.mark.parametrize("channel", [-1, 2])
def test_a_channel_that_is_not_there_is_refused(put: Put, channel: int) -> None:
    path = put(riff(fmt(PCM, 16, 2), chunk(b"data", bytes(8))))
    with pytest.raises(AudioError, match=f"channel {channel} was asked for, the file has 2"):
        read_wav(path, channel=channel)


def test_six_channels_are_averaged(put: Put) -> None:
    path = put(riff(fmt(PCM, 24, 6, extensible=True), chunk(b"data", bytes([0, 0, 6] + 15 * [0]))))
    assert read_wav(path).pcm.tolist() == [256]


def test_float_beyond_full_scale_is_clipped(put: Put) -> None:
    loud = np.array([1.5, -1.5, 1e308, 5e-324], "<f8").tobytes()
    assert read_wav(put(riff(fmt(FLOAT, 64), chunk(b"data", loud)))).pcm.tolist() == [32767, -32768, 32767, 0]


def test_chunks_around_the_samples_are_passed_over(put: Put) -> None:
    odd = chunk(b"LIST", b"odd")
    path = put(riff(odd, fmt(PCM, 16), odd, chunk(b"data", RAMP.tobytes()), odd))
    assert read_wav(path).pcm.tolist() == RAMP.tolist()


@pytest.mark.parametrize("declared", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_size_that_a_pipe_left_open_means_to_the_end_of_the_file(put: Put, declared: int) -> None:
    path = put(riff(fmt(PCM, 16), chunk(b"data", RAMP.tobytes() + b"\x01", declared), size=declared))
    assert read_wav(path).pcm[:5].tolist() == RAMP.tolist()


def test_an_incomplete_last_sample_is_left_out(put: Put) -> None:
    assert len(read_wav(put(riff(fmt(PCM, 16), chunk(b"data", RAMP.tobytes() + b"\x01")))).pcm) == 5


def test_a_long_file_is_read_in_blocks(put: Put, tmp_path: Path) -> None:
    long = np.resize(np.arange(-30000, 30000, dtype=np.int16), 1_300_000)
    write_wav(tmp_path / "long.wav", long, 8000)
    assert np.array_equal(read_wav(tmp_path / "long.wav").pcm, long)


def test_no_file_and_a_folder_and_an_unreadable_name_are_refused(tmp_path: Path) -> None:
    assert "can't be read: No such file" in error_of(tmp_path / "none.wav").message
    assert "not a regular file" in error_of(tmp_path).message
    assert "can't be read: File name too long" in error_of(tmp_path / ("x" * 300)).message


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not a regular file" in error_of(tmp_path / "pipe.wav").message


def test_an_empty_file_is_called_empty(put: Put) -> None:
    assert error_of(put(b"")).message.endswith("the file is empty (0 bytes)")


def test_a_wav_without_samples_says_so(put: Put) -> None:
    assert error_of(put(riff(fmt(PCM, 16), chunk(b"data", b"")))).message.endswith("holds no samples")
    assert error_of(put(riff(fmt(PCM, 16), chunk(b"data", b"\x01")))).message.endswith("holds no samples")


def test_another_format_is_named_with_the_command_that_converts_it(tmp_path: Path) -> None:
    path = tmp_path / "my call.mp3"
    path.write_bytes(b"ID3\x04" + bytes(100))
    error = error_of(path)
    assert error.message.endswith("not a WAV file: it looks like an MP3 file")
    assert error.hint == (
        f"Convert it: ffmpeg -i '{path}' -ac 1 -c:a pcm_s16le '{tmp_path / 'my call-pcm.wav'}'"
    )


def test_text_is_not_offered_a_conversion(put: Put) -> None:
    error = error_of(put(b"voicepipe: 1\n"))
    assert error.message.endswith("it looks like text")
    assert error.hint == "Name a WAV file."


def test_truncated_samples_are_counted(put: Put) -> None:
    error = error_of(put(riff(fmt(PCM, 16), chunk(b"data", bytes(1000), 64000))))
    assert error.message.endswith("truncated in the samples: 64000 bytes were expected, 1000 were found")
    assert "or keep what is there: ffmpeg" in str(error.hint)


@given(length=st.integers(1, 55))
def test_a_file_cut_anywhere_is_called_truncated(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.wav"
    whole = riff(fmt(PCM, 16), chunk(b"LIST", b"x"), chunk(b"data", RAMP.tobytes()))
    path.write_bytes(whole[:length])
    message = error_of(path).message
    assert "truncated" in message or (length < 4 and "looks like text" in message)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bits", [32, 64])
def test_samples_that_are_no_numbers_are_counted_and_placed(put: Put, value: float, bits: int) -> None:
    samples = np.zeros((300_000, 2), f"<f{bits // 8}")
    samples[[160_000, 160_001, 299_999], 1] = value
    error = error_of(put(riff(fmt(FLOAT, bits, 2), chunk(b"data", samples.tobytes()))))
    assert (
        "3 of 300000 samples are NaN or infinite, the first one at sample 160000 (10.000 s)" in error.message
    )


@pytest.mark.parametrize(
    ("tag", "name"),
    [(7, "G.711 μ-law"), (6, "G.711 A-law"), (2, "Microsoft ADPCM"), (0x1234, "codec 0x1234")],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_another_codec_is_named(put: Put, tag: int, name: str, extensible: bool) -> None:
    error = error_of(put(riff(fmt(tag, 8, extensible=extensible), chunk(b"data", bytes(10)))))
    assert f"its samples are {name}, PCM or float was expected" in error.message


def test_an_extended_header_of_a_foreign_scheme_is_refused(put: Put) -> None:
    header = fmt(PCM, 16, extensible=True)[:-1] + b"\x00"
    assert "extended header doesn't name" in error_of(put(riff(header, chunk(b"data", bytes(4))))).message


@pytest.mark.parametrize(("tag", "bits"), [(PCM, 64), (FLOAT, 16), (PCM, 0)])
def test_unusual_sample_sizes_are_refused(put: Put, tag: int, bits: int) -> None:
    error = error_of(put(riff(fmt(tag, bits), chunk(b"data", bytes(16)))))
    assert f"its samples have {bits} bits" in error.message


def test_a_header_that_contradicts_itself_is_refused(put: Put) -> None:
    form = chunk(b"fmt ", struct.pack("<HHIIHH", PCM, 2, 16000, 32000, 2, 16))
    assert "contradicts itself: 2 × 16 bits in 2 bytes" in error_of(put(riff(form))).message
    none = chunk(b"fmt ", struct.pack("<HHIIHH", PCM, 0, 16000, 0, 0, 16))
    assert "contradicts itself: 0 × 16 bits" in error_of(put(riff(none))).message
    assert "'fmt ' chunk has 4 bytes" in error_of(put(riff(chunk(b"fmt ", bytes(4))))).message


def test_samples_before_their_description_are_refused(put: Put) -> None:
    assert "before the 'fmt ' chunk" in error_of(put(riff(chunk(b"data", bytes(4)), fmt(PCM, 16)))).message


@pytest.mark.parametrize("rate", [0, 3999, 192001, 0xFFFFFFFF])
def test_an_impossible_rate_is_refused(put: Put, rate: int) -> None:
    form = chunk(b"fmt ", struct.pack("<HHIIHH", PCM, 1, rate, 0, 2, 16))
    assert f"a sample rate of {rate} Hz" in error_of(put(riff(form, chunk(b"data", bytes(4))))).message


def test_a_file_of_endless_chunks_is_given_up(put: Put) -> None:
    assert "more than 1000 chunks" in error_of(put(riff(*[chunk(b"junk", b"")] * 1001))).message


def test_absurd_sizes_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    path.write_bytes(riff(fmt(PCM, 8, rate=4000)) + b"data\xff\xff\xff\xff")
    os.truncate(path, 4 * 3600 * 4000 + 1000)
    assert "4.0 hours were found, at most 4 are read" in error_of(path).message
    os.truncate(path, (1 << 30) + 1)
    assert "1073741825 bytes were found" in error_of(path).message


@given(
    content=st.binary(max_size=200),
    prefix=st.sampled_from([b"", b"RIFF\x00\x00\x00\x00WAVE", riff(fmt(PCM, 16))]),
)
def test_any_bytes_are_read_or_refused_with_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, prefix: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.wav"
    path.write_bytes(prefix + content)
    try:
        found = len(read_wav(path).pcm)
    except AudioError as error:
        found = len(error.hint or "")
    assert found >= 1


@given(
    samples=st.lists(st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767)), min_size=1),
    rate=st.integers(4000, 192000),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, samples: list[tuple[int, int]], rate: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "again.wav"
    stereo = np.array(samples, np.int16)
    write_wav(path, stereo, rate)
    for channel in (0, 1):
        wav = read_wav(path, channel=channel)
        assert np.array_equal(wav.pcm, stereo[:, channel])
        assert wav.rate == rate
    write_wav(path, stereo[:, 0], rate)
    assert np.array_equal(read_wav(path).pcm, stereo[:, 0])


def test_other_programs_can_read_what_is_written(tmp_path: Path) -> None:
    stereo = np.column_stack((RAMP, RAMP[::-1]))
    write_wav(tmp_path / "a.wav", stereo, 24000)
    with wave.open(str(tmp_path / "a.wav")) as other:
        assert (other.getnchannels(), other.getsampwidth(), other.getframerate()) == (2, 2, 24000)
        assert other.readframes(10) == stereo.tobytes()


def test_a_file_is_valid_after_each_flush_while_it_is_still_written(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with WavWriter(path, 16000) as writer:
        for count in (1, 2, 3):
            writer.write(RAMP)
            writer.flush()
            with wave.open(str(path)) as other:
                assert other.getnframes() == writer.frames == 5 * count
        writer.write(RAMP)
    assert read_wav(path).pcm.tolist() == RAMP.tolist() * 4


def test_what_reached_the_disk_of_a_file_that_was_never_flushed_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "killed.wav"
    writer = WavWriter(path, 16000)
    writer.write(np.resize(RAMP, 100_000))
    left_by_a_killed_process = path.read_bytes()
    writer.close()
    path.write_bytes(left_by_a_killed_process)
    assert len(left_by_a_killed_process) > 1000
    assert read_wav(path).pcm[:5].tolist() == RAMP.tolist()


def write_and_fail(path: Path) -> None:
    with WavWriter(path, 16000) as writer:
        writer.write(RAMP)
        raise InterruptedError


def test_the_file_is_complete_although_the_call_failed(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        write_and_fail(tmp_path / "a.wav")
    assert read_wav(tmp_path / "a.wav").pcm.tolist() == RAMP.tolist()


def test_closing_twice_does_nothing(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "a.wav", 16000)
    writer.write(RAMP)
    writer.close()
    writer.close()
    assert len(read_wav(tmp_path / "a.wav").pcm) == 5


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="can't be written: No such file or directory") as caught:
        WavWriter(tmp_path / "none" / "a.wav", 16000)
    assert caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_clear_error() -> None:
    with pytest.raises(AudioError, match="can't be written: No space left"):
        write_wav("/dev/full", np.zeros(100_000, np.int16), 16000)


def test_more_than_a_wav_can_hold_is_refused(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav", 16000) as writer, pytest.raises(AudioError, match="more than 4 GiB"):
        writer.write(np.broadcast_to(np.int16(0), (1 << 31,)))


@pytest.mark.parametrize("pcm", [np.zeros(5), np.zeros((5, 2), np.int16), np.zeros((5, 1), np.int16)])
def test_samples_of_another_type_or_shape_are_a_mistake_of_the_caller(tmp_path: Path, pcm: Pcm) -> None:
    with WavWriter(tmp_path / "a.wav", 16000) as writer, pytest.raises(ValueError, match="were expected"):
        writer.write(pcm)
    with pytest.raises(ValueError, match="3 channels"):
        WavWriter(tmp_path / "b.wav", 16000, channels=3)


def test_recorded_speech_is_read_as_it_is() -> None:
    path = clip("ps_goforward.wav")
    wav = read_wav(path)
    with wave.open(str(path)) as other:
        assert wav.pcm.tobytes() == other.readframes(other.getnframes())
        assert wav.rate == other.getframerate() == 16000


def stereo(*left: int) -> Pcm:
    return np.stack((np.array(left, np.int16), -np.array(left, np.int16)), axis=1)


def test_a_recording_goes_on_with_another_one_on_both_sides(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", stereo(1, 2, 3), 24_000)
    write_wav(tmp_path / "b.wav", stereo(4, 5), 24_000)
    append_wav(tmp_path / "a.wav", tmp_path / "b.wav")
    whole = read_wav(tmp_path / "a.wav", channel=0)
    assert (whole.pcm.tolist(), whole.rate, whole.channels) == ([1, 2, 3, 4, 5], 24_000, 2)
    assert read_wav(tmp_path / "a.wav", channel=1).pcm.tolist() == [-1, -2, -3, -4, -5]


def test_recordings_of_different_rates_are_not_joined(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", stereo(1), 24_000)
    write_wav(tmp_path / "b.wav", stereo(1), 16_000)
    with pytest.raises(ValueError, match="16000 Hz"):
        append_wav(tmp_path / "a.wav", tmp_path / "b.wav")


def test_what_was_written_can_be_made_silent_and_the_rest_goes_on(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav", 8000, channels=2) as writer:
        writer.write(np.full((20_000, 2), 7, np.int16))
        writer.silence(-5, 10)
        writer.silence(500, 17_000)
        writer.silence(19_990, 30_000)
        writer.write(np.full((5, 2), 8, np.int16))
    expected = np.full(20_005, 7)
    expected[:10] = expected[500:17_000] = expected[19_990:20_000] = 0
    expected[20_000:] = 8
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav", channel=1).pcm, expected)
