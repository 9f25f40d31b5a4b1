"""No provider is registered that isn't examined; and those that need no subject of their own."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.contract_cases import LOCAL, cases, examine
from voicepipe.providers.base import Provider
from voicepipe.testing import contract_subjects
from voicepipe.testing.contract import Promise, Subject
from voicepipe.testing.contract_subjects import SHIPPED

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
REGISTERED = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["voicepipe.providers"]


def test_every_registered_provider_has_a_subject() -> None:
    assert set(REGISTERED) == set(SHIPPED) | set(LOCAL), "each one in SHIPPED, or in LOCAL of contract_cases"
    assert not set(SHIPPED) & set(LOCAL)


def test_every_subject_is_examined_by_the_tests_of_its_module() -> None:
    here = Path(__file__).parent
    modules = {reference.partition(":")[0].rpartition(".")[2] for reference in SHIPPED.values()}
    files = {path.stem for path in Path(*contract_subjects.__path__).glob("*.py")} - {"__init__"}
    assert modules == files
    for module in modules:
        text = (here / f"test_{module}.py").read_text()
        assert f'@cases(*shipped_by("{module}"))' in text


@pytest.mark.parametrize("name", SHIPPED)
def test_a_subject_is_that_of_its_provider(name: str) -> None:
    pytest.importorskip("websockets", reason="needs the extra 'cloud'")
    module, _, made = SHIPPED[name].partition(":")
    subject = getattr(import_module(module), made)
    assert issubclass(subject, Subject)
    assert issubclass(subject.provider, Provider)
    assert f"{subject.provider.kind}.{subject.provider.name}" == name


@cases(*LOCAL)
def test_a_local_provider_keeps_its_promises(name: str, one: Promise) -> None:
    examine(name, one)
