"""Budgets of calls with a fused model, held with a scripted server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.fused import STAGES, Held, hold, reads_out
from voicepipe.core.records import BudgetExceeded, ProviderAttempt, ProviderSwitched
from voicepipe.testing.realtime_server import RealtimeServer

TIME = "slt_what_time_is_it"
PRICES = """\
cost:
  prices:
    openai/gpt-realtime-2.1:
      million_tokens_in: 4
      million_tokens_out: 24
      million_audio_tokens_in: 32
      million_audio_tokens_out: 64
    openai/gpt-realtime-2.1-mini:
      million_tokens_in: 0.6
      million_tokens_out: 2.4
      million_audio_tokens_in: 10
      million_audio_tokens_out: 20
    openai/gpt-transcribe: {{audio_minute: 0.0045}}
  budget: {{session_usd: SESSION, then: [{{profile: cheap}}, hang_up]}}
profiles:
  cheap: {{stages: {{realtime: {{use: openai/gpt-realtime-2.1-mini, base_url: "{url}"}}}}}}
"""
"""4096 tokens of sound and words could cost 0.36 USD, or 0.09."""


def spoke(held: Held) -> list[ProviderAttempt]:
    """The requests that were answered aloud."""
    return [
        one for one in held.of(ProviderAttempt) if any(used.unit == "audio_tokens_out" for used in one.usage)
    ]


def test_a_fused_model_whose_reply_could_be_too_dear_is_replaced_by_a_cheaper_one(tmp_path: Path) -> None:
    async def main() -> None:
        stages = STAGES + PRICES.replace("SESSION", "0.30")
        async with RealtimeServer(heard=["what time is it"], answer=reads_out("It is ten.")) as server:
            held = await hold(server, tmp_path, TIME, stages=stages)
        (turn,) = held.report.turns
        assert (turn.user, turn.heard) == ("what time is it", "It is ten.")
        (switched,) = held.of(ProviderSwitched)
        assert (switched.slot, switched.provider) == ("realtime", "openai/gpt-realtime-2.1-mini")
        assert {one.model for one in spoke(held)} == {"gpt-realtime-2.1-mini"}
        assert held.report.cost is not None
        assert 0 < held.report.cost.priced < 0.01

    asyncio.run(main())


def test_a_fused_model_is_asked_nothing_that_the_budget_does_not_allow(tmp_path: Path) -> None:
    async def main() -> None:
        stages = STAGES + PRICES.replace("SESSION", "0.05")
        async with RealtimeServer(heard=["what time is it"], answer=reads_out("It is ten.")) as server:
            held = await hold(server, tmp_path, TIME, stages=stages)
        assert [one.action for one in held.of(BudgetExceeded)] == ["profile cheap", "hang_up"]
        assert not spoke(held)

    asyncio.run(main())
