"""The table of what providers promise, made from the contract suite."""

from __future__ import annotations

from voicepipe.testing.contract import Promise
from voicepipe.testing.contract.promise import CALLS, all_promises


def promises() -> str:
    rows = ["| who | promise | test |", "|---|---|---|"]
    rows += [
        f"| {_who(one)} | {one.text.replace('``', '`')} | `{one.name}` |"
        for one in sorted(all_promises(), key=_order)
    ]
    return "\n".join(rows) + "\n"


def _who(one: Promise) -> str:
    if set(one.kinds) == {"vad", *CALLS}:
        return "all"
    if one.kinds == CALLS:
        return "all but vad"
    return ", ".join(f"`{kind}`" for kind in one.kinds)


def _order(one: Promise) -> tuple[int, bool]:
    """Those of all kinds first, and within these the ones that need a fault last."""
    return -len(one.kinds), one.needs is not None
