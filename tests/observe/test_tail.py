from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.observe.tail import Tail


@given(st.lists(st.integers()), st.integers(1, 5) | st.none())
def test_the_last_are_kept_and_the_others_counted_and_given_back(added: list[int], most: int | None) -> None:
    tail: Tail[int] = Tail(most)
    out = [fell for one in added if (fell := tail.add(one)) is not None]
    assert out + tail == added
    assert tail.left_out == len(out)
    assert len(tail) == (len(added) if most is None else min(most, len(added)))
