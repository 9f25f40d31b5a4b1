"""How a subject is asked, by its kind."""

from __future__ import annotations

from voicepipe.providers.base import ProviderKind
from voicepipe.testing.contract.asking import Answering, Asking, Hearing, Speaking
from voicepipe.testing.contract.conversing import Conversing
from voicepipe.testing.contract.subject import Subject

ASKINGS: dict[ProviderKind, Asking] = {
    "stt": Hearing(),
    "llm": Answering(),
    "tts": Speaking(),
    "realtime": Conversing(),
}


def asking_of(subject: Subject) -> Asking:
    return ASKINGS[subject.provider.kind]
