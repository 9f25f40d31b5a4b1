"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# Hypothesis' default deadline is a wall-clock assertion: it fails on a machine that is busy.
settings.register_profile("voicepipe", deadline=None)
settings.load_profile("voicepipe")
