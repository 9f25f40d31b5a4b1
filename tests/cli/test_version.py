from __future__ import annotations

import re

from voicepipe.cli.version import version


def test_the_version_is_that_of_the_distribution() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", version())
