"""What a provider says of its server before the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from voicepipe.errors import SetupError


def setup_failure(started: Callable[..., Any], server: Any, **config: Any) -> SetupError:
    """Of ``started(base_url, **config)``, an async context, with ``server`` there to be asked."""

    async def main() -> None:
        async with server, started(server.base_url, **config):
            return

    with pytest.raises(SetupError) as caught:
        asyncio.run(main())
    return caught.value
