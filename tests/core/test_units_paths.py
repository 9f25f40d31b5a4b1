from __future__ import annotations

from pathlib import Path

import pytest

from voicepipe.core.units import NameOrPath, RelativeToFile


@pytest.mark.parametrize("name", ["base.en", "large-v3", "Systran/faster-whisper-base.en"])
def test_a_name_from_a_catalogue_is_left_alone(name: str, tmp_path: Path) -> None:
    assert NameOrPath().resolve(name, tmp_path) == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("./mine", "mine"),
        ("../mine", "../mine"),
        ("mine/", "mine"),
        ("models/whisper/mine", "models/whisper/mine"),
    ],
)
def test_what_can_only_be_a_path_is_resolved_although_nothing_is_there(
    written: str, meant: str, tmp_path: Path
) -> None:
    assert NameOrPath().resolve(written, tmp_path) == str((tmp_path / meant).resolve())


def test_an_existing_folder_wins_over_a_name_with_an_owner(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert NameOrPath().resolve("models/mine", tmp_path) == str(tmp_path / "models" / "mine")


def test_a_bare_name_stays_a_name_even_beside_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "base.en").mkdir()
    assert NameOrPath().resolve("base.en", tmp_path) == "base.en"


def test_an_absolute_path_ignores_the_folder_of_the_file(tmp_path: Path) -> None:
    assert NameOrPath().resolve("/opt/model", tmp_path) == "/opt/model"
    assert RelativeToFile().resolve("/opt/model", tmp_path) == "/opt/model"


def test_the_home_folder_is_expanded() -> None:
    assert RelativeToFile().resolve("~/model", Path("/somewhere")) == str((Path.home() / "model").resolve())
