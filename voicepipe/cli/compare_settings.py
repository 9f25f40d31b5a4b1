"""What ``voicepipe compare`` is to do: a comparison file, and over it what was typed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from voicepipe.cli.options import code_mode, variables
from voicepipe.compare.plan import History, Tools
from voicepipe.compare.variants import Wanted, wanted
from voicepipe.config.comparison import (
    IN_A_FOLDER,
    ComparisonFile,
    Declared,
    find_comparison,
    read_comparison,
)
from voicepipe.config.load import load_pipeline
from voicepipe.config.slots import Code
from voicepipe.core.clock import ClockName
from voicepipe.errors import UsageError

REPORT = Path("voicepipe-report.html")
"""Where the report of a comparison file goes if nothing is said."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``calls`` are the paths of the main part and, by title, of the sections that have some of their own.

    ``audio`` None: whether calls are recorded depends on how many there are. ``output`` None: no report.
    """

    title: str
    pipeline: Path
    declared: Declared | None
    wanted: tuple[Wanted, ...]
    calls: dict[str, tuple[Path, ...]]
    clocks: dict[str, ClockName | None]
    optional: tuple[str, ...]
    repeat: int
    tools: Tools
    history: History
    vars: dict[str, str]
    seed: int
    fail_on: tuple[str, ...]
    max_usd: Decimal | None
    redact: bool
    audio: bool | None
    output: Path | None
    code: Code

    @property
    def read(self) -> list[Path]:
        """The files that mustn't be written over."""
        declared = [] if self.declared is None else [self.declared.path]
        calls = [path for path in self._calls if path.is_file()]
        return [self.pipeline, *declared, *(one.path for one in self.wanted), *calls]

    @property
    def folders(self) -> list[Path]:
        """Those of the calls; nothing may be written there."""
        return [path for path in self._calls if path.is_dir()]

    @property
    def _calls(self) -> list[Path]:
        return [path for paths in self.calls.values() for path in paths]


def settings_of(options: argparse.Namespace) -> Settings:
    """Raises ``UsageError`` and, for what stands in files, ``ConfigErrors``."""
    target = Path(options.target)
    found = find_comparison(target)
    declared = None if found is None else read_comparison(found)
    pipeline = target if declared is None else _shown(declared.file.pipeline)
    code = code_mode(options)
    # The profiles are needed to tell them from files; what is wrong in the file itself is told first.
    profiles = load_pipeline(pipeline, overrides=options.overrides, code=code).profiles
    file = None if declared is None else declared.file
    output = options.output
    if output is None and declared is not None:
        output = REPORT
    return Settings(
        title=_title(options, file, target if declared is None else declared.path),
        pipeline=pipeline,
        declared=declared,
        wanted=tuple(
            wanted(
                pipeline,
                declared=declared,
                variants=options.variant,
                vary=options.vary,
                overrides=options.overrides,
                profiles=profiles,
            )
        ),
        calls=_calls(options.calls, declared, target),
        clocks=_clocks(options.clock, file),
        optional=() if file is None else file.optional,
        repeat=_over(options.repeat, file, "repeat", 1),
        tools=_over(options.tools, file, "tools", "stubs"),
        history=_over(options.history, file, "history", "free"),
        vars=variables(options.vars),
        seed=_over(options.seed, file, "seed", 1),
        fail_on=tuple(options.fail_on or (file.fail_on if file is not None else ())),
        max_usd=_over(options.max_usd, file, "max_usd", None),
        redact=options.redact or (file is not None and file.redact),
        audio=_over(options.audio, file, "audio", None),
        output=output,
        code=code,
    )


def _over(typed: Any, file: ComparisonFile | None, key: str, otherwise: Any) -> Any:
    """What was typed, or else what the file says."""
    if typed is not None:
        return typed
    return otherwise if file is None or key not in file.model_fields_set else getattr(file, key)


def _title(options: argparse.Namespace, file: ComparisonFile | None, path: Path) -> str:
    if options.title is not None:
        return str(options.title)
    if file is not None and file.title is not None:
        return file.title
    name = path.absolute().parent.name if path.name == IN_A_FOLDER else path.stem
    return f"Comparison of {name}"


def _calls(
    typed: Sequence[Sequence[Path]], declared: Declared | None, target: Path
) -> dict[str, tuple[Path, ...]]:
    main = tuple(path for paths in typed for path in paths)
    calls: dict[str, tuple[Path, ...]] = {}
    if declared is not None:
        main = main or declared.file.calls
        calls = {one.title: tuple(map(_shown, one.calls)) for one in declared.file.sections if one.calls}
    if not main:
        raise UsageError(
            f"{target}: there are no calls to be held",
            hint="--calls FOLDER holds WAV files, tests or recorded calls; --calls app.yaml takes its tests",
        )
    return {"": tuple(map(_shown, main)), **calls}


def _clocks(typed: ClockName | None, file: ComparisonFile | None) -> dict[str, ClockName | None]:
    if file is None:
        return {"": typed}
    return {"": typed or file.clock, **{one.title: one.clock for one in file.sections}}


def _shown(path: Path) -> Path:
    """From the current folder on, if it lies in there: so it is told in messages."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path
