"""Who is examined, and how it is set up: ``Subject`` and the ``Scene`` that it is put into."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.cli.files import shipped
from voicepipe.core.check import validate
from voicepipe.core.frames import Pcm
from voicepipe.core.messages import Message, ToolOffer
from voicepipe.core.nodes import Node, Place, Source, from_python
from voicepipe.core.records import UsageUnit
from voicepipe.errors import ConfigError, ConfigErrors
from voicepipe.providers.base import Provider, ProviderConfig

Fault = Literal["refused_key", "rate_limit", "malformed", "dropped", "stall"]
"""What a server can do to its client.

``refused_key``: the key isn't accepted. ``rate_limit``: too many requests. ``malformed``: an answer that
breaks the protocol. ``dropped``: the connection is lost in the middle of an answer. ``stall``: the answer
begins, and then nothing more comes until the client gives up.
"""

Written = Mapping[str, Any] | ProviderConfig
"""A configuration: the keys that a pipeline file would have, in their written form, or the finished one."""

QUESTIONS = ("questions/1_what_time_is_it.wav", "questions/4_turn_on_the_kitchen_lights.wav")
"""Of ``pipelines/``: what is said to recognisers that bring no utterances of their own."""


class Unsupplied(Exception):
    """A promise can't be examined, since its subject doesn't supply what that takes. The text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a provider meets in one examination.

    ``stopped`` returns once the server has seen that the answer which it began last isn't wanted any more:
    the connection was closed, or it was told to stop. ``retry_after_ns``: how long the server asks to wait,
    with ``rate_limit``.
    """

    config: Written
    stopped: Callable[[], Awaitable[object]] | None = None
    retry_after_ns: int | None = None


class Subject:
    """A provider, and how the suite sets it up. Subclass it to say more than class and configuration.

    All attributes have defaults that are good for a provider which answers any request. The two texts,
    questions and utterances have to be different from each other, and so have their answers.
    """

    provider: type[Provider]
    config: Written = MappingProxyType({})
    language: str = "en-US"
    voice: str | None = None
    faults: frozenset[Fault] = frozenset()
    """Those that ``scene`` can bring about."""
    repeatable: bool = True
    """Whether the same request gets the same answer: a model at temperature 0, a recogniser, a voice."""
    reported: Mapping[UsageUnit, int] = MappingProxyType({})
    """What the server reports to have used for any whole answer, and nobody else can know."""
    reported_at_once: frozenset[UsageUnit] = frozenset()
    """Those of ``reported`` that it reports when an answer begins; the others come at its end."""

    captions: tuple[str, str] = ("what time is it", "turn on the kitchen lights")
    """The words of ``speech``, for a recogniser that reads them: a scripted one."""
    texts: tuple[str, str] = (
        "Your order left the warehouse this morning.",
        "Is there anything else that I can do for you today?",
    )
    """What a voice is to say."""
    questions: tuple[Sequence[Message], Sequence[Message]] = (
        (Message(role="system", text="Be brief."), Message(role="user", text="What is your name?")),
        (Message(role="system", text="Be brief."), Message(role="user", text="How do I reset my password?")),
    )
    """What a language model is asked."""
    tool_question: Sequence[Message] | None = None
    """What makes the language model call one of ``tools``."""
    tools: Sequence[ToolOffer] = ()
    tool_result: str = '{"ok": true}'
    """What the tools answer."""

    def __init__(self, provider: type[Provider] | None = None, config: Written | None = None) -> None:
        if provider is not None:
            self.provider = provider
        if config is not None:
            self.config = config
        if not hasattr(self, "provider"):
            raise TypeError(f"{type(self).__name__} names no provider: `provider = YourProvider`")

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        """Where the provider lives during one examination: start a server here, and stop it afterwards.

        ``fault`` is one of ``faults``, and strikes each request of the scene; without one, all goes well.
        """
        if fault is not None:
            raise NotImplementedError(
                f"{type(self).__name__}.faults has '{fault}', but its scene() is the default"
            )
        yield Scene(config=self.config)

    def speech(self, rate: int) -> tuple[Pcm, Pcm]:
        """Two utterances, int16 at ``rate`` Hz; the first one must be understood."""
        first, second = (read_wav(shipped(name)) for name in QUESTIONS)
        return resample(first.pcm, first.rate, rate), resample(second.pcm, second.rate, rate)

    @property
    def env(self) -> Mapping[str, str]:
        """Where the provider looks up well-known keys."""
        return os.environ


def config_of(provider: type[Provider], written: Written) -> ProviderConfig:
    """``written`` as the provider's ``Config``, in the forms of a pipeline file. Raises ``ConfigErrors``."""
    if isinstance(written, ProviderConfig):
        return written
    here = Path.cwd()
    node = from_python(dict(written), Place(Source("config", here, None), 1, 1))
    return checked(provider, node, [])


def checked(provider: type[Provider], node: Node, errors: list[ConfigError]) -> ProviderConfig:
    """``node`` as the provider's ``Config``. Raises ``ConfigErrors`` for its problems, and for ``errors``."""
    config = validate(provider.Config, node, (), errors)
    if config is None or errors:
        raise ConfigErrors(errors)
    return config
