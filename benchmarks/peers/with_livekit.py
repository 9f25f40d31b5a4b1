"""LiveKit Agents 1.8, measured in the environment that ``benchmarks.peers.environments`` makes for it.

One ``AgentSession`` without a room, with an audio input and output of its own kind. ``default``: engines
are given and no option is set, so it brings its own VAD and turn model. ``silero``: Silero as it comes.
``best``: Silero, the turn ends after 200 ms of silence, model and voice begin before that, and the caller may
interrupt from the start and after 50 ms of speech. What has been imported is left out of garbage collections,
whatever the setting, as its own server does it: a full one took 100 to 125 ms.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import time
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent as Assistant
from livekit.agents import AgentSession, llm, stt, tts, utils, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins import silero

from benchmarks.peers.feeder import Feeder
from benchmarks.peers.harness import Agent, Caller, Mocks, System, Windows, private_megabytes
from benchmarks.peers.measures import answer
from benchmarks.peers.sounds import OUTPUT_RATE, RATE, Clip, hum

SILENCE_S = 0.2
FIRST_SENTENCE = 12
PRELOADED = [
    "livekit.plugins.silero",
    "livekit.agents.ipc._preload",
    "livekit.agents.ipc._preload_freeze",
    "benchmarks.peers.with_livekit",
]
WAITS_S = {"default": 0.3, "silero": 0.55, "best": SILENCE_S}
"""Of silence, at the least, by its settings: its ``min_delay`` or the VAD's ``min_silence_duration``."""


class LiveKit(System):
    def __init__(self, setting: str, mocks: Mocks) -> None:
        super().__init__(setting, mocks)
        self._vad: vad.VAD | None = None

    async def open(self, watched: bool = False) -> Agent:
        if self._vad is None and self.setting != "default":
            best = {"min_silence_duration": SILENCE_S} if self.setting == "best" else {}
            self._vad = silero.VAD.load(**best)
        agent = LiveKitAgent(self.mocks, self._options(), watched)
        await agent.start()
        return agent

    def _options(self) -> dict[str, Any]:
        if self.setting == "default":
            return {}
        if self.setting == "silero":
            return {"vad": self._vad, "turn_handling": {"turn_detection": "vad"}}
        turns = {
            "turn_detection": "vad",
            "endpointing": {"min_delay": 0.0, "max_delay": 0.5},
            "preemptive_generation": {"enabled": True, "preemptive_tts": True},
            "interruption": {"min_duration": 0.05},
        }
        return {"vad": self._vad, "turn_handling": turns, "aec_warmup_duration": None}

    async def deployed(self, count: int, clip: str) -> list[float]:
        """A fork each, of a server that has loaded what the framework's own job server loads."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        ready, over = context.Queue(), context.Event()
        job = (self.setting, self.mocks, clip, ready, over)
        children = [context.Process(target=hold_one, args=job, daemon=True) for _ in range(count)]
        for child in children:
            child.start()
        found = [ready.get(timeout=60) for _ in children]
        over.set()
        for child in children:
            child.join(10)
            child.kill()
        return found

    def unavoidable(self) -> float:
        """The model begins at the final words; the voice at the end of the turn, but not at its best."""
        mocks, wait = self.mocks, WAITS_S[self.setting]
        if self.setting == "best":
            return max(wait, mocks.stt_final + mocks.until_audio(FIRST_SENTENCE))
        sentence = mocks.stt_final + mocks.until_audio(FIRST_SENTENCE) - mocks.tts_first
        return max(wait, sentence) + mocks.tts_first


def hold_one(setting: str, mocks: Mocks, clip: str, ready: Any, over: Any) -> None:
    """In a process of its own: one session that hears two seconds of its room."""

    async def hold() -> None:
        caller = Caller(await LiveKit(setting, mocks).open(), Clip.read(clip, ""), Feeder(clip, 1))
        await asyncio.sleep(2.0)
        gc.collect()
        ready.put(private_megabytes())
        while not over.is_set():  # noqa: ASYNC110 - it is an event of another process
            await asyncio.sleep(0.1)
        await caller.hang_up()

    logging.disable(logging.WARNING)
    asyncio.run(hold())


class LiveKitAgent(Agent):
    def __init__(self, mocks: Mocks, options: dict[str, Any], watched: bool) -> None:
        super().__init__(watched)
        self._mocks = mocks
        self._stt = MockStt()
        self._input = Microphone()
        if watched:
            options = options | {"vad": WatchedVad(options["vad"], self.windows)}
        self._session: Any = AgentSession(stt=self._stt, llm=MockLlm(mocks), tts=MockTts(mocks), **options)
        self._session.input.audio, self._session.output.audio = self._input, Loudspeaker(self)

    async def start(self) -> None:
        await self._session.start(Assistant(instructions="You are the order desk of a shop."))

    def push(self, pcm: bytes, words: str = "", speech_end: float = 0.0) -> None:
        frame = rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)
        self._input.frames.send_nowait(frame)
        if words:
            wait = speech_end + self._mocks.stt_final - time.perf_counter()
            asyncio.get_running_loop().call_later(max(0.0, wait), self._stt.tell, words)

    async def close(self) -> None:
        await self._session.aclose()


class WatchedVad(vad.VAD):
    """Notes when the event loop has the result of each window."""

    def __init__(self, inner: vad.VAD, windows: Windows) -> None:
        super().__init__(capabilities=inner.capabilities)
        self._inner, self._windows = inner, windows

    @property
    def min_silence_duration(self) -> float | None:
        return self._inner.min_silence_duration

    def stream(self) -> vad.VADStream:
        stream = self._inner.stream()
        send = stream._event_ch.send_nowait

        def noted(event: vad.VADEvent) -> None:
            if event.type == vad.VADEventType.INFERENCE_DONE:
                self._windows.done(time.perf_counter())
            send(event)

        stream._event_ch.send_nowait = noted
        return stream


# ── engines ──────────────────────────────────────────────────────────────────────────────────────


class MockStt(stt.STT):
    """It is told by the caller's side what was said."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self._stream: MockTranscript | None = None

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError("it streams")

    def stream(
        self, *, language: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS
    ) -> MockTranscript:
        self._stream = MockTranscript(stt=self, conn_options=conn_options)
        return self._stream

    def tell(self, words: str) -> None:
        if self._stream is not None and not self._stream._event_ch.closed:
            said = stt.SpeechData(language="en", text=words, confidence=1.0)
            event = stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said])
            self._stream._event_ch.send_nowait(event)


class MockTranscript(stt.RecognizeStream):
    async def _run(self) -> None:
        async for _ in self._input_ch:
            pass


class MockLlm(llm.LLM):
    def __init__(self, mocks: Mocks) -> None:
        super().__init__()
        self.mocks = mocks

    def chat(
        self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any
    ) -> MockAnswer:
        return MockAnswer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class MockAnswer(llm.LLMStream):
    async def _run(self) -> None:
        mocks: Mocks = self._llm.mocks
        first = time.perf_counter() + mocks.llm_first
        for number, token in enumerate(mocks.tokens):
            await asyncio.sleep(first + number * mocks.llm_token - time.perf_counter())
            delta = llm.ChoiceDelta(role="assistant", content=token)
            self._event_ch.send_nowait(llm.ChatChunk(id="mock", delta=delta))


class MockTts(tts.TTS):
    """It doesn't stream text: the session cuts sentences, as it does for most voices."""

    def __init__(self, mocks: Mocks) -> None:
        capabilities = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=capabilities, sample_rate=OUTPUT_RATE, num_channels=1)
        self.mocks = mocks

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> MockVoice:
        return MockVoice(tts=self, input_text=text, conn_options=conn_options)


class MockVoice(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        mocks: Mocks = self._tts.mocks
        first = time.perf_counter() + mocks.tts_first
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=OUTPUT_RATE, num_channels=1, mime_type="audio/pcm"
        )
        sound, block = hum(mocks.seconds(self._input_text)), round(mocks.tts_block * OUTPUT_RATE)
        for number, start in enumerate(range(0, sound.size, block)):
            due = first + number * mocks.tts_block / mocks.tts_speed
            await asyncio.sleep(due - time.perf_counter())
            output_emitter.push(sound[start : start + block].tobytes())
        output_emitter.flush()


# ── a session's ends ─────────────────────────────────────────────────────────────────────────────


class Microphone(AudioInput):
    def __init__(self) -> None:
        super().__init__(label="caller")
        self.frames = utils.aio.Chan[rtc.AudioFrame]()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self.frames.__anext__()


class Loudspeaker(AudioOutput):
    """Takes frames at any pace and plays them at that of the clock; it can pause, as a room's can."""

    def __init__(self, agent: Agent) -> None:
        capabilities = AudioOutputCapabilities(pause=True)
        super().__init__(label="caller", sample_rate=OUTPUT_RATE, capabilities=capabilities)
        self._agent = agent
        self._pushed = 0.0
        """Seconds of this reply."""
        self._end: float | None = None
        """When all of it will have been heard, while it is played."""
        self._left: float | None = None
        """Seconds of it, while it is paused."""
        self._complete = False
        self._timer: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        now = time.perf_counter()
        if not self._pushed:
            self.on_playback_started(created_at=time.time())
        self._pushed += frame.duration
        if self._left is not None:
            self._left += frame.duration
            return
        start = max(now, self._end or now)
        self._end = start + frame.duration
        self._agent.ear.write(now, start, np.frombuffer(frame.data, np.int16))

    def flush(self) -> None:
        super().flush()
        self._complete = self._pushed > 0
        self._watch()

    def clear_buffer(self) -> None:
        self._agent.ear.cut(time.perf_counter())
        if self._pushed:
            self._over(interrupted=True)

    def pause(self) -> None:
        if self._left is None:
            now = time.perf_counter()
            self._left = max(0.0, (self._end or now) - now)
            self._agent.ear.cut(now)
            self._watch()

    def resume(self) -> None:
        if self._left is not None:
            now = time.perf_counter()
            if self._left:
                self._agent.ear.write(now, now, hum(self._left))
            self._end, self._left = now + self._left, None
            self._watch()

    def _watch(self) -> None:
        """Say when it has been played to its end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._complete and self._left is None:
            wait = max(0.0, (self._end or 0.0) - time.perf_counter())
            self._timer = asyncio.get_running_loop().call_later(wait, self._over)

    def _over(self, interrupted: bool = False) -> None:
        left = self._left
        if left is None:
            left = max(0.0, (self._end or 0.0) - time.perf_counter())
        heard = max(0.0, self._pushed - left)
        self._pushed, self._end, self._left, self._complete = 0.0, None, None, False
        self._watch()
        self.on_playback_finished(playback_position=heard, interrupted=interrupted)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    gc.collect()
    gc.freeze()  # as its own server does once it has loaded everything (livekit.agents.ipc._preload_freeze)
    answer(LiveKit)
