"""One provider on a bench: set up in a scene, started, asked, and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.calls import Call, Host
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS
from voicepipe.providers.base import Provider
from voicepipe.runtime.workers import InlineWorkers, ThreadWorkers, make_workers
from voicepipe.testing.contract.left import eventually
from voicepipe.testing.contract.subject import Fault, Scene, Subject, config_of

BLOCK_MS = 20


@dataclass(slots=True)
class Started:
    """A provider that has been started, and what it takes to ask it something."""

    subject: Subject
    provider: Any
    scene: Scene
    clock: Clock
    workers: ThreadWorkers | InlineWorkers
    patience_s: float | None

    def call(self, session: str = "one") -> Call:
        return Call(session=session, turn=1, clock=self.clock, workers=self.workers)

    async def audio(
        self, pcm: Pcm, rate: int, given_all: asyncio.Event | None = None
    ) -> AsyncGenerator[Pcm, None]:
        """``pcm`` in read-only blocks of 20 ms: as spoken on the virtual clock, at once on the real one.

        With ``given_all`` the pause never comes: that is set, and then there is nothing more.
        """
        size = rate * BLOCK_MS // 1000
        began = self.clock.now()
        for start in range(0, len(pcm), size):
            if self.clock.virtual:
                await self.clock.sleep_until(began + (start // size + 1) * BLOCK_MS * MS)
            block = pcm[start : start + size]
            block.flags.writeable = False
            yield block
        if given_all is not None:
            given_all.set()
            await asyncio.Event().wait()

    async def jobs_end(self) -> bool:
        """Whether all jobs of the workers come to an end."""
        if isinstance(self.workers, InlineWorkers):
            return True  # no job outlives its own turn of the loop
        return await eventually(self._idle, self.patience_s)

    def _idle(self) -> bool:
        assert isinstance(self.workers, ThreadWorkers)
        now = self.workers.statistics()
        return now.threads == now.idle and not now.queued


@dataclass(slots=True)
class Bench:
    """Where one promise of ``subject`` is examined."""

    subject: Subject
    patience_s: float | None
    """How long threads and peers may take to notice that something is over; None on a virtual clock."""
    clock: Clock = field(default_factory=Clock)

    @asynccontextmanager
    async def built(self, fault: Fault | None = None) -> AsyncIterator[Started]:
        """The provider, not started. It is closed in the end."""
        subject = self.subject
        async with subject.scene(fault) as scene:
            workers = make_workers(self.clock)
            host = Host(workers=workers, language=subject.language, voice=subject.voice, env=subject.env)
            provider: Provider = subject.provider(config_of(subject.provider, scene.config), host)
            try:
                yield Started(subject, provider, scene, self.clock, workers, self.patience_s)
            finally:
                await provider.close()
                workers.close()

    @asynccontextmanager
    async def started(self, fault: Fault | None = None) -> AsyncIterator[Started]:
        """The provider, ready for calls. It is closed in the end."""
        async with self.built(fault) as bench:
            await bench.provider.start()
            yield bench
