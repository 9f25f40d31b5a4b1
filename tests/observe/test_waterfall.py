from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.units import MS
from voicepipe.observe.timeline import STEPS, Contribution, Mark, TurnTimeline
from voicepipe.observe.waterfall import LABELS, MIN_WIDTH, waterfall


def turn(*marks: tuple[str, float], spoken: bool = True, estimated: bool = False) -> TurnTimeline:
    return TurnTimeline(
        turn=1,
        start_ns=1000 * MS,
        spoken=spoken,
        estimated=estimated,
        marks=tuple(Mark(step, 1000 * MS + round(ms * MS)) for step, ms in marks),  # type: ignore[arg-type]
    )


WIDEST = max(len(label.format(llm="LLM")) for label in LABELS.values())


def bars(row: str) -> str:
    return row[2 + WIDEST + 1 : -9]


def test_each_step_is_a_row_and_the_bars_follow_each_other() -> None:
    text = waterfall(turn(("endpoint", 500), ("stt", 600), ("playout", 1000)), bar="#")
    heading, *rows = text.splitlines()
    assert heading == "end of speech → first audio: 1000 ms"
    assert [row.split("#")[0].strip() for row in rows] == ["end of turn", "words final", "playout"]
    assert [row.rsplit("  ", 1)[1].strip() for row in rows] == ["500 ms", "100 ms", "400 ms"]
    drawn = [bars(row) for row in rows]
    columns = len(drawn[0])
    ends = [0, columns // 2, columns * 6 // 10, columns]
    assert [one.count("#") for one in drawn] == [end - start for start, end in pairwise(ends)]
    for before, after in pairwise(drawn):
        assert before.rindex("#") + 1 == after.index("#")


def test_a_step_that_occurs_twice_has_one_row_with_two_bars() -> None:
    text = waterfall(turn(("llm", 100), ("tools", 300), ("llm", 400), ("playout", 400)), bar="#")
    llm = next(row for row in text.splitlines() if "LLM" in row)
    assert len(re.findall("#+", llm)) == 2
    assert "200 ms" in llm


def test_the_shortest_step_is_seen_and_what_took_no_time_has_no_bar() -> None:
    text = waterfall(turn(("endpoint", 500), ("stt", 500), ("tts_first_audio", 500.01)), bar="#")
    by_label = {row.split("  ")[1].strip(): row for row in text.splitlines()[1:]}
    assert "#" not in by_label["words final"]
    assert by_label["TTS first audio"].count("#") == 1


def test_the_heading_says_what_is_estimated_and_what_was_not_heard() -> None:
    assert waterfall(turn(("playout", 5), estimated=True)).startswith(
        "end of speech (estimated) → first audio"
    )
    assert waterfall(turn(("stt", 5), spoken=False)).startswith("turn began; nothing was heard after 5.0 ms")
    assert waterfall(turn(("playout", 90_000))).startswith("end of speech → first audio: 90 s")
    assert waterfall(turn()) == "end of speech; nothing was heard after 0.0 ms"


def test_colours_are_only_added_on_request_and_change_no_column() -> None:
    one = turn(("endpoint", 500), ("playout", 700))
    assert "\x1b" not in waterfall(one)
    assert re.sub(r"\x1b\[\d+m", "", waterfall(one, color=True)) == waterfall(one)


MARKS = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 10**6)), max_size=12)


@given(MARKS, st.integers(-5, 200), st.booleans(), st.booleans(), st.booleans())
def test_no_row_is_wider_than_it_may_be(
    marks: list[tuple[str, int]], width: int, spoken: bool, estimated: bool, filler: bool
) -> None:
    one = turn(*sorted(marks, key=lambda mark: mark[1]), spoken=spoken, estimated=estimated)
    one = ahead(replace(one, filler=filler), *((step, 0, ms) for step, ms in marks))
    rows = waterfall(one, width=width).splitlines()
    assert max(map(len, rows)) <= max(width, MIN_WIDTH)
    assert len(rows) == 1 + len({step for step, _ in marks})


def ahead(one: TurnTimeline, *parts: tuple[str, int, int]) -> TurnTimeline:
    """``one`` with what was done ahead: step, from when on, until when, in ms after the end of speech."""
    return replace(
        one,
        ahead=tuple(
            Contribution(step, (1000 + start) * MS, (end - start) * MS)  # type: ignore[arg-type]
            for step, start, end in parts
        ),
    )


def test_what_was_done_ahead_is_hatched_and_is_not_in_the_figure() -> None:
    one = turn(("endpoint", 500), ("stt", 500), ("llm_first_token", 600), ("playout", 1000))
    text = waterfall(ahead(one, ("stt", 0, 200), ("llm_first_token", 200, 500)), bar="#", hatch=".")
    heading, *rows = text.splitlines()
    assert heading == "end of speech → first audio: 1000 ms (. done ahead)"
    columns = len(bars(rows[0]))
    words, model = bars(rows[1]), bars(rows[2])
    assert words == "." * (columns * 2 // 10) + " " * (columns - columns * 2 // 10)
    assert rows[1].endswith("0.0 ms")
    assert model.strip(" ").strip(".") == "#" * (columns * 6 // 10 - columns // 2)
    assert (model.index("."), model.index("#")) == (columns * 2 // 10, columns // 2)
    assert rows[2].endswith("100 ms")


def test_a_filler_is_told_in_the_heading() -> None:
    filler = replace(turn(("playout", 400)), filler=True)
    assert waterfall(filler).startswith("end of speech → first audio, a filler: 400 ms")


def test_what_is_not_a_language_model_is_labelled_by_its_name() -> None:
    text = waterfall(turn(("llm_first_token", 100), ("llm", 200), ("playout", 200)), llm="rules")
    assert "  rules first token " in text
    assert "LLM" not in text
