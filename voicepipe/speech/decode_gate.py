"""When decoding an unfinished utterance pays."""

from __future__ import annotations

from voicepipe.core.units import MS

AFFORDABLE_NS = 500 * MS
"""A decode can't be stopped. If the caller's pause falls into it, the final one waits for it, on average half
as long as it takes; a quarter of a second is what a partial result may cost."""

BUSY_AT_MOST = 0.5
"""The share of one utterance's time in which the model may work on partial results."""

_SMOOTHING = 0.3
"""The weight of the newest measurement: after five, 83 % of a change of load is believed."""


class DecodeGate:
    """Spaces partial decodes by what they were measured to cost. One for a model, so for all sessions.

    The cost includes the time that a decode waits behind those of other sessions: under load the partial
    results become rarer first, and then stop, so that final ones stay quick. None is begun while the model
    works, so a final one never waits for more than one of them.
    """

    def __init__(self, cadence_ns: int) -> None:
        self.cadence_ns = cadence_ns
        self.cost_ns: float | None = None
        """Smoothed time that a decode takes; None before the first."""
        self.under_way = 0
        """Decodes that have been asked for and aren't done, of all sessions."""

    def measured(self, cost_ns: int) -> None:
        """A decode took ``cost_ns`` from being asked for to its result."""
        known = cost_ns if self.cost_ns is None else self.cost_ns
        self.cost_ns = known + _SMOOTHING * (cost_ns - known)

    def pays(self, unheard_ns: int, *, settled: bool) -> bool:
        """Whether to decode now, ``unheard_ns`` of audio after the last decode began.

        The cost divided by ``unheard_ns`` is the real-time factor of the partial results; it stays at or
        under ``BUSY_AT_MOST``. ``settled``: the caller has just fallen silent, so this is likely to be the
        final decode, begun before the pause is certain; up to real time is allowed for that.
        """
        if self.cost_ns is None or self.cost_ns > AFFORDABLE_NS:
            return False
        if settled:
            return unheard_ns >= self.cost_ns
        if self.under_way:
            return False
        return unheard_ns >= max(self.cadence_ns, self.cost_ns / BUSY_AT_MOST)
