"""What is told of a measurement beside the peers, and the environments that it is made in."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import __main__ as program
from benchmarks.peers import environments, page, report
from benchmarks.peers.environments import PACKAGES, check, weight


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


def test_the_readme_tells_also_what_one_alone_costs_which_is_more() -> None:
    text = report.short_table(
        [job("voicepipe", "default", "idle", idle_cpu_percent=2.1, idle_cpu_percent_together=0.6)]
    )
    assert row(text, "CPU of one agent that listens")[1:3] == ["≤ 0.8 %", "0.6"]
    assert row(text, "… alone in its process")[1:3] == ["≤ 0.8 %", "2.1"]


def test_a_system_without_a_value_has_a_dash() -> None:
    jobs = [job("voicepipe", "default", "frames", frame_us=4), job("livekit", "best", total_ms=600)]
    assert row(report.table(jobs), "CPU per 20 ms frame")[2:] == ["4", "–"]


def test_more_agents_are_better() -> None:
    jobs = [
        *(level("voicepipe", 60, 9), level("voicepipe", 80, 21)),
        *(level("livekit", 10, 9), level("livekit", 15, 21)),
    ]
    assert row(report.table(jobs), "agents in conversation")[2:] == ["60", "10, ×6"]


def test_who_bears_the_highest_number_that_was_tried_bears_at_least_so_many() -> None:
    """Two peers that had borne the last step were told to bear no more."""
    ours = [level("voicepipe", 60, 9), level("voicepipe", 80, 21)]
    text = report.table([*ours, level("livekit", 10, 9)])
    assert row(text, "agents in conversation")[2:] == ["60", "≥ 10, ≤ ×6"]
    text = report.table([ours[0], level("livekit", 10, 9), level("livekit", 15, 21)])
    assert row(text, "agents in conversation")[2:] == ["≥ 60", "10, ≥ ×6"]
    text = report.short_table([ours[0], level("livekit", 10, 9)])
    assert row(text, "agents in conversation")[2:] == ["≥ 60", "–", "≥ 10"]


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


# ── the page and the readme ──────────────────────────────────────────────────────────────────────


def document(date: str, *jobs: dict[str, Any]) -> dict[str, Any]:
    return {
        "jobs": list(jobs),
        "failures": ["idle: it broke"],
        "clip": "a.wav, 1.00 s",
        "machine": {"processor": "Abacus", "cores": 2, "system": "Linux"},
        "environments": {"pipecat": {"wanted": ["pipecat-ai==1.14.0"]}},
        "commit": "abc1234",
        "date": date,
        "took_s": 600.0,
    }


SOAK = {
    "figures": [
        {
            "what": "CPU per session of 100 sessions over that of 10",
            "unit": "",
            "median": 0.94,
            "at_most": 1.1,
            "at_least": None,
        },
        {"what": "memory of each further session, after 5 minutes of talk", "unit": "MB", "median": None},
    ]
}


def test_the_newest_run_is_told(tmp_path: Path) -> None:
    assert page.newest(tmp_path) is None
    for name, date in (
        ("2026-11-23-abacus", "2026-11-23T20:00:00"),
        ("2026-11-22-zuse", "2026-11-22T20:00:00"),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(document(date)), encoding="utf-8")
    (tmp_path / "frames.json").write_text("{}", encoding="utf-8")
    newest = page.newest(tmp_path)
    assert newest is not None
    assert newest["date"].startswith("2026-11-23")


def test_the_page_says_what_could_not_be_measured() -> None:
    text = page.page(document("2026-11-23", job("voicepipe", "default", total_ms=466)), {})
    assert "Abacus, 2 cores, Linux, 2026-11-23, voicepipe at abc1234; pipecat-ai==1.14.0" in text
    assert text.endswith("* not measured: idle: it broke\n")


def test_a_figure_of_another_benchmark_names_its_file() -> None:
    text = page.page(document("2026-11-23", job("voicepipe", "default", total_ms=466)), {"soak": SOAK})
    assert row(text, "CPU per session of 100") == [
        "CPU per session of 100 sessions over that of 10",
        "≤ 1.1",
        "0.94 (soak.json)",
    ]
    assert "five minutes of talk" not in text


def test_the_readme_has_medians_of_default_and_best() -> None:
    jobs = [
        job("voicepipe", "default", total_ms=466, overhead_ms=26),
        job("voicepipe", "best", total_ms=460, overhead_ms=20),
        job("voicepipe", "equal", total_ms=710, overhead_ms=10),
        job("livekit", "best", total_ms=[640, 650, 700], overhead_ms=50),
    ]
    text = page.short(document("2026-11-23", *jobs), {"soak": SOAK})
    assert row(text, "end of speech")[2:] == ["466 / 460", "–", "– / 650 (×1.41)"]
    assert row(text, "… beyond")[2:] == ["26 / 10", "–", "– / 50 (×5)"]
    assert row(text, "CPU per session of 100")[2:] == ["0.94 (soak.json)", "–", "–"]


def test_without_a_run_the_readme_says_so() -> None:
    assert page.short(None, {}) == page.page(None, {}) == "Not measured yet: `make bench-peers`.\n"


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


class Remade(Exception):
    """The environment would be made again."""


def found_again(folder: Path, monkeypatch: pytest.MonkeyPatch, **told: str) -> dict[str, Any]:
    """What is taken of an environment that was made before, as it tells of itself."""

    def remake(*_: object, **__: object) -> None:
        raise Remade

    (folder / "pipecat").mkdir()
    python = folder / "pipecat" / "python"
    python.touch()
    installed = {"wanted": list(PACKAGES["pipecat"]), "python": str(python)}
    installed |= {"interpreter": platform.python_version()} | told
    (folder / "pipecat" / "installed.json").write_text(json.dumps(installed), encoding="utf-8")
    monkeypatch.setattr(environments, "FOLDER", folder)
    monkeypatch.setattr(environments.subprocess, "run", remake)
    return environments.environment("pipecat")


def test_an_environment_that_is_there_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found_again(tmp_path, monkeypatch)["wanted"] == ["pipecat-ai==1.14.0"]


@pytest.mark.parametrize("told", [{"interpreter": "3.9.0"}, {"python": "/moved/away/python"}])
def test_an_environment_of_another_python_or_a_checkout_that_was_moved_is_made_again(
    told: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Remade):
        found_again(tmp_path, monkeypatch, **told)


# ── what is written ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("part", [["--quick"], ["--only", "turns"], ["--system", "voicepipe"]])
def test_a_part_of_the_comparison_does_not_take_the_place_of_the_whole(part: list[str]) -> None:
    assert program._options([]).whole
    assert not program._options(part).whole
