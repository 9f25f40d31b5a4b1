"""The end of a process waits for jobs in worker threads, but not for ever."""

from __future__ import annotations

import subprocess
import sys
import threading

from voicepipe.runtime.under_way import UnderWay

LEAVES_A_JOB = """
import asyncio, atexit, threading

ended = []
atexit.register(lambda: print(ended))  # called last: before it, voicepipe waits
from voicepipe.runtime.workers import ThreadWorkers

process_ends = threading.Event()
atexit.register(process_ends.set)  # called first

def job():
    started.set()
    process_ends.wait()
    ended.append(sum(range(1_000_000)))

async def main():
    workers = ThreadWorkers()
    task = asyncio.ensure_future(workers.call(job))
    while not started.is_set():
        await asyncio.sleep(0)
    task.cancel()
    workers.close()

started = threading.Event()
asyncio.run(main())
"""


def test_a_process_that_ends_lets_a_running_job_finish() -> None:
    # Regression: a decode that came back while the interpreter went away aborted the process.
    done = subprocess.run(
        [sys.executable, "-c", LEAVES_A_JOB], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[499999500000]\n", "")


def test_nothing_under_way_is_not_waited_for() -> None:
    under_way = UnderWay()
    with under_way:
        pass
    assert under_way.wait(timeout_s=0)


def test_a_job_that_hangs_is_given_up() -> None:
    under_way = UnderWay()
    with under_way:
        assert not under_way.wait(timeout_s=0)


def test_waiting_ends_with_the_last_job() -> None:
    under_way = UnderWay()
    waited = threading.Event()

    def wait() -> None:
        under_way.wait(timeout_s=60)
        waited.set()

    with under_way:
        threading.Thread(target=wait, daemon=True).start()  # noqa: TID251 - what workers are made of
        with under_way:
            pass
        assert not waited.is_set()
    assert waited.wait(timeout=60)
