from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voicepipe.core.extras import DISTRIBUTION, install_command, installed, missing, require
from voicepipe.errors import SetupError

ROOT = Path(__file__).parents[2]
ABSENT = "voicepipe_test_package_that_is_not_there"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    install_command.cache_clear()
    yield
    install_command.cache_clear()


def install(folder: Path, origin: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this distribution look as if it had been installed from ``origin``."""
    info = folder / f"{DISTRIBUTION.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 0.1.0\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, f"pip install '{DISTRIBUTION}[local]'"),
        ({"url": "https://example.org/v.whl", "archive_info": {}}, f"pip install '{DISTRIBUTION}[local]'"),
        ({"url": "file:///src/voice", "dir_info": {"editable": True}}, "pip install -e '/src/voice[local]'"),
        ({"url": "file:///src/voice", "dir_info": {}}, "pip install '/src/voice[local]'"),
        ({"url": "file:///my%20src/voice", "dir_info": {}}, "pip install '/my src/voice[local]'"),
    ],
)
def test_the_command_adds_the_extra_to_what_is_installed(
    origin: dict[str, Any] | None, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, origin, monkeypatch)
    assert install_command("local") == command


def test_a_checkout_that_was_never_installed_says_where_to_run_the_command() -> None:
    script = "from voicepipe.core.extras import install_command; print(install_command('local'))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "pip install -e '.[local]'  (in the folder of voicepipe's pyproject.toml)"


def test_an_installed_package_is_imported() -> None:
    assert require("json.decoder", extra="local", purpose="a test").JSONDecoder is json.JSONDecoder


@pytest.mark.parametrize("module", [ABSENT, f"{ABSENT}.inner.most"])
def test_a_missing_package_is_named_with_what_needs_it_and_the_command(module: str) -> None:
    with pytest.raises(SetupError, match=f"stt 'x' needs the package '{ABSENT}'") as caught:
        require(module, extra="local", purpose="stt 'x'")
    assert caught.value.hint == f"install it with: {install_command('local')}"
    assert caught.value.exit_status == 3


def test_a_package_that_lacks_something_itself_gives_its_own_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "voicepipe_test_half_installed.py").write_text(f"import {ABSENT}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match=ABSENT):
        require("voicepipe_test_half_installed", extra="local", purpose="a test")


def test_whether_a_package_is_there_is_found_out_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "voicepipe_test_explosive.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed("voicepipe_test_explosive")
    assert not installed(ABSENT)
    assert not installed(f"{ABSENT}.inner")


def test_each_package_that_is_missing_has_a_sentence() -> None:
    sentences = missing("json", ABSENT, extra="local")
    assert sentences == [
        f"the package '{ABSENT}' is not installed; install it with: {install_command('local')}"
    ]
