"""How the contract suite sets up the providers that come with voicepipe; examples for subjects of yours."""

from __future__ import annotations

_HERE = "voicepipe.testing.contract_subjects"

SHIPPED = {
    "vad.sim": f"{_HERE}.sim:SimVadSubject",
    "stt.sim": f"{_HERE}.sim:SimSttSubject",
    "llm.sim": f"{_HERE}.sim:SimLlmSubject",
    "tts.sim": f"{_HERE}.sim:SimTtsSubject",
    "llm.rules": f"{_HERE}.offline:RulesSubject",
    "stt.pocketsphinx": f"{_HERE}.offline:PocketSphinxSubject",
    "llm.openai": f"{_HERE}.llm:OpenAISubject",
    "llm.groq": f"{_HERE}.llm:GroqSubject",
    "llm.openrouter": f"{_HERE}.llm:OpenRouterSubject",
    "llm.azure": f"{_HERE}.llm:AzureSubject",
    "llm.ollama": f"{_HERE}.llm:OllamaSubject",
    "llm.vllm": f"{_HERE}.llm:VllmSubject",
    "llm.anthropic": f"{_HERE}.llm:AnthropicSubject",
    "stt.deepgram": f"{_HERE}.stt:DeepgramSubject",
    "stt.openai": f"{_HERE}.stt:OpenAISubject",
    "tts.openai": f"{_HERE}.voices:OpenAISpeechSubject",
    "tts.elevenlabs": f"{_HERE}.voices:ElevenLabsSubject",
    "realtime.openai": f"{_HERE}.realtime:OpenAIRealtimeSubject",
}
"""Registered names → ``module:Class``, imported when needed. Others need nothing, or a model."""
