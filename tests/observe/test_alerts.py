from __future__ import annotations

import asyncio
from typing import Any

from voicepipe.observe.alerts import Alert, Alerts

ALERT = Alert("objective_missed", "answers are slow", {"value": 1.5})


def test_everybody_is_told_as_soon_as_the_loop_is_free() -> None:
    async def tell() -> list[tuple[str, Alert]]:
        alerts, told = Alerts(), list[tuple[str, Alert]]()
        alerts.add(lambda alert: told.append(("first", alert)))
        alerts.add(lambda alert: told.append(("second", alert)))
        alerts.tell(ALERT)
        assert told == []
        await asyncio.sleep(0)
        return told

    assert asyncio.run(tell()) == [("first", ALERT), ("second", ALERT)]


def test_a_callback_that_fails_keeps_nobody_else_from_being_told() -> None:
    def fails(alert: Alert) -> None:
        raise RuntimeError("no pager")

    async def tell() -> tuple[list[Alert], list[Any]]:
        alerts, told, failed = Alerts(), list[Alert](), list[Any]()
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: failed.append(context["exception"])
        )
        alerts.add(fails)
        alerts.add(told.append)
        alerts.tell(ALERT)
        await asyncio.sleep(0)
        return told, failed

    told, failed = asyncio.run(tell())
    assert told == [ALERT]
    assert [str(error) for error in failed] == ["no pager"]
