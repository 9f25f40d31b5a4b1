"""What the design of the pipeline file names, but this version doesn't do: an error that says so.

The table is asked only about what is otherwise unknown, so that an entry that came true does no harm.
"""

from __future__ import annotations

NOT_AVAILABLE = "not available in this version"

_KEYS: dict[str, tuple[str, ...]] = {
    # where → which keys
    "": (
        *("record", "slo", "cost", "store", "escalate"),
        *("accessibility", "transports", "emotion", "speakers"),
    ),
    "stages": ("realtime", "emotion", "speakers"),
    "stages.*": ("fallback", "max_wait", "speculate", "barge_in"),
    "agent.greeting": ("interruptible",),
    "tests.*.expect": ("cost_usd",),
    "tests.*.steps.*.expect": ("ignored",),
    "agent.tools.*": ("say_while_running", "http", "mcp", "schema", "headers", "allow"),
}
_VALUES = {"stages.*.strategy": ("adaptive", "push_to_talk", "provider")}


def _generic(path: tuple[str, ...]) -> str:
    """``stages.turn`` → ``stages.*``, ``tests.3`` → ``tests.*``."""
    if path[:1] == ("stages",) and len(path) > 1:
        path = ("stages", "*", *path[2:])
    elif path[:2] == ("agent", "tools") and len(path) > 2:
        path = ("agent", "tools", "*", *path[3:])
    elif path[:1] == ("tests",):
        path = tuple("*" if name.isdecimal() else name for name in path)
    return ".".join(path)


def planned(path: tuple[str, ...]) -> bool:
    """Whether ``path`` (without a profile's prefix) is a key of a system that isn't built yet."""
    return path[-1].partition("/")[0] in _KEYS.get(_generic(path[:-1]), ())


def planned_value(path: tuple[str, ...], value: object) -> bool:
    """Whether ``value`` is a choice that will exist at ``path``."""
    return value in _VALUES.get(_generic(path), ())
