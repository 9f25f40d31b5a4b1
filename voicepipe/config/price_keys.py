"""Keys of ``cost.prices`` that name nobody: after a slip a model has another price than was meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel

from voicepipe.config.layers import Overrides
from voicepipe.config.load import load_profiles
from voicepipe.config.loaded import LoadedPipeline
from voicepipe.config.slots import Filling
from voicepipe.core.names import did_you_mean
from voicepipe.errors import ConfigError, ConfigErrors, SetupError

SHOWN = 8
"""Names that a hint lists."""


def prices_of_nobody(pipelines: Sequence[LoadedPipeline]) -> list[ConfigError]:
    """Advice for each key that fits no provider and no model of any of ``pipelines``, each place once.

    They are one pipeline under all of its profiles, or the variants of a comparison: a price that only one
    of them needs is fine. A carrier's isn't looked for, since no stage is a carrier. Of own code that wasn't
    imported the name isn't known, so that only models of other providers can be told to be none.
    """
    every = [one for loaded in pipelines for one in (loaded, *loaded.cheaper.values())]
    fillings = [filling for one in every for slot in one.slots for filling in slot.fillings]
    known = dict.fromkeys(name for filling in fillings for name in _names(filling))
    unread = any(filling.provider is None for filling in fillings)
    advice = [error for loaded in pipelines for error in _of(loaded, known, unread)]
    return list({(error.path, error.line, error.column): error for error in advice}.values())


def under_all_profiles(loaded: LoadedPipeline, overrides: Overrides) -> list[LoadedPipeline]:
    """``loaded``, and its file under each of its profiles if it has prices of its own.

    Empty if another profile can't be read: then there is nothing that could be said of all of them.
    """
    if not loaded.cost.prices or not loaded.profiles:
        return [loaded]
    try:
        return [loaded, *load_profiles(loaded.path, overrides=overrides, code="ignore")]
    except (ConfigErrors, SetupError):  # of a profile that nobody asked for: `voicepipe validate` tells it
        return []


def _names(filling: Filling) -> Iterator[str]:
    if filling.provider is None:
        return
    provider = filling.provider.name
    yield provider
    if filling.config is not None:
        yield from (f"{provider}/{model}" for model in _models(filling.config))


def _models(config: BaseModel) -> Iterator[str]:
    """``model``, also that of a part: a fused model names a second one that writes down the caller."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from _models(value)
        elif name == "model" and value:
            yield str(value)


def _of(loaded: LoadedPipeline, known: Iterable[str], unread: bool) -> Iterator[ConfigError]:
    names = list(known)
    for key, prices in loaded.cost.prices.items():
        provider, slash, _ = key.partition("/")
        hopeless = unread and provider not in names
        if key in names or prices.call_minute is not None or hopeless:
            continue
        what = "model" if slash and provider in names else "provider"
        place = loaded.tree.place_of_key(("cost", "prices", key))
        said = f"the price for '{key}' is used nowhere: no stage has that {what}.{did_you_mean(key, names)}"
        there = f"there are: {', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''}"
        mask = loaded.environment.mask
        yield place.error(mask(said), hint=mask(there))
