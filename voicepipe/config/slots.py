"""The map ``stages`` → slots: which stage, which provider, and the keys of each, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from voicepipe.config.check import validate
from voicepipe.config.later import NOT_AVAILABLE, planned
from voicepipe.config.layers import Dropped
from voicepipe.config.registry import Registry, is_own_code, own_provider
from voicepipe.core.check import fields_of
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Node, Place
from voicepipe.errors import ConfigError
from voicepipe.providers.base import Provider, ProviderConfig
from voicepipe.stages.base import Stage, StageConfig

Code = Literal["run", "ignore", "forbid"]
"""What becomes of the user's own code: imported, left alone (its keys go unchecked), or an error."""


FALLBACK = "fallback"
"""The slot key under which the providers stand that take over."""


@dataclass(frozen=True, slots=True)
class Filling:
    """A provider of a slot: the one that is wanted, or a fallback.

    ``use`` is its name as users write it. ``provider`` and its configuration are None for own code that was
    left alone. ``path`` leads to its keys in the resolved file.
    """

    use: str
    provider: type[Provider] | None
    config: ProviderConfig | None
    place: Place
    path: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its own in the pipeline: ``llm``, ``llm.fallback.0``."""
        return ".".join(self.path[1:])

    @property
    def label(self) -> str:
        """``provider/model``, or the provider alone. A model that is a file goes by its name alone: where it
        lies is nobody's business, and a label is told in reports."""
        model = getattr(self.config, "model", None)
        if model and Path(model).is_absolute():
            model = Path(model).name
        return f"{self.use}/{model}" if model else self.use


@dataclass(frozen=True, slots=True)
class Slot:
    """One entry of ``stages``.

    ``name`` is what follows the slash of a tap's key (``stt/second``). ``provider`` and its configuration
    are None where the kind takes none, and for own code that was left alone; ``use`` is its name as users
    write it. ``fallbacks`` take over from it, the first that works.
    """

    key: str
    kind: str
    name: str | None
    stage: type[Stage]
    config: StageConfig
    use: str | None
    provider: type[Provider] | None
    provider_config: ProviderConfig | None
    place: Place
    fallbacks: tuple[Filling, ...] = ()

    @property
    def fillings(self) -> tuple[Filling, ...]:
        """The provider that is wanted, and its fallbacks; none for a kind without."""
        if self.use is None:
            return ()
        path = ("stages", self.key)
        return (Filling(self.use, self.provider, self.provider_config, self.place, path), *self.fallbacks)


_Filled = tuple[str | None, type[Provider] | None, ProviderConfig | None]
"""``use``, ``provider`` and ``provider_config`` of a slot."""


def slot_keys(stage: type[Stage]) -> frozenset[str]:
    """The keys that a stage declares; all others of its slot are the provider's."""
    return frozenset(fields_of(stage.Config))


@dataclass(slots=True)
class SlotReader:
    """Reads the slots of one pipeline; problems are added to ``errors``.

    Fallbacks that could replace nothing are added to ``dropped``, each at its place in what was read.
    """

    registry: Registry
    folder: Path
    code: Code
    errors: list[ConfigError]
    dropped: list[Dropped] = field(default_factory=list)

    def read(self, stages: Node) -> tuple[Slot, ...]:
        if not isinstance(stages.value, dict):
            self.errors.append(stages.place.error(f"expected a map of stages, found {stages.kind}"))
            return ()
        slots = [self._slot(key, stages.keys[key], node) for key, node in stages.value.items()]
        kinds = {slot.kind for slot in slots if slot}
        if kinds & {"llm", "realtime"} and "turn" not in stages.value and "turn" in self.registry.kinds:
            # The turn stage has no provider to choose, and its defaults are good.
            slots.append(self._slot("turn", stages.place, Node({}, stages.place)))
        return tuple(slot for slot in slots if slot)

    def _slot(self, key: str, place: Place, node: Node) -> Slot | None:
        stage = self._stage(key, place)
        if stage is None:
            return None
        if not isinstance(node.value, dict):
            expected = "a map of its keys" if stage.provider_kind is None else "'provider[/model]' or a map"
            self.errors.append(node.place.error(f"'{key}': expected {expected}, found {node.kind}"))
            return None
        own, path = slot_keys(stage), ("stages", key)
        config = validate(
            stage.Config, _only(node, lambda name: name in own and name != FALLBACK), path, self.errors
        )
        rest = _only(node, lambda name: name not in own)
        filled = self._filled(place, stage, rest, path, own)
        fallback = node.value.get(FALLBACK) if FALLBACK in own else None
        fallbacks = self._fallbacks(stage, fallback, path)
        if config is None or filled is None:
            return None
        kind, _, name = key.partition("/")
        slot = Slot(key, kind, name or None, stage, config, *filled, place)
        return replace(slot, fallbacks=self._useful(slot, fallbacks))

    def _fallbacks(
        self, stage: type[Stage], node: Node | None, path: tuple[str, ...]
    ) -> list[tuple[Node, Filling]]:
        if node is None:
            return []
        if not isinstance(node.value, list):
            message = f"'{FALLBACK}': expected a list of providers, found {node.kind}"
            self.errors.append(node.place.error(message, hint=f"for example: {FALLBACK}: [provider/model]"))
            return []
        found, own = [], slot_keys(stage)
        for index, item in enumerate(node.value):
            at = (*path, FALLBACK, str(index))
            if not isinstance(item.value, dict):
                message = f"'{FALLBACK}': expected 'provider[/model]' or a map, found {item.kind}"
                self.errors.append(item.place.error(message))
                continue
            for name in (name for name in item.value if name in own):
                message = f"'{name}' is a key of the slot, and holds for its fallbacks as well"
                hint = (
                    f"write it once, beside '{FALLBACK}'"
                    if name != FALLBACK
                    else "add them to the slot's list"
                )
                self.errors.append(item.keys[name].error(message, hint=hint))
            keys = _only(item, lambda name: not name.startswith("x-") and name not in own)
            use, provider, config = self._filled(item.place, stage, keys, at, frozenset()) or (None,) * 3
            if use is not None:
                found.append((item, Filling(use, provider, config, item.place, at)))
        return found

    def _useful(self, slot: Slot, fallbacks: list[tuple[Node, Filling]]) -> tuple[Filling, ...]:
        """Without those that are the same as one before them, which would fail with what it fails with."""
        useful = list(slot.fillings)
        for item, filling in fallbacks:
            same = [one for one in useful if one.provider is not None and _same(one, filling)]
            if same:
                reason = "the same provider is asked before"
                self.dropped.append(Dropped(filling.path, item, same[0].place, reason))
            else:
                path = ("stages", slot.key, FALLBACK, str(len(useful) - 1))
                useful.append(replace(filling, path=path))
        return tuple(useful[1:])

    def _stage(self, key: str, place: Place) -> type[Stage] | None:
        kind, slash, name = key.partition("/")
        kinds = self.registry.kinds
        if kind in kinds and (not slash or (name and "/" not in name)):
            return self.registry.stage(kind)
        if kind in kinds:
            error = place.error(f"expected '{kind}', or '{kind}/name' for a tap, found '{key}'")
        elif planned(("stages", key)):
            error = place.error(f"'{kind}': {NOT_AVAILABLE}")
        else:
            known = ", ".join(kinds)
            error = place.error(
                f"unknown kind of stage '{kind}'.{did_you_mean(kind, kinds)}", hint=f"there are: {known}"
            )
        self.errors.append(error)
        return None

    def _filled(
        self, place: Place, stage: type[Stage], rest: Node, path: tuple[str, ...], own: frozenset[str]
    ) -> _Filled | None:
        """The provider that ``rest`` names and configures. ``own`` are the stage's keys that stand beside."""
        use, key = rest.map.get("use"), path[-1] if len(path) == 2 else path[2]
        if stage.provider_kind is None:
            if use is not None:
                known = ", ".join(sorted(slot_keys(stage)))
                error = f"'{key}' has no provider to choose"
                self.errors.append(rest.keys["use"].error(error, hint=f"its keys are: {known}"))
            elif rest.map:  # nobody's keys: the stage's model says so
                validate(stage.Config, rest, path, self.errors)
            return None if rest.map else (None, None, None)
        if use is None or not isinstance(use.value, str) or not use.value:
            found = "'use' is missing" if use is None else f"expected a provider's name, found {use.kind}"
            known = ", ".join(self.registry.provider_names(stage.provider_kind))
            at = place if use is None else use.place
            self.errors.append(at.error(f"'{key}': {found}", hint=f"there are: {known}"))
            return None
        if is_own_code(use.value) and self.code == "forbid":
            self.errors.append(use.place.error(f"own code isn't allowed here: '{use.value}'"))
            return None
        if is_own_code(use.value) and self.code == "ignore":
            return use.value, None, None
        provider = self._provider(stage.provider_kind, use)
        if provider is None:
            return None
        config = self._provider_config(provider, use, rest, path, own)
        return None if config is None else (use.value, provider, config)

    def _provider(self, kind: str, use: Node) -> type[Provider] | None:
        name = str(use.value)
        if is_own_code(name):
            provider = own_provider(name, self.folder)
            if provider.kind != kind:
                error = f"'{name}' is a provider for {provider.kind}, not for {kind}"
                self.errors.append(use.place.error(error))
                return None
            return provider
        names = self.registry.provider_names(kind)
        if name in names:
            return self.registry.provider(kind, name)
        shown = use.shown or name
        if others := self.registry.provider_kinds(name):
            message = f"'{shown}' is a provider for {' and '.join(others)}, not for {kind}"
        else:
            message = f"unknown {kind} provider '{shown}'.{did_you_mean(name, names)}"
        self.errors.append(use.place.error(message, hint=f"there are: {', '.join(names)}"))
        return None

    def _provider_config(
        self,
        provider: type[Provider],
        use: Node,
        rest: Node,
        path: tuple[str, ...],
        own: frozenset[str],
    ) -> ProviderConfig | None:
        keys = _only(rest, lambda name: name != "use")
        model = keys.map.get("model")
        count = len(self.errors)
        if model is not None and "model" not in fields_of(provider.Config):
            found = f"found '{model.shown or model.text}'"
            error = f"'{use.shown or use.value}' has no models to choose from, {found}"
            self.errors.append(keys.keys["model"].error(error))
            keys = _only(keys, lambda name: name != "model")
        checked = validate(provider.Config, keys, path, self.errors, also=own | {"use"})
        return checked if len(self.errors) == count else None


def _same(one: Filling, other: Filling) -> bool:
    return (one.use, one.provider, one.config) == (other.use, other.provider, other.config)


def without_dropped(stages: Node, dropped: list[Dropped]) -> Node:
    """The map ``stages`` without the fallbacks that ``SlotReader`` has dropped."""
    gone = {(one.path[1], int(one.path[3])) for one in dropped}
    slots = dict(stages.map)
    for key in {key for key, _ in gone}:
        slot = slots[key]
        items = slot.map[FALLBACK].value
        assert isinstance(items, list), "something of it was dropped"
        left = [item for index, item in enumerate(items) if (key, index) not in gone]
        slots[key] = replace(slot, value={**slot.map, FALLBACK: replace(slot.map[FALLBACK], value=left)})
    return replace(stages, value=slots)


def _only(node: Node, wanted: Callable[[str], bool]) -> Node:
    """The map without the keys that aren't ``wanted``."""
    children = {key: child for key, child in node.map.items() if wanted(key)}
    return replace(node, value=children)
