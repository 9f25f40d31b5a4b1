"""What ``pyproject.toml`` promises to pip: entry points, extras that providers name, files in the wheel."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from voicepipe.cli.files import IN_CHECKOUT, IN_WHEEL, PACKAGE
from voicepipe.cli.init import FILES, TEMPLATES
from voicepipe.core.extras import DISTRIBUTION
from voicepipe.providers.base import Provider
from voicepipe.stages.base import Stage

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
WHEEL = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]


def named(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def test_the_distribution_has_the_name_that_install_hints_tell() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    for requirement in PROJECT["optional-dependencies"]["all"]:
        assert requirement.startswith(f"{DISTRIBUTION}[")


@pytest.mark.parametrize("name", PROJECT["entry-points"]["voicepipe.providers"])
def test_a_provider_is_registered_under_its_kind_and_name(name: str) -> None:
    provider = named(PROJECT["entry-points"]["voicepipe.providers"][name])
    assert issubclass(provider, Provider)
    assert f"{provider.kind}.{provider.name}" == name
    if provider.packages:
        assert provider.extra in PROJECT["optional-dependencies"], "doctor tells what to install"


@pytest.mark.parametrize("kind", PROJECT["entry-points"]["voicepipe.stages"])
def test_a_stage_is_registered_under_its_kind(kind: str) -> None:
    stage = named(PROJECT["entry-points"]["voicepipe.stages"][kind])
    assert issubclass(stage, Stage)
    assert stage.kind == kind


def test_the_command_is_the_command_line() -> None:
    assert callable(named(PROJECT["scripts"]["voicepipe"]))


def test_the_wheel_takes_the_pipelines_to_where_they_are_looked_for() -> None:
    assert WHEEL["packages"] == [PACKAGE.name]
    ((source, target),) = WHEEL["force-include"].items()
    assert ROOT / source == IN_CHECKOUT
    assert ROOT / target == IN_WHEEL


def test_the_starters_templates_lie_in_the_package_without_names_that_git_or_the_shell_hide() -> None:
    assert TEMPLATES.is_relative_to(PACKAGE)
    templates = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.is_file()}
    assert {name for name in templates if "__pycache__" not in name} == set(FILES.values())
    assert not [name for name in templates if name.startswith(".")]
