"""What waits for one call: in order, bounded, and over when there will be no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_mailbox import MOST_BYTES, Mailbox
from voicepipe.providers.vendor_errors import broken_off


def lost() -> ProviderError:
    return broken_off("openai", "the line is dead")


def event(number: int, kind: str = "response.x") -> dict[str, Any]:
    return {"type": kind, "n": number}


def test_events_come_in_their_order_and_the_failure_last() -> None:
    async def main() -> None:
        box = Mailbox()
        box.put(event(1), 10)
        box.put(event(2), 10)
        box.fail(lost)
        box.put(event(3), 10)
        assert [(await box.get())["n"] for _ in range(2)] == [1, 2]
        failures = []
        for _ in range(2):
            with pytest.raises(ProviderError, match="dead") as caught:
                await box.get()
            failures.append(caught.value)
        assert failures[0] is not failures[1]

    asyncio.run(main())


def test_who_waits_is_woken_by_an_event_and_by_a_failure() -> None:
    async def main() -> None:
        box = Mailbox()
        waiting = asyncio.ensure_future(box.get())
        await asyncio.sleep(0)
        box.put(event(1), 1)
        assert (await waiting)["n"] == 1
        waiting = asyncio.ensure_future(box.get())
        await asyncio.sleep(0)
        box.fail(lost)
        with pytest.raises(ProviderError):
            await waiting

    asyncio.run(main())


def test_once_closed_it_takes_only_the_end() -> None:
    async def main() -> None:
        box = Mailbox()
        box.put(event(1), 1)
        box.close()
        box.put(event(2), 1)
        box.put(event(3, "response.done"), 1)
        assert (await box.get())["n"] == 3

    asyncio.run(main())


def test_a_reply_that_nobody_reads_is_given_up_at_its_bound() -> None:
    async def main() -> None:
        box = Mailbox()
        box.put(event(1), MOST_BYTES)
        for number in range(2, 100):
            box.put(event(number), MOST_BYTES)
        assert [(await box.get())["n"] for _ in range(2)] == [1, 2]
        with pytest.raises(ProviderError, match=str(MOST_BYTES)):
            await box.get()

    asyncio.run(main())


def test_what_was_read_makes_room() -> None:
    async def main() -> None:
        box = Mailbox()
        for number in range(5):
            box.put(event(number), MOST_BYTES - 1)
            assert (await box.get())["n"] == number

    asyncio.run(main())
