from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.cli import voicepipe
from voicepipe.cli.init import FILES, NEXT
from voicepipe.cli.schema import FILE as SCHEMA

EVERYTHING = {*FILES, SCHEMA}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "new" / "café agent"
    assert voicepipe(capsys, "init", folder).status == 0
    return folder


def test_a_new_folder_gets_all_the_files(project: Path) -> None:
    assert files(project) == EVERYTHING


def test_the_current_folder_is_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = voicepipe(capsys, "init")
    assert (done.status, done.out) == (0, "")
    assert files(tmp_path) == EVERYTHING
    assert "Made here: pipeline.yaml" in done.err
    assert "cd " not in done.err


def test_what_to_do_next_is_told_in_commands_that_can_be_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = voicepipe(capsys, "init", tmp_path / "my agent")
    assert f"cd '{tmp_path / 'my agent'}'" in done.err
    for command in NEXT:
        assert f"  {command} " in done.err


def test_what_is_in_the_way_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tools.py").write_text("mine")
    (tmp_path / ".gitignore").symlink_to(tmp_path / "nowhere")
    done = voicepipe(capsys, "init", tmp_path)
    assert done.status == 2
    assert str(tmp_path / "tools.py") in done.err
    assert str(tmp_path / ".gitignore") in done.err, "a link that leads nowhere is in the way as well"
    assert "README.md" not in done.err
    assert (tmp_path / "tools.py").read_text() == "mine"
    assert not (tmp_path / "pipeline.yaml").exists()


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    done = voicepipe(capsys, "init", tmp_path / "file" / "agent")
    assert done.status == 2
    assert "can't make the folder" in done.err


def test_the_starter_is_valid_without_a_warning(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "validate", project / "pipeline.yaml", "--json")
    assert done.status == 0, done.out
    (found,) = done.json["files"]
    assert (found["problems"], found["warnings"], found["profiles"]) == ([], [], ["sim"])


def test_the_first_line_tells_editors_of_the_schema_beside_it(project: Path) -> None:
    first = (project / "pipeline.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema=./{SCHEMA}"


def test_the_starter_fits_its_schema(project: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = yaml.safe_load((project / SCHEMA).read_text())
    jsonschema.validate(yaml.safe_load((project / "pipeline.yaml").read_text()), schema)


def test_the_commented_alternatives_are_valid_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / "pipeline.yaml"
    lines = path.read_text().splitlines()
    alternatives = [line.strip().removeprefix("#").strip() for line in lines if line.startswith("  #   ")]
    assert len(alternatives) == 5
    for alternative in alternatives:
        slot, _, value = alternative.partition("   ")[0].partition(": ")
        done = voicepipe(capsys, "validate", path, "--set", f"stages.{slot}={value}")
        assert done.status == 0, f"{alternative}: {done.err}"


def test_the_tests_of_the_starter_pass(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_conversations_of_the_starter_pass(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = voicepipe(capsys, "test", project / "pipeline.yaml")
    assert done.status == 0, done.err
    assert "1 passed" in done.err


def test_the_readme_names_every_file(project: Path) -> None:
    readme = (project / "README.md").read_text()
    for name in EVERYTHING - {"README.md", ".gitignore"}:
        assert f"`{name}`" in readme
