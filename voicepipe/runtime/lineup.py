"""The providers of one slot, the one that is wanted first, and what all sessions know of them together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from voicepipe.core.clock import Clock
from voicepipe.core.health import BLAMELESS, Health
from voicepipe.core.retries import Retries, RetryLimits
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Provider
from voicepipe.stages.base import Deadlines, ProviderSlotConfig, ReplaceableConfig, StageConfig

REPLACEABLE = 3 * SECOND
"""How long the next event of a provider is waited for that another one can replace, if the file doesn't say:
as long as a caller bears silence, less what the other one takes."""


class Lineup:
    """``providers`` are started; ``limits`` None: nothing is asked again. ``clock`` outlives the sessions.

    ``deadlines`` are the file's, ``patience`` those that hold where it says nothing.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        clock: Clock,
        deadlines: Deadlines | None = None,
        patience: Deadlines | None = None,
        limits: RetryLimits | None = None,
        seed: str = "",
    ) -> None:
        self.providers = tuple(providers)
        self.health = Health(len(self.providers))
        # Chance has no place on a virtual clock, on which the answer is the same each time.
        chance = Random(seed) if clock.virtual else Random()  # noqa: S311 - waits, not secrets
        self.retries = Retries(limits or RetryLimits(attempts=1), chance)
        self.clock = clock
        self.unstarted: set[int] = set()
        """Those that couldn't be started yet."""
        self._deadlines = deadlines or Deadlines()
        self._patience = patience or Deadlines()
        self._readers: dict[asyncio.Event, None] = {}

    @classmethod
    def of(cls, config: StageConfig, providers: Sequence[Provider], *, clock: Clock, seed: str) -> Lineup:
        """With what the keys of the slot say of deadlines and retries."""
        if not isinstance(config, ReplaceableConfig):
            deadlines = config.timeout if isinstance(config, ProviderSlotConfig) else None
            return cls(providers, clock=clock, deadlines=deadlines, seed=seed)
        return cls(
            providers,
            clock=clock,
            deadlines=config.timeout,
            patience=type(config).model_fields["timeout"].default,
            limits=config.retry.limits,
            seed=seed,
        )

    def label(self, index: int) -> str:
        """As the file names it: ``openai/gpt-6-luna``."""
        provider = self.providers[index]
        model = getattr(provider.config, "model", None)
        return f"{provider.name}/{model}" if model else provider.name

    def order(self) -> tuple[int, ...]:
        return self.health.order(self.clock.now())

    def can_answer(self, index: int) -> bool:
        """Whether it hasn't failed, as far as is known."""
        return self.health.why(index) is None

    def deadlines(self, *, alternative: bool) -> Deadlines:
        """Of a call of one provider; ``alternative``: another one could answer.

        Of several providers, the last one isn't given up as soon as one that can be replaced: a late answer
        is better than none.
        """
        ours = self._deadlines
        if alternative:
            unsaid = {"first", "gap"} - ours.model_fields_set
            changed = {name: min(getattr(ours, name), REPLACEABLE) for name in unsaid}
        else:
            changed = {"first": max(ours.first, self._patience.first)} if len(self.providers) > 1 else {}
        return ours.model_copy(update=changed)

    def fail(self, index: int, error: ProviderError) -> None:
        """The provider hasn't answered a call, however often it was tried, or has broken off."""
        if error.kind not in BLAMELESS:
            self.mark_failed(index, error.message, retry_after_ns=error.retry_after_ns)

    def mark_failed(self, index: int, why: str, *, retry_after_ns: int | None = None) -> None:
        self.health.fail(index, why, self.clock.now(), retry_after_ns=retry_after_ns)
        self._tell()

    def restore(self, index: int, *, asked: int | None = None) -> None:
        """The provider has answered. A probe says when it was ``asked``, on the lineup's clock."""
        if self.health.why(index) is not None:
            self.health.restore(index, self.clock.now(), asked=asked)
            self._tell()

    def begin_probe(self, index: int) -> None:
        """Somebody finds out whether it answers; nobody else should."""
        self.health.begin_probe(index)

    def end_probe(self, index: int) -> None:
        self.health.end_probe(index)
        self._tell()

    # ── news, for those that probe ───────────────────────────────────────────────────────────────

    def subscribe(self, news: asyncio.Event) -> None:
        """Set ``news`` whenever a provider has failed or is back."""
        self._readers[news] = None

    def unsubscribe(self, news: asyncio.Event) -> None:
        self._readers.pop(news, None)

    def _tell(self) -> None:
        for news in self._readers:
            news.set()
