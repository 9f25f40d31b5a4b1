"""What needs the household's rules keeps the contract."""

from __future__ import annotations

from tests.support.contract_cases import cases, examine, shipped_by
from voicepipe.testing.contract import Promise


@cases(*shipped_by("offline"))
def test_a_provider_of_the_household_keeps_its_promises(name: str, one: Promise) -> None:
    examine(name, one)
