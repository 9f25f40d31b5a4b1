from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.support.sound import FakeDevice, FakeSound
from voicepipe.errors import SetupError
from voicepipe.transports.sound_devices import DeviceStream, SoundDevice, choose, devices, sound_library

HEADSET = FakeDevice("USB Headset: Audio", inputs=1, outputs=2)
DESK = FakeDevice("Desk Microphone", inputs=2, rate=44_100.0)
ROOM = FakeDevice("Room Microphone", inputs=1)
SPEAKERS = FakeDevice("Speakers", outputs=2)


def found(*fakes: FakeDevice, defaults: tuple[int, int] = (-1, -1)) -> list[SoundDevice]:
    return devices(FakeSound(fakes, defaults))


def open_stream(sound: FakeSound, index: int = 0, **settings: Any) -> DeviceStream:
    return DeviceStream(
        devices(sound)[index],
        settings.pop("direction", "input"),
        wanted_rate=settings.pop("rate", 16_000),
        block_ms=20,
        callback=lambda *_: None,
        on_lost=settings.pop("on_lost", lambda: None),
        sound=sound,
    )


def test_devices_are_told_with_their_channels_rates_and_which_are_the_defaults() -> None:
    desk, headset = found(DESK, HEADSET, defaults=(0, 1))
    assert desk == SoundDevice(0, "Desk Microphone", "ALSA", 2, 0, 44_100, True, False)
    assert (headset.default_input, headset.default_output) == (False, True)
    assert (desk.serves("output"), headset.serves("input")) == (False, True)


def test_a_computer_without_devices_has_none() -> None:
    assert found() == []


def test_the_default_device_is_taken_unless_one_is_named() -> None:
    fakes = found(DESK, ROOM, HEADSET, defaults=(1, 2))
    assert choose(fakes, "input", None).name == "Room Microphone"
    assert choose(fakes, "output", None).name == "USB Headset: Audio"
    assert choose(fakes, "input", "desk").name == "Desk Microphone"


def test_without_a_default_the_first_that_fits_is_taken() -> None:
    assert choose(found(SPEAKERS, DESK), "input", None).name == "Desk Microphone"


def test_a_whole_name_wins_over_names_that_contain_it() -> None:
    fakes = found(FakeDevice("Speakers (2)", outputs=2), SPEAKERS)
    assert choose(fakes, "output", "speakers").name == "Speakers"


def test_a_device_that_several_sound_systems_offer_is_taken_from_the_first() -> None:
    twice = found(FakeDevice("Mic", inputs=1, hostapi=1), FakeDevice("Mic", inputs=1))
    assert choose(twice, "input", "mic").system == "JACK"


def test_a_name_that_fits_several_devices_is_refused_with_their_names() -> None:
    with pytest.raises(SetupError, match="'Desk Microphone', 'Room Microphone'"):
        choose(found(DESK, ROOM), "input", "microphone")


def test_a_name_that_fits_no_device_is_refused_with_those_there_are() -> None:
    with pytest.raises(SetupError, match=r"no loudspeaker has 'desk'(.|\n)*'Speakers'"):
        choose(found(DESK, SPEAKERS), "output", "desk")


def test_a_missing_microphone_or_loudspeaker_is_one_sentence_with_the_remedy() -> None:
    with pytest.raises(SetupError, match="has no microphone") as raised:
        choose(found(SPEAKERS), "input", None)
    assert "voicepipe doctor" in str(raised.value)
    assert raised.value.exit_status == 3
    with pytest.raises(SetupError, match="has no loudspeaker"):
        choose(found(DESK), "output", None)


def test_a_device_is_opened_at_the_wanted_rate_where_it_can() -> None:
    sound = FakeSound((FakeDevice("Mic", inputs=1, rates=(16_000, 48_000)),))
    stream = open_stream(sound)
    assert (stream.rate, sound.streams[0].blocksize, stream.latency_samples) == (16_000, 320, 320)


def test_else_at_its_own_rate_or_at_one_that_it_takes() -> None:
    own = FakeSound((FakeDevice("Mic", inputs=1, rate=44_100.0, rates=(44_100, 48_000)),))
    assert (open_stream(own).rate, own.streams[0].blocksize) == (44_100, 882)
    other = FakeSound((FakeDevice("Mic", inputs=1, rate=11_025.0, rates=(11_025, 48_000)),))
    assert open_stream(other).rate == 48_000, "of 11,025 Hz, 20 ms aren't a whole number of samples"


def test_a_device_that_takes_no_rate_is_named_with_portaudios_reason() -> None:
    with pytest.raises(SetupError, match="the microphone 'Mic' can't be used: Invalid sample rate"):
        open_stream(FakeSound((FakeDevice("Mic", inputs=1, rates=()),)))


def test_a_device_that_does_not_start_is_given_back() -> None:
    sound = FakeSound((FakeDevice("Out", outputs=2, refuses=True),))
    stream = open_stream(sound, direction="output", rate=48_000)
    with pytest.raises(SetupError, match="the loudspeaker 'Out' can't be used: Device unavailable"):
        stream.start()
    assert sound.log == ["close Out"]


def test_a_stream_that_ends_by_itself_is_told_and_one_that_is_closed_is_not() -> None:
    lost: list[str] = []
    sound = FakeSound((HEADSET, DESK))
    streams = [open_stream(sound, index, rate=48_000, on_lost=lambda: lost.append("lost")) for index in (0,)]
    streams[0].start()
    sound.streams[0].unplug()
    assert lost == ["lost"]
    closed = open_stream(sound, 0, rate=48_000, on_lost=lambda: lost.append("closed"))
    closed.start()
    closed.close()
    closed.close()
    assert lost == ["lost"]


def test_without_portaudio_one_sentence_says_what_to_install() -> None:
    # In a process of its own: this one may have loaded the library already.
    program = """
import ctypes.util, sys
from voicepipe.errors import SetupError
ctypes.util.find_library = lambda name: None
import _sounddevice
class Nothing:
    def dlopen(self, name): raise OSError("cannot load library")
_sounddevice.ffi = Nothing()
from voicepipe.transports.sound_devices import sound_library
try:
    sound_library()
except SetupError as error:
    print(error)
"""
    pytest.importorskip("_sounddevice")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("the library PortAudio")
    assert len(done.stdout.splitlines()) == 2
    if sys.platform == "linux":
        assert "apt-get install libportaudio2" in done.stdout


def test_loading_this_module_does_not_load_sounddevice() -> None:
    program = "import sys, voicepipe.transports.local; print('sounddevice' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_where_it_is_installed_the_library_is_sounddevice() -> None:
    try:
        sound = sound_library()
    except SetupError as error:
        pytest.skip(error.message)
    assert sound.__name__ == "sounddevice"
    assert isinstance(devices(sound), list)
