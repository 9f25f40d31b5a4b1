"""Shorter pauses of the garbage collector while calls are held.

Python's full collection looks at every object of the process. Most of them belong to packages and models and
live as long as it does: with onnxruntime and pydantic that takes 65 ms at a time, in which nobody's audio
moves. ``gc.freeze`` takes out of its sight what has been loaded until then; what is made later is collected
as ever.
"""

from __future__ import annotations

import gc
from threading import Lock

_OF_PYTHON_ITSELF = 1000
"""Objects. Python 3.12 begins with some four hundred that are frozen; ``gc.freeze`` finds thousands."""

_LOCK = Lock()
_holders = 0
_frozen = False


def freeze() -> None:
    """Leave out of collections what there is now; balanced by ``thaw``.

    Only the first of several that overlap has an effect: later ones would freeze calls along with what was
    loaded, and what those leave behind would never be found. Nor is anything done in a process that has
    frozen something itself.
    """
    global _holders, _frozen
    with _LOCK:
        _holders += 1
        if _holders == 1 and gc.get_freeze_count() < _OF_PYTHON_ITSELF:
            gc.freeze()
            _frozen = True


def thaw() -> None:
    """Look at everything again, once all that froze have thawed."""
    global _holders, _frozen
    with _LOCK:
        _holders -= 1
        if _holders == 0 and _frozen:
            gc.unfreeze()
            _frozen = False
