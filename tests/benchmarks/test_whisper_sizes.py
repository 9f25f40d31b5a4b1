"""The random model that is measured, and the table that is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

pytest.importorskip("faster_whisper", reason="needs the extra 'local'")

from benchmarks.random_whisper import TEXT, TOKENS, Size, build, vocabulary
from benchmarks.whisper_sizes import LENGTHS, TOKENS_A_SECOND, Taken, TypicalWhisper, cost_of
from benchmarks.whisper_table import THREADS, Row, name_of, table
from voicepipe.providers.whisper_model import RATE, Clip, DecodeOptions

SMALL = Size("small", layers=1, width=64, heads=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models"), SMALL)


def test_a_random_model_says_as_many_words_as_a_person_would(model: Path) -> None:
    whisper = TypicalWhisper(model, device="cpu", compute_type=None, threads=1, progress=lambda message: None)
    whisper.configure("en", DecodeOptions())
    hiss = np.random.default_rng(1).integers(-3000, 3000, 6 * RATE).astype(np.int16)
    for length in (2, 6):
        decoded = whisper.decode([Clip(hiss[: length * RATE])] * 2)
        assert [len(one.text.split()) for one in decoded] == [TOKENS_A_SECOND * length + 1] * 2
    whisper.close()


def test_a_random_model_is_the_same_each_time(model: Path, tmp_path: Path) -> None:
    again = build(tmp_path, SMALL)
    assert (again / "model.bin").read_bytes() == (model / "model.bin").read_bytes()


def test_marks_stand_where_whispers_stand() -> None:
    tokens = vocabulary()
    assert len(tokens) == len(set(tokens)) == TOKENS
    assert tokens[TEXT : TEXT + 3] == ["<|endoftext|>", "<|startoftranscript|>", "<|en|>"]
    assert tokens[-1502:-1500] == ["<|notimestamps|>", "<|0.00|>"]
    assert tokens[-1] == "<|30.00|>"


SLOW, QUICK = (Taken(2.0, 1.0), Taken(4.0, 1.4)), (Taken(1.2, 1.1), Taken(1.3, 1.5))
"""What the shorter and the longer clip took when the computer was busy, and when it wasn't."""


@pytest.mark.parametrize(("threads", "short", "long"), [(1, 1.0, 1.3), (2, 1.2, 1.3)])
def test_a_decode_costs_the_least_that_was_seen_and_one_thread_no_more_than_its_cpu_time(
    threads: int, short: float, long: float
) -> None:
    cost = cost_of([SLOW, QUICK], (Taken(9.0, 8.0), Taken(9.0, 11.2)), 8, threads)
    assert [cost.of(1, length) for length in LENGTHS] == pytest.approx([short, long])
    assert [cost.of(8, length) for length in LENGTHS] == pytest.approx([8 * short, 8 * long])


# ── the table ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def document() -> Any:
    """As if everything had been 7."""
    rows: tuple[Row, ...] = get_args(Row)
    names = [name_of(size, threads, row) for size in ("tiny", "base") for threads in THREADS for row in rows]
    return {
        "figures": [{"what": name, "median": 7.0, "how": "int8, greedy, load 0.3"} for name in names],
        "machine": {"processor": "Abacus", "cores": 2, "system": "Wood"},
        "versions": {"ctranslate2": "4.8.5"},
        "date": "2026-11-23T18:00:00+00:00",
    }


def test_the_table_has_a_row_for_each_size_and_number_of_threads(document: Any) -> None:
    rows = [line.split(" | ")[:2] for line in table(document).splitlines()[2:] if line.startswith("|")]
    assert rows == [[f"| {size}", str(threads)] for size in ("tiny", "base") for threads in THREADS]


def test_the_table_says_what_was_measured_and_on_what(document: Any) -> None:
    for figure in document["figures"]:
        if figure["what"] == name_of("base", 2, "final"):
            figure["median"] = 432.1
    assert "| base | 2 | 7.00 s | 7.00 s | 7.00 | 432 ms | 7 ms | 7 | 7 | 7 |" in table(document)
    assert "2026-11-23: Abacus, 2 cores, CTranslate2 4.8.5; load 0.3." in table(document)


def test_a_figure_that_is_missing_is_an_error_and_no_gap(document: Any) -> None:
    del document["figures"][0]
    with pytest.raises(KeyError, match="CPU of a decode"):
        table(document)
