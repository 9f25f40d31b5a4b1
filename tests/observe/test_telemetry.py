from __future__ import annotations

from pathlib import Path

from tests.support.scenes import PIPELINE
from voicepipe.api import Pipeline
from voicepipe.core.clock import run_on


def test_a_pipeline_that_asks_for_nothing_has_no_companion(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE)

    async def count() -> int:
        async with Pipeline.from_yaml(file) as pipe, pipe.session() as call:
            return len(call._session._observers)

    assert run_on("simulated", count()) == 1, "the report"
