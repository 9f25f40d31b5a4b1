"""Conversation tests as they stand in files: collected, checked, and each with the places of its steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voicepipe.config.check import validate
from voicepipe.config.conversations import ConversationTest, TestFile, Tests
from voicepipe.config.interpolate import Environment
from voicepipe.config.paths import contained, label
from voicepipe.core import yaml12
from voicepipe.core.check import fields_of
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Node, Place, Source
from voicepipe.errors import ConfigError

MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class LocatedTest:
    """A test, and the node that it was read from."""

    test: ConversationTest
    node: Node

    def place(self, *path: str | int) -> Place:
        """Where what stands at ``path`` was written, or the deepest thing above it."""
        return self.node.place_of_key(path)


def named_files(files: Sequence[str], cwd: Path) -> Node:
    """Files that were named on the command line, as ``tests:`` would name them."""
    place = Place(Source("the command line", cwd, None), 1, 1)
    return Node([Node(file, place, text=file) for file in files], place)


def with_files(tests: Node, environment: Environment, errors: list[ConfigError], *, top: Path) -> Node:
    """``tests`` with every path in it replaced by the tests of that file.

    What a file says under ``tool_results`` goes into each of its tests, below what they say themselves.
    ``top`` is the pipeline's folder.
    """
    if not isinstance(tests.value, list):
        return tests
    items: list[Node] = []
    named = 0
    for item in tests.value:
        if not isinstance(item.value, str):
            items.append(_without_x_keys(item))
            continue
        named += 1
        try:
            if named > MAX_FILES:
                raise item.place.error(f"more than {MAX_FILES} files of tests")
            items += _of_file(item, environment, errors, top)
        except ConfigError as error:
            errors.append(error)
    return replace(tests, value=items)


def _of_file(named: Node, environment: Environment, errors: list[ConfigError], top: Path) -> Iterable[Node]:
    path = contained(named)
    name = label(named)
    if not path.is_file():
        raise named.place.error(f"there is no file '{named.value}'", hint=f"looked for {name}")
    top = top if path.is_relative_to(top) else path.parent
    root = yaml12.read(path, Source(name, path.parent, top), errors)
    if root is None:
        return ()
    if not isinstance(root.value, dict):
        found = "an empty file" if root.value is None else root.kind
        raise root.place.error(f"expected a map with 'tests', found {found}")
    root = environment.interpolate(_without_x_keys(root), errors)
    known = fields_of(TestFile)
    for key in root.map.keys() - known.keys():
        error = f"a file of tests can't hold '{key}', only {' and '.join(known)}.{did_you_mean(key, known)}"
        errors.append(root.keys[key].error(error))
    tests = root.map.get("tests")
    if tests is None or not isinstance(tests.value, list):
        at = root if tests is None else tests
        found = "none" if tests is None else tests.kind
        raise at.place.error(f"expected a list of tests under 'tests', found {found}")
    if not tests.value:
        raise tests.place.error("expected a list of tests, found an empty one")
    results = root.map.get("tool_results")
    return [_with_results(_without_x_keys(test), results) for test in tests.value]


def _with_results(test: Node, results: Node | None) -> Node:
    """``test`` with the stubs of its file below its own."""
    if results is None or not isinstance(test.value, dict):
        return test
    own = test.value.get("tool_results")
    if own is not None and isinstance(own.value, dict) and isinstance(results.value, dict):
        merged = {**results.value, **own.value}
        results = replace(own, value=merged, keys={**results.keys, **own.keys})
    elif own is not None:
        results = own
    keys = {**test.keys, "tool_results": test.keys.get("tool_results", results.place)}
    return replace(test, value={**test.value, "tool_results": results}, keys=keys)


def _without_x_keys(node: Node) -> Node:
    if not isinstance(node.value, dict):
        return node
    return replace(node, value={key: one for key, one in node.value.items() if not key.startswith("x-")})


def located(
    tests: Tests, node: Node | None, profiles: Iterable[str], errors: list[ConfigError]
) -> tuple[LocatedTest, ...]:
    """Every test with its node; ``tests`` were made of ``node``. Checks what a model can't see."""
    if node is None or not isinstance(node.value, list):
        return ()
    found = tuple(LocatedTest(test, child) for test, child in zip(tests, node.value, strict=True))
    names: dict[str, Place] = {}
    for one in found:
        name, profile = one.test.name, one.test.profile
        if name in names:
            errors.append(one.place("name").error(f"'{name}' is the name of the test at {names[name]}, too"))
        names.setdefault(name, one.place("name"))
        if profile is not None and profile not in profiles:
            hint = f"there are: {', '.join(profiles) or 'none'}"
            error = f"there is no profile '{profile}'.{did_you_mean(profile, profiles)}"
            errors.append(one.place("profile").error(error, hint=hint))
        _check_audio(one, errors)
    return found


def _check_audio(test: LocatedTest, errors: list[ConfigError]) -> None:
    steps = test.node.map["steps"].value
    assert isinstance(steps, list), "the model has taken it"
    for step, node in zip(test.test.steps, steps, strict=True):
        if step.user is None or step.user.audio is None:
            continue
        audio = node.map["user"].map["audio"]
        try:
            if not contained(audio).is_file():
                errors.append(audio.place.error(f"there is no file '{audio.value}'"))
        except ConfigError as error:
            errors.append(error)


def read_tests(
    named: Node, environment: Environment, profiles: Iterable[str], errors: list[ConfigError], *, top: Path
) -> tuple[LocatedTest, ...]:
    """The tests of the files that ``named`` lists; problems are added to ``errors``."""
    if not named.value:
        return ()
    node = with_files(named, environment, errors, top=top)
    root = Node({"tests": node}, node.place, keys={"tests": node.place})
    model = validate(TestFile, root, (), errors)
    return () if model is None else located(model.tests, node, profiles, errors)
