"""REALTIME: a model that hears and speaks, in place of stt, llm and tts.

The turn stage stays and owns all ids. Its ``UserTurn`` asks for a reply; what the model hears is told to it
against the stream. Speech is sent on as it comes, whatever else goes on; each utterance and each reply is a
guarded call of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, Literal

from pydantic import Field

from voicepipe.core.frames import (
    UNRECOGNISED,
    AudioIn,
    AudioOut,
    CallerIdle,
    EndOfAudio,
    EndOfText,
    Frame,
    SpeechStarted,
    SpeechStopped,
    StreamFrame,
    Text,
    Transcript,
    TurnFailed,
    UserTurn,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.ports import Ports, ports_of
from voicepipe.core.units import SECOND, Duration
from voicepipe.errors import BudgetError, ProviderError
from voicepipe.providers.base import Hypothesis, ProviderKind
from voicepipe.providers.realtime_base import (
    CallerSilent,
    CallerStarted,
    CallerStopped,
    RealtimeProvider,
    RealtimeSetup,
)
from voicepipe.speech.budget import Asks
from voicepipe.stages.base import ReplaceableConfig, Stage, StageConfig, StageContext
from voicepipe.stages.caller_audio import CallerAudio, Utterance
from voicepipe.stages.kept_back import KeptBack
from voicepipe.stages.realtime_link import Link, ServerEvent
from voicepipe.stages.realtime_memory import Memory
from voicepipe.stages.realtime_talk import Talk
from voicepipe.stages.tool_rounds import ToolRoundsConfig
from voicepipe.stages.transcriber import Transcriber

_VOICE = frozenset({AudioOut, EndOfAudio})


class RealtimeConfig(ReplaceableConfig, ToolRoundsConfig):
    output: Literal["audio", "text"] = Field(
        "audio", description="whether the model speaks itself, or writes what a tts stage speaks"
    )
    send_silence: bool = Field(
        False,
        description="whether the model is sent all that the microphone hears, or the caller's speech with its"
        " padding; a server that finds the turns is sent all",
    )
    renew_after: Duration = Field(
        55 * 60 * SECOND,
        gt=0,
        description="how long a connection lasts before it is replaced in a quiet moment; OpenAI ends one"
        " after 60 minutes",
    )


class Realtime(Stage):
    kind: ClassVar[str] = "realtime"
    provider_kind: ClassVar[ProviderKind | None] = "realtime"
    Config: ClassVar[type[StageConfig]] = RealtimeConfig
    capacity: ClassVar[int] = 500  # ten seconds of audio: a connection that is slow must not cost words
    optional: ClassVar[frozenset[type[Frame]]] = frozenset({SpeechStarted, SpeechStopped})
    config: RealtimeConfig
    provider: RealtimeProvider

    @classmethod
    def ports(cls, config: Any) -> Ports:
        ports = ports_of(cls.run)
        return ports if config.output == "audio" else Ports(ports.takes, ports.gives - _VOICE)

    @classmethod
    def tells(cls, config: Any) -> frozenset[type[StreamFrame]]:
        return frozenset({Transcript, SpeechStarted, SpeechStopped})

    @classmethod
    def claims(cls, config: Any) -> frozenset[type[Frame]]:
        return cls.ports(config).gives | {Transcript}

    async def run(
        self,
        ctx: StageContext,
        inbox: Inbox[AudioIn | SpeechStarted | SpeechStopped | UserTurn],
        out: Outlet[Text | EndOfText | AudioOut | EndOfAudio],
    ) -> None:
        async with asyncio.TaskGroup() as group:
            call = _Call(self, ctx, out, group)
            await call.listen(inbox)
            call.end()


class _Call:
    """The state of one session."""

    def __init__(
        self, stage: Realtime, ctx: StageContext, out: Outlet[Any], group: asyncio.TaskGroup
    ) -> None:
        self._stage = stage
        self._ctx = ctx
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()
        self._audio = CallerAudio()
        self._rate = 0
        self._end = 0
        """Behind the last sample so far."""
        self._last: Utterance | None = None
        self._onset = 0
        """Where the speech began that the server is about to find the end of."""
        self._finds_turns = ctx.finds_turns or SpeechStarted in ctx.tells
        self._whole = stage.config.send_silence or self._finds_turns
        self._silence = KeptBack(ctx)
        self._silences: dict[int, int] = {}
        """By the utterance that it lies before: milliseconds that weren't sent."""
        speaks = stage.config.output == "audio"
        self._memory = Memory(ctx.conversation, speaks=speaks, listen=self._listen_again)
        self._link = Link(
            ctx,
            stage.provider,
            self._audio,
            setup=self._setup,
            on_connected=self._memory.begin,
            on_event=self._on_event,
            renew_after=stage.config.renew_after,
            whole=self._whole,
        )
        self._talk = Talk(
            ctx,
            self._link,
            self._memory,
            out,
            provider=stage.provider,
            speaks=speaks,
            most_rounds=stage.config.max_tool_rounds,
        )
        self._holder = group.create_task(self._link.run(), name=f"{ctx.slot} connection")

    def end(self) -> None:
        for task in (self._holder, *self._tasks):
            task.cancel()

    def _setup(self) -> RealtimeSetup:
        ctx = self._ctx
        return RealtimeSetup(
            instructions=ctx.conversation.prompt,
            tools=ctx.tools.offers(),
            finds_turns=self._finds_turns,
            speaks=self._stage.config.output == "audio",
        )

    async def listen(self, inbox: Inbox[AudioIn | SpeechStarted | SpeechStopped | UserTurn]) -> None:
        async for frame in inbox:
            if type(frame) is AudioIn:
                self._audio.push(frame)
                self._rate, self._end = frame.rate, frame.position + frame.pcm.size
                if self._whole or self._audio.open is not None:
                    await self._link.append(frame)
                else:
                    self._silence.note(frame)
                if self._link.old and self._quiet:
                    self._link.renew()
            elif type(frame) is UserTurn:
                self._note_silence(frame)
                self._spawn(self._talk.reply(frame), f"reply {frame.turn}")
            elif type(frame) is SpeechStarted:
                self._onset = frame.position
                if not self._finds_turns:
                    before, self._last = self._last, self._audio.begin(frame.position, frame.audio_from)
                    self._silence.send(self._last.frames.samples)
                    self._silences[frame.position] = self._silence.take()
                    await self._link.begin(self._last, before)
            elif type(frame) is SpeechStopped and not self._finds_turns:
                utterance = self._audio.end()
                if utterance is not None:
                    self._hear(utterance)

    @property
    def _quiet(self) -> bool:
        """Nobody speaks, and nothing is due."""
        turns = self._ctx.turns
        return not self._tasks and self._audio.open is None and turns.live is None and turns.draft is None

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note_silence(self, turn: UserTurn) -> None:
        """What lies before the utterances that ``turn`` answers would have been billed with the reply."""
        ms = sum(self._silences.get(position, 0) for position in turn.utterances)
        answered = max(turn.through, *turn.utterances, -1)
        self._silences = {at: one for at, one in self._silences.items() if at > answered}
        self._silence.record(self._link.provider, ms)

    # ── the caller's words ───────────────────────────────────────────────────────────────────────

    def _hear(self, utterance: Utterance, *, found: bool = False) -> None:
        """``found``: by the server, which has placed it already."""
        self._memory.note_utterance(utterance)
        self._spawn(self._transcribe(utterance, found), f"utterance {utterance.position}")

    def _listen_again(self, utterance: Utterance) -> None:
        utterance.displace()
        utterance.heard = False
        self._spawn(self._transcribe(utterance, found=False), f"utterance {utterance.position} again")

    async def _transcribe(self, utterance: Utterance, found: bool) -> None:
        ctx, link, transcriber = self._ctx, self._link, Transcriber(utterance.position, self._ctx.clock)
        if found and ctx.finds_turns:
            self._tell(transcriber, Hypothesis(text="", final=False, ends_turn=True))
        try:
            async with ctx.provider_call(
                lambda provider, call: link.hear(provider, call, utterance),
                turn=None,
                used=lambda: utterance.stands_on(link.number),  # words that didn't come once won't come
                asks=lambda: Asks(hear_ms=utterance.length_ms),
            ) as events:
                async for hypothesis in events:
                    self._tell(transcriber, hypothesis)
                    if hypothesis.final and hypothesis.text != UNRECOGNISED:
                        utterance.text = hypothesis.text
        except (ProviderError, BudgetError) as error:
            ctx.report(TurnFailed(turn=None, stage=ctx.slot, error=error, at_ns=ctx.clock.now()))
        finally:
            self._note_heard(utterance)
        # The policy waits for a final one of every utterance. The model may have heard what wasn't written.
        self._tell(transcriber, Hypothesis(text=UNRECOGNISED if utterance.item_id else "", final=True))

    def _note_heard(self, utterance: Utterance) -> None:
        utterance.heard = True
        if self._link.connection is not None and utterance.item_id is None:
            utterance.connection = self._link.number  # it had its chance there
        utterance.placed.set()

    def _tell(self, transcriber: Transcriber, hypothesis: Hypothesis) -> None:
        if (transcript := transcriber.frame(hypothesis)) is not None:
            self._ctx.report(transcript)

    # ── what the server finds ────────────────────────────────────────────────────────────────────

    def _on_event(self, event: ServerEvent) -> None:
        ctx = self._ctx
        if isinstance(event, CallerSilent):
            ctx.report(CallerIdle(at_ns=ctx.clock.now()))
        elif isinstance(event, CallerStarted | CallerStopped):
            now, position = ctx.clock.now(), self._link.position(event.audio_ms, self._rate)
            spoken_ns = now - max(0, self._end - position) * SECOND // max(1, self._rate)
            if isinstance(event, CallerStarted):
                self._server_heard_onset(position, spoken_ns, now)
            else:
                self._server_heard_end(event.item_id, position, spoken_ns, now)

    def _server_heard_onset(self, position: int, onset_ns: int, now: int) -> None:
        if self._audio.open is not None:
            return  # a new connection hears once more what was told already
        self._audio.begin(position, position)
        if SpeechStarted in self._ctx.tells:
            self._onset = position
            self._ctx.report(
                SpeechStarted(position=position, audio_from=position, onset_ns=onset_ns, at_ns=now)
            )

    def _server_heard_end(self, item_id: str, position: int, offset_ns: int, now: int) -> None:
        if SpeechStopped in self._ctx.tells:
            self._ctx.report(SpeechStopped(position=position, offset_ns=offset_ns, at_ns=now))
        utterance = self._audio.end() or Utterance(self._onset)
        utterance.position = self._onset
        utterance.place(self._link.number, item_id)
        self._link.heard_through = position
        self._hear(utterance, found=True)
