"""The check of a node by itself; what it makes of whole pipeline files is tested in tests/config."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from voicepipe.core import yaml12
from voicepipe.core.check import Refusal, validate
from voicepipe.core.nodes import Place, Source, from_python
from voicepipe.core.units import ConfigPath, Duration
from voicepipe.errors import ConfigError

SOURCE = Source("file.yaml", Path("/folder"), Path("/folder"))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dog(_Model):
    name: str = Field(min_length=1, max_length=8)
    age: int = Field(default=1, ge=0, le=30, description="in years")
    weight: float = 9.5
    likes: Literal["bones", "balls"] = "balls"
    nap: Duration = 0

    @model_validator(mode="after")
    def _old_enough(self) -> Dog:
        if self.age == 0 and self.likes == "bones":
            raise ValueError("a puppy has no teeth")
        return self


class Kennel(_Model):
    dogs: tuple[Dog, ...] = Field(min_length=1)
    tags: dict[str, str] = Field(default_factory=dict)
    anything: Any = None
    map_of: ConfigPath | None = None


def problems(text: str, *, refusal: Refusal = lambda path: None) -> list[tuple[int | None, int | None, str]]:
    errors: list[ConfigError] = []
    node = yaml12.parse(text, SOURCE, errors)
    assert node is not None
    assert not errors
    assert validate(Kennel, node, (), errors, refusal=refusal) is None
    return [(error.line, error.column, error.message) for error in errors]


def test_all_problems_are_told_each_at_the_place_that_it_is_about() -> None:
    text = "dogs:\n- {name: Rex, age: old}\n- {naem: Max, weight: heavy}\ntags: [a]\n"
    assert problems(text) == [
        (2, 20, "expected a whole number, found 'old'"),
        (3, 3, "'name' is missing"),
        (3, 23, "expected a number, found 'heavy'"),
        (3, 4, "unknown key 'naem'. Did you mean 'name'?"),
        (4, 7, "expected a map, found a list"),
    ]


@pytest.mark.parametrize(
    ("dog", "column", "message"),
    [
        ("{name: Rex, age: -1}", 25, "expected at least 0, found '-1'"),
        ("{name: Rex, age: 31}", 25, "expected at most 30, found '31'"),
        ("{name: Rex, age: true}", 25, "expected a whole number, found 'true'"),
        ("{name: ''}", 15, "expected some text, found nothing"),
        ("{name: Methuselah}", 15, "expected at most 8 characters, found more"),
        ("{name: [Rex]}", 15, "expected text, found a list"),
        ("{name: Rex, likes: ball}", 27, "expected 'bones' or 'balls', found 'ball'. Did you mean 'balls'?"),
        ("{name: Rex, nap: 3}", 25, "a duration needs a unit: 3 could be '3ms' or '3s'"),
        ("{name: Rex, age: 0, likes: bones}", 8, "a puppy has no teeth"),
        ("Rex", 8, "expected a map, found 'Rex'"),
    ],
)
def test_a_problem_says_what_was_expected_and_what_was_found(dog: str, column: int, message: str) -> None:
    assert problems(f"dogs: [{dog}]") == [(1, column, message)]


def test_a_list_that_is_too_short_says_how_long_it_has_to_be() -> None:
    assert problems("dogs: []") == [(1, 7, "expected at least 1 entry, found 0")]


def test_a_list_is_not_called_too_short_because_an_entry_of_it_is_wrong() -> None:
    assert problems("dogs: [{name: Rex, age: x}]") == [(1, 25, "expected a whole number, found 'x'")]


def test_a_found_value_is_shown_only_up_to_a_length() -> None:
    ((_, _, message),) = problems(f"dogs: [{{name: Rex, age: {'x' * 1000}}}]")
    assert len(message) < 150
    assert message.endswith("…'")


def test_the_hint_is_what_the_field_says_of_itself_or_the_keys_that_exist() -> None:
    errors: list[ConfigError] = []
    place = Place(SOURCE, 1, 1)
    validate(Kennel, from_python({"dogs": [{"name": "Rex", "age": "x"}], "cats": 1}, place), (), errors)
    hints = ["age: in years", "known here: anything, dogs, map_of, tags"]
    assert [error.hint for error in errors] == hints


class Parrot(_Model):
    parrot: str
    says: str = ""


class Fish(_Model):
    fish: str


class Pet(_Model):
    pet: Parrot | Fish


def test_the_keys_that_exist_are_those_of_the_form_that_was_chosen() -> None:
    errors: list[ConfigError] = []
    pet = from_python({"pet": {"fish": "Wanda", "size": "s"}}, Place(SOURCE, 1, 1))
    validate(Pet, pet, (), errors)
    (hint,) = {error.hint for error in errors if "'size'" in error.message}
    assert hint == "known here: fish"


class Cat(_Model):
    kind: Literal["cat"]
    claws: int = 18


class Snake(_Model):
    kind: Literal["snake"]
    length: int = 1


class Cage(_Model):
    pet: Cat | Snake


def test_the_form_that_was_chosen_is_told_by_its_first_key_also_where_all_have_it() -> None:
    errors: list[ConfigError] = []
    cage = from_python({"pet": {"kind": "snake", "claws": 3}}, Place(SOURCE, 1, 1))
    validate(Cage, cage, (), errors)
    assert "known here: kind, length" in {error.hint for error in errors if "'claws'" in error.message}


def test_more_can_be_said_of_what_is_unknown() -> None:
    asked: list[tuple[str, ...]] = []

    def refusal(path: tuple[str, ...]) -> str | None:
        asked.append(path)
        return "next year" if path[-1] in ("collar", "sticks") else None

    text = "dogs: [{name: Rex, likes: sticks, collar: red, tail: long}]"
    messages = [message for _, _, message in problems(text, refusal=refusal)]
    assert messages == [
        "'sticks': next year",
        "'collar': next year",
        "unknown key 'tail'.",
    ]
    assert asked == [("dogs", "0", "likes", "sticks"), ("dogs", "0", "collar"), ("dogs", "0", "tail")]


def test_what_was_written_is_kept_where_text_is_wanted_and_typed_where_anything_is() -> None:
    errors: list[ConfigError] = []
    text = "{dogs: [{name: 4.10}], tags: {a: 007, b: yes}, anything: [4.10, no, true], map_of: k.png}"
    node = yaml12.parse(text, SOURCE, errors)
    assert node is not None
    kennel = validate(Kennel, node, (), errors)
    assert errors == []
    assert kennel == Kennel(
        dogs=(Dog(name="4.10"),),
        tags={"a": "007", "b": "yes"},
        anything=[4.1, "no", True],
        map_of=Path("/folder/k.png"),
    )


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["dogs", "name", "age", "nap", "tags", "anything"]) | st.text(max_size=9),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_any_data_is_either_a_model_or_problems(data: object) -> None:
    errors: list[ConfigError] = []
    found = validate(Kennel, from_python(data, Place(SOURCE, 1, 1)), (), errors)
    assert (found is None) == bool(errors)
