from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.observe.conversations import At, at, evidence
from tests.support.happenings import Story
from tests.support.plans import conversations
from voicepipe.compare.attempts import attempts, cut_ins
from voicepipe.compare.plan import Scripted
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.conversation import Item, Look, Utterance
from voicepipe.transports.wav import Clip, Typed

RATE = 16_000


def clip(words: str | None, seconds: float = 1.0) -> Clip:
    pcm = np.full(round(seconds * RATE), 5000, np.int16)
    return Clip("a.wav", pcm, pcm.size, None if words is None else {0: words} if words else {})


def said(what: Clip | Typed, **others: object) -> Scripted:
    script: list[Item] = [Utterance(clip("hello")), Utterance(what, 1000 * MS)]
    return replace(Scripted("a", "audio", script, SECOND), **others)  # type: ignore[arg-type]


def spoken_into(cut_ms: int | None = None) -> Story:
    """A reply from 2 s on, into which somebody speaks at 3 s; to its end, or ``cut_ms``."""
    story = Story().begin(1500).audible(2000)
    return story.end(9000) if cut_ms is None else story.end(cut_ms, status="interrupted")


STEPS = [at(200), at(3000)]


def test_an_interruption_that_silences_the_agent_is_honoured() -> None:
    found = attempts(
        said(clip("no wait")), evidence(spoken_into(3300), steps=STEPS, sounds=[(2000, 3250)]), "en"
    )
    (one,) = found
    assert (one.interrupts, one.cut) == (True, True)
    assert one.silent_ns == 260 * MS  # to the end of the 20 ms frame


def test_one_that_the_agent_talks_over_is_not() -> None:
    (one,) = attempts(said(clip("no wait")), evidence(spoken_into(), steps=STEPS), "en")
    assert (one.interrupts, one.cut) == (True, False)


@pytest.mark.parametrize(
    ("what", "interrupts"),
    [
        (clip("uh-huh"), False),
        (clip(""), False),
        (clip("stop"), True),
        (clip("no I mean Friday"), True),
        (clip(None), True),
        (Typed("okay"), True),
    ],
)
def test_without_an_expectation_the_words_say_what_it_was(what: Clip | Typed, interrupts: bool) -> None:
    (one,) = attempts(said(what), evidence(spoken_into(), steps=STEPS), "en")
    assert one.interrupts is interrupts


def test_the_reference_tells_the_words_of_a_clip_that_has_no_captions() -> None:
    call = said(clip(None), reference=("hello", "mm-hmm"))
    (one,) = attempts(call, evidence(spoken_into(), steps=STEPS), "en")
    assert not one.interrupts


@pytest.mark.parametrize(
    ("name", "interrupts"),
    [
        ("an interruption is answered, and the history keeps what was heard", True),
        ("""an "uh-huh" makes the agent pause, and it goes on""", False),
        ("a cough has no words, and the agent goes on", False),
    ],
)
def test_what_is_expected_goes_before_the_words(name: str, interrupts: bool) -> None:
    (call,) = conversations(names=[name])
    script = [Utterance(clip("hello")), Utterance(clip("uh-huh" if interrupts else "no"), 5), Look()]
    (one,) = attempts(replace(call, script=script), evidence(spoken_into(), steps=[*STEPS, At()]), "en")
    assert one.interrupts is interrupts


def test_a_reply_that_was_cut_off_by_later_words_had_ignored_the_first_ones() -> None:
    script = [
        Utterance(clip("hello")),
        Utterance(clip("uh-huh"), 1000 * MS),
        Utterance(clip("stop"), 3000 * MS),
    ]
    found = attempts(
        Scripted("a", "audio", script, SECOND),
        evidence(spoken_into(5200), steps=[*STEPS, at(5000)], sounds=[(2000, 5200)]),
        "en",
    )
    assert [(one.interrupts, one.cut) for one in found] == [(False, False), (True, True)]


def test_who_came_too_late_has_interrupted_nothing() -> None:
    assert attempts(said(clip("no wait")), evidence(spoken_into(2500), steps=STEPS), "en") == []
    assert attempts(said(clip("no wait")), evidence(spoken_into(), steps=[at(200), At()]), "en") == []


# ── cut-ins ──────────────────────────────────────────────────────────────────────────────────────


def spoke(story: Story, seconds: float = 4.0) -> int:
    """The caller speaks from 1 s on."""
    call = Scripted("a", "audio", [Utterance(clip("hello", seconds))], SECOND)
    return cut_ins(call, evidence(story, steps=[at(1000)]), RATE)


def test_a_reply_that_is_begun_while_the_caller_has_more_to_say_cuts_in() -> None:
    assert spoke(Story().begin(3000).end(5000)) == 1
    assert spoke(Story().begin(900).audible(3000).end(6000)) == 1


def test_it_counts_once_however_it_was_noticed() -> None:
    assert spoke(Story().begin(3000).audible(3500).end(6000)) == 1


def test_a_reply_after_the_last_word_or_before_the_first_does_not() -> None:
    assert spoke(Story().begin(5001).audible(5500).end(6000)) == 0
    assert spoke(Story().begin(500).audible(800).end(990)) == 0


def test_who_speaks_into_a_reply_is_not_cut_off_by_it() -> None:
    story = Story().begin(1500).audible(2000).end(9000).begin(3500, 2).end(9500, 2)
    assert cut_ins(said(clip("no wait")), evidence(story, steps=STEPS), RATE) == 0
