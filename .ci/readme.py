"""Print the commands that README.md shows under `<!-- ci: NAME -->`: python3 .ci/readme.py NAME

Only the standard library: it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def commands(name: str, text: str) -> str:
    """The one block of ``text`` that stands directly under the comment. Raises ``SystemExit``."""
    found = re.findall(rf"^<!-- ci: {re.escape(name)} -->\n```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise SystemExit(
            f"README.md has {len(found)} blocks under '<!-- ci: {name} -->', but should have one"
        )
    return str(found[0])


if __name__ == "__main__":
    sys.stdout.write(commands(sys.argv[1], README.read_text(encoding="utf-8")))
