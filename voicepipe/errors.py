"""Every error that voicepipe raises on purpose.

::

    VoicepipeError                  exit status 1
    ├── ConfigError                 2   one problem in a file, with its place
    │   └── ConfigErrors            2   all the problems of a file at once
    ├── GraphError                  2   stages that don't fit together
    ├── UsageError                  2   a command or an API call with wrong arguments
    ├── SetupError                  3   something this computer lacks: device, package, model, server
    │   ├── AudioError              3   audio that can't be read, or holds no speech
    │   ├── LogError                3   an event log that can't be read
    │   └── NotKeptError            3   a call was held, but what it leaves behind can't be written
    ├── BudgetError                 4   a call or a request that its budget doesn't allow
    ├── ProviderError               1   a vendor or an engine failed during a call
    ├── ToolError                   1   a tool failed; the model sees the message
    └── LinkClosed                  1   a frame was sent to a stage that has left

A message says what was found and what was expected; ``hint`` says what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

ProviderErrorKind = Literal[
    "connection", "timeout", "rate_limit", "authentication", "bad_request", "server", "protocol", "internal"
]
"""``server``: it failed on its side (HTTP 5xx). ``protocol``: what it answered can't be understood.
``internal``: an engine in this process failed, or a provider was used wrongly."""


class VoicepipeError(Exception):
    """The base of the tree. ``hint`` is a sentence that tells the user what to do."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class ConfigError(VoicepipeError):
    """A problem at one place of a configuration file; ``line`` and ``column`` count from 1."""

    exit_status = 2

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)
        return f"{place}: {super().__str__()}" if place else super().__str__()


class ConfigErrors(ConfigError):
    """All the problems of a configuration, in the order of their places."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        if not errors:
            raise ValueError("ConfigErrors needs at least one error")
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)


class GraphError(VoicepipeError):
    """The stages can't be joined: a port without a source, or two sources for one."""

    exit_status = 2


class UsageError(VoicepipeError):
    """A command or a call of the API was given arguments that don't fit."""

    exit_status = 2


class SetupError(VoicepipeError):
    """This computer lacks something that the pipeline needs."""

    exit_status = 3


class AudioError(SetupError):
    """Audio that can't be read, can't be used, or holds no speech."""


class LogError(SetupError):
    """An event log, or the recording of a call, that can't be read; it tells the line."""


class NotKeptError(SetupError):
    """A call was held to its end, but what it was to leave behind can't be written, or not all of it."""


class BudgetError(VoicepipeError):
    """A call, or a request to a provider, could cost more than is left of ``budget``.

    ``budget`` is named as in the event log: ``session``, ``day 2026-11-23``.
    """

    exit_status = 4

    def __init__(self, message: str, *, budget: str, limit: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.budget = budget
        self.limit = limit


class ProviderError(VoicepipeError):
    """A provider failed during a call.

    ``retryable`` says whether the same request may succeed later; ``status`` is the vendor's
    own code where there is one (an HTTP status, a WebSocket close code). ``retry_after_ns`` is how long
    the vendor asked to wait, in nanoseconds, where it said so.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        kind: ProviderErrorKind,
        retryable: bool = False,
        status: int | None = None,
        retry_after_ns: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.provider = provider
        self.kind = kind
        self.retryable = retryable
        self.status = status
        self.retry_after_ns = retry_after_ns

    def __str__(self) -> str:
        return f"{self.provider}: {super().__str__()}"


class ToolError(VoicepipeError):
    """A tool failed. The model is told the message and goes on."""


class LinkClosed(VoicepipeError):
    """A frame was sent to an inbox whose stage has left."""
