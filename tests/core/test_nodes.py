from __future__ import annotations

from pathlib import Path

from voicepipe.core.nodes import Node, Place, Source, from_python, plain

PLACE = Place(Source("file.yaml", Path(), Path()), 2, 5)


def test_error_at_a_place_names_file_line_and_column() -> None:
    assert str(PLACE.error("it is wrong", hint="mend it")) == "file.yaml:2:5: it is wrong\n  mend it"


def test_walk_visits_parents_before_children_in_the_order_of_the_file() -> None:
    node = from_python({"b": [1, {"a": 2}], "c": None}, PLACE)
    assert ["/".join(path) for path, _ in node.walk()] == ["", "b", "b/0", "b/1", "b/1/a", "c"]
    assert plain(node) == {"b": [1, {"a": 2}], "c": None}


def test_place_of_a_value_below_is_the_nearest_that_was_written() -> None:
    places = {name: Place(PLACE.source, line, 1) for line, name in enumerate(("root", "list", "item"), 1)}
    item = Node("x", places["item"], text="x")
    root = Node({"a": Node([item], places["list"])}, places["root"])
    assert [root.place_of(path) for path in (("a", 0), ("a", 0, "b"), ("a", 7), ("a",), ("b", "c"), ())] == [
        places[name] for name in ("item", "item", "list", "list", "root", "root")
    ]


def test_a_value_of_a_map_is_named_by_its_key_and_an_item_of_a_list_by_itself() -> None:
    names = ("root", "key", "list", "item", "inner")
    places = {name: Place(PLACE.source, line, 1) for line, name in enumerate(names, 1)}
    item = Node({"b": Node(1, PLACE)}, places["item"], keys={"b": places["inner"]})
    root = Node({"a": Node([item], places["list"])}, places["root"], keys={"a": places["key"]})
    paths = ((), ("a",), ("a", 0), ("a", 0, "b"), ("a", 7), ("a", 0, "c"), ("d",))
    assert [root.place_of_key(path) for path in paths] == [
        places[name] for name in ("root", "key", "item", "inner", "key", "item", "root")
    ]


def test_kind_is_what_a_message_calls_the_value() -> None:
    kinds = {Node(value, PLACE).kind for value in ({}, [], None, "x", True, 1, 1.5)}
    assert kinds == {"a map", "a list", "nothing", "text", "true or false", "a number"}


def test_whole_argument_is_a_place_without_line_and_column() -> None:
    typed = Source("--set a.b", Path(), None)
    assert str(Place(typed, 1, 1)) == "--set a.b"
    assert str(Place(typed, 1, 1).error("wrong")) == "--set a.b: wrong"
    assert str(Place(typed, 1, 8).error("wrong")) == "--set a.b:1:8: wrong"
