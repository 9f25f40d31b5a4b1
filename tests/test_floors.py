"""The house rules that a reader relies on: floors, no cycles, small files, a test beside each module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "voicepipe"

FLOORS = (
    *("cli", "compare", "server", "api", "transports", "runtime", "observe", "config"),
    *("stages", "providers", "speech", "core", "audio", "errors"),
)
"""As in the architecture, from the top to the bottom: an import points downwards only."""

BESIDE = {"testing": "cli", "__init__": "cli", "__main__": "cli"}
"""Modules and folders outside of the house, and the floor that sees as much as they do."""

STARTER = Path("cli/starter")
"""What ``voicepipe init`` copies out: files of the user's, not modules of ours."""

MAX_FILE = 400
MAX_FUNCTION = 60

UNTESTED = {
    "__main__.py": "one line, which the tests of the command line run",
    "core/io.py": "protocols only",
    "config/loaded.py": "a container, which the tests of config/load fill and read",
    "runtime/limits.py": "driven whole by tests/test_budgets.py",
    "observe/companion.py": "a protocol only",
    "observe/turn_report.py": "driven whole by tests/observe/test_report.py",
    "runtime/call.py": "driven whole by tests/test_api_calls.py",
    "compare/measured.py": "containers without behaviour; the tests of compare/store keep and read them",
    "compare/plan.py": "containers without behaviour",
    "core/calls.py": "protocols, and a container whose two methods the providers' tests use",
    "core/records.py": "containers without behaviour; tests/observe walks all of them",
    "core/frames.py": "containers without behaviour; tests/observe walks all of them",
    "core/messages.py": "containers without behaviour",
    "providers/espeak_library.py": "driven whole by tests/providers/test_espeak.py",
    "providers/silero_models.py": "driven whole by tests/providers/test_silero.py",
    "providers/base.py": "abstract classes; each provider's test meets them",
    "providers/realtime_base.py": "abstract classes, and containers without behaviour",
}
"""Modules without a test file at the mirrored path, and why."""

MODULES = sorted(
    module
    for path in PACKAGE.rglob("*.py")
    if not (module := path.relative_to(PACKAGE)).is_relative_to(STARTER)
)
PYTHON = [
    path
    for folder in ("voicepipe", "tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "fixtures" not in path.parts
]


def name_of(module: Path) -> str:
    """``core/turns.py`` → ``voicepipe.core.turns``; a package is its ``__init__``'s folder."""
    parts = ("voicepipe", *module.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(module) for module in MODULES}


def imports(module: Path) -> Iterator[tuple[str, int]]:
    """Every module of ours that ``module`` imports, anywhere in it, for type checkers too, with its line."""
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if _ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports relatively"
            for alias in node.names if _ours(node.module or "") else ():
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else str(node.module), node.lineno


def _ours(name: str) -> bool:
    return name.split(".")[0] == "voicepipe"


def floor_of(name: str) -> int:
    """Counted from the top, 0."""
    parts = name.split(".")
    floor = parts[1] if len(parts) > 1 else "__init__"
    return FLOORS.index(BESIDE.get(floor, floor))


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_downwards_only(module: Path) -> None:
    own = floor_of(name_of(module))
    upwards = [f"{module}:{line} imports {name}" for name, line in imports(module) if floor_of(name) < own]
    assert not upwards


def test_no_module_imports_itself_over_others() -> None:
    graph = {name_of(module): {name for name, _ in imports(module)} for module in MODULES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a cycle: {' → '.join((*path[path.index(name) :], name))}"
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_every_folder_of_the_package_stands_on_a_floor() -> None:
    folders = {module.parts[0].removesuffix(".py") for module in MODULES}
    assert folders <= {*FLOORS, *BESIDE}


def test_no_file_is_longer_than_one_can_hold_in_mind() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in PYTHON
    }
    assert {path: length for path, length in lengths.items() if length > MAX_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION
    }
    assert long == {}


@pytest.mark.parametrize("module", [m for m in MODULES if m.name != "__init__.py"], ids=str)
def test_each_module_has_its_tests_at_the_mirrored_path(module: Path) -> None:
    mirrored = ROOT / "tests" / module.parent
    found = [*mirrored.glob(f"test_{module.stem}.py"), *mirrored.glob(f"test_{module.stem}_*.py")]
    if module.as_posix() in UNTESTED:
        assert not found, f"{module} has tests now: take it off the list"
    else:
        assert found, f"no tests/{module.parent}/test_{module.stem}.py"


def test_the_list_of_exceptions_names_modules_that_exist() -> None:
    assert {Path(name) for name in UNTESTED} <= set(MODULES)
