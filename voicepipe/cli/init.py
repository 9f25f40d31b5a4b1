"""Start a project of your own: a commented pipeline, a tool, rules, tests and the schema for your editor.

Nothing that exists is overwritten.
"""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from voicepipe.cli.files import write_text
from voicepipe.cli.schema import FILE as SCHEMA
from voicepipe.cli.schema import schema_text
from voicepipe.cli.terminal import Terminal
from voicepipe.errors import UsageError

TEMPLATES = Path(__file__).parent / "starter"

FILES = {
    # file → its template; names that tools would take for their own are without a dot there
    "pipeline.yaml": "pipeline.yaml",
    "rules.yaml": "rules.yaml",
    "tools.py": "tools.py",
    "tests/test_pipeline.py": "tests/test_pipeline.py",
    "README.md": "README.md",
    ".env.example": "env.example",
    ".gitignore": "gitignore",
}

NEXT = {
    "voicepipe doctor pipeline.yaml": "what is missing on this computer",
    'voicepipe run pipeline.yaml --text "When do you open on Monday?"': "one typed question",
    "voicepipe run pipeline.yaml": "talk to it",
    "voicepipe test pipeline.yaml": "its conversations, without waiting",
    "pytest": "its tests",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where to (the current folder)"
    )


def run(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    contents = {name: (TEMPLATES / template).read_text("utf-8") for name, template in FILES.items()}
    contents[SCHEMA] = schema_text()
    _check_free(folder, list(contents))
    for name, content in contents.items():
        path = folder / name
        _make_folder(path.parent)
        write_text(path, content)
    _tell(folder, list(contents))
    return 0


def _check_free(folder: Path, names: list[str]) -> None:
    """Raises ``UsageError`` that names everything in the way."""
    taken = [name for name in names if os.path.lexists(folder / name)]
    if taken:
        raise UsageError(
            f"in the way: {', '.join(str(folder / name) for name in taken)}",
            hint="nothing was written; choose another folder: voicepipe init DIR",
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make the folder '{folder}': {error.strerror or error}") from None


def _tell(folder: Path, names: list[str]) -> None:
    terminal = Terminal()
    where = "here" if folder == Path() else f"in {folder}"
    terminal.line(f"Made {where}: {', '.join(names)}")
    terminal.line()
    terminal.line("Next:")
    width = max(map(len, NEXT))
    if folder != Path():
        terminal.line(f"  cd {shlex.quote(str(folder))}")
    for command, what in NEXT.items():
        terminal.line(f"  {command:<{width}}  {terminal.style(what, 'dim')}")
