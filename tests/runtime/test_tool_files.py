import sys
from pathlib import Path
from textwrap import dedent

import pytest

from voicepipe.errors import ConfigError
from voicepipe.runtime.tool_files import FILE_LIMIT, load_python_tools

TWO_TOOLS = """
    from __future__ import annotations
    from dataclasses import dataclass
    from voicepipe.speech.tools import tool

    @dataclass
    class Slot:
        day: str

    @tool
    def zebra(slot: Slot) -> str:
        return slot.day

    def helper(day: str) -> str:
        return day

    @tool(name="ant", side_effect=False)
    async def find_slot(day: str) -> Slot:
        return Slot(day)

    again = zebra
"""


def write(folder: Path, source: str, name: str = "tools.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source))
    return path


def failure(folder: Path, reference: str = "./tools.py") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_python_tools(reference, folder)
    return caught.value


def test_all_marked_functions_are_loaded_in_the_order_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, TWO_TOOLS)
    assert [spec.name for spec in load_python_tools("./tools.py", tmp_path)] == ["zebra", "ant"]


def test_types_of_the_file_are_known_although_it_is_no_module_by_that_name(tmp_path: Path) -> None:
    write(tmp_path, TWO_TOOLS)
    zebra, _ = load_python_tools("./tools.py", tmp_path)
    assert zebra.fn(**zebra.validate('{"slot": {"day": "monday"}}')) == "monday"


def test_one_function_is_loaded_by_its_name_marked_or_not(tmp_path: Path) -> None:
    write(tmp_path, TWO_TOOLS)
    assert [spec.name for spec in load_python_tools("./tools.py:find_slot", tmp_path)] == ["ant"]
    assert [spec.name for spec in load_python_tools("tools.py:helper", tmp_path)] == ["helper"]


def test_an_absolute_path_needs_no_folder(tmp_path: Path) -> None:
    path = write(tmp_path, TWO_TOOLS)
    assert len(load_python_tools(str(path), Path("/nowhere"))) == 2


def test_two_files_of_the_same_name_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    source = """
        from dataclasses import dataclass
        from voicepipe.speech.tools import tool
        WHERE = {where!r}
        @dataclass
        class Box:
            {where}: int
        @tool
        def look(box: Box) -> str:
            return WHERE
    """
    for where in ("left", "right"):
        write(tmp_path, dedent(source).format(where=where), f"{where}/tools.py")
    (left,) = load_python_tools("left/tools.py", tmp_path)
    (right,) = load_python_tools("right/tools.py", tmp_path)
    assert left.fn(**left.validate({"box": {"left": 1}})) == "left"
    assert right.fn(**right.validate({"box": {"right": 1}})) == "right"
    assert "tools" not in sys.modules


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write(tmp_path, f"from voicepipe.speech.tools import tool\n@tool\ndef {name}() -> None: ...\n")
        assert [spec.name for spec in load_python_tools("tools.py", tmp_path)] == [name]


@pytest.mark.parametrize(
    "reference", ["", "tools", "./tools.txt", "tools.py:", "tools.py:a.b", "tools.py:a b", "a\0.py"]
)
def test_a_reference_that_is_none_says_what_one_looks_like(reference: str, tmp_path: Path) -> None:
    assert "expected './tools.py' or './tools.py:function'" in failure(tmp_path, reference).message


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert str(failure(tmp_path, "sub/tools.py")).startswith(
        f"{tmp_path}/sub/tools.py: can't read the tools: No such file or directory"
    )
    (tmp_path / "folder.py").mkdir()
    assert "Is a directory" in failure(tmp_path, "folder.py").message


def test_a_link_that_leads_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "tools.py").symlink_to("tools.py")
    assert "can't read the tools" in failure(tmp_path).message


def test_a_file_of_endless_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_bytes(b"#" * (FILE_LIMIT + 1))
    assert "larger than" in failure(tmp_path).message


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "x = 1\ndef broken(:\n")
    assert str(failure(tmp_path)).startswith(f"{path}:2:12: not valid Python: invalid syntax")


@pytest.mark.parametrize("source", [b"x = '\xff'\n", b"x = 1\0\n", b"(" * 100_000])
def test_what_is_no_text_or_no_code_is_not_valid_python(source: bytes, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_bytes(source)
    assert "not valid Python" in failure(tmp_path).message


def test_an_exception_while_loading_has_the_line_of_the_users_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        import json

        def read(text):
            return json.loads(text)

        SETTINGS = read("{")
        """,
    )
    error = failure(tmp_path)
    assert (error.path, error.line) == (str(path), 5)
    assert error.message.startswith("failed when it was loaded: JSONDecodeError: ")
    assert "Traceback" not in str(error)


def test_a_file_that_failed_leaves_no_module_behind(tmp_path: Path) -> None:
    write(tmp_path, "raise ValueError\n")
    before = set(sys.modules)
    failure(tmp_path)
    assert not [name for name in set(sys.modules) - before if name.startswith("_voicepipe_tools_")]


def test_a_missing_module_comes_with_a_remedy(tmp_path: Path) -> None:
    write(tmp_path, "\nimport no_such_module_here\n")
    error = failure(tmp_path)
    assert (error.line, "No module named 'no_such_module_here'" in error.message) == (2, True)
    assert "PYTHONPATH" in (error.hint or "")


def test_a_file_that_exits_is_an_error_like_any_other(tmp_path: Path) -> None:
    write(tmp_path, "import sys\nsys.exit(3)\n")
    assert (failure(tmp_path).line, failure(tmp_path).message) == (
        2,
        "failed when it was loaded: SystemExit: 3",
    )


def test_a_signature_that_does_not_fit_keeps_its_own_place(tmp_path: Path) -> None:
    path = write(
        tmp_path, "from voicepipe.speech.tools import tool\n\n@tool\ndef find(day):\n    return day\n"
    )
    error = failure(tmp_path)
    assert (error.path, error.line, error.message) == (
        str(path),
        3,
        "tool find(): parameter 'day' has no type",
    )


def test_a_misused_decorator_gets_its_place(tmp_path: Path) -> None:
    write(tmp_path, "from voicepipe.speech.tools import tool\n@tool('find')\ndef find() -> None: ...\n")
    error = failure(tmp_path)
    assert error.line == 2
    assert "a tool is a Python function, found 'find'" in error.message
    assert "@tool(name=...)" in (error.hint or "")


def test_a_file_without_tools_says_how_to_mark_one(tmp_path: Path) -> None:
    write(tmp_path, "def find(day: str) -> str:\n    return day\n")
    assert "no function in it is marked with @tool" in failure(tmp_path).message


def test_an_unknown_function_finds_its_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, TWO_TOOLS)
    with pytest.raises(ConfigError, match=r"no function 'find_slto' in it\. Did you mean 'find_slot'\?"):
        load_python_tools("tools.py:find_slto", tmp_path)


def test_a_name_that_is_no_function_is_refused_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "LIMIT = 3\n")
    with pytest.raises(
        ConfigError, match="'LIMIT' can't be a tool: a tool is a Python function, found 3"
    ) as caught:
        load_python_tools("tools.py:LIMIT", tmp_path)
    assert caught.value.path == str(path)


def test_a_tool_that_is_defined_twice_is_an_error_rather_than_missing(tmp_path: Path) -> None:
    write(tmp_path, "from voicepipe.speech.tools import tool\n" + "@tool\ndef find() -> None: ...\n" * 2)
    with pytest.raises(ConfigError, match="the tool 'find' is defined a second time") as caught:
        load_python_tools("tools.py", tmp_path)
    assert caught.value.line == 5


def test_two_functions_that_take_one_name_are_an_error(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        from voicepipe.speech.tools import tool
        @tool
        def find() -> None: ...
        @tool(name="find")
        def search() -> None: ...
        """,
    )
    with pytest.raises(ConfigError, match="two tools named 'find'"):
        load_python_tools("tools.py", tmp_path)
