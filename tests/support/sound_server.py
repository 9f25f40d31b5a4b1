"""A sound server without hardware: a loudspeaker that plays into nothing, and a microphone that hears files.

With it, the real PortAudio is tested. PulseAudio's null sinks play at the pace of real time.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from voicepipe.errors import SetupError
from voicepipe.transports.sound_devices import sound_library

ALSA = """\
pcm.!default { type pulse }
pcm.testmic { type pulse device "microphone" hint { show on description "Test microphone" } }
pcm.testspeaker { type pulse device "loudspeaker" hint { show on description "Test loudspeaker" } }
ctl.!default { type pulse }
"""

MODULES = (
    "module-null-sink sink_name=loudspeaker rate=48000",
    "module-null-sink sink_name=room rate=16000",
    "module-remap-source source_name=microphone master=room.monitor",
)


class SoundServer:
    """``env`` makes a program use it."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.env = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{folder}/socket",
        }
        self._process = process

    def say(self, clip: Path) -> subprocess.Popen[bytes]:
        """The caller speaks into the microphone."""
        return subprocess.Popen(
            ["paplay", "--device=room", str(clip)], env={**os.environ, **self.env}, stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        """As if all devices were unplugged."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


@contextmanager
def sound_server(folder: Path) -> Iterator[SoundServer]:
    """Skips the test where PulseAudio, its ALSA plugin or PortAudio is missing."""
    plugins = list(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so"))
    if not plugins or not shutil.which("pulseaudio") or not shutil.which("paplay"):
        pytest.skip("no sound server to test with: pulseaudio, pulseaudio-utils, libasound2-plugins")
    try:
        sound_library()
    except SetupError as error:
        pytest.skip(error.message)
    (folder / ".asoundrc").write_text(ALSA)
    loads = [f"--load={module}" for module in MODULES]
    # `auth-anonymous`, since in a container there is often no folder for a cookie.
    loads.append(f"--load=module-native-protocol-unix socket={folder}/socket auth-anonymous=1")
    process = subprocess.Popen(
        [
            *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"),
            *("--log-target=stderr", "-vv", *loads),
        ],
        env={**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if b"Daemon startup complete" in line:
                break
        else:
            pytest.skip("pulseaudio doesn't start here")
        with (folder / "log").open("wb") as log:
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
        server = SoundServer(folder, process)
        try:
            yield server
        finally:
            if process.poll() is None:
                server.stop()
            drain.wait()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
