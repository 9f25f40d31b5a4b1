"""Whole calls with billed inputs, real servers on loopback: what they are sent, and what that saved."""

from __future__ import annotations

import asyncio
import base64
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.fused import hold, items, reads_out
from voicepipe import Pipeline
from voicepipe.api import RATE, Call
from voicepipe.audio.level import end_of_speech, first_audible
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.cli.cost import cost_lines
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.records import NotSent
from voicepipe.core.units import MS
from voicepipe.observe.report import CallReport
from voicepipe.speech.pricing import usd
from voicepipe.testing.deepgram_server import DeepgramServer, Utterance
from voicepipe.testing.openai_live_server import OpenAILiveServer, Turn
from voicepipe.testing.realtime_server import RealtimeServer
from voicepipe.transports.conversation import ConversationCall
from voicepipe.transports.conversation import Utterance as Step
from voicepipe.transports.wav import Clip, WavCall, load_clip

pytest.importorskip("openai", reason="needs the extra 'cloud'")
pytest.importorskip("websockets", reason="needs the extra 'cloud'")

TIME, LIGHTS = "slt_what_time_is_it", "slt_turn_on_the_kitchen_lights"
FILE = """\
voicepipe: 1
stages:
  vad: energy
  turn: {strategy: silence}
  stt: {use: sim, texts: [nothing of this]}
  llm: {use: sim, replies: [Yes.]}
  tts: {use: sim, speed: 20}
cost: {prices: {deepgram: {audio_minute: 0.0048}, openai/gpt-live-transcribe: {audio_minute: 0.017}}}
"""
PADDING = HANGOVER = 300
"""At most, in ms: ``prefix_padding`` before the onset is found, and the detector's ``hangover``."""


async def held(folder: Path, stt: str, url: str) -> tuple[CallReport, list[NotSent]]:
    path = folder / "pipeline.yaml"
    path.write_text(FILE)
    pipe = Pipeline.from_yaml(path, set={"stages.stt": stt, "stages.stt.base_url": url}, env={})
    told: list[NotSent] = []

    def observe(at_ns: int, event: Any) -> None:
        if isinstance(event, NotSent):
            told.append(event)

    async with pipe:
        ends = partial(WavCall, script=[clip(TIME)], rate=RATE, gap_ns=500 * MS)
        return await pipe.hold(ends, on_call=lambda call: call.observe(observe)), told


def clip(name: str) -> Clip:
    return load_clip(COMMANDS / f"{name}.wav", RATE)


def amount_of(report: CallReport, slot: str, unit: str) -> int:
    return sum(
        amount.total
        for meter, amount in report.usage.amounts.items()
        if (meter.slot, meter.unit) == (slot, unit)
    )


def check_saving(report: CallReport, told: list[NotSent], usd_minute: str) -> None:
    """What is told as saved is the silence at the vendor's price, to the picodollar."""
    silence = sum(one.ms for one in told)
    (saved,) = report.saved.amounts.values()
    assert (saved.total, saved.unpriced, report.not_sent_ms) == (silence, 0, silence)
    assert abs(usd(saved.cost) - silence * Decimal(usd_minute) / 60_000) <= len(told) * Decimal("1e-12")
    printed = report.to_dict()
    assert [(one["slot"], one["unit"], one["amount"]) for one in printed["saved"]] == [
        ("stt", "audio_in_ms", silence)
    ]
    assert printed["cost"]["saved_usd"] == float(usd(saved.cost))
    assert report.cost is not None
    assert cost_lines(report.cost)[-1].startswith(f"silence not sent: {silence / 1000:.0f} s, 0.0")


def holds_the_speech_of(name: str, heard: Pcm, rate: int) -> None:
    """All of the clip's speech is there, with padding before it and no more silence than belongs to it."""
    said = resample(clip(name).pcm, RATE, rate)
    begin, end = first_audible(said, rate, -35.0), end_of_speech(said, rate)
    assert begin is not None
    assert end is not None
    speech = said[begin:end].astype(np.float64)
    padded = np.concatenate((heard.astype(np.float64), np.zeros(1 << 17)))[: 1 << 17]
    spectrum = np.fft.rfft(padded) * np.conj(np.fft.rfft(speech, 1 << 17))
    at = int(np.argmax(np.fft.irfft(spectrum)))
    found = padded[at : at + speech.size]
    likeness = found @ speech / np.sqrt((found @ found) * (speech @ speech))
    assert likeness > 0.99, "a part of the words is missing"
    before, after = at * 1000 / rate, (heard.size - at - speech.size) * 1000 / rate
    assert 0 < before <= PADDING + 200
    assert 100 <= after <= HANGOVER + 200


def test_deepgram_is_sent_what_is_said_with_its_padding_and_billed_for_that(tmp_path: Path) -> None:
    async def main() -> None:
        async with DeepgramServer(Utterance(text="one")) as server:
            report, told = await held(tmp_path, "deepgram/nova-3", server.base_url)
            heard = np.frombuffer(bytes(server.connections[-1].audio), "<i2").astype(np.int16)
        holds_the_speech_of(TIME, heard, RATE)
        assert amount_of(report, "stt", "audio_in_ms") == round(heard.size * 1000 / RATE)
        assert len(told) == 2  # before the question, and after it
        check_saving(report, told, "0.0048")

    asyncio.run(main())


def test_a_live_transcription_is_committed_an_utterance_at_a_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with OpenAILiveServer(Turn(deltas=["one"])) as server:
            report, told = await held(tmp_path, "openai/gpt-live-transcribe", server.base_url)
            (audio,) = [audio for session in server.sessions for audio in session.audio]
        holds_the_speech_of(TIME, np.frombuffer(audio, "<i2").astype(np.int16), 24_000)
        check_saving(report, told, "0.017")

    asyncio.run(main())


FUSED = """\
  vad: energy
  realtime: {{use: openai/gpt-realtime-2.1, base_url: "{url}"}}
cost: {{prices: {{openai/gpt-realtime-2.1: {{million_audio_tokens_in: 32, million_audio_tokens_out: 64,
  million_tokens_in: 4, million_tokens_out: 24}}}}}}
"""


LONG = "One moment, I am looking for that, and I have found it in the end, as it seems, so let me tell you."


def test_a_fused_model_is_sent_what_is_said_also_into_its_reply(tmp_path: Path) -> None:
    calls: list[Call] = []
    steps = [Step(clip(TIME)), Step(clip(LIGHTS), into_ns=1200 * MS)]

    def ends(clock: Clock) -> ConversationCall:
        made = ConversationCall(clock, steps, rate=RATE, gap_ns=100 * MS, recording=tmp_path / "call.wav")
        calls[0].observe(made.caller)
        return made

    async def main() -> None:
        async with RealtimeServer(heard=["one", "two"], answer=reads_out(LONG, "No.")) as server:
            call = await hold(server, tmp_path, stages=FUSED, ends=ends, on_call=calls.append)
            (session,) = [one for one in server.sessions if one.ear.audio]
            commits = items(server, "input_audio_buffer.commit")
        heard = np.concatenate(session.ear.audio)
        report, told = call.report, call.of(NotSent)
        assert report.turns[0].status == "interrupted"
        assert len(commits) == len(told) == 2
        spoken_ms = amount_of(report, "realtime", "audio_in_ms")  # as the server measures what it transcribes
        assert abs(heard.size * 1000 / session.ear.rate - spoken_ms) <= 2
        sent = np.split(heard, [_second(session.received)])
        for name, one in zip((TIME, LIGHTS), sent, strict=True):
            holds_the_speech_of(name, one, session.ear.rate)
        saved = {meter.unit: amount for meter, amount in report.saved.amounts.items()}
        assert set(saved) == {"audio_tokens_in"}
        tokens = sum(one.ms // 100 for one in told)
        assert (saved["audio_tokens_in"].total, saved["audio_tokens_in"].cost) == (
            tokens,
            tokens * 32_000_000,
        )
        caller = read_wav(tmp_path / "call.wav", channel=0)
        whole_ms = caller.pcm.size * 1000 / caller.rate
        assert sum(one.ms for one in told) + spoken_ms < whole_ms, "the silence at the end is nobody's"

    asyncio.run(main())


def _second(received: list[dict[str, Any]]) -> int:
    """Where in all audio that was sent the second utterance begins, in samples."""
    samples = 0
    for event in received:
        if event["type"] == "input_audio_buffer.commit":
            break
        if event["type"] == "input_audio_buffer.append":
            samples += len(base64.b64decode(event["audio"])) // 2
    return samples


def test_a_server_that_finds_the_turns_hears_everything(tmp_path: Path) -> None:
    async def main() -> None:
        stages = (
            "  turn: {{strategy: provider}}\n"
            "  realtime: {{use: openai/gpt-realtime-2.1, base_url: '{url}',"
            " turn_detection: {{type: server_vad, silence_duration: 300ms}}}}\n"
        )
        async with RealtimeServer(heard=["one"], answer=reads_out("Yes.")) as server:
            call = await hold(server, tmp_path, TIME, stages=stages)
            (session,) = [one for one in server.sessions if one.ear.audio]
        caller = read_wav(tmp_path / "call.wav", channel=0)
        sent_ms = sum(pcm.size for pcm in session.ear.audio) * 1000 / session.ear.rate
        assert sent_ms > caller.pcm.size * 1000 / caller.rate - 100
        assert call.of(NotSent) == []

    asyncio.run(main())
