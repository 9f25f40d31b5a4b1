from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.errors import ProviderError
from voicepipe.providers.deepgram_results import LONGEST_TEXT, Heard

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def results(text: str, start: Any, end: Any, **fields: Any) -> str:
    words = [{"word": text, "start": start, "end": end}] if text else []
    alternative = {"transcript": text, "words": words}
    duration = end - start if isinstance(start, float) else end
    body = {"start": start, "duration": duration, "channel": {"alternatives": [alternative]}}
    return json.dumps({"type": "Results", **body, **fields})


def test_an_interim_result_is_replaced_and_a_final_one_stays() -> None:
    heard = Heard(since_ms=0, told=str)
    assert heard.note(results("one", 0.0, 0.4))
    assert heard.note(results("won too", 0.0, 0.8))
    assert not heard.note(results("won too", 0.0, 0.9))
    assert heard.note(results("One, two.", 0.0, 1.0, is_final=True))
    assert heard.note(results("three", 1.0, 1.4))
    assert heard.hypothesis().text == "One, two. three"
    assert [word.text for word in heard.hypothesis(final=True).words] == ["One, two.", "three"]


def test_what_belongs_to_the_utterance_before_is_left_out() -> None:
    heard = Heard(since_ms=5000, told=str)
    assert not heard.note(results("late", 4.0, 5.01, is_final=True, from_finalize=True, speech_final=True))
    assert not heard.note(json.dumps({"type": "UtteranceEnd", "last_word_end": 4.8}))
    assert not heard.complete(sent_ms=1000)
    assert heard.note(results("now", 5.0, 5.6, is_final=True))
    assert heard.hypothesis().words[0].start_ms == 0


def test_it_is_complete_when_flushed_or_when_all_audio_is_covered_for_good() -> None:
    heard = Heard(since_ms=0, told=str)
    heard.note(results("one", 0.0, 0.99))
    assert not heard.complete(sent_ms=1000)
    heard.note(results("one", 0.0, 0.99, is_final=True))
    assert heard.complete(sent_ms=1000)
    assert not heard.complete(sent_ms=2000)
    heard.note(results("", 0.99, 1.5, is_final=True, from_finalize=True))
    assert heard.complete(sent_ms=2000)


def test_the_end_of_the_turn_is_undone_by_words_and_not_by_punctuation() -> None:
    heard = Heard(since_ms=0, told=str)
    heard.note(results("yes please", 0.0, 1.0, is_final=True, speech_final=True))
    assert heard.hypothesis().ends_turn
    heard.note(results("no", 1.0, 1.5))
    assert not heard.hypothesis().ends_turn
    heard.note(results("", 1.0, 2.0, is_final=True))
    assert heard.hypothesis().ends_turn


def test_silence_is_no_end_of_a_turn() -> None:
    heard = Heard(since_ms=0, told=str)
    heard.note(results("", 0.0, 1.0, is_final=True, speech_final=True))
    heard.note(json.dumps({"type": "UtteranceEnd", "last_word_end": 0.5}))
    assert not heard.hypothesis().ends_turn


def test_messages_of_other_types_are_passed_over() -> None:
    heard = Heard(since_ms=0, told=str)
    for message in ({"type": "Metadata", "duration": 1.0}, {"type": "SpeechStarted"}, {"new": True}):
        assert not heard.note(json.dumps(message))


def test_a_result_without_alternatives_is_silence() -> None:
    body = {"type": "Results", "start": 0.0, "duration": 1.0, "channel": {"alternatives": []}}
    heard = Heard(since_ms=0, told=str)
    assert not heard.note(json.dumps({**body, "is_final": True}))
    assert heard.complete(sent_ms=1000)


@pytest.mark.parametrize(
    "raw",
    [
        '{"type": "Results"',
        "[]",
        '{"type": "Results"}',
        results("x", "soon", 1),
        results("x", True, 1),
        results("x", -5.0, 1.0),
        '{"type": "Results", "start": NaN, "duration": 1, "channel": {"alternatives": []}}',
        '{"type": "Results", "start": 0, "duration": 1, "channel": {"alternatives": [{"transcript": 3}]}}',
        '{"type": "UtteranceEnd"}',
    ],
)
def test_what_can_not_be_understood_is_a_protocol_error(raw: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Heard(since_ms=0, told=str).note(raw)
    assert caught.value.kind == "protocol"


def test_a_transcript_without_end_is_cut_off() -> None:
    heard = Heard(since_ms=0, told=str)
    for second in range(9):
        heard.note(results("x" * (LONGEST_TEXT // 10), float(second), second + 1.0, is_final=True))
    with pytest.raises(ProviderError, match="longer than"):
        heard.note(results("x" * (LONGEST_TEXT // 10 + 1), 10.0, 11.0))


@given(JSON)
def test_whatever_json_comes_is_heard_or_refused_and_nothing_else(value: Any) -> None:
    heard = Heard(since_ms=0, told=str)
    fields = {"start": 0.0, "duration": 1.0, "channel": {"alternatives": [{"transcript": "x", "words": []}]}}
    for name in ("type", *fields):
        kind = refusal(heard, json.dumps({"type": "Results", **fields, name: value}))
        assert kind in (None, "protocol")


def refusal(heard: Heard, raw: str) -> str | None:
    try:
        heard.note(raw)
    except ProviderError as error:
        return error.kind
    return None


@given(st.lists(st.tuples(st.text("ab ", max_size=4), st.booleans()), max_size=12))
def test_the_text_is_that_of_all_final_results_and_of_the_last_interim_one(
    told: list[tuple[str, bool]],
) -> None:
    heard = Heard(since_ms=0, told=str)
    finals: list[str] = []
    interim = ""
    for number, (text, final) in enumerate(told):
        heard.note(results(text, float(number), number + 1.0, is_final=final))
        finals += [text.strip()] if final else []
        interim = "" if final else text.strip()
    assert heard.hypothesis().text == " ".join(part for part in [*finals, interim] if part)
