from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scenes import PIPELINE
from tests.support.without import site_without, spawn_with
from voicepipe.api import Pipeline
from voicepipe.core.clock import ClockName, run_on


def test_a_pipeline_that_asks_for_nothing_has_no_companion(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE)

    async def count() -> int:
        async with Pipeline.from_yaml(file) as pipe, pipe.session() as call:
            return len(call._session._observers)

    assert run_on("simulated", count()) == 1, "the report"


@pytest.mark.parametrize(
    ("asked", "missing", "extra"),
    [
        ("metrics: {prometheus: {port: 0}}", "prometheus_client", "metrics"),
        ('traces: {otlp: "http://127.0.0.1:4318"}', "opentelemetry", "traces"),
    ],
)
def test_a_package_that_is_missing_is_told_with_what_installs_it(
    tmp_path: Path, asked: str, missing: str, extra: str
) -> None:
    (tmp_path / "pipeline.yaml").write_text(f"{PIPELINE}{asked}\n")
    (tmp_path / "site").mkdir()
    site = site_without(tmp_path / "site", {missing})
    outcome = spawn_with(site, "run", "pipeline.yaml", "--text", "hi", cwd=tmp_path)
    assert outcome.status == 3
    assert f"{extra} needs the package '{missing}', which is not installed" in outcome.err
    assert f"[{extra}]" in outcome.err


@pytest.mark.parametrize("clock", ["simulated", "charged"])
def test_nothing_is_served_or_sent_of_a_call_on_a_virtual_clock(tmp_path: Path, clock: ClockName) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(
        f'{PIPELINE}metrics: {{prometheus: {{port: 0}}}}\ntraces: {{otlp: "http://127.0.0.1:9"}}\n'
    )

    async def count() -> int:
        async with Pipeline.from_yaml(file) as pipe, pipe.session() as call:
            return len(call._session._observers)

    assert run_on(clock, count()) == 1, "the report"
