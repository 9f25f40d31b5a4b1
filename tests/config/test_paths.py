from __future__ import annotations

from pathlib import Path

import pytest

from voicepipe.config.paths import MAX_TEXT_BYTES, contained, label, read_text, relative_to_file
from voicepipe.core.nodes import Node, Place, Source
from voicepipe.errors import ConfigError


def named(text: str, folder: Path, top: Path | None) -> Node:
    return Node(text, Place(Source(str(folder / "file.yaml"), folder, top), 3, 7), text=text)


def test_path_begins_at_the_folder_of_its_file_and_a_tilde_is_home(tmp_path: Path) -> None:
    node = named("x", tmp_path, tmp_path)
    assert relative_to_file("a/b", node) == tmp_path / "a/b"
    assert relative_to_file("/a", node) == Path("/a")
    assert relative_to_file("~/a", node) == Path.home() / "a"


def test_file_may_lie_anywhere_below_the_top_folder(
    tmp_path: Path,
) -> None:
    assert contained(named("../a.md", tmp_path / "sub", tmp_path)) == tmp_path / "a.md"


@pytest.mark.parametrize("text", ["../a.md", "/etc/passwd", "sub/../../a.md", "~/a.md"])
def test_file_outside_the_top_folder_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="outside the pipeline's folder"):
        contained(named(text, tmp_path, tmp_path))


def test_link_to_the_outside_is_refused_and_a_link_inside_is_followed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "real.md").write_text("x")
    (top / "in.md").symlink_to("real.md")
    (top / "out").symlink_to(tmp_path)
    assert contained(named("in.md", top, top)) == top / "real.md"
    with pytest.raises(ConfigError, match="outside"):
        contained(named("out/a.md", top, top))


def test_what_the_user_typed_may_name_any_file(tmp_path: Path) -> None:
    assert contained(named("../a.md", tmp_path, None)) == tmp_path.parent / "a.md"


def test_text_that_cannot_be_read_is_an_error_at_the_place_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "large.md").write_bytes(b"x" * (MAX_TEXT_BYTES + 1))
    (tmp_path / "latin.md").write_bytes(b"\xe9")
    for name, message in (
        ("missing.md", "can't read 'missing.md': No such file"),
        ("large.md", "'large.md' is larger than 256 KiB"),
        ("latin.md", "'latin.md' isn't UTF-8 text"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            read_text(named(name, tmp_path, tmp_path))
        assert (caught.value.line, caught.value.column) == (3, 7)


def test_file_is_called_what_the_user_would_call_it(tmp_path: Path) -> None:
    inside = Node("../p.md", Place(Source("a/b/file.yaml", tmp_path, tmp_path), 1, 1))
    typed = Node("./p.md", Place(Source("--set x", tmp_path, None), 1, 1))
    assert (label(inside), label(typed)) == ("a/p.md", "p.md")
