"""What is told of a measurement beside the peers, and what all of them are measured with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.mocks import FIRST_SENTENCE, REPLY, TOKENS
from benchmarks.peers import report
from benchmarks.peers.environments import check, weight
from benchmarks.peers.harness import Ear, Mocks
from benchmarks.peers.sounds import AUDIBLE_DBFS, FRAME, OUTPUT_RATE, RATE, Clip, audible, hum, room
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.wav import write_wav

MOCKS = Mocks(
    reply=REPLY,
    stt_final=0.1,
    llm_first=0.2,
    llm_token=0.02,
    tts_first=0.08,
    words_per_second=2.5,
    tts_speed=10,
    tts_block=0.1,
)


def job(system: str, setting: str, measure: str = "turns", **values: float | list[float]) -> dict[str, Any]:
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return {
        "system": system,
        "setting": setting,
        "measure": measure,
        "load": 1.0,
        "others": 0.25,
        "values": lists,
    }


def level(system: str, agents: int, late: float, **values: float) -> dict[str, Any]:
    found: dict[str, float] = {"late_median_ms": 1, "late_p99_ms": late, "cpu_percent": 50, "asked": 9}
    found |= {"lost": 0, "missed": 0, "fed_late_ms": 1.25} | values
    return job(system, "default", "agents", **found) | {"agents": agents}


def row(text: str, what: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {what}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


# ── statistics ───────────────────────────────────────────────────────────────────────────────────


def test_a_spread_is_of_the_values_of_all_jobs() -> None:
    jobs = [job("pipecat", "best", total_ms=[3.0, 1.0]), job("pipecat", "best", total_ms=8.0)]
    assert report.spreads(jobs) == {("total_ms", ("pipecat", "best")): report.Spread(1, 3, 8, 3)}


def test_what_found_no_values_has_no_spread() -> None:
    assert report.spreads([job("pipecat", "best", total_ms=[])]) == {}
    assert report.Spread.of([]) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "more_is_better", "times"),
    [(2, 10, False, 5), (10, 2, False, 0.2), (60, 10, True, 6), (5, 10, True, 0.5)],
)
def test_a_ratio_says_how_many_times_better_ours_is(
    ours: float, theirs: float, more_is_better: bool, times: float
) -> None:
    assert report.ratio(ours, theirs, more_is_better=more_is_better) == pytest.approx(times)


@pytest.mark.parametrize(("ours", "theirs"), [(0, 5), (5, 0), (-1.5, 90), (0, 0)])
def test_there_is_no_ratio_to_nothing_or_less(ours: float, theirs: float) -> None:
    assert report.ratio(ours, theirs, more_is_better=False) is None
    assert report.ratio(ours, theirs, more_is_better=True) is None


@pytest.mark.parametrize(
    ("value", "told"), [(0.03456, "0.0346"), (60, "60"), (12.345, "12.3"), (930.4, "930"), (-1.386, "-1.39")]
)
def test_numbers_have_three_digits_but_all_of_a_whole_number(value: float, told: str) -> None:
    assert report.number(value) == told


def _levels(*jobs: dict[str, Any]) -> dict[str, float]:
    """Medians of what follows from some levels of one system, by name."""
    return {name: spread.median for (name, _), spread in report.spreads(jobs).items()}


def test_the_most_agents_are_those_of_the_highest_level_that_was_passed() -> None:
    found = _levels(level("voicepipe", 40, 3), level("voicepipe", 60, 9), level("voicepipe", 80, 21))
    assert found["most_agents"] == 60


@pytest.mark.parametrize("fault", ["lost", "missed"])
def test_a_lost_turn_or_frame_fails_a_level_whose_windows_are_on_time(fault: str) -> None:
    assert _levels(level("livekit", 10, 3, **{fault: 1})) == {"most_agents": 0}


def test_what_one_agent_costs_is_told_of_a_few_and_of_the_most() -> None:
    found = _levels(
        level("pipecat", report.FEW, 3, cpu_percent=20),
        level("pipecat", report.FEW, 3, cpu_percent=24),
        level("pipecat", 8, 9, cpu_percent=66),
        level("pipecat", 12, 90, cpu_percent=99),
    )
    assert found["talk_few_percent"] == pytest.approx(5.5)
    assert found["talk_most_percent"] == pytest.approx(66 / 8)
    assert found["talk_growth"] == pytest.approx(1.5)


# ── the table ────────────────────────────────────────────────────────────────────────────────────


def test_a_setting_is_held_against_ours_of_that_name_else_against_our_default() -> None:
    ours = [job("voicepipe", "default", silent_ms=200), job("voicepipe", "best", silent_ms=100)]
    text = report.table(
        [*ours, job("livekit", "best", silent_ms=150), job("livekit", "silero", silent_ms=300)]
    )
    assert row(text, "a caller's onset")[2:] == ["200", "100", "150, ×1.5", "300, ×1.5"]


def test_each_cell_has_median_spread_and_ratio_to_our_default() -> None:
    text = report.table(
        [job("voicepipe", "default", total_ms=400), job("pipecat", "best", total_ms=[700, 800, 1000])]
    )
    assert row(text, "end of speech")[2:] == ["400", "800 (700 to 1000), ×2"]


def test_the_settings_of_a_system_stand_side_by_side() -> None:
    jobs = [
        job("voicepipe", "default", total_ms=1),
        job("pipecat", "best", total_ms=1),
        job("voicepipe", "equal", total_ms=1),
    ]
    head = report.table(jobs).splitlines()[0]
    assert head == "| | goal | voicepipe, default | voicepipe, equal | Pipecat, best |"


def test_a_row_that_nothing_was_measured_for_is_left_out() -> None:
    text = report.table([job("voicepipe", "default", total_ms=1)])
    assert "memory" not in text


def test_a_system_without_a_value_has_a_dash() -> None:
    jobs = [job("voicepipe", "default", "frames", frame_us=4), job("livekit", "best", total_ms=600)]
    assert row(report.table(jobs), "CPU per 20 ms frame")[2:] == ["4", "–"]


def test_more_agents_are_better() -> None:
    text = report.table([level("voicepipe", 60, 9), level("livekit", 10, 9)])
    assert row(text, "agents in conversation")[2:] == ["60", "10, ×6"]


def test_all_rows_of_the_table_have_as_many_cells() -> None:
    jobs = [job("voicepipe", "default", total_ms=1, frame_us=2), level("pipecat", 4, 30)]
    assert len({line.count("|") for line in report.table(jobs).splitlines()}) == 1


def test_each_level_of_agents_is_told() -> None:
    text = report.levels([level("pipecat", 4, 25.5, lost=2), job("pipecat", "default", total_ms=1)])
    assert row(text, "Pipecat, default") == ["Pipecat, default", "4", "1, 25.5", "50", "2 of 9", "0", "1.25"]
    assert len(text.splitlines()) == 3


def test_the_noise_is_load_and_how_late_the_callers_were_fed() -> None:
    jobs = [
        job("pipecat", "best", fed_late_ms=4, lost=[1, 1]),
        job("pipecat", "best", fed_late_ms=[8]),
        level("pipecat", 4, 25),
    ]
    text = report.noise(jobs)
    assert "load before each job (1 minute): 1\n" in text
    assert "the feeder among them: 0.25\n" in text
    assert "Pipecat, best: frames fed 6 (4 to 8) ms late (p99 of each job), 2 turns lost" in text


# ── what the systems are measured with ───────────────────────────────────────────────────────────


def test_the_mocks_are_those_of_our_own_benchmarks() -> None:
    assert MOCKS.tokens == TOKENS
    assert MOCKS.until_audio(FIRST_SENTENCE) == pytest.approx(0.5)
    assert MOCKS.seconds("two words") == pytest.approx(0.8)


def test_the_voice_is_as_loud_and_as_long_as_it_is_to_be() -> None:
    assert rms_dbfs(hum(0.5)) == pytest.approx(-18, abs=0.1)
    assert hum(0.5).size == OUTPUT_RATE // 2


def test_the_room_is_quiet_but_not_silent() -> None:
    assert rms_dbfs(np.concatenate(room())) == pytest.approx(-60, abs=0.5)
    assert not audible(room()[0])


@pytest.mark.parametrize(("dbfs", "heard"), [(AUDIBLE_DBFS - 1, False), (AUDIBLE_DBFS + 1, True)])
def test_audible_is_what_is_above_the_threshold(dbfs: float, heard: bool) -> None:
    pcm = np.full(480, round(32768 * 10 ** (dbfs / 20)), np.int16)
    assert audible(pcm) is heard


def test_nothing_is_not_audible() -> None:
    assert not audible(np.zeros(0, np.int16))


def test_a_clip_keeps_its_length_although_its_last_frame_is_filled_up(tmp_path: Path) -> None:
    write_wav(tmp_path / "clip.wav", np.full(3 * FRAME + 16, 1000, np.int16), RATE)
    clip = Clip.read(str(tmp_path / "clip.wav"), "hello")
    assert [frame.size for frame in clip.frames] == [FRAME] * 4
    assert clip.seconds == (3 * FRAME + 16) / RATE


def test_blocks_that_follow_each_other_are_one_reply() -> None:
    ear = Ear()
    for number in range(3):
        ear.write(5.0, 5.0 + number, hum(1.0))
    assert [(one.handed, one.end) for one in ear.stretches] == [(5.0, 8.0)]


def test_silence_before_the_voice_is_not_its_beginning() -> None:
    ear = Ear()
    ear.write(5.0, 5.0, np.zeros(OUTPUT_RATE, np.int16))
    ear.write(5.1, 6.0, hum(1.0))
    first = ear.since(0.0)
    assert first is not None
    assert first.handed == 5.1


def test_a_reply_that_is_cut_ends_there_and_the_next_one_is_another() -> None:
    ear = Ear()
    ear.write(5.0, 5.0, hum(3.0))
    ear.cut(6.0)
    ear.write(6.5, 6.5, hum(1.0))
    assert [(one.handed, one.end) for one in ear.stretches] == [(5.0, 6.0), (6.5, 7.5)]
    assert ear.during(5.5) is ear.stretches[0]
    assert ear.since(6.2) is ear.stretches[1]
    assert ear.during(6.2) is None


def test_a_cut_after_its_end_makes_a_reply_no_longer() -> None:
    ear = Ear()
    ear.write(5.0, 5.0, hum(1.0))
    ear.cut(9.0)
    assert ear.stretches[0].end == 6.0


# ── environments ─────────────────────────────────────────────────────────────────────────────────


def test_an_environment_without_anything_heavy_is_fine() -> None:
    check({"numpy": "2.4.6", "onnxruntime": "1.32.0"})


@pytest.mark.parametrize("name", ["torch", "nvidia-cudnn-cu12", "Torch"])
def test_what_drags_in_gigabytes_is_named(name: str) -> None:
    with pytest.raises(RuntimeError, match=name):
        check({"numpy": "2.4.6", name: "1"})


def test_the_weight_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"12")
    assert weight(tmp_path) == 7
