from __future__ import annotations

from typing import Any

from tests.compare.page.samples import HOSTILE
from tests.support.comparisons import call, item, turn
from voicepipe.compare.page.audio import Recording
from voicepipe.compare.page.single import Part, call_page

RECORDING = Recording("data:audio/wav;base64,AAAA", 9, 9)


def drawn(redact: bool = False, **of_call: Any) -> str:
    given: dict[str, Any] = {"turns": [turn(1, 500, user=HOSTILE), turn(2, 700)], "items": [item(usd=0.01)]}
    part = Part("The <call>", call(**{**given, **of_call}), RECORDING, {"stt": "pocketsphinx"})
    return call_page("a & b", [part], redact=redact, why=lambda call: {2: "the model was slow."})


def test_a_call_is_told_with_its_latency_clock_cost_and_stages() -> None:
    found = drawn(interruptions=2, honoured=1)
    assert "500 ms at the median, 700 ms at most (simulated clock)" in found
    assert "0.0100 USD" in found
    assert "stt pocketsphinx" in found
    assert "1 of 2" in found
    assert "the model was slow." in found
    assert found.count('class="steps"') == 2


def test_nothing_that_was_said_becomes_markup() -> None:
    found = drawn()
    assert "<title>a &amp; b</title>" in found
    assert "The &lt;call&gt;" in found
    assert "<img" not in found
    found.encode()


def test_a_price_that_isnt_known_is_named_and_no_sum_is_shown() -> None:
    found = drawn(items=[item(usd=0.01), item("tts", unpriced=3)])
    assert "not known: no price was given for tts" in found
    assert "USD" not in found
    assert "nothing was charged" in drawn(items=[])


def test_waste_is_told() -> None:
    assert "0.0100 USD, 0.00500 of it for nothing" in drawn(items=[item(usd=0.01, wasted_usd=0.005)])


def test_redacted_it_has_neither_words_nor_sound() -> None:
    found = drawn(redact=True)
    assert "data:audio" not in found
    assert "what time is it" not in found
    assert "words left out" in found


def test_several_calls_have_a_way_to_each() -> None:
    parts = [Part(name, call(), None, {}) for name in ("one", "two")]
    found = call_page("calls", parts)
    assert '<a href="#part-1">two</a>' in found
    assert '<section id="part-1">' in found
    assert "<nav" not in call_page("calls", parts[:1])
