from __future__ import annotations

import os
import subprocess
import sys

import pytest

from voicepipe.core.cores import cores


def test_there_is_a_core_and_not_more_than_the_computer_has() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no binding to cores here")
def test_cores_that_the_process_is_kept_from_do_not_count() -> None:
    code = (
        "import os; from voicepipe.core.cores import cores; "
        "os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}); print(cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
