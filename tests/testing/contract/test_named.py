"""What may stand behind ``--voicepipe-provider`` and ``--voicepipe-config``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voicepipe.errors import ConfigErrors, SetupError, UsageError, VoicepipeError
from voicepipe.providers.espeak import Espeak
from voicepipe.providers.sim_tts import SimTts
from voicepipe.testing.contract import Subject
from voicepipe.testing.contract.named import read_config, subject_of
from voicepipe.testing.contract_subjects.sim import SimTtsSubject

MODULE = """
from tests.support.contract_fakes import FakeSubject, GoodTts
class Mine(GoodTts): pass
class Set(FakeSubject):
    provider = Mine
    voice = "ann"
NUMBER = 3
"""


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """With a module whose name no other test has."""
    (tmp_path / f"{request.node.name}.py").write_text(MODULE)
    return tmp_path


def test_a_class_in_the_current_folder(folder: Path) -> None:
    subject = subject_of("test_a_class_in_the_current_folder:Mine", None, folder)
    assert (type(subject), subject.provider.__name__) == (Subject, "Mine")


def test_a_subject_in_place_of_its_provider(folder: Path) -> None:
    subject = subject_of("test_a_subject_in_place_of_its_provider:Set", None, folder)
    assert (subject.provider.__name__, subject.voice) == ("Mine", "ann")


def test_a_registered_name_or_the_class_behind_it() -> None:
    for reference in ("tts.sim", "voicepipe.providers.sim_tts:SimTts"):
        assert type(subject_of(reference, None, Path())) is SimTtsSubject
    subject = subject_of("tts.espeak", None, Path())
    assert (type(subject), subject.provider) == (Subject, Espeak)


def test_whoever_configures_one_of_ours_means_a_server_of_their_own() -> None:
    subject = subject_of("tts.sim", "{rate: 8000}", Path())
    assert (type(subject), subject.provider, subject.config.rate) == (Subject, SimTts, 8000)


def test_a_package_that_is_missing_is_told_once_with_the_extra_that_brings_it(folder: Path) -> None:
    module = folder / f"{folder.name}_lacking.py"
    module.write_text(
        "from tests.support.contract_fakes import GoodTts\n"
        "class Lacking(GoodTts): packages, extra = ('no_such_package',), 'cloud'\n"
    )
    with pytest.raises(SetupError, match=r"'no_such_package' is not installed; .*\[cloud\]"):
        subject_of(f"{module.stem}:Lacking", None, folder)


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("tts.nobody", UsageError, "no provider is registered under that name"),
        ("nonsense", UsageError, "KIND.NAME"),
        ("no_such_module:Class", SetupError, "ModuleNotFoundError"),
        ("voicepipe.providers.sim_tts:Nobody", SetupError, "AttributeError"),
        ("voicepipe.errors:SetupError", UsageError, "neither a provider's class nor"),
        ("voicepipe.errors:Sequence", UsageError, "neither a provider's class nor"),
    ],
)
def test_what_names_nothing_is_told(reference: str, error: type[VoicepipeError], message: str) -> None:
    with pytest.raises(error, match=message):
        subject_of(reference, None, Path())


def test_keys_are_read_from_a_map_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VP_TEST_SPEED", "5")
    (tmp_path / "keys.yaml").write_text("rate: 8000\nspeed: ${env:VP_TEST_SPEED}\n")
    for written in ("{rate: 8000, speed: '${env:VP_TEST_SPEED}'}", '{"rate": 8000, "speed": 5}', "keys.yaml"):
        config: Any = read_config(SimTts, written, tmp_path)
        assert (config.rate, config.speed) == (8000, 5)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{rate: fast}", "--voicepipe-config:1:8: expected a whole number, found 'fast'"),
        ("{rate: '${env:VP_NO_SUCH}'}", "VP_NO_SUCH isn't set"),
        ("{rate: ", "--voicepipe-config"),
        ("nothing.yaml", "can't read the file"),
        ("list.yaml", "expected a map of the provider's keys, found a list"),
    ],
)
def test_keys_that_are_wrong_are_told_with_their_place(written: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(ConfigErrors, match=message):
        read_config(SimTts, written, tmp_path)
