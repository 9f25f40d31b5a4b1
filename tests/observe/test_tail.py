from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.errors import UsageError
from voicepipe.observe.tail import Tail


@given(st.lists(st.integers()), st.integers(1, 5) | st.none())
def test_the_last_are_kept_and_the_others_counted_and_given_back(added: list[int], most: int | None) -> None:
    tail: Tail[int] = Tail(most)
    out = [fell for one in added for fell in tail.add(one)]
    assert out + tail == added
    assert tail.left_out == len(out)
    assert len(tail) == (len(added) if most is None else min(most, len(added)))


def test_what_is_not_over_stays_with_all_behind_it_until_it_is() -> None:
    tail: Tail[int] = Tail(1)
    assert [tail.add(one, over=lambda one: one != 1) for one in (1, 2, 3)] == [[], [], []]
    assert tail.add(4) == [1, 2, 3]
    assert (tail, tail.left_out) == ([4], 3)


@pytest.mark.parametrize("most", [0, -1])
def test_nothing_at_all_cannot_be_kept(most: int) -> None:
    with pytest.raises(UsageError, match=rf"can't keep its last {most} turns"):
        Tail(most)
