"""``pytest --voicepipe-provider package.module:Class``: the contract suite as tests, whatever else is there.

The entry point ``pytest11`` loads this module wherever voicepipe is installed, so it imports nothing of
voicepipe until the option is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from voicepipe.testing.contract import Promise, Subject

PROVIDER, CONFIG = "--voicepipe-provider", "--voicepipe-config"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("voicepipe", "voicepipe: does a provider keep what its interface promises?")
    group.addoption(
        PROVIDER,
        metavar="PROVIDER",
        help="package.module:Class of a provider, or of a voicepipe.testing.contract.Subject that sets one "
        "up; or a registered name such as tts.espeak",
    )
    group.addoption(
        CONFIG,
        metavar="CONFIG",
        help="the provider's keys: a YAML file, or a map such as '{model: small}'; ${env:NAME} is replaced",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(PROVIDER) is None:
        if config.getoption(CONFIG) is not None:
            raise pytest.UsageError(f"{CONFIG} configures a provider: name one with {PROVIDER}")
    elif config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []  # who names no files means the suite alone


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the suite before ``-k`` and others choose."""
    if (reference := config.getoption(PROVIDER)) is not None:
        suite = Suite.from_parent(session, name=reference, nodeid=reference)
        items += session.genitems(suite)


class Suite(pytest.Collector):
    """The promises of one provider."""

    def collect(self) -> Iterator[pytest.Item]:
        from voicepipe.errors import VoicepipeError  # noqa: PLC0415 - only where the option is used
        from voicepipe.testing.contract import promises_of  # noqa: PLC0415 - likewise
        from voicepipe.testing.contract.named import subject_of  # noqa: PLC0415 - likewise

        config = self.config
        try:
            subject = subject_of(self.name, config.getoption(CONFIG), config.invocation_params.dir)
        except (VoicepipeError, TypeError) as error:
            raise self.CollectError(f"{PROVIDER} {self.name}: {error}") from None
        for one in promises_of(subject):
            yield PromiseItem.from_parent(self, name=one.name, promise=one, subject=subject)


class PromiseItem(pytest.Item):
    """One promise as a test."""

    def __init__(self, *, promise: Promise, subject: Subject, **fields: Any) -> None:
        super().__init__(**fields)
        self._promise = promise
        self._subject = subject

    def runtest(self) -> None:
        from voicepipe.testing.contract import Unsupplied, keep  # noqa: PLC0415 - only where it is used

        try:
            keep(self._promise, self._subject)
        except Unsupplied as error:
            pytest.skip(str(error))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was promised and what was found; for any other exception where it came from as well."""
        from voicepipe.testing.contract import Broken  # noqa: PLC0415 - only where it is used

        provider = self._subject.provider
        told = f"promised  {self._promise.text}\nfound     {excinfo.value}"
        who = f"provider  {provider.__module__}:{provider.__qualname__}"
        if isinstance(excinfo.value, Broken) and excinfo.value.__cause__ is None:
            return f"{told}\n{who}"
        return f"{told}\n{who}\n\n{super().repr_failure(excinfo, style)}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name
