from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.config.fakes import REGISTRY, load, one, problems, write
from tests.support.sound import SPEECH_FILE  # noqa: F401 - replaced below
