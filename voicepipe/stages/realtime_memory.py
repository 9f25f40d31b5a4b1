"""What the server of a fused model remembers of the call, kept as our own history.

The server's conversation differs from ours wherever something happened that it can't know: an "uh-huh" that
needs no answer, a reply that was cut off, a tool that answered late, a connection that was made anew. It is
put right before the next reply is asked for, and not before: until then nobody looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voicepipe.core.frames import UserTurn
from voicepipe.core.messages import Message
from voicepipe.providers.realtime_base import RealtimeConnection
from voicepipe.speech.conversation import Conversation, Over
from voicepipe.stages.caller_audio import Utterance
from voicepipe.stages.realtime_reply import Reply

REMEMBERED = 8
"""Replies whose tools may still answer. Of older ones the server keeps what it was told."""

MOST_UTTERANCES = 64
"""That were never answered. Of a caller whom nobody answers, there may be noise for hours."""

MOST_AUDIO = 16
"""Utterances whose audio is kept, to be sent again."""


class Memory:
    """``listen`` has an utterance sent to the connection that there is, and its words noted."""

    def __init__(
        self, conversation: Conversation, *, speaks: bool, listen: Callable[[Utterance], None]
    ) -> None:
        self.utterances: dict[int, Utterance] = {}
        """By position: those that may belong to a turn, or have to be taken back."""
        self._conversation = conversation
        self._speaks = speaks
        self._listen = listen
        self._replies: list[Reply] = []
        self._told: dict[int, bool] = {}
        """The turns that the connection knows, and whether it has the caller's words of each as audio."""

    def note_utterance(self, utterance: Utterance) -> None:
        self.utterances[utterance.position] = utterance
        if len(self.utterances) > MOST_UTTERANCES:
            del self.utterances[next(iter(self.utterances))]
        for old in list(self.utterances.values())[:-MOST_AUDIO]:
            old.frames.clear()

    def note_reply(self, reply: Reply) -> None:
        """Another one is due."""
        self._replies = [*self._replies[1 - REMEMBERED :], reply]

    async def begin(self, connection: RealtimeConnection, number: int) -> None:
        """Tell a new connection, the one with this ``number``, of the turns that are over.

        What is still known as audio only, it will hear before it is asked for a reply.
        """
        self._told = {}
        over = [
            one
            for one in self._conversation.over
            if one.question or not any(position in self.utterances for position in one.utterances)
        ]
        await self._tell(connection, number, self._told, over, before=None)

    async def prepare(
        self, connection: RealtimeConnection, number: int, frame: UserTurn, reply: Reply
    ) -> None:
        """The conversation is as ours, and the caller's turn stands at its end.

        May be called again if it was broken off: what was done isn't done twice.
        """
        told = self._told
        await self._correct(connection, number)
        mine = [utterance for at in frame.utterances if (utterance := self.utterances.get(at))]
        for utterance in mine:
            await self._wait_for(utterance, number)
        first = next((one.item_id for one in mine if one.stands_on(number)), None)
        await self._tell(connection, number, told, self._conversation.over, before=first)
        await self._take_back(connection, number, frame, told)
        for utterance in mine:
            if utterance.connection != number and utterance.text:
                item_id = await connection.add(Message(role="user", text=utterance.text))
                utterance.place(number, item_id)
        if frame.typed and reply.typed_on != number:
            await connection.add(Message(role="user", text=frame.typed))
            reply.typed_on = number
        for message in self._conversation.working(frame.turn):
            reply.note_result(message, await connection.add(message))
        reply.connection = number
        told[frame.turn] = True
        self._forget(told)

    async def give_results(
        self, connection: RealtimeConnection, reply: Reply, results: Sequence[Message]
    ) -> None:
        """What tools have answered, where the server doesn't know it yet."""
        for message in results:
            if message.role != "tool" or message.tool_call_id not in reply.calls:
                continue
            told, item_id = reply.calls[message.tool_call_id]
            if told is None:
                reply.note_result(message, await connection.add(message))
            elif told != message.text:
                reply.note_result(message, await connection.replace(item_id, message))

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    async def _wait_for(self, utterance: Utterance, number: int) -> None:
        """It is on its way, or is sent again by who listens. Where nobody does, and the words aren't known,
        somebody has to."""
        await utterance.placed.wait()
        if utterance.connection != number and not utterance.text and utterance.heard:
            self._listen(utterance)
            await utterance.placed.wait()

    async def _take_back(
        self, connection: RealtimeConnection, number: int, frame: UserTurn, told: dict[int, bool]
    ) -> None:
        """The utterances that aren't to be answered, and those of which the server was told in words."""
        for position, utterance in list(self.utterances.items()):
            turn = self._conversation.answers(position)
            if turn == frame.turn or (turn is None and position > frame.through):
                continue
            del self.utterances[position]
            utterance.unwanted = True
            heard = turn is not None and told.get(turn, False)
            if not heard and utterance.stands_on(number) and utterance.item_id is not None:
                await connection.delete(utterance.item_id)

    async def _tell(
        self,
        connection: RealtimeConnection,
        number: int,
        told: dict[int, bool],
        past: Sequence[Over],
        *,
        before: str | None,
    ) -> None:
        """Those of ``past`` that it doesn't know: of another connection, or over before it was asked."""
        for over in past:
            if over.turn in told:
                continue
            here = [self.utterances.get(position) for position in over.utterances]
            heard = bool(here) and all(one is not None and one.stands_on(number) for one in here)
            reply = next((one for one in self._replies if one.turn == over.turn), None)
            for message in over.answer if heard else over.question + over.answer:
                item_id = await connection.add(message, before=before)
                if reply is not None:
                    reply.note_result(message, item_id)
            if reply is not None:
                reply.items.clear()
                reply.connection = number
            told[over.turn] = heard

    def _forget(self, told: dict[int, bool]) -> None:
        """The turns that the conversation has forgotten: nobody asks for them any more."""
        first = min((over.turn for over in self._conversation.over), default=0)
        for turn in [turn for turn in told if turn < first]:
            del told[turn]

    # ── the replies ──────────────────────────────────────────────────────────────────────────────

    async def _correct(self, connection: RealtimeConnection, number: int) -> None:
        """What of earlier replies the server has got wrong."""
        for reply in self._replies[:-1]:
            if reply.connection != number:
                continue  # the server of that connection is gone; this one is told what is true
            if self._speaks:
                await self._correct_audio(connection, reply)
            else:
                await self._correct_text(connection, reply)
            if reply.calls:
                past = [message for over in self._conversation.over for message in over.answer]
                await self.give_results(connection, reply, past)

    async def _correct_audio(self, connection: RealtimeConnection, reply: Reply) -> None:
        while reply.items:
            item = reply.items.pop(0)
            if not item.heard_whole and item.heard_ms:
                await connection.truncate(item.item_id, item.heard_ms)
            elif not item.heard_whole:
                await connection.delete(item.item_id)

    async def _correct_text(self, connection: RealtimeConnection, reply: Reply) -> None:
        heard = self._conversation.remembered(reply.turn)
        said = " ".join(item.text.strip() for item in reply.items)
        if heard.split() == said.split():
            reply.items.clear()
        while reply.items:
            item = reply.items.pop(0)
            if heard:
                await connection.replace(item.item_id, Message(role="assistant", text=heard))
                heard = ""
            else:
                await connection.delete(item.item_id)
