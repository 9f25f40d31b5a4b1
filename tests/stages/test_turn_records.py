from __future__ import annotations

from tests.support.turn_bench import TurnBench
from voicepipe.core.clock import run_on
from voicepipe.core.records import TurnBegan, TurnEnded
from voicepipe.speech.turn_rules import CallerTurn
from voicepipe.stages.turn_records import record_begin, record_end


def test_what_the_caller_said_and_when_stands_in_the_record_of_the_beginning() -> None:
    async def main() -> None:
        call = TurnBench()
        record_begin(call.context, 1, CallerTurn("hello", 10, 20))
        record_begin(call.context, 2)
        assert call.of(TurnBegan) == [
            TurnBegan(at_ns=0, turn=1, user="hello", end_of_speech_ns=10, wait_over_ns=20),
            TurnBegan(at_ns=0, turn=2, user="", end_of_speech_ns=None, wait_over_ns=None),
        ]

    run_on("simulated", main())


def test_what_was_said_and_heard_stands_in_the_record_of_the_end() -> None:
    async def main() -> None:
        call = TurnBench()
        record_end(call.context, 1, "failed", "Hello there", "Hello", "gone")
        assert call.of(TurnEnded) == [
            TurnEnded(at_ns=0, turn=1, status="failed", said="Hello there", heard="Hello", error="gone")
        ]

    run_on("simulated", main())
