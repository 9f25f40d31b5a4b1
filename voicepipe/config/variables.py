"""``{{name}}`` in what the agent is told and says: data of one call, never instructions of rank.

A value is put on one line and cut, so that it can't pose as further paragraphs of the prompt; what it
contains isn't looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from voicepipe.config.models import AgentConfig
from voicepipe.core.names import did_you_mean
from voicepipe.errors import UsageError
from voicepipe.stages.base import Agent

MAX_VALUE = 500
"""Characters of a value; a name, a number or an address, not a document."""

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def references(template: str) -> list[str]:
    """The names of the variables that ``template`` inserts, each once."""
    return list(dict.fromkeys(_REFERENCE.findall(template)))


def insert(template: str, values: Mapping[str, str]) -> str:
    """``template`` with every ``{{name}}`` replaced; ``values`` must hold every one of them."""
    return _REFERENCE.sub(lambda match: _one_line(values[match[1]]), template)


def _one_line(value: str) -> str:
    return _BREAKS.sub(" ", value).strip()[:MAX_VALUE]


def values_for_call(config: AgentConfig, given: Mapping[str, str]) -> dict[str, str]:
    """The value of every declared variable.

    Raises ``UsageError`` for a value that is missing or that nobody declared.
    """
    values = {name: variable.default or "" for name, variable in config.variables.items()}
    for name, value in given.items():
        if name not in values:
            declared = ", ".join(sorted(values)) or "none"
            raise UsageError(
                f"there is no variable '{name}'.{did_you_mean(name, values)}",
                hint=f"declared in agent.variables: {declared}",
            )
        values[name] = value
    missing = [name for name, one in config.variables.items() if one.required and not given.get(name)]
    if missing:
        raise UsageError(
            f"a value is missing for {', '.join(missing)}", hint=f"give it with --var {missing[0]}=VALUE"
        )
    return values


def agent_for_call(config: AgentConfig, given: Mapping[str, str]) -> Agent:
    """The agent of one call. Raises ``UsageError`` as ``values_for_call`` does."""
    values = values_for_call(config, given)
    return Agent(
        language=config.language,
        prompt=insert(config.prompt, values),
        greeting=insert(config.greeting.say, values) if config.greeting else None,
        greeting_interruptible=config.greeting is None or config.greeting.interruptible,
        history_turns=config.history.turns,
    )
