"""What a request promises when the server, or the network before it, fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

from voicepipe.errors import ProviderError, ProviderErrorKind, SetupError, VoicepipeError
from voicepipe.testing.contract.bench import Bench
from voicepipe.testing.contract.calls import read
from voicepipe.testing.contract.kinds import asking_of
from voicepipe.testing.contract.promise import CALLS, Broken, expect, promise
from voicepipe.testing.contract.subject import Fault


@promise(*CALLS, needs="refused_key")
async def a_refused_key_is_told_as_such(bench: Bench) -> None:
    """A key that isn't accepted is a SetupError when starting, or a ProviderError of kind 'authentication'.

    It isn't retryable, and the key isn't part of what it says.
    """
    error = await _failure(bench, "refused_key")
    if not isinstance(error, SetupError):
        _check(error, "authentication", retryable=False)


@promise(*CALLS, needs="rate_limit")
async def a_rate_limit_is_told_as_such(bench: Bench) -> None:
    """Too many requests are a retryable ProviderError of kind 'rate_limit', with the time to wait if told."""
    error = await _failure(bench, "rate_limit")
    _check(error, "rate_limit", retryable=True)


@promise(*CALLS, needs="malformed")
async def a_malformed_answer_is_told_as_such(bench: Bench) -> None:
    """An answer that breaks the protocol is a ProviderError of kind 'protocol'."""
    _check(await _failure(bench, "malformed"), "protocol", retryable=None)


@promise(*CALLS, needs="dropped")
async def a_dropped_connection_is_told_as_such(bench: Bench) -> None:
    """A connection that is lost in the middle of an answer is a retryable ProviderError: 'connection'."""
    _check(await _failure(bench, "dropped"), "connection", retryable=True)


async def _failure(bench: Bench, fault: Fault) -> VoicepipeError:
    """The error of a request where ``fault`` strikes, or of the start."""
    asking = asking_of(bench.subject)
    try:
        async with bench.started(fault) as started:
            events: Any = asking.ask(started, started.call(), asking.inputs(started)[0])
            try:
                seen = await read(events)
            except VoicepipeError as error:
                if isinstance(error, ProviderError):
                    _check_delay(error, started.scene.retry_after_ns)
                _check_secrets(error, started.provider.config)
                expect(await anext(events, None) is None, "an event after the failure")
                return error
            raise Broken(f"no error, but {len(seen)} events as if all had gone well")
    except SetupError as error:
        return error


def _check(error: VoicepipeError, kind: ProviderErrorKind, *, retryable: bool | None) -> None:
    if not isinstance(error, ProviderError):
        raise Broken(f"{type(error).__name__}, expected a ProviderError of kind '{kind}': {error}")
    expect(error.kind == kind, f"a ProviderError of kind '{error.kind}': {error}")
    if retryable is not None:
        expect(error.retryable is retryable, f"retryable={error.retryable}: {error}")


def _check_delay(error: ProviderError, asked_ns: int | None) -> None:
    if asked_ns is not None:
        found = f"retry_after_ns={error.retry_after_ns}, where the server asked for {asked_ns} ns"
        expect(error.retry_after_ns == asked_ns, found)


def _check_secrets(error: VoicepipeError, config: Any) -> None:
    told = f"{error} {error!r}"
    for secret in _secrets(config):
        expect(secret not in told, "a message that holds the key")


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict):
        for child in value.values():
            yield from _secrets(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _secrets(child)
