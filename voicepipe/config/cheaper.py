"""The profiles that ``cost.budget.then`` names: a call goes on with their providers, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from voicepipe.config.loaded import LoadedPipeline
from voicepipe.config.slots import Slot
from voicepipe.config.variables import references
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Place
from voicepipe.errors import ConfigError

SWITCHED = ("stt", "llm", "tts", "realtime")
"""The kinds whose providers can be changed in the middle of a call."""


def cheaper_profiles(
    loaded: LoadedPipeline,
    load: Callable[[str], LoadedPipeline | None],
    errors: list[ConfigError],
) -> dict[str, LoadedPipeline]:
    """By name, but for the profile that the pipeline is under anyway; problems are added to ``errors``."""
    found: dict[str, LoadedPipeline] = {}
    budget = loaded.cost.budget
    assert budget is not None, "somebody asks for its profiles"
    _check_references(loaded, errors)
    for index, name in budget.profiles():
        place = loaded.tree.place_of(("cost", "budget", "then", index, "profile"))
        if name not in loaded.profiles:
            message = f"there is no profile '{name}'.{did_you_mean(name, loaded.profiles)}"
            hint = f"there are: {', '.join(loaded.profiles) or 'none'}"
            errors.append(place.error(message, hint=hint))
        elif name != loaded.profile:
            before = len(errors)
            other = load(name)
            if other is not None and len(errors) == before:  # otherwise it isn't all there
                errors.extend(_problems(loaded, other, name, place))
                found[name] = other
    return found


def _check_references(loaded: LoadedPipeline, errors: list[ConfigError]) -> None:
    """Every ``{{name}}`` that says whose call it is must be a declared variable."""
    budget, declared = loaded.cost.budget, loaded.agent.variables
    assert budget is not None, "its profiles are asked for"
    named: list[tuple[str | None, tuple[str, ...]]] = [(budget.user, ("cost", "budget", "user"))]
    named += [
        (group.name, ("cost", "budget", "groups", sort, "name")) for sort, group in budget.groups.items()
    ]
    for template, path in named:
        for name in references(template or ""):
            if name not in declared:
                message = f"'{{{{{name}}}}}' names no variable.{did_you_mean(name, declared)}"
                hint = f"declare it: agent.variables.{name}: {{required: true}}"
                errors.append(loaded.tree.place_of(path).error(message, hint=hint))


def _problems(
    loaded: LoadedPipeline, other: LoadedPipeline, name: str, place: Place
) -> Iterator[ConfigError]:
    hint = "a call that is going on can only be given other providers"
    if other.agent != loaded.agent:
        yield place.error(f"at a budget's limit, profile '{name}' can't change 'agent'", hint=hint)
    ours, theirs = _by_key(loaded), _by_key(other)
    for key in (*ours, *(key for key in theirs if key not in ours)):
        if key not in theirs or key not in ours:
            what = "leave out" if key in ours else "add"
            yield place.error(f"at a budget's limit, profile '{name}' can't {what} stages.{key}", hint=hint)
            continue
        one, another = ours[key], theirs[key]
        if one.config != another.config:
            message = f"at a budget's limit, profile '{name}' can't change keys of stages.{key} itself"
            yield place.error(message, hint=f"{hint}; what belongs to the slot has to stay")
        if one.kind not in SWITCHED and _fillings(one) != _fillings(another):
            message = f"at a budget's limit, profile '{name}' can't change the provider of stages.{key}"
            yield place.error(message, hint=f"it can for {', '.join(SWITCHED)}")


def same_providers(one: Slot, another: Slot) -> bool:
    return _fillings(one) == _fillings(another)


def _fillings(slot: Slot) -> list[tuple[object, ...]]:
    return [(filling.use, filling.provider, filling.config) for filling in slot.fillings]


def _by_key(loaded: LoadedPipeline) -> dict[str, Slot]:
    return {slot.key: slot for slot in loaded.slots}
