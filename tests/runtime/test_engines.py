from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from tests.config.fakes import REGISTRY, load
from tests.support.workers import make_workers
from voicepipe.core.calls import Call, Host
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.errors import ProviderError, SetupError, UsageError, VoicepipeError
from voicepipe.providers.base import LlmProvider, ProviderConfig, TextDelta
from voicepipe.runtime.engines import Engines, make_providers

HERE = __name__
JOURNAL: list[str] = []


class Keys(ProviderConfig):
    model: str | None = None


class Works(LlmProvider):
    """Notes when it is started and closed."""

    name = "works"
    Config: ClassVar[type[ProviderConfig]] = Keys
    problem: ClassVar[VoicepipeError | None] = None

    def __init__(self, config: Any, host: Host) -> None:
        super().__init__(config, host)
        self.label = config.model or self.name

    async def start(self) -> None:
        JOURNAL.append(f"start {self.label}")
        if self.problem is not None:
            raise self.problem

    async def close(self) -> None:
        JOURNAL.append(f"close {self.label}")

    async def generate(self, call: Call, messages: Any, tools: Any) -> AsyncIterator[Any]:
        yield TextDelta(text="")


class NotThere(Works):
    name = "not-there"
    problem: ClassVar[VoicepipeError | None] = SetupError("nothing answers", hint="start the server")


class Refused(Works):
    name = "refused"
    problem: ClassVar[VoicepipeError | None] = ProviderError(
        "no credit", provider="refused", kind="rate_limit"
    )


class NotInstalled(Works):
    name = "not-installed"
    extra: ClassVar[str | None] = "nowhere"
    packages: ClassVar[tuple[str, ...]] = ("no_such_package",)


class OnTheNet(Works):
    name = "net"
    clock: ClassVar[Literal["any", "real"]] = "real"


class Started:
    """What became of starting ``llm`` with ``use`` and ``fallback``."""

    def __init__(self, folder: Path, use: str, *fallback: str, clock: ClockName = "simulated") -> None:
        JOURNAL.clear()
        named = ", ".join(f"'{HERE}:{name}'" for name in fallback)
        llm = f"{{use: '{HERE}:{use}', retry: {{attempts: 2}}, fallback: [{named}]}}"
        self.loaded = load(folder, f"voicepipe: 1\nstages: {{llm: {llm}}}", registry=REGISTRY)
        self.warnings: list[str] = []
        self.progress: list[str] = []
        self.engines = Engines(self.loaded)
        self.error: Exception | None = None
        run_on(clock, self._start())

    async def _start(self) -> None:
        try:
            await self.engines.start(make_workers(), Clock(), self.progress.append, self.warnings.append)
            self.working = [provider.name for provider in self.engines.working("llm")]
            self.order = self.engines.lineups["llm"].order()
        except Exception as error:
            self.error = error
        finally:
            await self.engines.close()


def test_all_providers_of_a_slot_are_started_in_their_order_and_closed(tmp_path: Path) -> None:
    started = Started(tmp_path, "Works", "OnTheNet", clock="real")
    assert (started.error, started.warnings) == (None, [])
    assert JOURNAL == ["start works", "start net", "close net", "close works"]
    assert started.working == ["works", "net"]
    assert started.progress == ["starting llm works", "starting llm net"]


def test_a_fallback_that_can_not_be_started_is_a_warning(tmp_path: Path) -> None:
    started = Started(tmp_path, "Works", "NotThere")
    assert started.error is None
    assert started.warnings == ["llm: not-there couldn't be started: nothing answers; start the server"]
    assert (started.working, started.order) == (["works"], (0, 1))


@pytest.mark.parametrize("primary", ["NotThere", "Refused"])
def test_if_the_wanted_one_can_not_be_started_the_call_begins_with_the_fallback(
    tmp_path: Path, primary: str
) -> None:
    started = Started(tmp_path, primary, "Works")
    assert started.error is None
    (warning,) = started.warnings
    assert "couldn't be started, so that works begins: " in warning
    assert (started.working, started.order) == (["works"], (1, 0))
    assert JOURNAL[-1].startswith("close"), "what failed to start is closed, too"


def test_if_none_can_be_started_the_wanted_one_s_error_is_raised(tmp_path: Path) -> None:
    started = Started(tmp_path, "NotThere", "Refused")
    (warning,) = started.warnings
    assert warning.startswith("llm: nor could refused be started: ")
    assert isinstance(started.error, SetupError)
    assert started.error.message == "nothing answers"


def test_a_slot_with_one_provider_needs_it(tmp_path: Path) -> None:
    assert isinstance(Started(tmp_path, "Refused").error, ProviderError)


@pytest.mark.parametrize(
    ("providers", "key"),
    [(("Works", "NotInstalled"), "llm.fallback.0"), (("NotInstalled", "Works"), "llm")],
)
def test_a_package_that_is_missing_is_an_error_since_it_will_not_come_during_the_call(
    tmp_path: Path, providers: tuple[str, str], key: str
) -> None:
    started = Started(tmp_path, *providers)
    assert isinstance(started.error, SetupError)
    assert started.error.message.startswith(f"stages.{key} (")
    assert "no_such_package" in started.error.message


def test_on_a_virtual_clock_a_fallback_of_the_outside_world_is_left_out(tmp_path: Path) -> None:
    """Or else no test could be held of a pipeline that has one."""
    started = Started(tmp_path, "Works", "OnTheNet")
    assert (started.error, started.working) == (None, ["works"])
    assert "stages.llm.fallback.0 (net) can't run on the simulated clock and is left out" in started.progress
    assert isinstance(Started(tmp_path, "OnTheNet", "Works").error, UsageError)


def test_what_the_slot_says_of_retries_holds_for_its_lineup(tmp_path: Path) -> None:
    async def main() -> None:
        started = Started.__new__(Started)
        started.loaded = load(tmp_path, f"voicepipe: 1\nstages: {{llm: '{HERE}:Works'}}", registry=REGISTRY)
        providers = make_providers(started.loaded, make_workers(), Clock(), lambda message: None)
        assert list(providers) == ["llm"]

    run_on("simulated", main())
    assert Started(tmp_path, "Works").loaded.slots[0].config.retry.attempts == 2  # type: ignore[attr-defined]


def test_a_slot_that_is_not_there_has_nothing_that_works(tmp_path: Path) -> None:
    started = Started(tmp_path, "Works")
    assert started.engines.working("tts") == ()
    assert started.engines.provider("tts") is None
