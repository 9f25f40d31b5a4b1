"""A stage that a later layer adds takes the ports that it claims; the stages that held them leave.

That is how a profile swaps several stages for one: it adds the new one, and says nothing of the old ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voicepipe.config.layers import Dropped
from voicepipe.config.slots import Slot
from voicepipe.core.frames import Frame
from voicepipe.core.nodes import Node

Claims = frozenset[type[Frame]]


def displaced(slots: Sequence[Slot], added: Mapping[str, int], stages: Node) -> tuple[Dropped, ...]:
    """The slots that have to leave. ``added`` tells in which layer each slot came; taps claim nothing.

    A slot that isn't in ``added`` stands there by default, below every layer.
    """
    claims: dict[str, Claims] = {
        slot.key: slot.stage.claims(slot.config) for slot in slots if slot.name is None
    }
    layer = {key: added.get(key, -1) for key in claims}
    gone: dict[str, Dropped] = {}
    for newer in sorted((slot for slot in slots if slot.key in claims), key=lambda slot: layer[slot.key]):
        for key, held in claims.items():
            taken = held & claims[newer.key]
            if taken and layer[key] < layer[newer.key] and key not in gone:
                names = ", ".join(sorted(kind.__name__ for kind in taken))
                reason = f"displaced by '{newer.key}', which gives {names}"
                gone[key] = Dropped(("stages", key), stages.map.get(key, stages), newer.place, reason)
    return tuple(gone.values())
