"""A pipeline file → a checked configuration, or all its problems at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

from voicepipe.config.cheaper import cheaper_profiles
from voicepipe.config.check import validate
from voicepipe.config.conversation_files import LocatedTest, located, named_files, read_tests, with_files
from voicepipe.config.displace import displaced
from voicepipe.config.forms import long_form
from voicepipe.config.interpolate import Environment, read_env_file
from voicepipe.config.later import NOT_AVAILABLE, planned
from voicepipe.config.layers import Dropped, Merger, Overrides, read_layers
from voicepipe.config.layers import overrides as override_layers
from voicepipe.config.loaded import LoadedPipeline as LoadedPipeline
from voicepipe.config.models import PipelineFile
from voicepipe.config.registry import Registry
from voicepipe.config.slots import Code, Slot, SlotReader, slot_keys, without_dropped
from voicepipe.config.variables import references
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Node, Place
from voicepipe.errors import ConfigError, ConfigErrors

MAX_MESSAGE = 1000
"""Characters of a message; what a file holds may be repeated in it."""

IN_PROFILES = ("agent", "stages")


def load_pipeline(
    path: str | Path,
    *,
    profile: str | None = None,
    layers: Sequence[Node] = (),
    overrides: Overrides = (),
    env: Mapping[str, str] | None = None,
    code: Code = "run",
    registry: Registry | None = None,
    cwd: Path | None = None,
) -> LoadedPipeline:
    """Load and check the pipeline file at ``path``.

    ``layers`` are laid over the profile, and ``overrides`` over them. ``env`` replaces the process's
    environment, ``cwd`` the folder in which the paths of ``overrides`` begin. ``code`` says what becomes of
    the user's own providers; tools are never imported here.

    Raises ``ConfigErrors`` with every problem in the order of the places, and ``SetupError`` if a stage
    or a provider that the file uses can't be imported.
    """
    loader = _Loader(Path(path), env, code, registry, overrides, cwd, layers)
    loaded = loader.load(profile)
    loader.finish()
    assert loaded is not None, "whatever can't be loaded is a problem"
    return loaded


def load_profiles(
    path: str | Path,
    *,
    overrides: Overrides = (),
    env: Mapping[str, str] | None = None,
    code: Code = "ignore",
    registry: Registry | None = None,
    cwd: Path | None = None,
) -> list[LoadedPipeline]:
    """The pipeline without a profile, then under each of its profiles; for ``validate``.

    Raises as ``load_pipeline``, with the problems of all profiles, each once.
    """
    loader = _Loader(Path(path), env, code, registry, overrides, cwd)
    loaded = [loader.load(profile) for profile in (None, *loader.profiles)]
    loader.finish()
    return [one for one in loaded if one is not None]


def load_tests(
    path: str | Path,
    files: Sequence[str] = (),
    *,
    profile: str | None = None,
    overrides: Overrides = (),
    env: Mapping[str, str] | None = None,
    code: Code = "run",
    registry: Registry | None = None,
    cwd: Path | None = None,
) -> list[tuple[LocatedTest, LoadedPipeline]]:
    """The tests of the pipeline and of the ``files`` of tests, each with the pipeline under its profile.

    ``profile`` is that of tests that name none. Raises as ``load_pipeline``, with all problems at once.
    """
    loader = _Loader(Path(path), env, code, registry, overrides, cwd)
    pipelines = {profile: loader.load(profile)}
    own = pipelines[profile]
    tests = (*(own.tests if own else ()), *loader.read_tests(files, cwd or Path.cwd()))
    for one in tests:
        if one.test.profile not in (None, *pipelines):
            pipelines[one.test.profile] = loader.load(one.test.profile)
    loader.finish()
    found = [(one, pipelines[one.test.profile or profile]) for one in tests]
    return [(one, pipeline) for one, pipeline in found if pipeline is not None]


class _Loader:
    """Reads the layers once and checks them under any number of profiles, gathering the problems."""

    def __init__(
        self,
        file: Path,
        env: Mapping[str, str] | None,
        code: Code,
        registry: Registry | None,
        overrides: Overrides,
        cwd: Path | None,
        layers: Sequence[Node] = (),
    ) -> None:
        self._errors: list[ConfigError] = []
        self._unset: list[ConfigError] = []
        """Problems of values that come from the environment."""
        self._file = file
        self._code = code
        self._registry = registry or Registry.installed()
        self._environment = Environment(
            os.environ if env is None else env, read_env_file(file.parent, self._errors)
        )
        self._layers = read_layers(file, self._environment, self._errors)
        self._overrides = list(layers)
        try:
            self._overrides += override_layers(overrides, cwd or Path.cwd())
        except ConfigError as error:
            self._errors.append(error)

    @property
    def profiles(self) -> tuple[str, ...]:
        return tuple(self._layers.profiles)

    def finish(self) -> None:
        """Raise what was found: by place, the top file first, what several profiles share only once."""
        once = {}
        # What a field says of a value that couldn't be filled in would only repeat that it is missing.
        unset = {(error.path, error.line, error.column) for error in self._unset}
        of_values = [e for e in self._errors if (e.path, e.line, e.column) not in unset]
        for error in (*self._unset, *of_values):
            path, line, column, hint = error.path, error.line, error.column, error.hint
            once[path, line, column, error.message] = ConfigError(
                self._printable(error.message),
                path=path,
                line=line,
                column=column,
                hint=hint and self._printable(hint),
            )
        top = str(self._file)
        if once:
            raise ConfigErrors(
                sorted(once.values(), key=lambda e: (e.path != top, e.path or "", e.line or 0, e.column or 0))
            )

    def _printable(self, text: str) -> str:
        """Without values from the environment, not endless, nothing in it that would drive a terminal."""
        text = self._environment.mask(text)
        if len(text) > MAX_MESSAGE:
            text = f"{text[:MAX_MESSAGE]}…"
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)

    def load(self, profile: str | None) -> LoadedPipeline | None:
        """The pipeline under ``profile``; None, or one that isn't to be used, after a problem."""
        loaded = self._load(profile)
        if loaded is None or loaded.cost.budget is None:
            return loaded
        return replace(loaded, cheaper=cheaper_profiles(loaded, self._load, self._errors))

    def _load(self, profile: str | None) -> LoadedPipeline | None:
        merger = Merger(self._slot_keys, self._environment, self._errors)
        merged: Node | None = None
        added: dict[str, int] = {}
        for index, layer in enumerate((*self._layers.bodies, *self._of_profile(profile), *self._overrides)):
            merged = merger.lay(merged, layer)
            added = {key: added.get(key, index) for key in _slot_names(merged)}
        if merged is None or not self._layers.bodies:
            return None
        root = self._environment.interpolate(_without_x_keys(merged), self._unset)
        model, tests = self._top_level(root)
        slots, useless = self._slots(root)
        gone = displaced(slots, added, root.map["stages"]) if slots else ()
        left = {one.path[1] for one in gone}
        return LoadedPipeline(
            path=self._file,
            name=(model and model.name) or self._file.stem,
            profile=profile,
            profiles=self.profiles,
            top=model or PipelineFile(voicepipe=1),
            slots=tuple(slot for slot in slots if slot.key not in left),
            tests=tests,
            tree=_without(root, left, useless),
            dropped=(*merger.dropped, *gone, *useless),
            displaced=gone,
            environment=self._environment,
        )

    def _slot_keys(self, kind: str) -> frozenset[str]:
        return slot_keys(self._registry.stage(kind)) if kind in self._registry.kinds else frozenset()

    def _of_profile(self, profile: str | None) -> list[Node]:
        profiles = self._layers.profiles
        if profile is not None and profile not in profiles and self._layers.bodies:
            message = f"there is no profile '{profile}'.{did_you_mean(profile, profiles)}"
            hint = f"there are: {', '.join(profiles) or 'none'}"
            self._errors.append(ConfigError(message, path=str(self._file), hint=hint))
        for bodies in profiles.values():
            for body in bodies:
                for key, place in body.keys.items():
                    self._check_key_of_profile(key, place)
        return [
            replace(body, value={key: body.map[key] for key in IN_PROFILES if key in body.map})
            for body in profiles.get(profile or "", [])
        ]

    def _check_key_of_profile(self, key: str, place: Place) -> None:
        if key in IN_PROFILES or key.startswith("x-"):
            return
        if planned((key,)):
            self._errors.append(place.error(f"'{key}': {NOT_AVAILABLE}"))
        else:
            expected = " and ".join(f"'{known}'" for known in IN_PROFILES)
            message = f"a profile can't hold '{key}', only {expected}.{did_you_mean(key, IN_PROFILES)}"
            self._errors.append(place.error(message))

    def read_tests(self, files: Sequence[str], cwd: Path) -> tuple[LocatedTest, ...]:
        """The tests of files that were named on the command line."""
        top = self._file.parent.resolve()
        return read_tests(named_files(files, cwd), self._environment, self.profiles, self._errors, top=top)

    def _top_level(self, root: Node) -> tuple[PipelineFile | None, tuple[LocatedTest, ...]]:
        children = {key: child for key, child in root.map.items() if key != "stages"}
        if _is_map(agent := children.get("agent")):
            children["agent"] = long_form(agent, self._errors)
            self._check_references(children["agent"])
        also = ("stages", "profiles", "extends")
        tests = children.get("tests")
        if tests is not None:
            top = self._file.parent.resolve()
            children["tests"] = tests = with_files(tests, self._environment, self._errors, top=top)
        model = validate(PipelineFile, replace(root, value=children), (), self._errors, also=also)
        return model, () if model is None else located(model.tests, tests, self.profiles, self._errors)

    def _check_references(self, agent: Node) -> None:
        """Every ``{{name}}`` must be a declared variable."""
        tools = agent.map.get("tools")
        entries = tools.value if tools is not None and isinstance(tools.value, list) else []
        meanwhile = [tool.map.get("say_while_running") for tool in entries if _is_map(tool)]
        variables = agent.map.get("variables")
        declared = variables.keys if variables else {}
        greeting = agent.map.get("greeting")
        say = greeting.map.get("say") if _is_map(greeting) else None
        for template in (agent.map.get("prompt"), say, *meanwhile):
            if template is None:
                continue
            for name in references(template.text or ""):
                if name not in declared:
                    message = f"'{{{{{name}}}}}' names no variable.{did_you_mean(name, declared)}"
                    hint = f"declare it: agent.variables.{name}: {{required: true}}"
                    self._errors.append(template.place.error(message, hint=hint))

    def _slots(self, root: Node) -> tuple[tuple[Slot, ...], list[Dropped]]:
        """The slots, and those of their fallbacks that could replace nothing."""
        stages = root.map.get("stages")
        if stages is None:
            hint = f"there are: {', '.join(self._registry.kinds)}"
            self._errors.append(root.place.error("'stages' is missing", hint=hint))
            return (), []
        folder = self._file.parent.resolve()
        reader = SlotReader(self._registry, folder, self._code, self._errors)
        self._check_tools_are_allowed(root)
        return reader.read(stages), reader.dropped

    def _check_tools_are_allowed(self, root: Node) -> None:
        if self._code != "forbid":
            return
        agent = root.map.get("agent")
        tools = agent.map.get("tools") if _is_map(agent) else None
        for tool in tools.value if tools and isinstance(tools.value, list) else ():
            if isinstance(tool.value, str) or (_is_map(tool) and "python" in tool.map):
                self._errors.append(tool.place.error("own code isn't allowed here: a Python tool"))
            elif _is_map(tool) and _is_map(server := tool.map.get("mcp")) and "command" in server.map:
                at = server.keys["command"]
                self._errors.append(at.error("own code isn't allowed here: the command of an MCP server"))


def _is_map(node: Node | None) -> TypeGuard[Node]:
    return node is not None and isinstance(node.value, dict)


def _slot_names(root: Node | None) -> list[str]:
    stages = root.map.get("stages") if root is not None else None
    return list(stages.map) if _is_map(stages) else []


def _without(root: Node, left: set[str], useless: list[Dropped]) -> Node:
    """Without the slots that have left, and the fallbacks that could replace nothing."""
    if not left and not useless:
        return root
    stages = without_dropped(root.map["stages"], useless)
    remaining = {key: node for key, node in stages.map.items() if key not in left}
    return replace(root, value={**root.map, "stages": replace(stages, value=remaining)})


def _without_x_keys(node: Node, path: tuple[str, ...] = ()) -> Node:
    """``x-`` keys are free at the top, in ``agent``, in ``stages`` and in its slots."""
    if not isinstance(node.value, dict) or (path and path[0] not in IN_PROFILES):
        return node
    children = {key: child for key, child in node.map.items() if not key.startswith("x-")}
    if not path or path == ("stages",):
        children = {key: _without_x_keys(child, (*path, key)) for key, child in children.items()}
    return replace(node, value=children)
