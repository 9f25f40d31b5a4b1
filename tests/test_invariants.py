"""What holds of every call, whatever happens in it and whenever: on whole sessions, on the virtual clock."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.any_call import SHIPPED, AnyCall, Happening, Plan
from voicepipe.core.clock import run_on
from voicepipe.core.records import SpeechIgnored, TurnEnded
from voicepipe.stages.turn import TurnConfig


def hold(plan: Plan) -> AnyCall:
    async def main() -> AnyCall:
        call = AnyCall(plan)
        await call.hold()
        call.check()
        return call

    return run_on("simulated", main())


MAX_EXAMPLES = 100
"""As many as fit into half a minute on a slow machine."""

HAPPENINGS = st.builds(
    Happening,
    gap_ms=st.integers(0, 3500),
    what=st.sampled_from(
        [
            "speaks",
            "speaks",
            "speaks",
            "begins",
            "stops",
            "agrees",
            "coughs",
            "types",
            "skips",
            "repeats",
            "talks",
        ]
    ),
    ms=st.integers(80, 1500),
)
STT = st.lists(
    st.sampled_from(["final", "partials", "partials", "slow", "fails", "hangs"]), min_size=1, max_size=4
)
LLM = st.lists(
    st.sampled_from(
        [
            *("short", "long", "long", "asks", "empty", "slow", "fails", "breaks", "hangs"),
            *("tool looks", "tool books", "tool breaks", "tool dawdles"),
        ]
    ),
    min_size=1,
    max_size=4,
)
TTS = st.lists(st.sampled_from(["quick", "quick", "slow", "fails", "hangs"]), min_size=1, max_size=3)
TURN = st.sampled_from(
    [
        SHIPPED,
        TurnConfig(dead_air="2s", strategy="silence", min_silence="200ms"),
        TurnConfig(dead_air="2s", strategy="push_to_talk"),
        TurnConfig(dead_air="2s", speculate=()),
        TurnConfig(dead_air="2s", speculate=("llm",)),
    ]
)
PLANS = st.builds(
    Plan,
    caller=st.lists(HAPPENINGS, min_size=1, max_size=6).flatmap(
        lambda caller: st.sampled_from([caller, [*caller, Happening(300, "hangs up")]])
    ),
    stt=STT,
    llm=LLM,
    tts=TTS,
    greeting=st.sampled_from([None, "Oak Street Clinic, hello."]),
    interruptible=st.booleans(),
    turn=TURN,
    fallbacks=st.sampled_from([(), (), ("llm",), ("stt", "tts"), ("stt", "llm", "tts")]),
)


@settings(
    max_examples=MAX_EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
@given(plan=PLANS)
def test_whatever_happens_the_invariants_hold(plan: Plan) -> None:
    hold(plan)


@pytest.mark.parametrize("mood", ["fails", "hangs", "empty", "breaks", "slow", "tool dawdles", "tool breaks"])
def test_whatever_the_model_does_the_caller_is_answered_or_told_and_the_agent_rests(mood: str) -> None:
    call = hold(Plan([Happening(0, "speaks", 1000)], llm=[mood]))
    assert call.ear.left(), "the caller hears something"


@pytest.mark.parametrize("sound", ["agrees", "coughs"])
@pytest.mark.parametrize("after_ms", [1000, 1370, 1840, 2630])
def test_a_reply_comes_back_after_what_is_no_interruption_and_is_heard_whole(
    sound: str, after_ms: int
) -> None:
    call = hold(Plan([Happening(0, "speaks", 1000), Happening(after_ms, sound, 400)], llm=["long"]))
    (ignored,) = call.held.of(SpeechIgnored)
    assert ignored.paused_ns > 0
    (ended,) = call.held.of(TurnEnded)
    assert (ended.status, ended.heard) == ("completed", ended.said.strip())


@pytest.mark.parametrize("after_ms", [1000, 1370, 1840, 2630])
def test_words_interrupt_and_are_answered(after_ms: int) -> None:
    call = hold(
        Plan([Happening(0, "speaks", 1000), Happening(after_ms, "stops", 300)], llm=["long", "short"])
    )
    ends = [turn.status for turn in call.held.of(TurnEnded) if turn.status != "discarded"]
    assert ends == ["interrupted", "completed"]
