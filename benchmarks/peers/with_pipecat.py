"""Pipecat 1.14, measured in the environment that ``benchmarks.peers.environments`` makes for it.

The pipeline is that of its cascade template. ``default``: no option is set. ``best``: the turn ends after
200 ms of silence, without its turn model (waiting for which is most of what it waits), speech starts after
50 ms, audio leaves in pieces of 20 ms, the observers that serve clients and turn tracking are off, and what
has been imported is left out of garbage collections (160 ms at a time), as the other two do by themselves.

The transport is a pair of its own base classes, paced as its WebSocket transports pace what they write.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

os.environ.setdefault("LOGURU_LEVEL", "ERROR")

import numpy as np
from pipecat.audio.turn.smart_turn import local_smart_turn_v3  # noqa: F401  (imported before the first start)
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from benchmarks.peers.harness import WINDOW, Agent, Mocks, System, Windows
from benchmarks.peers.measures import answer
from benchmarks.peers.sounds import FRAME, OUTPUT_RATE, RATE, hum

SILENCE_S = 0.2
"""``stop_secs`` of its VAD by default, too."""

BEST_VAD = VADParams(start_secs=0.05, stop_secs=SILENCE_S)
"""Two windows of speech, rounded, as for the others."""

STAGES = 5
AHEAD = 50
"""Frames under way at most, when saturated: its queues have no bound."""

FIRST_SENTENCE = 12


class Pipecat(System):
    def __init__(self, setting: str, mocks: Mocks) -> None:
        super().__init__(setting, mocks)
        if setting == "best":
            gc.collect()
            gc.freeze()

    async def open(self, watched: bool = False) -> Agent:
        agent = PipecatAgent(self.mocks, self.setting, watched)
        await agent.start()
        return agent

    def unavoidable(self) -> float:
        return max(SILENCE_S, self.mocks.stt_final) + self.mocks.until_audio(FIRST_SENTENCE)

    async def frames(self, count: int) -> float:
        room, done = asyncio.Semaphore(AHEAD), asyncio.Event()
        first, *others = [PassThrough() for _ in range(STAGES - 1)]
        task = await _run(
            worker := _worker(Pipeline([first, *others, Last(count, room, done)]), self.setting)
        )
        frame = bytes(2 * FRAME)
        began = time.process_time()
        for _ in range(count):
            await room.acquire()
            await first.queue_frame(InputAudioRawFrame(frame, RATE, 1))
        await done.wait()
        took = time.process_time() - began
        await worker.cancel()
        await task
        return took


def _worker(pipeline: Pipeline, setting: str) -> PipelineWorker:
    lean = {"enable_rtvi": False, "enable_turn_tracking": False} if setting == "best" else {}
    return PipelineWorker(pipeline, cancel_on_idle_timeout=False, **lean)


async def _run(worker: PipelineWorker) -> asyncio.Task[None]:
    """Return when the pipeline has started."""
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _started(*_: Any) -> None:
        started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    task = asyncio.create_task(runner.run())
    await started.wait()
    return task


class PassThrough(FrameProcessor):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Last(PassThrough):
    """The last of the stages; it counts."""

    def __init__(self, count: int, room: asyncio.Semaphore, done: asyncio.Event) -> None:
        super().__init__()
        self._left, self._room, self._done = count, room, done

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._left -= 1
            self._room.release()
            if not self._left:
                self._done.set()


class WatchedVad(SileroVADAnalyzer):
    """Notes when the event loop has the result of each window."""

    def __init__(self, windows: Windows, **options: Any) -> None:
        super().__init__(**options)
        self._windows, self._samples = windows, 0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        state = await super().analyze_audio(buffer)
        self._samples += len(buffer) // 2
        if self._samples >= WINDOW:
            self._samples -= WINDOW
            self._windows.done(time.perf_counter())
        return state


# ── engines ──────────────────────────────────────────────────────────────────────────────────────


class MockStt(STTService):
    """It is told by the caller's side what was said, and when."""

    def __init__(self) -> None:
        super().__init__(settings=STTSettings(model="mock", language=None))

    async def run_stt(self, audio: bytes) -> AsyncIterator[Frame | None]:
        yield None

    async def told(self, words: str, at: float) -> None:
        await asyncio.sleep(at - time.perf_counter())
        await self.push_frame(TranscriptionFrame(words, "caller", time_now_iso8601(), finalized=True))


class MockLlm(LLMService):
    def __init__(self, mocks: Mocks) -> None:
        named = dict.fromkeys(
            [
                "system_instruction",
                "temperature",
                "max_tokens",
                "top_p",
                "top_k",
                "frequency_penalty",
                "presence_penalty",
                "seed",
                "user_turn_completion_config",
            ]
        )
        super().__init__(settings=LLMSettings(model="mock", filter_incomplete_user_turns=False, **named))
        self._mocks = mocks

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        first = time.perf_counter() + self._mocks.llm_first
        await self.push_frame(LLMFullResponseStartFrame())
        try:
            for number, token in enumerate(self._mocks.tokens):
                await asyncio.sleep(first + number * self._mocks.llm_token - time.perf_counter())
                await self._push_llm_text(token)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())


class MockTts(TTSService):
    def __init__(self, mocks: Mocks) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=OUTPUT_RATE,
            settings=TTSSettings(model="mock", voice="mock", language=None),
        )
        self._mocks = mocks

    async def run_tts(self, text: str, context_id: str) -> AsyncIterator[Frame]:
        first = time.perf_counter() + self._mocks.tts_first
        sound, block = hum(self._mocks.seconds(text)), round(self._mocks.tts_block * OUTPUT_RATE)
        for number, start in enumerate(range(0, sound.size, block)):
            due = first + number * self._mocks.tts_block / self._mocks.tts_speed
            await asyncio.sleep(due - time.perf_counter())
            pcm = sound[start : start + block].tobytes()
            yield TTSAudioRawFrame(pcm, OUTPUT_RATE, 1, context_id=context_id)


# ── a session ────────────────────────────────────────────────────────────────────────────────────


class Microphone(BaseInputTransport):
    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)


class Loudspeaker(BaseOutputTransport):
    def __init__(self, params: TransportParams, agent: Agent) -> None:
        super().__init__(params)
        self._agent = agent
        self._end = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            self._end = 0.0
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Sound at once: what was written before has been waited for."""
        now, pcm = time.perf_counter(), np.frombuffer(frame.audio, np.int16)
        self._agent.ear.write(now, max(now, self._end), pcm)
        self._end = max(now, self._end) + pcm.size / frame.sample_rate
        await asyncio.sleep(self._end - pcm.size / frame.sample_rate - now)
        return True


class PipecatAgent(Agent):
    def __init__(self, mocks: Mocks, setting: str, watched: bool) -> None:
        super().__init__(watched)
        self._mocks = mocks
        pieces = {} if setting == "default" else {"audio_out_10ms_chunks": 2}
        params = TransportParams(
            audio_in_enabled=True, audio_out_enabled=True, audio_out_sample_rate=OUTPUT_RATE, **pieces
        )
        self._microphone, self._stt = Microphone(params), MockStt()
        options = {} if setting == "default" else {"params": BEST_VAD}
        detector = WatchedVad(self.windows, **options) if watched else SileroVADAnalyzer(**options)
        user, assistant = LLMContextAggregatorPair(
            LLMContext([{"role": "system", "content": "You are the order desk of a shop."}]),
            user_params=_user_params(setting, detector),
        )
        stages = [self._microphone, self._stt, user, MockLlm(mocks), MockTts(mocks)]
        self._worker = _worker(Pipeline([*stages, Loudspeaker(params, self), assistant]), setting)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._running = await _run(self._worker)

    def push(self, pcm: bytes, words: str = "", speech_end: float = 0.0) -> None:
        at_once(self._microphone.push_audio_frame(InputAudioRawFrame(pcm, RATE, 1)))
        if words:
            task = asyncio.create_task(self._stt.told(words, speech_end + self._mocks.stt_final))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        await self._worker.cancel()
        await self._running


def at_once(never_waits: Coroutine[Any, Any, None]) -> None:
    """Its queue has no bound: a task of its own would only cost time."""
    try:
        never_waits.send(None)
    except StopIteration:
        return
    raise RuntimeError("the microphone's queue made the caller wait")


def _user_params(setting: str, detector: SileroVADAnalyzer) -> LLMUserAggregatorParams:
    if setting == "default":
        return LLMUserAggregatorParams(vad_analyzer=detector)
    return LLMUserAggregatorParams(
        vad_analyzer=detector,
        user_turn_strategies=UserTurnStrategies(
            stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)]
        ),
    )


if __name__ == "__main__":
    answer(Pipecat)
