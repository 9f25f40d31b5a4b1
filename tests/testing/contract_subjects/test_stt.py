"""Recognisers behind servers keep the contract."""

from __future__ import annotations

import pytest

from tests.support.contract_cases import cases, examine, shipped_by
from voicepipe.testing.contract import Promise, keep, promises_of
from voicepipe.testing.contract_subjects.stt import OpenAILiveSubject

LIVE = OpenAILiveSubject()


@cases(*shipped_by("stt"))
def test_a_recogniser_behind_a_server_keeps_its_promises(name: str, one: Promise) -> None:
    examine(name, one)


@pytest.mark.parametrize("one", promises_of(LIVE), ids=lambda one: one.name)
def test_so_does_the_one_that_hears_while_the_caller_speaks(one: Promise) -> None:
    keep(one, LIVE)
