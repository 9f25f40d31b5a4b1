"""extends → file → profile → ``--set``: what each layer says, and what remains when they are laid over.

Maps merge, lists and scalars replace, null deletes. Under ``stages`` one more rule holds: a layer whose
``use`` names another provider drops the provider keys that it would inherit, and keeps the slot keys.
What was dropped is remembered with the place that dropped it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from voicepipe.config.interpolate import Environment
from voicepipe.config.paths import contained, label
from voicepipe.core import yaml12
from voicepipe.core.masking import MASK
from voicepipe.core.nodes import Node, Place, Source, from_python
from voicepipe.errors import ConfigError

MAX_EXTENDS = 8
MAX_PATH = 12
"""Segments of a ``--set`` path."""

SlotKeys = Callable[[str], frozenset[str]]
"""The keys that the stage of a kind declares; empty for a kind that doesn't exist."""


@dataclass(frozen=True, slots=True)
class Typed:
    """``PATH=VALUE`` that is part of something else; ``typed`` is that, with its option, for messages."""

    override: str
    typed: str


Overrides = Sequence[str | Typed] | Mapping[str, object]
"""``["stages.tts=espeak"]`` as on the command line, or ``{"stages.tts": "espeak"}``."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A value that a later layer did away with, at ``by``."""

    path: tuple[str, ...]
    node: Node
    by: Place
    reason: str


@dataclass(slots=True)
class Layers:
    """The bodies of the files, base first and the top file last, and the profiles they define.

    A profile that several files define is laid over body by body, like the files themselves.
    """

    bodies: list[Node] = field(default_factory=list)
    profiles: dict[str, list[Node]] = field(default_factory=dict)
    profile_places: dict[str, Place] = field(default_factory=dict)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def read_layers(path: Path, env: Environment, errors: list[ConfigError]) -> Layers:
    """The file at ``path`` and what it extends."""
    layers = Layers()
    for root in reversed(list(_chain(path, env, errors))):
        body = dict(root.map)
        body.pop("extends", None)
        profiles = body.pop("profiles", None)
        layers.bodies.append(replace(root, value=body))
        if profiles is not None:
            _add_profiles(profiles, layers, errors)
    return layers


def _add_profiles(node: Node, layers: Layers, errors: list[ConfigError]) -> None:
    if node.value is None:
        layers.profiles.clear()
    elif isinstance(node.value, dict):
        for name, body in node.value.items():
            layers.profile_places[name] = node.keys[name]
            if body.value is None:
                layers.profiles.pop(name, None)
            elif isinstance(body.value, dict):
                layers.profiles.setdefault(name, []).append(body)
            else:
                errors.append(body.place.error(f"expected the profile as a map, found {body.kind}"))
    else:
        errors.append(node.place.error(f"expected a map of profiles, found {node.kind}"))


def _chain(path: Path, env: Environment, errors: list[ConfigError]) -> Iterator[Node]:
    """The roots of the files, the top one first."""
    folder = path.parent.resolve()
    source = Source(str(path), folder, folder)
    file = path
    seen: list[tuple[Path, str]] = [(path.resolve(), source.label)]
    while True:
        root = yaml12.read(file, source, errors)
        if root is None:
            return
        if not isinstance(root.value, dict):
            found = "an empty file" if root.value is None else root.kind
            errors.append(root.place.error(f"expected a map that begins with 'voicepipe: 1', found {found}"))
            return
        yield root
        extends = root.map.get("extends")
        if extends is None or extends.value is None:
            return
        try:
            file, source = _base(env.interpolate(extends, errors), seen)
        except ConfigError as error:
            errors.append(error)
            return


def _base(extends: Node, seen: list[tuple[Path, str]]) -> tuple[Path, Source]:
    """The file that ``extends`` names; ``seen`` are those that led here, the top one first."""
    if not isinstance(extends.value, str) or not extends.value:
        raise extends.place.error(f"expected the path of a pipeline file, found {extends.kind}")
    file = contained(extends)
    name = label(extends)
    names = [known for _, known in seen] + [name]
    if file in (known for known, _ in seen):
        raise extends.place.error(f"the files extend each other in a circle: {' → '.join(names)}")
    if len(seen) > MAX_EXTENDS:
        raise extends.place.error(f"more than {MAX_EXTENDS} files extend each other")
    if not file.is_file():
        raise extends.place.error(f"there is no file '{extends.value}'", hint=f"looked for {name}")
    seen.append((file, name))
    return file, Source(name, file.parent, extends.place.source.top)


# ── --set ────────────────────────────────────────────────────────────────────────────────────────


def overrides(given: Overrides, cwd: Path) -> Iterator[Node]:
    """Each ``path=VALUE`` (the value is YAML), or each dotted path and plain value, as a layer.

    Raises ``ConfigError``. Relative paths in the values begin at ``cwd``.
    """
    if isinstance(given, Mapping):
        for path, value in given.items():
            source = Source(f"set {path}", cwd, None)
            yield nested(path, from_python(value, Place(source, 1, 1)), Place(source, 1, 1))
        return
    for one in given:
        argument = one.override if isinstance(one, Typed) else one
        path, equals, text = argument.partition("=")
        source = Source(one.typed if isinstance(one, Typed) else f"--set {path}", cwd, None)
        if not equals:
            raise ConfigError(
                f"--set {argument}: expected PATH=VALUE", hint="for example: --set stages.tts=espeak"
            )
        problems: list[ConfigError] = []
        node = yaml12.parse(text, source, problems)
        if problems or node is None:
            raise problems[0]
        yield nested(path, node, Place(source, 1, 1))


def nested(path: str, node: Node, place: Place) -> Node:
    """A layer that sets the dotted ``path`` to ``node``; ``place`` is where the path was written.

    Raises ``ConfigError`` for a path that can't be set.
    """
    segments = path.split(".")
    if not all(segments) or len(segments) > MAX_PATH:
        raise place.error("expected a path of names with dots between", hint="for example: stages.tts.model")
    if segments[0] in ("extends", "profiles", "voicepipe"):
        raise place.error(f"'{segments[0]}' can't be set", hint="a profile is chosen by --profile")
    for name in reversed(segments):
        node = Node({name: node}, place, keys={name: place})
    return node


# ── merging ──────────────────────────────────────────────────────────────────────────────────────


class Merger:
    """Lays one layer over another. ``use`` is interpolated here, since it decides what is inherited."""

    def __init__(self, slot_keys: SlotKeys, env: Environment, errors: list[ConfigError]) -> None:
        self._slot_keys = slot_keys
        self._env = env
        self._errors = errors
        self.dropped: list[Dropped] = []

    def lay(self, base: Node | None, over: Node, path: tuple[str, ...] = ()) -> Node | None:
        """``over`` on top of ``base``, or None if nothing remains."""
        if over.value is None:
            if base is not None:
                self.dropped.append(Dropped(path, base, over.place, "deleted by null"))
            return None
        fallbacks = len(path) == 3 and path[0] == "stages" and path[2] == "fallback"
        if fallbacks and isinstance(over.value, str):
            over = Node([over], over.place)
        if isinstance(over.value, list):
            items = [self._item(item, path) for item in over.value]
            over = replace(over, value=[self._slot(item) for item in items] if fallbacks else items)
        elif len(path) == 2 and path[0] == "stages":
            over = self._slot(over)
            base = base and self._inherited(base, over, path)
        if isinstance(over.value, dict):
            return self._map(base, over, path)
        if base is not None and base.value != over.value:
            self.dropped.append(Dropped(path, base, over.place, "replaced"))
        return over

    def _map(self, base: Node | None, over: Node, path: tuple[str, ...]) -> Node:
        children: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        if base is not None and isinstance(base.value, dict):
            children, keys = dict(base.value), dict(base.keys)
        elif base is not None:
            self.dropped.append(Dropped(path, base, over.place, "replaced"))
        for key, child in over.map.items():
            laid = self.lay(children.get(key), child, (*path, key))
            if laid is not None:
                children[key], keys[key] = laid, over.keys[key]
            else:
                children.pop(key, None)
        return Node(children, over.place if base is None else base.place, keys=keys)

    def _item(self, item: Node, path: tuple[str, ...]) -> Node:
        """An item of a list has nothing below it; null still deletes in the maps inside."""
        return item if item.value is None else self.lay(None, item, (*path, "*")) or item

    def _slot(self, node: Node) -> Node:
        """A slot as a map in which ``use`` names the provider alone and ``model`` stands by itself."""
        if isinstance(node.value, str):
            node = Node({"use": node}, node.place, keys={"use": node.place})
        use = node.value.get("use") if isinstance(node.value, dict) else None
        if use is None or not isinstance(use.value, str):
            return node
        use = self._env.interpolate(use, self._errors)
        provider, slash, model = str(use.value).partition("/")
        children = {**node.map, "use": _part(use, provider)}
        keys = dict(node.keys)
        if slash and not model:
            self._errors.append(use.place.error(f"expected a model after '{provider}/'"))
        elif slash and "model" in children:
            error = f"the model is given twice: here and as '{use.shown or use.value}'"
            self._errors.append(keys["model"].error(error))
        elif slash:
            children["model"], keys["model"] = _part(use, model), keys["use"]
        return replace(node, value=children, keys=keys)

    def _inherited(self, base: Node, over: Node, path: tuple[str, ...]) -> Node:
        """What a slot takes over from the layers below: no provider key if the provider is another one."""
        if not isinstance(base.value, dict) or not isinstance(over.value, dict):
            return base
        before, now = base.value.get("use"), over.value.get("use")
        if before is None or now is None or before.value == now.value:
            return base
        kept = {"use", *self._slot_keys(path[1].partition("/")[0])}
        for key, child in base.value.items():
            if key not in kept:
                reason = f"belongs to '{before.shown or before.value}'"
                self.dropped.append(Dropped((*path, key), child, now.place, reason))
        return replace(base, value={key: child for key, child in base.value.items() if key in kept})


def _part(use: Node, text: str) -> Node:
    """The provider or the model of a ``use``."""
    from_environment = use.shown is not None and use.shown != use.value
    return replace(use, value=text, text=text, shown=MASK if from_environment else None)
