"""What the interfaces in ``voicepipe.providers`` promise: each promise by itself, with its examination."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from voicepipe.core.clock import run_on
from voicepipe.errors import ProviderError
from voicepipe.providers.base import ProviderKind
from voicepipe.testing.contract.bench import Bench
from voicepipe.testing.contract.subject import Fault, Subject, Unsupplied

REAL_LIMIT_S = 300
"""For one promise of a provider on the real clock: longer than a voice takes for very long input. It ends
only what waits for something that never comes."""

PATIENCE_S = 10.0
"""How long a thread or a peer may take to notice that it isn't wanted any more."""

VIRTUAL_LIMIT_S = 24 * 3600
"""The same on the virtual clock, which gets there in no time."""

CALLS: tuple[ProviderKind, ...] = ("stt", "llm", "tts", "realtime")
"""The kinds that answer requests; a ``vad`` is asked for numbers."""

Examination = Callable[[Bench], Awaitable[None]]


LONGEST_FOUND = 600
"""Characters of what was found: a second of audio, written out, buries what is said of it."""


class Broken(AssertionError):
    """A promise was broken. The text says what was found."""


def expect(kept: bool, found: str) -> None:
    """Raise ``Broken`` with what was ``found`` instead, unless the promise was ``kept``."""
    if not kept:
        half = LONGEST_FOUND // 2
        raise Broken(found if len(found) <= LONGEST_FOUND else f"{found[:half]} … {found[-half:]}")


@dataclass(frozen=True, slots=True)
class Promise:
    """``text`` is what is promised, ``needs`` the fault without which it can't be examined.

    ``threads``: it is about the workers' threads, which there are only on the real clock.
    """

    name: str
    text: str
    examine: Examination
    kinds: tuple[ProviderKind, ...]
    needs: Fault | None = None
    threads: bool = False

    def concerns(self, subject: Subject) -> bool:
        """Whether ``subject`` makes this promise. Whoever has no connection can't lose it."""
        provider = subject.provider
        if provider.kind not in self.kinds:
            return False
        return self.needs is None or provider.clock == "real" or self.needs in subject.faults


_ALL: list[Promise] = []


def promise(
    *kinds: ProviderKind, needs: Fault | None = None, threads: bool = False
) -> Callable[[Callable[[Any], Awaitable[None]]], Callable[[Any], Awaitable[None]]]:
    """Make an examination a promise of ``kinds``; its docstring is what is promised."""

    def register(examine: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        name, text = getattr(examine, "__name__", ""), " ".join((examine.__doc__ or "").split())
        _ALL.append(Promise(name, text, examine, kinds, needs, threads))
        return examine

    return register


def all_promises() -> Iterator[Promise]:
    """Those of the modules that have been imported."""
    yield from _ALL


def keep(one: Promise, subject: Subject, *, patience_s: float = PATIENCE_S) -> None:
    """Examine ``one`` promise of ``subject``, in an event loop of its own.

    ``patience_s``: how long threads and peers may take to notice an end; waited for only in vain.
    Raises ``Broken``, ``Unsupplied``, or what the provider raised where it promised not to.
    """
    if one.needs is not None and one.needs not in subject.faults:
        raise Unsupplied(
            f"nothing here brings about '{one.needs}': name a subclass of "
            "voicepipe.testing.contract.Subject whose `faults` and `scene` do, in place of the provider"
        )
    real = one.threads or subject.provider.clock == "real"

    async def examined() -> None:
        limit = REAL_LIMIT_S if real else VIRTUAL_LIMIT_S
        try:
            async with asyncio.timeout(limit) as patience:
                await one.examine(Bench(subject, patience_s if real else None))
        except TimeoutError:
            if not patience.expired():
                raise
            raise Broken(f"it waits for something that doesn't come ({limit} s)") from None

    try:
        run_on("real" if real else "simulated", examined())
    except ProviderError as error:
        raise Broken(f"it failed with a ProviderError of kind '{error.kind}': {error}") from error
