"""Conversation tests as calls that can be held: what the caller does, and whether a pipeline can take it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from voicepipe.api import RATE
from voicepipe.config.conversation_files import LocatedTest
from voicepipe.config.conversations import ConversationTest, User
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.variables import agent_for_call
from voicepipe.core.names import did_you_mean
from voicepipe.errors import ConfigError, UsageError
from voicepipe.runtime.tool_sets import tools_of
from voicepipe.transports.conversation import Item, Look, Pause, Utterance
from voicepipe.transports.spoken import noise, spoken, with_words
from voicepipe.transports.wav import Typed, load_clip


def script_of(test: ConversationTest, language: str) -> list[Item]:
    """What the caller does, with its audio made.

    Raises ``AudioError`` for a clip that can't be used, ``SetupError`` where espeak is there, but doesn't
    work.
    """
    items: list[Item] = []
    for step in test.steps:
        if step.user is not None:
            items.append(_utterance(step.user, language))
        elif step.wait is not None:
            items.append(Pause(step.wait))
        else:
            items.append(Look())
    return items


def _utterance(user: User, language: str) -> Utterance:
    into = None if user.while_ is None else user.at or 0
    if user.type is not None:
        return Utterance(Typed(user.type), into)
    if user.say is not None:
        return Utterance(spoken(user.say, language, RATE), into)
    if user.noise is not None:
        return Utterance(noise(user.noise, RATE), into)
    assert user.audio is not None, "one of the four was given"
    clip = load_clip(user.audio, RATE)
    return Utterance(clip if user.words is None else with_words(clip, user.words, RATE), into)


def tool_names(loaded: LoadedPipeline) -> set[str]:
    """The tools that the pipeline's model may call; imports those that are Python.

    Raises ``ConfigError``, ``SetupError``.
    """
    return set(tools_of(loaded).by_name(hang_up=lambda reason: None))


def problems_of(
    located: LocatedTest,
    loaded: LoadedPipeline,
    tools: Collection[str],
    vars: Mapping[str, str] | None = None,
) -> Iterator[ConfigError]:
    """What can be said of a test before it is held, but only with the pipeline at hand.

    ``vars`` are variables that it is given besides its own.
    """
    test = located.test
    try:
        agent_for_call(loaded.agent, {**test.vars, **(vars or {})})
    except UsageError as error:
        yield located.place("vars").error(error.message, hint="give it under 'vars' of the test")
    for name in test.tool_results.keys() - tools:
        yield _unknown_tool(located, ("tool_results", name), name, tools)
    for index, step in enumerate(test.steps):
        if step.expect is not None and step.expect.tool is not None and step.expect.tool not in tools:
            yield _unknown_tool(located, ("steps", index, "expect", "tool"), step.expect.tool, tools)


def _unknown_tool(
    located: LocatedTest, path: tuple[str | int, ...], name: str, tools: Collection[str]
) -> ConfigError:
    hint = f"there are: {', '.join(sorted(tools)) or 'none'}"
    return located.place(*path).error(f"there is no tool '{name}'.{did_you_mean(name, tools)}", hint=hint)
