"""Every kind of provider is examined."""

from __future__ import annotations

from typing import get_args

from voicepipe.providers.base import ProviderKind
from voicepipe.testing.contract.kinds import ASKINGS
from voicepipe.testing.contract.promise import CALLS, all_promises


def test_every_kind_that_answers_requests_can_be_asked() -> None:
    assert set(ASKINGS) == set(CALLS) == set(get_args(ProviderKind)) - {"vad"}


def test_every_kind_makes_promises_of_its_own_or_with_others() -> None:
    for kind in get_args(ProviderKind):
        assert [one for one in all_promises() if kind in one.kinds]
