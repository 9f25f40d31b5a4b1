from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.happenings import AT, EXAMPLES
from voicepipe.core.frames import Heard, Prosody, Segment, Transcript, TypedText, Word
from voicepipe.core.masking import MASK
from voicepipe.core.records import CallerLevel, ProviderAttempt, ToolStarted, TurnBegan, Usage
from voicepipe.observe.event_lines import checked_line, line_writer
from voicepipe.observe.events import MAX_TEXT, event_to_dict


def line_of(at_ns: int, event: Any, secrets: Collection[str]) -> str:
    return line_writer(type(event))(at_ns, event, secrets)


def read(line: str) -> dict[str, Any]:
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    found: dict[str, Any] = json.loads(line, parse_constant=lambda constant: pytest.fail(constant))
    return found


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_a_line_says_what_the_map_of_its_event_says_in_the_same_order(event: Any) -> None:
    assert list(read(line_of(AT, event, ())).items()) == list(event_to_dict(AT, event).items())


@given(
    st.integers(0, 10**16),
    st.none() | st.integers(0, 10**16),
    st.text(st.characters(codec="utf-8")),
    st.integers(),
)
def test_every_time_text_and_number_is_read_back_as_it_was(
    at_ns: int, end_ns: int | None, user: str, turn: int
) -> None:
    began = TurnBegan(at_ns=at_ns, turn=turn, user=user, end_of_speech_ns=end_ns, wait_over_ns=None)
    assert read(line_of(at_ns, began, ())) == {**event_to_dict(at_ns, began), "user": user}


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.integers(0, 10**6)), max_size=5))
def test_words_and_their_times_are_read_back_as_they_were(words: list[tuple[str, int]]) -> None:
    told = tuple(Word(text=text, start_ms=ms, end_ms=ms + 1) for text, ms in words)
    heard = Transcript(utterance=1, revision=0, text="", final=True, at_ns=AT, words=told)
    found = read(line_of(AT, heard, ()))["words"]
    assert found == [{"text": text, "start_ms": ms, "end_ms": ms + 1} for text, ms in words]


def test_what_json_has_no_number_for_is_null() -> None:
    prosody = Prosody(
        position=0, pitch_slope=None, pitch_height=math.inf, level_fall=math.nan, voiced_ms=0, at_ns=0
    )
    found = read(line_of(0, prosody, ()))
    assert [found[name] for name in ("pitch_slope", "pitch_height", "level_fall")] == [None] * 3


@pytest.mark.parametrize("at_ns", [math.nan, math.inf, -math.inf])
def test_a_time_that_json_has_no_number_for_is_null(at_ns: Any) -> None:
    assert read(line_of(0, TypedText(text="hello", at_ns=at_ns), ()))["at_ms"] is None


@pytest.mark.parametrize(("amount", "told"), [(True, "1"), (1.5, "1.5"), (None, "null"), ("12", '"12"')])
def test_a_provider_that_breaks_its_own_types_does_not_break_the_line(amount: Any, told: str) -> None:
    attempt = ProviderAttempt(
        at_ns=0,
        turn=None,
        slot="stt",
        provider="mine",
        began_ns=0,
        first_event_ns=None,
        status="ok",
        usage=(Usage(unit="requests", amount=amount),),
    )
    (used,) = read(line_of(0, attempt, ()))["usage"]
    assert json.dumps(used["amount"]) == told


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ({"text": "hi", "start_ms": 0}, {"text": "hi", "start_ms": 0}),
        (("hi", 0, 1), ["hi", 0, 1]),
        (None, None),
        ("hi", "hi"),
    ],
)
def test_words_of_another_shape_do_not_break_the_line(word: Any, told: Any) -> None:
    heard = Transcript(utterance=1, revision=0, text="hi", final=True, at_ns=AT, words=(word,))
    found = read(line_of(AT, heard, ()))
    assert found == event_to_dict(AT, heard)
    assert found["words"] == [told]


def test_a_number_of_another_library_is_one_in_the_line() -> None:
    np = pytest.importorskip("numpy")
    level = CallerLevel(at_ns=np.int64(1_500_000), loudest_dbfs=np.float64(-3.5), clipped=0.5)
    assert read(line_of(0, level, ())) == {
        "t_ms": 0.0,
        "event": "CallerLevel",
        "at_ms": 1.5,
        "loudest_dbfs": -3.5,
        "clipped": 0.5,
    }


def test_what_was_heard_of_a_chunk_is_told_as_of_now() -> None:
    chunk = Segment(turn=1, index=0, text="One two.", rate=3000, made=500, samples=500)
    heard = Heard(turn=1, segment=chunk, samples=500, final=True, at_ns=AT)
    line = line_of(AT, heard, ())
    chunk.text = "Something else."
    assert read(line)["text"] == "One two."
    assert read(line)["heard_ms"] == pytest.approx(500 / 3)


def test_what_a_tool_is_called_with_is_masked_and_bounded_at_once() -> None:
    arguments = {"all": "x" * (MAX_TEXT - 12) + "sk-123456789"}
    started = ToolStarted(at_ns=0, turn=1, call_id="c", name="t", arguments=arguments)
    assert "sk-1" not in line_of(0, started, {"sk-123456789"})


def test_a_line_is_checked_for_secrets_and_for_texts_that_are_too_long() -> None:
    line = line_of(0, TypedText(text="my sk-1234, " + "x" * MAX_TEXT, at_ns=0), ())
    text = read(checked_line(line, {"sk-1234"}))["text"]
    assert text.startswith(f"my {MASK}, x")
    assert len(text) == MAX_TEXT
