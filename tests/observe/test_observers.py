from __future__ import annotations

from typing import Any

import pytest

from voicepipe.core.frames import EndOfText, Text
from voicepipe.core.records import TurnDrafted, TurnEnded
from voicepipe.observe.observers import Observer, Observers, ReadsByType

TEXT = Text(turn=1, text="Sure.")
END = EndOfText(turn=1)


class Reads(ReadsByType):
    def __init__(self, *kinds: type[Any]) -> None:
        self.found: list[Any] = []
        self._kinds = kinds

    def reader(self, kind: type[Any]) -> Observer | None:
        return self._read if kind in self._kinds else None

    def _read(self, at_ns: int, event: Any) -> None:
        self.found.append((at_ns, event))


def test_who_reads_some_types_is_called_with_events_of_these_alone() -> None:
    observers, some, none = Observers(), Reads(EndOfText, TurnEnded), Reads(TurnDrafted)
    observers.append(some)
    observers.append(none)
    observers(1, TEXT)
    observers(2, END)
    assert some.found == [(2, END)]
    assert none.found == []


def test_who_does_not_say_what_it_reads_gets_everything_in_the_order_of_the_observers() -> None:
    observers, found = Observers(), list[tuple[str, Any]]()
    for name in ("first", "second"):
        observers.append(lambda at_ns, event, name=name: found.append((name, event)))  # type: ignore[misc]
    observers(1, TEXT)
    observers(2, END)
    assert found == [("first", TEXT), ("second", TEXT), ("first", END), ("second", END)]


def test_what_is_called_for_a_type_is_asked_for_once_and_called_in_place_of_the_observer() -> None:
    class Asked(Reads):
        def reader(self, kind: type[Any]) -> Observer | None:
            asked.append(kind)
            return lambda at_ns, event: found.append(event)

    asked, found, observers, whole = list[Any](), list[Any](), Observers(), Asked()
    observers.append(whole)
    for at_ns, event in enumerate((TEXT, TEXT, END, END)):
        observers(at_ns, event)
    assert asked == [Text, EndOfText]
    assert found == [TEXT, TEXT, END, END]
    assert whole.found == []


def test_one_that_reads_by_type_can_be_called_itself() -> None:
    some = Reads(EndOfText)
    some(1, TEXT)
    some(2, END)
    assert some.found == [(2, END)]


def test_one_that_comes_or_goes_meanwhile_counts_from_the_next_event_on() -> None:
    observers, late = Observers(), Reads(Text)
    observers(1, TEXT)
    observers.append(late)
    observers(2, TEXT)
    observers.remove(late)
    observers(3, TEXT)
    assert late.found == [(2, TEXT)]


def test_one_that_comes_during_an_event_is_called_from_the_next_one_on() -> None:
    def first(at_ns: int, event: Any) -> None:
        if at_ns == 2:
            observers.append(late)

    observers, late = Observers(), Reads(Text)
    observers.append(first)
    for at_ns in (1, 2, 3):
        observers(at_ns, TEXT)
    assert late.found == [(3, TEXT)]


def test_one_that_goes_during_an_event_is_still_called_with_it_and_so_are_those_behind_it() -> None:
    def first(at_ns: int, event: Any) -> None:
        if at_ns == 2:
            observers.remove(first)
            observers.remove(gone)
        called.append(at_ns)

    observers, called, gone, stays = Observers(), list[int](), Reads(Text), Reads(Text)
    for one in (first, gone, stays):
        observers.append(one)
    for at_ns in (1, 2, 3):
        observers(at_ns, TEXT)
    assert called == [1, 2]
    assert gone.found == [(1, TEXT), (2, TEXT)]
    assert stays.found == [(1, TEXT), (2, TEXT), (3, TEXT)]


def test_one_that_is_not_there_can_not_be_removed() -> None:
    with pytest.raises(ValueError, match="not in list"):
        Observers().remove(Reads())
