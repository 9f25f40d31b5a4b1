from __future__ import annotations

from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Transcript
from voicepipe.providers.base import Hypothesis
from voicepipe.stages.transcriber import Transcriber


def frames(*hypotheses: Hypothesis) -> list[Transcript | None]:
    async def main() -> list[Transcript | None]:
        transcriber = Transcriber(320, Clock())
        return [transcriber.frame(hypothesis) for hypothesis in hypotheses]

    return run_on("simulated", main())


def said(text: str, *, final: bool = False, ends_turn: bool = False) -> Hypothesis:
    return Hypothesis(text=text, final=final, ends_turn=ends_turn)


def test_what_is_new_is_numbered() -> None:
    told = [frame for frame in frames(said("turn"), said("turn it"), said("Turn it.", final=True)) if frame]
    assert [(one.revision, one.text, one.final) for one in told] == [
        (0, "turn", False),
        (1, "turn it", False),
        (2, "Turn it.", True),
    ]
    assert {one.utterance for one in told} == {320}


def test_the_same_words_are_told_once_but_for_their_being_final() -> None:
    first, again, last = frames(said("stop"), said("stop"), said("stop", final=True))
    assert first is not None
    assert again is None
    assert last is not None


def test_that_the_turn_is_over_is_news_even_if_no_word_is() -> None:
    _, over = frames(said("stop"), said("stop", ends_turn=True))
    assert over is not None
    assert over.ends_turn


def test_nothing_comes_after_a_final_one() -> None:
    _, late = frames(said("stop", final=True), said("stop it", final=True))
    assert late is None


def test_a_recogniser_that_begins_again_is_silent_until_it_knows_as_much_as_was_told() -> None:
    async def main() -> None:
        transcriber = Transcriber(0, Clock())
        transcriber.frame(Hypothesis(text="where is my", final=False))
        transcriber.begin_again()
        told = [
            transcriber.frame(Hypothesis(text=text, final=final))
            for text, final in [("wear", False), ("wear is", False), ("where is me", False), ("where", True)]
        ]
        assert [frame and frame.text for frame in told] == [None, None, "where is me", "where"]
        assert transcriber.ended

    run_on("simulated", main())
