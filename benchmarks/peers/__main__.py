"""voicepipe beside Pipecat and LiveKit Agents, on this machine, interleaved.

python -m benchmarks.peers                     all of it, about 20 minutes after the first time
python -m benchmarks.peers --only turns        one measure; may be repeated; nothing is written
python -m benchmarks.peers --system voicepipe  one system; may be repeated; nothing is written
python -m benchmarks.peers --quick             short, nothing is written: does it still run?

All of it writes benchmarks/results/DATE-MACHINE.json, of which `python -m docs.generate` makes
benchmarks/results/peers.md and the table in the readme. The environments of the peers are made when they are
missing, which downloads some hundred megabytes. Linux only, two cores at least.

Exit status: 0 all was measured, 1 something couldn't be: it is named, and the rest is written.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import mocks
from benchmarks._cores import bound
from benchmarks._results import RESULTS, ROOT, commit, machine
from benchmarks.peers import page, report
from benchmarks.peers.environments import PACKAGES, compile_ours, environment
from voicepipe.audio.level import end_of_speech, first_audible
from voicepipe.audio.wav import write_wav
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND
from voicepipe.transports.wav import load_clip

CLIPS = ROOT / "pipelines" / "questions"
RATE = 16_000
REPETITIONS = 3
LASTS_S = 240
"""After which a job is given up."""

SETTINGS: dict[str, list[report.Key]] = {
    "frames": [("voicepipe", "default"), ("pipecat", "default"), ("pipecat", "best")],
    "turns": [
        *[("voicepipe", setting) for setting in ("default", "best", "equal")],
        *[("pipecat", setting) for setting in ("default", "best")],
        *[("livekit", setting) for setting in ("default", "best")],
    ],
    "idle": [
        ("voicepipe", "default"),
        ("pipecat", "default"),
        ("pipecat", "best"),
        ("livekit", "default"),
        ("livekit", "best"),
    ],
    "deployed": [("livekit", "default"), ("livekit", "best")],
    "agents": [
        ("voicepipe", "default"),
        ("voicepipe", "every window"),
        ("pipecat", "default"),
        ("pipecat", "best"),
        ("livekit", "silero"),
        ("livekit", "best"),
    ],
}
ASKED: dict[str, dict[str, Any]] = {
    "frames": {"frames": 5000},
    "turns": {"callers": 3},
    "idle": {"further": 20, "seconds": 3.0},
    "deployed": {"processes": 4},
    "agents": {"seconds": 5.0},
}
QUICK: dict[str, dict[str, Any]] = {
    "frames": {"frames": 500},
    "turns": {"callers": 1},
    "idle": {"further": 2, "seconds": 1.0},
    "deployed": {"processes": 1},
    "agents": {"seconds": 1.0},
}
TRIES = 2
"""At each level: one that failed because somebody else was on the core may pass after all."""

ONCE = ("deployed", "agents")
"""These hold many sessions at a time as it is."""

LEVELS = {
    "voicepipe": (4, 40, 50, 60, 80, 100, 120, 140),
    "pipecat": (4, 6, 8, 10, 12, 16, 20, 25),
    "livekit": (4, 10, 15, 20, 25, 30, 35, 40),
}
"""Each is tried until one is too many. The first is ``report.FEW``."""

MOCKS: dict[str, Any] = {
    "reply": mocks.REPLY,
    "stt_final": mocks.STT_FINAL / SECOND,
    "llm_first": mocks.LLM_FIRST / SECOND,
    "llm_token": mocks.LLM_TOKEN / SECOND,
    "tts_first": mocks.TTS_FIRST / SECOND,
    "words_per_second": mocks.WORDS_PER_SECOND,
    "tts_speed": mocks.TTS_SPEED,
    "tts_block": mocks.TTS_BLOCK_MS / 1000,
}


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    environments, failures = _environments(options.system)
    compile_ours()
    measured_at, began = commit(), time.perf_counter()
    jobs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        name, clip = _clip(options.clips, Path(folder) / "clip.wav")
        runner = Runner(environments, clip, QUICK if options.quick else ASKED)
        for job in _all(runner, options):
            print(_line(job), flush=True)
            if "failed" in job:
                failures.append(_line(job))
            else:
                jobs.append(job)
    document = {
        "jobs": jobs,
        "failures": failures,
        "clip": name,
        "mocks": MOCKS,
        "machine": machine(),
        "environments": {
            name: {k: v for k, v in e.items() if k != "python"} for name, e in environments.items()
        },
        "commit": measured_at,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": time.perf_counter() - began,
    }
    print("\n" + page.page(document, page.other_documents(RESULTS)))
    if options.whole:
        _save(document)
    return int(bool(failures))


def _environments(systems: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Of the peers in ``systems``; who can't be installed is taken out of them, and told."""
    made: dict[str, Any] = {}
    failures = []
    for peer in [peer for peer in PACKAGES if peer in systems]:
        try:
            made[peer] = environment(peer)
        except (subprocess.CalledProcessError, RuntimeError) as error:
            systems.remove(peer)
            failures.append(f"{report.NAMES[peer]} couldn't be installed: {error}")
    return made, failures


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--clips",
        type=Path,
        default=CLIPS,
        help="folder of WAV files: the first with a second of speech is said",
    )
    parser.add_argument("--repetitions", type=int, help=f"of all but {' and '.join(ONCE)} ({REPETITIONS})")
    parser.add_argument("--only", action="append", choices=SETTINGS, metavar="MEASURE")
    parser.add_argument("--system", action="append", choices=report.NAMES, metavar="SYSTEM")
    parser.add_argument("--quick", action="store_true", help="short, nothing is written")
    options = parser.parse_args(argv)
    # A part would take the place of that day's whole run, and of the rows that it lacks.
    options.whole = not (options.quick or options.only or options.system)
    options.only = options.only or list(SETTINGS)
    options.system = options.system or list(report.NAMES)
    options.repetitions = options.repetitions or (1 if options.quick else REPETITIONS)
    return options


class Runner:
    """Does one job after the other, each in a process of the system's own environment."""

    def __init__(
        self, environments: dict[str, Any], clip: dict[str, str], asked: dict[str, dict[str, Any]]
    ) -> None:
        self._environments = environments
        self._clip = clip
        self._asked = asked

    def run(self, measure: str, key: report.Key, **more: Any) -> dict[str, Any]:
        system, setting = key
        python = self._environments[system]["python"] if system in self._environments else sys.executable
        request = {"measure": measure, "setting": setting, "clip": self._clip, "mocks": MOCKS}
        request |= self._asked[measure] | more
        job = {"measure": measure, "system": system, "setting": setting, "load": os.getloadavg()[0]}
        job |= {name: value for name, value in more.items() if name == "agents"}
        began, busy, own = time.perf_counter(), _busy_s(), _own_s()
        try:
            with bound(more.get("core")):
                done = subprocess.run(
                    [python, "-m", f"benchmarks.peers.with_{system}"],
                    cwd=ROOT,
                    input=json.dumps(request),
                    capture_output=True,
                    text=True,
                    timeout=LASTS_S,
                    check=True,
                )
        except subprocess.TimeoutExpired:
            return job | {"failed": f"not done within {LASTS_S} s"}
        except subprocess.CalledProcessError as error:
            return job | {"failed": (error.stderr.strip().splitlines() or [str(error)])[-1]}
        wall = time.perf_counter() - began
        taken = max(0.0, _busy_s() - busy - (_own_s() - own)) / wall
        return job | {"others": round(taken, 3), "values": json.loads(done.stdout.splitlines()[-1])}


def _busy_s() -> float:
    """Seconds for which all cores of the machine together weren't idle, also for those that it is lent to."""
    user, nice, system, _, _, irq, soft, steal, *_ = map(int, Path("/proc/stat").read_text().split()[1:11])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """CPU seconds of the measured processes. Their feeders, which nobody waits for, count as others."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _all(runner: Runner, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """All systems in turn, again and again, so that a busy minute disturbs them alike."""
    cores = sorted(os.sched_getaffinity(0))
    wanted = {name: [key for key in SETTINGS[name] if key[0] in options.system] for name in options.only}
    for repetition in range(options.repetitions):
        for measure, keys in wanted.items():
            if measure not in ONCE or (repetition == 0 and measure != "agents"):
                yield from (runner.run(measure, key) for key in keys)
    climbing = list(wanted.get("agents", []))
    for level in range(1 if options.quick else max(map(len, LEVELS.values()))):
        for key in [one for one in climbing if level < len(LEVELS[one[0]])]:
            agents = LEVELS[key[0]][level]
            for _ in range(1 if options.quick else TRIES):
                job = runner.run("agents", key, agents=agents, core=max(cores), cores=cores)
                yield job
                if "failed" not in job and report.passed(job["values"]):
                    break
            else:
                climbing.remove(key)


def _clip(folder: Path, to: Path) -> tuple[str, dict[str, str]]:
    """The first of a folder with a second of speech, from −35 dBFS to −35 dBFS: its name, and where it lies.

    The words are those of its name, or of a text file beside it.
    """
    spoken: dict[Path, Pcm] = {}
    for path in sorted(folder.glob("*.wav")):
        pcm = load_clip(path, RATE).pcm
        spoken[path] = pcm[first_audible(pcm, RATE, -35) or 0 : end_of_speech(pcm, RATE) or pcm.size]
    if not spoken:
        raise SystemExit(f"no WAV files in {folder}")
    path = next((one for one in spoken if spoken[one].size >= RATE), next(iter(spoken)))
    write_wav(to, spoken[path], RATE)
    beside = path.with_suffix(".txt")
    words = beside.read_text(encoding="utf-8") if beside.exists() else re.sub(r"[\W\d_]+", " ", path.stem)
    return f"{path.name}, {spoken[path].size / RATE:.2f} s", {"path": str(to), "words": words.strip()}


def _line(job: dict[str, Any]) -> str:
    found = {name: report.Spread.of(values) for name, values in job.get("values", {}).items()}
    told = job.get("failed") or ", ".join(f"{name} {one.told()}" for name, one in found.items() if one)
    agents = f" {job['agents']}" if "agents" in job else ""
    return f"{job['measure']}{agents}: {job['system']}, {job['setting']}: {told}; load {job['load']:.1f}"


def _save(document: dict[str, Any]) -> None:
    """With the spread of each value, which is what most readers look for."""
    spreads = [
        {"system": key[0], "setting": key[1], "value": name} | vars(spread)
        for (name, key), spread in report.spreads(document["jobs"]).items()
    ]
    on = f"{document['machine']['processor']}-{document['machine']['cores']}-cores"
    path = RESULTS / f"{document['date'][:10]}-{re.sub(r'[^a-z0-9]+', '-', on.lower()).strip('-')}.json"
    text = json.dumps({"spreads": spreads} | document, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"written: {path.relative_to(ROOT)}; now: python -m docs.generate")


if __name__ == "__main__":
    sys.exit(main())
