"""The stand-in for a fused model: the scripted Realtime server, which speaks well until it is struck."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from voicepipe.providers.openai_realtime_events import READ_OUT
from voicepipe.testing.chaos.faults import Fault
from voicepipe.testing.chaos.talk import ARGUMENTS, CALLER, TOOL, wants_tool, words
from voicepipe.testing.openai_server import Tool
from voicepipe.testing.realtime_script import Asked, Heard, Refusal, Reply
from voicepipe.testing.realtime_script import Fault as Strike
from voicepipe.testing.realtime_server import RealtimeServer

MOST_UTTERANCES = 100
"""More than a call of the chaos has."""

_RATE_LIMIT = {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "Rate limit reached."}
_BROKEN = {"type": "server_error", "code": "server_error", "message": "The server had an error."}

_IN_REPLIES: Mapping[Fault, Strike] = {
    "reset": "reset",
    "garbage": "malformed",
    "cut_utf8": "cut_utf8",
    "content_type": "binary",
    "nan": "bad_audio",
    "hang": "stall",
}
"""What strikes in the middle of each reply. Other content than text is what a WebSocket calls binary."""

DRIP_S = 2.0
"""Between two words."""


class RealtimePeer(RealtimeServer):
    """See ``peers.Peer``."""

    def __init__(self, *, tools_struck: bool) -> None:
        heard = [Heard(text=CALLER, late=True)] * MOST_UTTERANCES
        super().__init__(heard=heard, answer=self._reply)
        self.fault: Fault | None = None
        self._tools_struck = tools_struck

    @property
    def url(self) -> str:
        return self.base_url

    def strike(self, fault: Fault) -> None:
        """In every reply from now on; where it is the connection that fails, at once."""
        self.fault = fault
        if fault in ("429", "500"):
            self.refuse_all = Refusal(status=int(fault), error=_error(fault))
        elif fault == "half_open":
            self.refuse_all = Refusal(silent=True)
            self.freeze()
        elif fault == "refuse":
            self.stop_listening()
            self.abort()

    def _reply(self, asked: Asked) -> Reply:
        if asked.params.get("conversation") == "none":
            return self._struck([str(asked.params["instructions"]).removeprefix(READ_OUT)])
        turn = sum(item["type"] == "message" and item["role"] == "user" for item in asked.conversation)
        last = asked.conversation[-1] if asked.conversation else {"type": "message"}
        answered = last["type"] == "function_call_output"
        if self.fault is None and not answered and wants_tool(turn, tools_struck=self._tools_struck):
            return Reply(tools=[Tool(name=TOOL, arguments=[json.dumps(ARGUMENTS)])])
        return self._struck(words(turn, str(last["output"]) if answered else None))

    def _struck(self, text: Sequence[str]) -> Reply:
        match self.fault:
            case "429" | "500":
                return Reply(status="failed", error=_error(self.fault))
            case "slow_drip":
                return Reply(text=text, delay=DRIP_S)
            case None:
                return Reply(text=text)
        return Reply(text=text, fault=_IN_REPLIES.get(self.fault), fault_after=min(2, len(text)))


def _error(status: Literal["429", "500"]) -> dict[str, str]:
    return _RATE_LIMIT if status == "429" else _BROKEN
