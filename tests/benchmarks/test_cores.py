from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks._results import ROOT

BOUND = """
import os, threading
from benchmarks._cores import bind_to_the_last

cores, done, begun = os.sched_getaffinity(0), threading.Event(), threading.Event()
def run():
    begun.set()
    done.wait()
threading.Thread(target=run).start()
begun.wait()
bind_to_the_last()
threads = [int(thread) for thread in os.listdir("/proc/self/task")]
assert len(threads) == 2, threads
assert all(os.sched_getaffinity(thread) == {max(cores)} for thread in threads)
done.set()
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system doesn't bind to cores")
def test_threads_that_have_begun_before_are_bound_as_well() -> None:
    subprocess.run([sys.executable, "-c", BOUND], cwd=ROOT, check=True)
