from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicepipe.api import Pipeline
from voicepipe.core.clock import run_on
from voicepipe.runtime.pauses import freeze, thaw

FILE = Path(__file__).parents[2] / "pipelines" / "sim.yaml"


@pytest.fixture(autouse=True)
def _nothing_is_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_is_there_is_left_out_until_the_last_one_has_thawed() -> None:
    freeze()
    assert gc.get_freeze_count() > 0
    freeze()
    thaw()
    assert gc.get_freeze_count() > 0
    thaw()
    assert gc.get_freeze_count() == 0


def test_a_later_freeze_takes_in_nothing_that_was_made_meanwhile() -> None:
    freeze()
    before = gc.get_freeze_count()
    made = [[number] for number in range(1000)]
    freeze()
    assert gc.get_freeze_count() <= before
    assert len(made) == 1000
    thaw()
    thaw()


def test_what_the_process_itself_has_frozen_stays_so() -> None:
    gc.freeze()
    freeze()
    thaw()
    assert gc.get_freeze_count() > 0


def test_what_python_itself_has_frozen_hinders_nobody() -> None:
    """Python 3.12 has, at its start: nothing was left out of collections there."""
    check = (
        "import gc; from voicepipe.runtime.pauses import freeze;"
        "before = gc.get_freeze_count(); freeze(); print(gc.get_freeze_count() - before)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 1000


def test_a_pipeline_freezes_what_it_has_loaded_for_as_long_as_it_is_open() -> None:
    async def main() -> tuple[int, int]:
        pipeline = Pipeline.from_yaml(FILE, env={})
        async with pipeline:
            async with pipeline.session():
                within = gc.get_freeze_count()
            still = gc.get_freeze_count()
        return within, still

    within, still = run_on("simulated", main())
    assert within > 0
    assert still > 0
    assert gc.get_freeze_count() == 0
