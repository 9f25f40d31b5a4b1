"""``voicepipe`` on the package index is another project, so nobody may be told to install that.

How this one is installed is told by ``voicepipe.core.extras``, from the metadata of the installation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = {"", ".cfg", ".html", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
NOT_OURS = re.compile(r"\.git|\.venv.*|\..*_cache|\.hypothesis|__pycache__|build|dist|out|.*\.egg-info")
WRONG = re.compile(r"pip3?\s+install\s+(?:-\S+\s+)*['\"]?" + "voice" + "pipe", re.IGNORECASE)


def texts(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if NOT_OURS.fullmatch(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from texts(path)
        elif path.suffix in TEXT:
            yield path


def test_nothing_tells_to_install_the_other_project() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in texts(ROOT)
        for match in WRONG.finditer(path.read_text("utf-8", "replace"))
    ]
    assert not found


def test_the_search_would_find_it() -> None:
    for command in ("pip install {}", "pip3 install -U '{}[local]'", "python -m pip  install --upgrade {}"):
        assert WRONG.search(command.format("voicepipe"))
    assert not WRONG.search("pip install -e '.[quickstart]'  # voicepipe from a checkout")
    assert Path(__file__) in set(texts(ROOT))
    assert ROOT / "voicepipe" / "core" / "extras.py" in set(texts(ROOT))
