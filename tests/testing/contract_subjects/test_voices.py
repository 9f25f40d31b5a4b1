"""The voices behind servers keep what every provider promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voicepipe.testing.contract import Promise, Subject, keep, promises_of
from voicepipe.testing.contract_subjects.voices import ElevenLabsSubject, OpenAISpeechSubject

PACKAGES = {ElevenLabsSubject: "websockets", OpenAISpeechSubject: "openai"}


def cases() -> Iterator[object]:
    for kind in PACKAGES:
        for one in promises_of(kind()):
            yield pytest.param(kind, one, id=f"{kind.__name__}-{one.name}")


@pytest.mark.parametrize(("kind", "promise"), list(cases()))
def test_it_keeps_its_promises(kind: type[Subject], promise: Promise) -> None:
    pytest.importorskip(PACKAGES[kind], reason="needs the extra 'cloud'")
    keep(promise, kind())
