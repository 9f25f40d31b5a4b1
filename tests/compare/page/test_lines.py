from __future__ import annotations

import re
from typing import Any

from tests.support.comparisons import call, turn
from voicepipe.compare.page.audio import Recording
from voicepipe.compare.page.lines import MAX_LINES, transcript
from voicepipe.compare.page.words import Words
from voicepipe.core.units import SECOND

WORDS = Words()


def lines(text: str) -> list[tuple[str, str, str]]:
    """When, who, and what, without markup."""
    found = re.findall(r"<li><button.*?>(.*?)</button><span class=\"who\">(.*?)</span>(.*?)</li>", text)
    return [(at, who, re.sub("<.*?>", "", what)) for at, who, what in found]


def event(name: str, t_ms: float, **fields: Any) -> dict[str, Any]:
    return {"t_ms": t_ms, "event": name, "at_ms": t_ms, **fields}


def test_lines_begin_where_they_are_heard() -> None:
    made = call(
        turns=[turn(1, 500, user="hello", agent="Hi.")],
        events=(
            event("SpeechStarted", 4300.0, position=1, onset_ms=4200.0),
            event("PlaybackStarted", 5500.0, turn=1, filler=False),
            event("PlaybackStarted", 6100.0, turn=1, filler=False),
        ),
    )
    assert lines(transcript(made, None, WORDS, key="k")) == [
        ("0:04.2", "caller", "hello"),
        ("0:05.5", "agent", "Hi."),
    ]


def test_without_events_a_caller_stands_at_the_end_of_their_speech() -> None:
    made = call(turns=[turn(1, 500, user="hello", agent="Hi.")])
    assert [at for at, _, _ in lines(transcript(made, None, WORDS, key="k"))] == ["0:05.0", "0:05.5"]


def test_a_sound_that_was_ignored_isnt_the_begin_of_what_was_said_next() -> None:
    made = call(
        turns=[turn(1, 500, user="hello", agent="Hi."), turn(2, 500, user="bye", agent="Bye.")],
        events=(
            event("SpeechStarted", 4300.0, position=1, onset_ms=4200.0),
            event("SpeechStarted", 6000.0, position=2, onset_ms=5900.0),
            event(
                "SpeechIgnored",
                6400.0,
                turn=1,
                utterance=2,
                text="uh <huh>",
                reason="backchannel",
                paused_ms=300.0,
            ),
            event("SpeechStarted", 9300.0, position=3, onset_ms=9200.0),
        ),
    )
    found = lines(transcript(made, None, WORDS, key="k"))
    assert ("0:09.2", "caller", "bye") in found
    held = "ignored: uh &lt;huh&gt; (backchannel); the reply was held back for 0.3 s"
    assert ("0:06.4", "", held) in found


def test_what_went_wrong_is_told_where_it_happened() -> None:
    made = call(
        turns=[turn(1, None, user="hello", agent="")],
        events=(
            event("ProviderAttempt", 1.0, slot="llm", provider="sim", status="failed", error="<no>"),
            event("ProviderAttempt", 2.0, slot="llm", provider="sim", status="ok", error=None),
            event("ProviderSwitched", 3.0, slot="llm", previous="a", provider="b", reason="it failed"),
            event("DeadAir", 4.0, turn=1, stage="llm", silent_ms=4200.0),
            event("Failed", 5.0, stage="turn", error="oh"),
            event("BudgetExceeded", 6.0, budget="session", limit="0.4 USD", action="hang_up"),
            event("LogFull", 7.0),
        ),
    )
    told = [what for _, who, what in lines(transcript(made, None, WORDS, key="k")) if not who]
    assert told == [
        "llm sim failed: &lt;no&gt;",
        "llm: b instead of a; it failed",
        "silence for 4.2 s: llm",
        "turn: oh",
        "session: 0.4 USD reached; hang_up",
        "the log of this call ends here",
    ]
    assert "not answered" in transcript(made, None, WORDS, key="k")


def test_reasons_and_bars_stand_below_the_reply_if_they_are_wanted() -> None:
    made = call(turns=[turn(1, 500)])
    bare = transcript(made, None, WORDS, key="k", why={2: "of another turn"})
    assert "<svg" not in bare + transcript(made, None, WORDS, key="k", why={})
    full = transcript(made, None, WORDS, key="k", why={1: "it took long"}, scale_ns=SECOND)
    assert "500 ms" in full
    assert "it took long" in full


def test_a_recording_is_played_beside_its_lines_and_a_part_is_told_as_one() -> None:
    made = call(turns=[turn(1, 500)])
    whole = transcript(made, Recording("data:audio/wav;base64,AA", 9, 9), WORDS, key="here")
    assert 'src="data:audio/wav;base64,AA" id="here" controls' in whole
    assert "<audio" not in transcript(made, None, WORDS, key="here")
    part = transcript(made, Recording("data:audio/wav;base64,AA", 300, 420), WORDS, key="here")
    assert "The first 300 of 420 seconds." in part


def test_a_long_call_is_shown_in_part() -> None:
    found = transcript(call(turns=[turn(number) for number in range(1, 100)]), None, WORDS, key="k")
    assert found.count("<li>") == MAX_LINES
    assert "118 further lines not shown." in found
