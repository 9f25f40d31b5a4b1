from __future__ import annotations

from pathlib import Path

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.cli.files import shipped
from voicepipe.cli.page import Followed
from voicepipe.compare.page.single import Part
from voicepipe.core.clock import Clock, run_on
from voicepipe.transports.conversation import ConversationCall, Utterance
from voicepipe.transports.wav import load_clip

STEPS = [Utterance(load_clip(shipped("questions/1_what_time_is_it.wav"), RATE))]


def held(folder: Path) -> Part:
    """A call that follows ``STEPS``, on the simulated clock, as a part of a page."""
    pipeline = Pipeline.from_yaml(shipped("sim.yaml"))
    followed = Followed(STEPS, ["what time is it"])
    calls: list[Call] = []
    ends: list[ConversationCall] = []

    def begin(call: Call) -> None:
        call.observe(followed)
        calls.append(call)

    def open_ends(clock: Clock) -> ConversationCall:
        ends.append(ConversationCall(clock, STEPS, rate=RATE, recording=folder / "call.wav"))
        calls[0].observe(ends[0].caller)
        return ends[0]

    report = run_on("simulated", pipeline.hold(open_ends, on_call=begin))
    return followed.part("The call", pipeline, report, ends[0], folder / "call.wav")


def test_a_call_that_was_followed_becomes_a_part_with_its_recording(tmp_path: Path) -> None:
    part = held(tmp_path)
    (tmp_path / "call.wav").unlink()
    assert part.recording is not None
    assert part.recording.seconds > 1
    (turn,) = part.call.turns
    assert turn.answered
    assert turn.voice_to_voice_ns is not None
    assert sum(one.duration_ns for one in turn.waterfall) == turn.voice_to_voice_ns
    assert any(event["event"] == "PlaybackStarted" for event in part.call.events)
    assert part.stages["llm"] == "sim"
    assert part.call.words == 4
    assert part.call.clock == "simulated"
