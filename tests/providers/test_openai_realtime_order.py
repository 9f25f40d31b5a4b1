from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.providers.openai_realtime_order import MOST_ITEMS, ROOT, Order


def added(order: Order, item_id: str, before: str | None) -> None:
    order.note({"type": "conversation.item.added", "previous_item_id": before, "item": {"id": item_id}})


def test_the_server_tells_what_stands_before_an_item() -> None:
    order = Order()
    added(order, "a", None)
    order.note({"type": "input_audio_buffer.committed", "previous_item_id": "a", "item_id": "b"})
    assert (order.before("a"), order.before("b"), order.before("c")) == (ROOT, "a", None)


def test_other_events_and_broken_ones_tell_nothing() -> None:
    order = Order()
    order.note({"type": "response.done", "item_id": "a", "previous_item_id": None})
    order.note({"type": "conversation.item.added", "item": 7})
    order.note({"type": "input_audio_buffer.committed"})
    assert order.before("a") is None


def test_what_was_put_between_is_not_forgotten_when_the_server_tells_late() -> None:
    order = Order()
    order.note({"type": "input_audio_buffer.committed", "previous_item_id": "a", "item_id": "b"})
    order.insert("x", after="a")
    added(order, "b", "a")
    assert (order.before("x"), order.before("b")) == ("a", "x")


def test_an_item_behind_one_that_nobody_knows_is_unknown_once_that_is_gone() -> None:
    order = Order()
    added(order, "b", "a")
    order.remove("a")
    assert order.before("b") is None


def test_only_the_last_items_are_remembered() -> None:
    order = Order()
    for number in range(MOST_ITEMS + 1):
        added(order, f"i{number + 1}", f"i{number}")
    assert order.before("i1") is None
    assert order.before("i2") == "i1"


@given(st.lists(st.tuples(st.sampled_from("ir"), st.integers(0, 8)), max_size=30))
def test_the_order_is_that_of_a_list(steps: list[tuple[str, int]]) -> None:
    order, items = Order(), [ROOT]
    for number, (step, at) in enumerate(steps):
        if step == "i":
            place = at % len(items)
            order.insert(f"n{number}", after=items[place])
            items.insert(place + 1, f"n{number}")
        elif len(items) > 1:
            gone = items.pop(1 + at % (len(items) - 1))
            order.remove(gone)
    for before, item in pairwise(items):
        assert order.before(item) == before
