"""``docs/licences.md`` against ``pyproject.toml`` and against what the installed packages say."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
STATES_NONE = "its metadata states none"
NOT_FOR_USERS = ("dev", "all")

WORDS = {
    # the licence in the table → what a package's metadata may call it
    "MIT": r"\bMIT\b",
    "Apache-2.0": r"Apache",
    "BSD-2-Clause": r"BSD",
    "BSD-3-Clause": r"BSD",
    "GPL-3.0-or-later": r"GPL-3\.0-or-later",
}


def declared() -> dict[str, set[str]]:
    """Package → the extras that ask for it; ``base`` is what is always installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, set[str]] = {}
    for extra, requirements in {"base": project["dependencies"], **project["optional-dependencies"]}.items():
        for requirement in requirements if extra not in NOT_FOR_USERS else ():
            found.setdefault(canonicalize_name(Requirement(requirement).name), set()).add(extra)
    return found


def table() -> dict[str, tuple[set[str], str, str]]:
    """Package → its extras, its licence and the note."""
    text = (ROOT / "docs" / "licences.md").read_text()
    rows = re.findall(r"^\| ([\w.-]+) \| ([\w, ]+) \| ([\w.-]+) \| ?(.*?) ?\|$", text, re.MULTILINE)
    return {
        canonicalize_name(name): (set(extras.split(", ")), licence, note)
        for name, extras, licence, note in rows
        if name != "package"
    }


def stated(package: str) -> str:
    """All that the metadata of ``package`` says about its licence; empty if it says nothing."""
    about = metadata.metadata(package)
    fields = [line for name in ("License-Expression", "License") for line in about.get_all(name) or []]
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    # Some put the whole text into the field; its first line names it.
    return " / ".join([*(field.strip().partition("\n")[0] for field in fields), *classifiers])


@cache
def installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def brought_along(package: str) -> set[str]:
    """The installed packages that ``package`` needs, directly or not."""
    found: set[str] = set()
    waiting = [Requirement(package)]
    while waiting:
        one = waiting.pop()
        for line in metadata.requires(one.name) or []:
            needed = Requirement(line)
            name = canonicalize_name(needed.name)
            wanted = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)
            )
            if wanted and name not in found and installed(name):
                found.add(name)
                waiting.append(needed)
    return found


def test_the_table_holds_every_declared_package_with_its_extras() -> None:
    assert {name: extras for name, (extras, _, _) in table().items()} == declared()


@pytest.mark.parametrize("package", sorted(declared()))
def test_a_package_says_of_itself_what_the_table_says(package: str) -> None:
    if not installed(package):
        pytest.skip(f"{package} is not installed")
    _, licence, note = table()[package]
    if said := stated(package):
        assert re.search(WORDS[licence], said), f"{package} says: {said}"
        assert STATES_NONE not in note
    else:
        assert STATES_NONE in note


@pytest.mark.parametrize("package", sorted(declared()))
def test_nothing_under_the_gpl_comes_along_unnoticed(package: str) -> None:
    if not installed(package):
        pytest.skip(f"{package} is not installed")
    named = table()
    for name in sorted(brought_along(package)):
        assert name in named or "GPL" not in stated(name), f"{package} brings {name}: {stated(name)}"


def test_the_gpl_is_explained_for_each_package_under_it() -> None:
    _, _, explained = (ROOT / "docs" / "licences.md").read_text().partition("## What GPL means")
    under = [name for name, (_, licence, _) in table().items() if licence.startswith("GPL")]
    assert sorted(under) == ["espeakng-loader", "piper-tts"]
    for name in under:
        assert f"`{name}`" in explained
