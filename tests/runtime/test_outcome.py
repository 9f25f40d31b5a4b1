from __future__ import annotations

import sys
import weakref

import pytest

from tests.support.workers import failing
from voicepipe.core.units import MS
from voicepipe.runtime.outcome import Outcome, first_of, let_go_of_frames, too_late


class Sound:
    """What a reply works on."""


def test_a_value_is_returned_as_it_is() -> None:
    assert Outcome(lambda: None).result() is None
    assert Outcome(lambda: "value").result() == "value"


def test_an_exception_is_raised_where_the_result_is_asked_for_with_the_place_where_it_was_raised() -> None:
    outcome = Outcome(failing)
    with pytest.raises(LookupError, match="no such thing") as caught:
        outcome.result()
    assert caught.traceback[-1].name == "failing"


def test_the_end_of_the_process_becomes_an_error_of_the_job() -> None:
    outcome = Outcome(lambda: sys.exit(3))
    with pytest.raises(RuntimeError, match="SystemExit was raised in a worker: 3"):
        outcome.result()


def test_a_deadline_that_was_missed_is_told_with_its_unit() -> None:
    assert str(too_late(20 * MS)) == "no answer within 20ms; the job was abandoned"


def test_an_error_that_is_over_holds_nothing_of_those_it_passed_through() -> None:
    def reply() -> None:
        sound = Sound()
        held.append(weakref.ref(sound))
        try:
            failing()
        except LookupError as error:
            raise RuntimeError("the reply has failed") from error

    held: list[weakref.ref[Sound]] = []
    try:
        reply()
    except RuntimeError as error:
        kept = error
    assert held[0]() is not None, "the traceback holds it"
    let_go_of_frames(kept)
    assert held[0]() is None
    assert kept.__cause__ is not None, "what led to it is still known"
    assert kept.__cause__.__traceback__ is None


def test_neither_do_the_members_of_a_group_that_led_to_it() -> None:
    def reply() -> Exception:
        sound = Sound()
        held.append(weakref.ref(sound))
        try:
            failing()
        except LookupError as error:
            return error
        raise AssertionError(sound)

    held: list[weakref.ref[Sound]] = []
    kept = RuntimeError("the reply has failed")
    kept.__cause__ = ExceptionGroup("some", [ExceptionGroup("others", [reply()])])
    assert held[0]() is not None, "the traceback holds it"
    let_go_of_frames(kept)
    assert held[0]() is None


def test_of_what_ended_a_group_of_groups_the_first_is_known() -> None:
    first = LookupError("first")
    inner = BaseExceptionGroup("inner", [first, KeyError("later")])
    assert first_of(BaseExceptionGroup("outer", [inner, ValueError("later")])) is first
