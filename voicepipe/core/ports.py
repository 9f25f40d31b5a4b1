"""Ports are the annotations of a stage's ``run``: what its inbox takes and what its outlet gives."""

from __future__ import annotations

from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from voicepipe.core.frames import Frame, StreamFrame, TurnFrame
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.errors import GraphError

_FAMILIES = (StreamFrame, TurnFrame)


@dataclass(frozen=True, slots=True)
class Ports:
    """The frame types that a stage takes and gives."""

    takes: frozenset[type[Frame]]
    gives: frozenset[type[Frame]]


def ports_of(run: Any) -> Ports:
    """Read the ports from ``async def run(self, ctx, inbox: Inbox[A | B], out: Outlet[C])``.

    ``Inbox[None]`` and ``Outlet[None]`` take and give nothing. Raises ``GraphError``.
    """
    where = getattr(run, "__qualname__", repr(run))
    try:
        hints = get_type_hints(run)
    except NameError as error:
        raise GraphError(
            f"{where}: its annotations name {error.name!r}, which its module doesn't have when it runs",
            hint="import it outside of 'if TYPE_CHECKING:'; the ports of a stage are read from there",
        ) from error
    return Ports(
        takes=_frames(hints.get("inbox"), Inbox, f"{where}: 'inbox'"),
        gives=_frames(hints.get("out"), Outlet, f"{where}: 'out'"),
    )


def _frames(hint: Any, box: type, where: str) -> frozenset[type[Frame]]:
    if get_origin(hint) is not box:
        raise GraphError(f"{where} has no port annotation; expected {box.__name__}[FrameType | …]")
    (inner,) = get_args(hint)
    if inner is None or inner is type(None):
        return frozenset()
    kinds = get_args(inner) if get_origin(inner) in (Union, UnionType) else (inner,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Frame)) or kind in _FAMILIES:
            raise GraphError(
                f"{where} names {getattr(kind, '__name__', kind)}, which is no type of stream or turn frame",
                hint="control frames need no port: every stage gets them",
            )
    return frozenset(kinds)
