"""Which of a slot's providers can be asked: a table of what failed, and when it is worth another look.

Pure: ``now`` is an argument, in nanoseconds of any one clock. One of these serves all sessions, so that what
one of them has learnt by waiting in vain costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderErrorKind

FIRST_PROBE = 5 * SECOND
"""After the failure. Sooner, the same trouble would mostly still be there; later, a short one would have
kept the callers from the voice that they know."""

LONGEST_PROBE = 60 * SECOND
"""Between two probes; the interval doubles up to it."""

STEADY = 60 * SECOND
"""What fails again within it was taken back too early: its interval grows on from where it was."""

BLAMELESS: frozenset[ProviderErrorKind] = frozenset({"bad_request"})
"""Classes of failures that say something of the request, and nothing of the provider."""


@dataclass(slots=True)
class _Provider:
    why: str | None = None
    """What it failed with; None: it can be asked."""
    interval: int = FIRST_PROBE
    probe_at: int = 0
    probing: bool = False
    back_since: int | None = None
    failed_at: int = -1
    """When it failed last."""


class Health:
    """Of ``providers`` many, which are named by their places in the slot: 0 is the one that is wanted."""

    def __init__(self, providers: int) -> None:
        self._providers = [_Provider() for _ in range(providers)]

    def order(self, now: int) -> tuple[int, ...]:
        """All of them, those first that can be asked.

        One that has failed is worth a try as a last resort, and, behind the one in use, once its time has
        come: that isn't probed.
        """
        best = self._best()
        blocked = [
            one.why is not None and (best is None or index < best or now < one.probe_at)
            for index, one in enumerate(self._providers)
        ]
        return tuple(sorted(range(len(blocked)), key=lambda index: (blocked[index], index)))

    def why(self, index: int) -> str | None:
        """What provider ``index`` has failed with; None if it can be asked."""
        return self._providers[index].why

    def fail(self, index: int, why: str, now: int, *, retry_after_ns: int | None = None) -> None:
        """Provider ``index`` has failed a request, or a probe, at ``now``."""
        one = self._providers[index]
        one.failed_at = now
        if one.why is not None and now < one.probe_at:
            return  # sessions that were waiting for it all fail at once: that is one failure
        steady = one.back_since is None or now - one.back_since > STEADY
        again = one.why is not None or not steady
        one.interval = min(LONGEST_PROBE, 2 * one.interval) if again else FIRST_PROBE
        one.why, one.back_since = why, None
        one.probe_at = now + max(one.interval, min(retry_after_ns or 0, LONGEST_PROBE))

    def restore(self, index: int, now: int, *, asked: int | None = None) -> None:
        """Provider ``index`` has answered what it was ``asked`` then; a failure since then is later news."""
        one = self._providers[index]
        if one.why is not None and (asked is None or asked > one.failed_at):
            one.why, one.back_since = None, now

    # ── probes ───────────────────────────────────────────────────────────────────────────────────

    def next_probe(self) -> tuple[int, int] | None:
        """When which provider is to be probed; None if there is nothing to be found out.

        Only those are probed that would be used in place of the one that is.
        """
        return min(((self._providers[index].probe_at, index) for index in self._to_probe()), default=None)

    def begin_probe(self, index: int) -> None:
        """Somebody probes it; nobody else should."""
        self._providers[index].probing = True

    def end_probe(self, index: int) -> None:
        self._providers[index].probing = False

    def _best(self) -> int | None:
        return next((index for index, one in enumerate(self._providers) if one.why is None), None)

    def _to_probe(self) -> Iterator[int]:
        if len(self._providers) == 1:
            return  # its calls find out
        best = self._best()
        for index, one in enumerate(self._providers[:best]):
            if one.why is not None and not one.probing:
                yield index
