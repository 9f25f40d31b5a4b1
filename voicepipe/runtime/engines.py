"""The providers of a pipeline: made, started and given back, for all of its sessions together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from voicepipe.config.cheaper import same_providers
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.slots import Filling, Slot
from voicepipe.core.calls import Host, Workers
from voicepipe.core.clock import Clock
from voicepipe.core.extras import missing
from voicepipe.errors import ProviderError, SetupError, UsageError, VoicepipeError
from voicepipe.providers.base import Provider
from voicepipe.runtime.lineup import Lineup

Tell = Callable[[str], None]
"""Takes a message for a person."""


def make_providers(
    loaded: LoadedPipeline, workers: Workers, clock: Clock, progress: Tell
) -> dict[str, Provider]:
    """An instance for each provider that fills a slot, by its key (``llm``, ``llm.fallback.0``); none is
    started.

    Raises ``UsageError`` for one that can't run on ``clock``; a fallback that can't is left out.
    """
    providers: dict[str, Provider] = {}
    for slot in loaded.slots:
        for filling in slot.fillings:
            if filling.provider is None or not _runs(slot, filling, filling.provider, clock, progress):
                continue
            host = Host(
                workers=workers,
                language=loaded.agent.language,
                voice=loaded.agent.voice_for(filling.provider.name, slot.kind),
                env=loaded.environment.values,
                progress=progress,
            )
            providers[filling.key] = filling.provider(filling.config, host)
    return providers


def _runs(slot: Slot, filling: Filling, provider: type[Provider], clock: Clock, progress: Tell) -> bool:
    if not clock.virtual or provider.clock != "real":
        return True
    problem = f"stages.{filling.key} ({provider.name}) can't run on the {clock.name} clock"
    if filling.key != slot.key:
        progress(f"{problem} and is left out")
        return False
    hint = "it talks to the outside world, which keeps real time; use the real clock"
    raise UsageError(problem, hint=hint)


class Engines:
    """``start`` once, then use ``lineups`` and ``voices``, then ``close``."""

    def __init__(self, loaded: LoadedPipeline) -> None:
        self._loaded = loaded
        self._providers: dict[str, Provider] = {}
        self.lineups: dict[str, Lineup] = {}
        """By the slot's key; none for a slot without a provider."""
        self.cheaper: dict[str, dict[str, Lineup]] = {}
        """By profile: the slots of ``loaded.cheaper`` whose providers are other ones."""

    def provider(self, key: str) -> Provider | None:
        """The one that is wanted in slot ``key``."""
        return self._providers.get(key)

    def working(self, key: str) -> Sequence[Provider]:
        """The providers of slot ``key`` that could be started, the one that is asked first in front."""
        lineup = self.lineups.get(key)
        if lineup is None:
            return ()
        return [lineup.providers[index] for index in lineup.order() if index not in lineup.unstarted]

    async def start(self, workers: Workers, clock: Clock, progress: Tell, warn: Tell) -> None:
        """Load and warm up everything. Where one of several providers of a slot can't be started, ``warn`` is
        told, and the others fill the slot.

        Raises ``SetupError`` if nothing of a slot can be started, and for a package that isn't installed.
        """
        self._providers = make_providers(self._loaded, workers, clock, progress)
        for slot in self._loaded.slots:
            fillings = [filling for filling in slot.fillings if filling.key in self._providers]
            if fillings:
                providers = [self._providers[filling.key] for filling in fillings]
                self.lineups[slot.key] = await self._start(slot, fillings, providers, clock, progress, warn)
        for name, other in self._loaded.cheaper.items():
            await self._start_cheaper(name, other, workers, clock, progress, warn)

    async def _start_cheaper(
        self, name: str, other: LoadedPipeline, workers: Workers, clock: Clock, progress: Tell, warn: Tell
    ) -> None:
        """What a call can be switched to; on a virtual clock only what runs there."""
        ours = {slot.key: slot for slot in self._loaded.slots}
        changed = [slot for slot in other.slots if not same_providers(slot, ours[slot.key])]
        if clock.virtual and any(_is_real(filling) for slot in changed for filling in slot.fillings):
            progress(f"profile {name} of cost.budget can't run on the {clock.name} clock and is left out")
            return
        made = make_providers(replace(other, slots=tuple(changed)), workers, clock, progress)
        self._providers |= {f"{name}: {key}": provider for key, provider in made.items()}
        self.cheaper[name] = {
            slot.key: await self._start(
                slot, slot.fillings, [made[one.key] for one in slot.fillings], clock, progress, warn
            )
            for slot in changed
        }

    async def _start(
        self,
        slot: Slot,
        fillings: Sequence[Filling],
        providers: Sequence[Provider],
        clock: Clock,
        progress: Tell,
        warn: Tell,
    ) -> Lineup:
        lineup = Lineup.of(slot.config, providers, clock=clock, seed=slot.key)
        if len(fillings) > 1:
            _require_packages(fillings, lineup.providers)
        failures: dict[int, SetupError | ProviderError] = {}
        for index, provider in enumerate(lineup.providers):
            progress(f"starting {provider.kind} {provider.name}")
            try:
                await provider.start()
            except (SetupError, ProviderError) as error:
                failures[index] = error
        if len(failures) == len(fillings):
            for index in range(1, len(fillings)):
                warn(
                    f"{slot.key}: nor could {lineup.label(index)} be started: {_in_one_line(failures[index])}"
                )
            raise failures[0]
        for index, failure in failures.items():
            lineup.unstarted.add(index)
            lineup.mark_failed(index, f"it couldn't be started: {failure.message}")
        for warning in _warnings(slot, lineup, failures):
            warn(warning)
        return lineup

    async def close(self) -> None:
        """Give everything back, also after a ``start`` that failed."""
        providers, self._providers, self.lineups, self.cheaper = self._providers, {}, {}, {}
        async with AsyncExitStack() as stack:
            for provider in providers.values():
                stack.push_async_callback(provider.close)


def _is_real(filling: Filling) -> bool:
    return filling.provider is not None and filling.provider.clock == "real"


def _require_packages(fillings: Sequence[Filling], providers: Sequence[Provider]) -> None:
    """What isn't installed won't be there later in the call either."""
    for filling, provider in zip(fillings, providers, strict=True):
        for sentence in missing(*provider.packages, extra=provider.extra) if provider.extra else ():
            raise SetupError(f"stages.{filling.key} ({filling.label}): {sentence}")


def _warnings(slot: Slot, lineup: Lineup, failures: dict[int, SetupError | ProviderError]) -> Iterator[str]:
    instead = lineup.label(lineup.order()[0])
    for index, error in failures.items():
        until = f", so that {instead} begins" if index == 0 else ""
        yield f"{slot.key}: {lineup.label(index)} couldn't be started{until}: {_in_one_line(error)}"


def _in_one_line(error: VoicepipeError) -> str:
    return "; ".join(filter(None, (error.message, error.hint)))
