"""The scripted stand-ins keep what they stand in for."""

from __future__ import annotations

from tests.support.contract_cases import cases, examine, shipped_by
from voicepipe.testing.contract import Promise


@cases(*shipped_by("sim"))
def test_a_scripted_provider_keeps_its_promises(name: str, one: Promise) -> None:
    examine(name, one)
