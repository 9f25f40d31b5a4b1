"""Recognisers behind servers keep the contract."""

from __future__ import annotations

from tests.support.contract_cases import cases, examine, shipped_by
from voicepipe.testing.contract import Promise


@cases(*shipped_by("stt"))
def test_a_recogniser_behind_a_server_keeps_its_promises(name: str, one: Promise) -> None:
    examine(name, one)
