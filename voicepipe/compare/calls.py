"""Which calls a comparison holds: WAV files, conversation tests and recorded calls, found by their paths.

=============================  ==================================================================
``clip.wav``                   a call of one turn; ``clip.txt`` beside it has the words
a folder of WAVs, in a folder  a call of several turns, one file each, in the order of their names
``*.yaml``                     conversation tests, or a pipeline file that has some: a call each
a folder with a log            a recorded call, as ``record:`` writes it
any other folder               all of these in it
=============================  ==================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from voicepipe.api import RATE
from voicepipe.compare.plan import History, Scripted
from voicepipe.compare.recorded_calls import recorded_call, reference_lines
from voicepipe.compare.scripts import script_of
from voicepipe.config.comparison import FORMAT_KEY
from voicepipe.config.conversation_files import LocatedTest
from voicepipe.config.load import LoadedPipeline, load_pipeline, load_tests
from voicepipe.config.slots import Code
from voicepipe.core import yaml12
from voicepipe.core.nodes import Source
from voicepipe.core.units import SECOND
from voicepipe.errors import UsageError
from voicepipe.observe.kept_call import EVENTS_FILE
from voicepipe.transports.conversation import Item, Pause, Utterance
from voicepipe.transports.spoken import with_words
from voicepipe.transports.wav import Clip, load_clip

MAX_CALLS = 1000
MAX_TURNS = 200
"""Files in the folder of one call."""

YAML = (".yaml", ".yml")
EXPECTED = (
    "expected WAV files, folders of WAV files, YAML files of conversation tests, or recorded calls"
    f" (folders with {EVENTS_FILE})"
)


@dataclass(slots=True)
class CallFinder:
    """``baseline``: the pipeline whose language scripted callers speak. ``tell`` gets sentences.

    ``vars``: variables of the agent that all calls are given. What is found twice is the same object.
    """

    baseline: LoadedPipeline
    history: History
    code: Code
    tell: Callable[[str], None]
    vars: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, tuple[Scripted, Path]] = field(default_factory=dict)

    def find(self, paths: Sequence[Path]) -> list[Scripted]:
        """The calls at ``paths``, in their order.

        Raises ``UsageError`` for a path that holds none and for two calls of one name, ``ConfigErrors`` for
        what is wrong in a YAML file, ``AudioError`` and ``LogError`` for what can't be used.
        """
        found: dict[str, Scripted] = {}
        for path in paths:
            for call, place in self._at(path):
                known, where = self._known.setdefault(call.name, (replace(call, vars=self.vars), place))
                if call.name in found or where.resolve() != place.resolve():
                    raise UsageError(
                        f"two calls are called '{call.name}': of {where} and of {place}",
                        hint="rename one of them: the report tells calls by their names",
                    )
                if len(found) == MAX_CALLS:
                    raise UsageError(f"more than {MAX_CALLS} calls were found, up to {place}")
                found[call.name] = known
        return list(found.values())

    def _at(self, path: Path) -> Iterator[tuple[Scripted, Path]]:
        if not path.exists():
            raise UsageError(f"there are no calls at {path}: no such file or folder", hint=EXPECTED)
        if path.is_dir() and not (path / EVENTS_FILE).is_file():
            found = False
            for entry in sorted(path.iterdir(), key=lambda one: _natural(one.name)):
                if self._holds_a_call(entry):
                    found = True
                    yield from self._one(entry)
            if not found:
                raise UsageError(f"no calls were found in the folder {path}", hint=EXPECTED)
        elif path.is_dir() or path.suffix.lower() in (".wav", *YAML):
            yield from self._one(path)
        else:
            raise UsageError(f"{path}: a file of another kind was found", hint=EXPECTED)

    def _holds_a_call(self, entry: Path) -> bool:
        if entry.name.startswith("."):
            return False
        if entry.is_dir():
            return (entry / EVENTS_FILE).is_file() or bool(_wavs(entry))
        return entry.suffix.lower() in (".wav", *YAML)

    def _one(self, path: Path) -> Iterator[tuple[Scripted, Path]]:
        if path.is_dir() and (path / EVENTS_FILE).is_file():
            yield recorded_call(path, self.history, self.tell), path
        elif path.is_dir():
            yield self._of_wavs(path.name, _wavs(path)), path
        elif path.suffix.lower() in YAML:
            for call in self._of_yaml(path):
                yield call, path
        else:
            yield self._of_wavs(path.stem, [path]), path

    # ── audio ────────────────────────────────────────────────────────────────────────────────────

    def _of_wavs(self, name: str, paths: Sequence[Path]) -> Scripted:
        if len(paths) > MAX_TURNS:
            raise UsageError(f"{paths[0].parent} holds {len(paths)} WAV files, expected at most {MAX_TURNS}")
        said = [self._clip(path) for path in paths]
        return Scripted(
            name=name,
            kind="audio",
            script=[Utterance(clip) for clip, _ in said],
            speech_ns=sum(clip.pcm.size for clip, _ in said) * SECOND // RATE,
            reference=tuple(words for _, words in said),
        )

    def _clip(self, path: Path) -> tuple[Clip, str | None]:
        clip = load_clip(path, RATE)
        if clip.note is not None:
            self.tell(clip.note)
        text = path.with_suffix(".txt")
        if not text.is_file():
            return clip, None
        words = " ".join(reference_lines(text))
        return with_words(clip, words, RATE), words

    # ── conversations ────────────────────────────────────────────────────────────────────────────

    def _of_yaml(self, path: Path) -> list[Scripted]:
        root = yaml12.read(path, Source(str(path), path.parent, None), [])
        keys = root.value.keys() if root is not None and isinstance(root.value, dict) else ()
        if FORMAT_KEY in keys:
            raise UsageError(
                f"{path}: a comparison file was found; it has calls of its own",
                hint=f"voicepipe compare {path}",
            )
        if "voicepipe" in keys or "stages" in keys:
            loaded = load_pipeline(path, code=self.code)
            if not loaded.tests:
                raise UsageError(f"{path}: the pipeline file has no tests", hint=EXPECTED)
            return [self._of_test(one, loaded) for one in loaded.tests]
        tests = load_tests(self.baseline.path, [str(path)], code=self.code)
        return [self._of_test(one, None) for one, _ in tests[len(self.baseline.tests) :]]

    def _of_test(self, located: LocatedTest, of: LoadedPipeline | None) -> Scripted:
        script = script_of(located.test, self.baseline.agent.language)
        return Scripted(
            name=located.test.name,
            kind="conversation",
            script=script,
            speech_ns=sum(map(_lasts_ns, script)),
            reference=tuple(_references(located)),
            test=located,
            tool_results={} if of is None else of.tool_results,
        )


def _wavs(folder: Path) -> list[Path]:
    """The WAV files in ``folder``, 2.wav before 10.wav."""
    found = [one for one in folder.iterdir() if one.suffix.lower() == ".wav" and not one.name.startswith(".")]
    return sorted(found, key=lambda one: _natural(one.name))


def _natural(name: str) -> list[tuple[int, str]]:
    """Numbers in names count by their values."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _lasts_ns(item: Item) -> int:
    if isinstance(item, Pause):
        return item.duration_ns
    if isinstance(item, Utterance) and isinstance(item.what, Clip):
        return item.what.pcm.size * SECOND // RATE
    return 0


def _references(located: LocatedTest) -> Iterator[str | None]:
    """What is said in each utterance; None where nobody has written it down, or nothing is spoken."""
    for step in located.test.steps:
        if step.user is not None:
            yield step.user.say or step.user.words or None
