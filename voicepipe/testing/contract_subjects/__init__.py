"""How the contract suite sets up the providers that come with voicepipe; examples for subjects of yours."""

from __future__ import annotations

_HERE = "voicepipe.testing.contract_subjects"

SHIPPED = {
    "vad.sim": f"{_HERE}.sim:SimVadSubject",
    "stt.sim": f"{_HERE}.sim:SimSttSubject",
    "llm.sim": f"{_HERE}.sim:SimLlmSubject",
    "tts.sim": f"{_HERE}.sim:SimTtsSubject",
    "tts.elevenlabs": f"{_HERE}.voices:ElevenLabsSubject",
    "tts.openai": f"{_HERE}.voices:OpenAISpeechSubject",
    "llm.rules": f"{_HERE}.offline:RulesSubject",
    "stt.pocketsphinx": f"{_HERE}.offline:PocketSphinxSubject",
}
"""Registered names → ``module:Class``, imported when needed. Others need nothing, or a model."""
