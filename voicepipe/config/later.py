"""What the design of the pipeline file names, but this version doesn't do: an error that says so.

The table is asked only about what is otherwise unknown, so that an entry that came true does no harm.
"""

from __future__ import annotations

NOT_AVAILABLE = "not available in this version"

_LATER: dict[str, tuple[str, ...]] = {
    # where → which keys
    "": (
        *("store", "escalate", "accessibility"),
        *("transports", "emotion", "speakers"),
    ),
    "stages": ("emotion", "speakers"),
}


def _generic(path: tuple[str, ...]) -> str:
    """``stages.turn`` → ``stages.*``, ``tests.3`` → ``tests.*``."""
    if path[:1] == ("stages",) and len(path) > 1:
        path = ("stages", "*", *path[2:])
    elif path[:1] == ("tests",):
        path = tuple("*" if name.isdecimal() else name for name in path)
    return ".".join(path)


def planned(path: tuple[str, ...]) -> bool:
    """Whether ``path`` (without a profile's prefix) ends in a key that isn't built yet."""
    return path[-1].partition("/")[0] in _LATER.get(_generic(path[:-1]), ())
