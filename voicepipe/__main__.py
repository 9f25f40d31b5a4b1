"""``python -m voicepipe``."""

from __future__ import annotations

import sys

from voicepipe.cli.main import main

sys.exit(main())
