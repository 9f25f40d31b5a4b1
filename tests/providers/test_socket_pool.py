"""The pool of connections, with sockets that only remember what is done to them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from voicepipe.core.units import MS, SECOND
from voicepipe.providers.socket_pool import SocketPool

websockets = pytest.importorskip("websockets", reason="needs the extra 'cloud'")


class Socket:
    """As much of a connection as a pool touches; ``hang_up`` is what the server may do."""

    def __init__(self) -> None:
        self.state = websockets.State.OPEN
        self.sent: list[str] = []
        self.news = asyncio.Event()
        self.closed = asyncio.Event()

    def hang_up(self) -> None:
        self.state = websockets.State.CLOSED
        self.news.set()

    async def recv(self) -> str:
        await self.news.wait()
        raise websockets.exceptions.ConnectionClosedOK(None, None)

    async def send(self, message: str) -> None:
        if self.state is not websockets.State.OPEN:
            raise websockets.exceptions.ConnectionClosedOK(None, None)
        self.sent.append(message)
        self.news.clear()

    async def close(self) -> None:
        self.state = websockets.State.CLOSED
        self.closed.set()


class Sockets:
    def __init__(self) -> None:
        self.opened: list[Socket] = []

    async def __call__(self) -> Socket:
        self.opened.append(Socket())
        return self.opened[-1]


def pool_of(sockets: Sockets, **fields: Any) -> SocketPool:
    return SocketPool(sockets, **{"keep_ns": 60 * SECOND, "goodbye": "bye", **fields})


def test_a_session_gets_its_own_connection_back_and_no_other_one() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets)
        ann, bob = await pool.take("ann"), await pool.take("bob")
        await pool.give_back(ann)
        await pool.give_back(bob)
        assert await pool.take("ann") is ann
        assert await pool.take("cid") is not bob
        assert (len(sockets.opened), pool.size) == (3, 3)
        await pool.close()
        assert pool.size == 0

    asyncio.run(main())


def test_a_connection_that_nobody_has_used_is_for_whoever_comes_first() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets)
        await pool.prepare()
        pooled = await pool.take("ann")
        assert (pooled.socket, pooled.session) == (sockets.opened[0], "ann")
        await pool.close()

    asyncio.run(main())


def test_a_connection_that_was_dropped_is_closed_and_not_used_again() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets)
        await pool.drop(await pool.take("ann"))
        assert (sockets.opened[0].closed.is_set(), sockets.opened[0].sent) == (True, ["bye"])
        assert (await pool.take("ann")).socket is sockets.opened[1]
        await pool.close()

    asyncio.run(main())


def test_a_connection_that_the_server_has_closed_is_forgotten() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets)
        await pool.give_back(await pool.take("ann"))
        sockets.opened[0].hang_up()
        assert (await pool.take("ann")).socket is sockets.opened[1]
        await pool.give_back(await pool.take("bob"))
        sockets.opened[2].hang_up()
        await sockets.opened[2].closed.wait()  # the pool notices by itself
        await pool.close()

    asyncio.run(main())


def test_a_resting_connection_is_kept_alive_and_closed_after_a_while() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets, keep_ns=50 * MS, keep_alive="still here", every_s=0.01)
        await pool.give_back(await pool.take("ann"))
        await sockets.opened[0].closed.wait()
        *alive, last = sockets.opened[0].sent
        assert (set(alive), last) == ({"still here"}, "bye")
        assert len(alive) >= 2
        await pool.close()
        assert pool.size == 0

    asyncio.run(main())


def test_without_time_to_rest_each_connection_is_closed_after_its_use() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets, keep_ns=0)
        await pool.prepare()
        await pool.give_back(await pool.take("ann"))
        assert [socket.closed.is_set() for socket in sockets.opened] == [True, True]

    asyncio.run(main())


def test_more_connections_than_may_rest_cost_the_one_that_rested_longest() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets, most=2)
        taken = [await pool.take(name) for name in ("ann", "bob", "cid")]
        for pooled in taken:
            await pool.give_back(pooled)
        assert [socket.closed.is_set() for socket in sockets.opened] == [True, False, False]
        await pool.close()

    asyncio.run(main())


def test_a_connection_that_is_too_old_is_not_used_again() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets, oldest_ns=0)
        await pool.give_back(await pool.take("ann"))
        assert sockets.opened[0].closed.is_set()

    asyncio.run(main())


def test_closing_the_pool_closes_those_in_use_and_nothing_rests_after_it() -> None:
    async def main() -> None:
        sockets = Sockets()
        pool = pool_of(sockets)
        pooled = await pool.take("ann")
        await pool.close()
        assert sockets.opened[0].closed.is_set()
        await pool.give_back(pooled)
        assert pool.size == 0

    asyncio.run(main())


def test_a_connection_that_can_not_be_opened_is_the_callers_failure() -> None:
    async def refuse() -> Any:
        raise ConnectionRefusedError

    async def main() -> None:
        pool = SocketPool(refuse, keep_ns=SECOND)
        with pytest.raises(ConnectionRefusedError):
            await pool.take("ann")
        assert pool.size == 0

    asyncio.run(main())
