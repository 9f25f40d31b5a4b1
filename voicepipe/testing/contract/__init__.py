"""The contract suite: what every provider promises, examined on a provider of yours or of ours.

``pytest --voicepipe-provider package.module:Class`` runs it; docs/guides/provider.md tells how. Without
pytest: ``for one in promises_of(subject): keep(one, subject)``.
"""

from __future__ import annotations

from voicepipe.testing.contract import calls, every, faults, realtime, tools, vad
from voicepipe.testing.contract.promise import Broken, Promise, all_promises, keep
from voicepipe.testing.contract.subject import Fault, Scene, Subject, Unsupplied

__all__ = ["Broken", "Fault", "Promise", "Scene", "Subject", "Unsupplied", "keep", "promises_of"]

MODULES = (every, vad, calls, tools, realtime, faults)
"""Those that make promises, which importing them does."""


def promises_of(subject: Subject) -> list[Promise]:
    """What ``subject`` promises."""
    return [one for one in all_promises() if one.concerns(subject)]
