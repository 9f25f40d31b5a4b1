"""Simulated calls on all cores: processes that load the variants by themselves and answer with JSON.

Each worker has one call at a time, so that it is known with which one a worker died: it is told, and another
worker takes its place. In which order they end doesn't matter to what is measured.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from voicepipe.compare.desk import simulate
from voicepipe.compare.environment import load, now
from voicepipe.compare.measure import measured
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.one_call import Held
from voicepipe.compare.plan import Plan, Run, Scripted, Tools, Variant
from voicepipe.config.load import load_pipeline
from voicepipe.errors import SetupError, VoicepipeError

PATIENCE = 5.0
"""Seconds that a worker has to go when it is told to."""


@dataclass(frozen=True, slots=True)
class _Work:
    """All that a worker needs to know, once: a variant is what its pipeline is loaded from."""

    variants: Mapping[str, Mapping[str, Any]]
    calls: Sequence[Scripted]
    tools: Tools


@dataclass(frozen=True, slots=True)
class _Task:
    variant: str
    call: int
    repetition: int
    recording: Path | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """``measured``: the call as JSON; ``failed``: why nothing can be held any more, with a hint."""

    kind: Literal["measured", "failed"]
    text: str
    hint: str | None = None


@dataclass(eq=False, slots=True)
class _Worker:
    process: SpawnProcess
    line: Connection

    def end(self) -> None:
        self.line.close()
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class Workers:
    """``count`` processes for the simulated calls of ``plan``; leaving the context ends them at once.

    They are spawned: a script that makes some stands behind ``if __name__ == "__main__":``.
    """

    def __init__(self, plan: Plan, count: int) -> None:
        self._count = count
        self._calls = {id(call): number for number, call in enumerate(plan.calls)}
        self._work = _Work(
            {variant.name: _described(variant) for variant in plan.variants}, plan.calls, plan.tools
        )
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._workers:
            self._workers.pop().end()

    def hold(
        self, runs: Sequence[Run], recording: Callable[[Run], Path | None]
    ) -> Iterator[tuple[Run, MeasuredCall]]:
        """Each of ``runs`` as it has been held. Raises ``SetupError`` if a recording can't be written."""
        left, busy = deque(runs), dict[_Worker, Run]()

        def give(worker: _Worker) -> None:
            if left:
                run = left.popleft()
                number = self._calls[id(run.call)]
                busy[worker] = run
                with suppress(OSError):  # it has died, and the end of its line will be noticed
                    worker.line.send(_Task(run.variant.name, number, run.repetition, recording(run)))

        for _ in range(min(self._count, len(runs))):
            give(self._new())
        while busy:
            ready = set(wait([worker.line for worker in busy]))
            for worker in [one for one in busy if one.line in ready]:
                run = busy.pop(worker)
                answer = _answer(worker)
                if answer is None:
                    yield run, _died(run, self._replaced(worker, give))
                    continue
                give(worker)
                if answer.kind == "failed":
                    raise SetupError(answer.text, hint=answer.hint)
                yield run, MeasuredCall.model_validate_json(answer.text)

    def _new(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._work), daemon=True)
        with _uninterrupted():
            process.start()
        theirs.close()  # so that the end of the process is the end of the line
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _replaced(self, worker: _Worker, give: Callable[[_Worker], None]) -> int | None:
        """The exit status of a worker that died; another one goes on."""
        worker.process.join(PATIENCE)
        status = worker.process.exitcode
        self._workers.remove(worker)
        worker.end()
        give(self._new())
        return status


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What is started inside never gets Ctrl-C, which a terminal sends to all processes: a worker would die
    of it with a traceback while it is still importing. Here it is heard afterwards."""
    if sys.platform == "win32":  # signals can't be blocked there
        yield
        return
    resource_tracker.ensure_running()  # it would end the blocking when it is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _described(variant: Variant) -> dict[str, Any]:
    """All of it but the pipeline."""
    return {one.name: getattr(variant, one.name) for one in fields(variant) if one.name != "loaded"}


def _answer(worker: _Worker) -> _Answer | None:
    """None if the worker has died."""
    try:
        answer: _Answer = worker.line.recv()
    except (EOFError, OSError):
        return None
    return answer


def _died(run: Run, status: int | None) -> MeasuredCall:
    how = f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"
    said = f"the process that held it ended {how}"
    return measured(run, Held(None, said), began=now(), load=load(), stubs=None)


# ── in the worker ────────────────────────────────────────────────────────────────────────────────


def serve(line: Connection, work: _Work) -> None:
    """Answer tasks until the other end of ``line`` is closed. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    variants: dict[str, Variant] = {}
    while True:
        try:
            task: _Task = line.recv()
        except (EOFError, OSError):
            return
        line.send(_hold(task, work, variants))


def _hold(task: _Task, work: _Work, variants: dict[str, Variant]) -> _Answer:
    try:
        if task.variant not in variants:
            variants[task.variant] = _load(work.variants[task.variant])
        run = Run(variants[task.variant], work.calls[task.call], task.repetition)
        return _Answer("measured", simulate(run, work.tools, task.recording).model_dump_json())
    except VoicepipeError as error:
        return _Answer("failed", error.message, error.hint)


def _load(described: Mapping[str, Any]) -> Variant:
    from_what = ("path", "profile", "layers", "overrides", "code")
    return Variant(**described, loaded=load_pipeline(**{name: described[name] for name in from_what}))
