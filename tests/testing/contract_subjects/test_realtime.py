"""Fused models keep the contract."""

from __future__ import annotations

from tests.support.contract_cases import cases, examine, shipped_by
from voicepipe.testing.contract import Promise


@cases(*shipped_by("realtime"))
def test_a_fused_model_keeps_its_promises(name: str, one: Promise) -> None:
    examine(name, one)
