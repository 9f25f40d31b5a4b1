"""What ``import voicepipe`` offers: a dozen names, each from one place, typed."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import voicepipe

ROOT = Path(__file__).parents[1]
TYPED = ROOT / "tests" / "typing" / "public_api.py"


def test_there_are_at_most_a_dozen_names() -> None:
    assert len(voicepipe.__all__) <= 12
    assert voicepipe.__all__ == sorted(voicepipe.__all__)


@pytest.mark.parametrize("name", voicepipe.__all__)
def test_each_name_is_what_its_module_calls_so_and_has_a_docstring(name: str) -> None:
    found = getattr(voicepipe, name)
    assert found.__name__ == name
    assert getattr(import_module(found.__module__), name) is found
    assert found.__doc__


def test_the_names_are_listed_and_no_other_is_found() -> None:
    assert set(voicepipe.__all__) <= set(dir(voicepipe))
    with pytest.raises(AttributeError, match="module 'voicepipe' has no attribute 'Pipelin'"):
        _ = voicepipe.Pipelin


def test_star_import_gives_the_public_names() -> None:
    scope: dict[str, object] = {}
    exec("from voicepipe import *", scope)
    assert set(scope) - {"__builtins__"} == set(voicepipe.__all__)


def test_importing_voicepipe_imports_nothing_that_a_tools_file_does_not_need() -> None:
    code = "import sys, voicepipe; print({'numpy', 'pydantic', 'yaml', 'asyncio'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "set()"


def test_the_typed_example_uses_every_name() -> None:
    imported = re.search(r"from voicepipe import \((.*?)\)", TYPED.read_text(), re.DOTALL)
    assert imported is not None
    assert re.findall(r"\w+", imported[1]) == voicepipe.__all__


def test_type_checkers_see_the_types_of_the_public_names(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="needs the extra 'dev'")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), "--warn-unused-ignores", str(TYPED)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
