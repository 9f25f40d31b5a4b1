from __future__ import annotations

from voicepipe.core.segments import Segment, Word


def test_a_voice_that_takes_over_begins_the_segment_anew_at_its_own_rate() -> None:
    segment = Segment(turn=1, index=0, text="Hello there.", rate=16_000, trimmed=320, made=640)
    segment.words.append(Word(text="Hello", start_ms=0, end_ms=400))
    segment.levels.append(-20)
    segment.begin(24_000)
    assert (segment.rate, segment.trimmed, segment.made) == (24_000, 0, 0)
    assert (segment.words, segment.levels) == ([], [])
    assert (segment.turn, segment.index, segment.text) == (1, 0, "Hello there.")
