"""Guards what a frame costs, by counts. After a change that is worth more: see `RENEW`, and say why."""

from __future__ import annotations

import json
import platform
from typing import Any

import pytest

from benchmarks.hot_path import (
    BASELINE,
    JUDGED,
    MARGIN,
    RENEW,
    REPLY,
    SHUT,
    SILENCE,
    SPEECH,
    Counts,
    counts,
    grown,
)

BASE: dict[str, Any] = json.loads(BASELINE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def both_calls() -> tuple[Counts, Counts]:
    return counts()


@pytest.fixture
def found(both_calls: tuple[Counts, Counts]) -> Counts:
    return both_calls[0]


def test_a_frame_costs_no_more_calls_and_blocks_than_the_baseline_allows(found: Counts) -> None:
    base = BASE["counts"]
    if not platform.python_version().startswith(BASE["python"]):  # blocks are its own, calls the code's
        base = {name: {"calls": both["calls"]} for name, both in base.items()}
    too_much = grown(found, base)
    assert not too_much, "\n".join(
        [*too_much, f"if that has to be, `{RENEW}` writes a new baseline: commit it, and say why"]
    )


def test_all_kinds_of_frames_were_counted(found: Counts) -> None:
    assert list(found)[:3] == [SILENCE, SPEECH, REPLY]
    assert all(both[unit] > 10 for both in found.values() for unit in ("calls", "blocks"))
    assert found[SPEECH]["calls"] > found[SILENCE]["calls"]


def test_with_silero_both_what_its_gate_answers_and_what_the_network_does_were_counted(found: Counts) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("silero_vad")
    assert list(found)[3:] == [SHUT, JUDGED]
    assert found[JUDGED]["calls"] > found[SHUT]["calls"]


def test_another_call_counts_the_same_but_for_what_the_first_had_to_find_out(
    both_calls: tuple[Counts, Counts],
) -> None:
    first, second = both_calls
    for name in first.keys() - {REPLY}:
        assert second[name]["calls"] == first[name]["calls"]
    for name, both in first.items():
        for unit, count in both.items():
            assert 0.95 * count <= second[name][unit] <= 1.005 * count


def test_what_grows_beyond_the_margin_is_told_and_what_shrinks_is_not() -> None:
    base = {SILENCE: {"calls": 100.0, "blocks": 50.0}}
    assert grown({SILENCE: {"calls": 100.0 * (1 + MARGIN), "blocks": 10.0}}, base) == []
    told = grown({SILENCE: {"calls": 130.0, "blocks": 60.0}}, base)
    assert told == ["silence: 130.0 calls per frame, +30% over the baseline's 100.0"]
