"""320 sentences as callers say them, each word boundary of which may be a pause.

Many beginnings of a sentence are sentences themselves ("I'd like a room | for two | on Friday"): words alone
can't tell those, and how many there are is what the second bound holds.
"""

from __future__ import annotations

from pathlib import Path

from voicepipe.speech.clauses import COMPLETE
from voicepipe.speech.finished import finished

SENTENCES = (Path(__file__).parent / "sentences_en.txt").read_text(encoding="utf-8").splitlines()
ASKED = "Hello, how can I help you?"


def judged(text: str) -> bool:
    return finished(text, asked=ASKED) >= COMPLETE


def beginnings(sentence: str) -> list[str]:
    words = sentence.split()
    return [" ".join(words[:end]) for end in range(1, len(words))]


def test_most_whole_sentences_are_finished() -> None:
    whole = [judged(sentence) for sentence in SENTENCES]
    assert sum(whole) / len(whole) >= 0.94


def test_most_beginnings_are_not() -> None:
    parts = [judged(part) for sentence in SENTENCES for part in beginnings(sentence)]
    assert sum(parts) / len(parts) <= 0.28


def test_hardly_any_whole_sentence_is_waited_for_up_to_the_maximum() -> None:
    late = [sentence for sentence in SENTENCES if finished(sentence, asked=ASKED) <= 0.1]
    assert len(late) / len(SENTENCES) <= 0.01, late
