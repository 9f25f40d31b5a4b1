"""Who is waited for, of several that are asked at a time."""

from __future__ import annotations

from voicepipe.runtime.waiting import CallsUnderWay


class Asked:
    def __init__(self, slot: str, turn: int | None, *, waited_for: bool = True) -> None:
        self.slot = slot
        self.turn = turn
        self.waited_for = waited_for
        self.blamed: list[str] = []

    def blame(self, why: str) -> None:
        self.blamed.append(why)


def under_way(*calls: Asked) -> CallsUnderWay:
    made = CallsUnderWay()
    for call in calls:
        made.enter(call)
    return made


def test_nobody_is_waited_for_if_nobody_is_asked() -> None:
    calls = under_way()
    assert calls.waited_for(1) is None
    calls.blame(1, "silence")
    calls.leave(Asked("llm", 1))


def test_of_two_the_later_stage_is_waited_for_whoever_was_asked_first() -> None:
    model, voice = Asked("llm", 1), Asked("tts", 1)
    assert under_way(model, voice).waited_for(1) == under_way(voice, model).waited_for(1) == "tts"
    voice.waited_for = False
    assert under_way(model, voice).waited_for(1) == "llm"


def test_other_turns_and_taps_have_no_part_in_it() -> None:
    calls = under_way(Asked("llm", 1), Asked("llm/second", 2), Asked("stt", None))
    assert calls.waited_for(2) is None
    assert calls.waited_for(None) == "stt"


def test_only_who_is_waited_for_is_to_blame() -> None:
    model, voice = Asked("llm", 1), Asked("tts", 1, waited_for=False)
    calls = under_way(model, voice)
    calls.blame(1, "nothing was heard")
    assert (model.blamed, voice.blamed) == (["nothing was heard"], [])
    calls.leave(model)
    calls.blame(1, "nothing was heard")
    assert (model.blamed, voice.blamed) == (["nothing was heard"], [])
