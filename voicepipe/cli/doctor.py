"""Say what this computer has, what each provider needs, and whether a given pipeline can run here.

Of keys only the names are shown. Exit status 3 if the pipeline can't run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from voicepipe.cli.machine import (
    BASE,
    WAYS,
    Readiness,
    Sound,
    keys,
    packages,
    pipeline_readiness,
    readiness,
    sound,
    tool_readiness,
)
from voicepipe.cli.options import add_overrides, code_mode
from voicepipe.cli.terminal import Terminal
from voicepipe.cli.validate import absent_files, not_accepted
from voicepipe.cli.version import version
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.registry import Registry
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.extras import install_command
from voicepipe.errors import SetupError, VoicepipeError
from voicepipe.runtime.engines import make_providers
from voicepipe.runtime.graph import graph_of
from voicepipe.runtime.workers import make_workers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pipeline", nargs="?", help="a pipeline file: can it run here?")
    parser.add_argument("-p", "--profile", help="a profile of the file")
    add_overrides(parser, code="ignore")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    loaded, fault = None, None
    if options.pipeline is not None:
        try:
            loaded = load_pipeline(
                options.pipeline,
                profile=options.profile,
                overrides=options.overrides,
                code=code_mode(options),
            )
            graph_of(loaded)
        except VoicepipeError as error:  # what is known of this computer is told all the same
            fault = error
    found = run_on("real", examine(loaded))
    if options.json:
        print(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(found.lines(Terminal(sys.stdout).style)))
    if fault is not None:
        raise fault
    return SetupError.exit_status if found.lacking else 0


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found. ``pipeline`` and ``lacking`` are empty if no file was given."""

    packages: dict[str, dict[str, str | None]]
    sound: Sound
    keys: dict[str, dict[str, Any]]
    env_file: tuple[str, ...]
    providers: list[Readiness]
    file: str | None = None
    pipeline: tuple[Readiness, ...] = ()
    own_code: tuple[str, ...] = ()

    @property
    def lacking(self) -> list[str]:
        return [sentence for one in self.pipeline for sentence in one.missing]

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "voicepipe": version(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": self.packages,
            "sound": asdict(self.sound),
            "keys": self.keys,
            "env_file": list(self.env_file),
            "providers": [asdict(one) for one in self.providers],
        }
        if self.file is not None:
            slots = [asdict(one) for one in self.pipeline]
            data["pipeline"] = {"file": self.file, "can_run": not self.lacking, "slots": slots}
        return data

    def lines(self, style: Callable[..., str]) -> list[str]:
        """The report for people."""
        title = f"voicepipe {version()}, Python {platform.python_version()}, {platform.platform()}"
        sections = {
            "packages": _package_lines(self.packages),
            "sound": _sound_lines(self.sound),
            "keys": _key_lines(self.keys, self.env_file),
            "providers, with their default settings": _readiness_lines(self.providers, style),
        }
        if self.file is not None:
            sections[self.file] = [*_readiness_lines(self.pipeline, style), *self._verdict(style)]
        lines = [title]
        for heading, body in sections.items():
            lines += ["", style(heading, "bold"), *(f"  {line}" for line in body)]
        return lines

    def _verdict(self, style: Callable[..., str]) -> list[str]:
        lines = [f"own code, which wasn't looked at: {name}" for name in self.own_code]
        if self.lacking:
            lines.append(style("It can't run on this computer yet.", "red"))
            if any(one.can_pull for one in self.pipeline):
                lines.append(f"Models are fetched by: voicepipe pull {shlex.quote(str(self.file))}")
            return lines
        lines.append(style("It can run on this computer.", "green"))
        if not self.sound.enough:
            lines.append("There is no microphone and loudspeaker to talk with it: use --input or --text.")
        return lines


async def examine(loaded: LoadedPipeline | None) -> Findings:
    """Look at this computer, and at what ``loaded`` needs of it."""
    registry, clock = Registry.installed(), Clock()
    env: Mapping[str, str] = loaded.environment.values if loaded else os.environ
    taken = loaded.environment.taken if loaded else ()
    workers = make_workers(clock)
    try:
        pipeline: list[Readiness] = []
        if loaded is not None:
            providers = make_providers(loaded, workers, clock, lambda message: None)
            pipeline = pipeline_readiness(loaded.slots, providers)
            absent = tuple(error.message for error in (*absent_files(loaded), *not_accepted(loaded)))
            pipeline += [Readiness("files", "", absent)] if absent else []
            pipeline += tool_readiness(loaded.agent.tools)
        return Findings(
            packages=packages(),
            sound=sound(),
            keys={
                key: {"set": bool(env.get(key)), "from_env_file": key in taken, "read_by": readers}
                for key, readers in keys(registry).items()
            },
            env_file=taken,
            providers=readiness(registry, workers, env),
            file=str(loaded.path) if loaded else None,
            pipeline=tuple(pipeline),
            own_code=tuple(loaded.own_code) if loaded else (),
        )
    finally:
        workers.close()


def _package_lines(found: dict[str, dict[str, str | None]]) -> list[str]:
    lines = []
    width = max(map(len, found))
    for extra, versions in found.items():
        present = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
        absent = ", ".join(name for name, number in versions.items() if not number)
        lines.append(f"{extra:<{width}}  {present or '-'}")
        if absent:
            remedy = "" if extra == BASE else f"; install with: {install_command(extra)}"
            lines.append(f"{'':<{width}}  not installed: {absent}{remedy}")
    return lines


def _sound_lines(found: Sound) -> list[str]:
    if found.problem:
        return [line.strip() for line in found.problem.splitlines()]
    lines = []
    for way, what in zip(WAYS, ("microphone ", "loudspeaker"), strict=True):
        for one in found.devices:
            if one.serves(way):
                default = one.default_input if way == "input" else one.default_output
                lines.append(f"{what}  {one.name} ({one.system}){', used by default' if default else ''}")
    return lines


def _key_lines(found: dict[str, dict[str, Any]], taken: tuple[str, ...]) -> list[str]:
    lines = []
    for key, facts in found.items():
        origin = " by .env" if facts["from_env_file"] else ""
        state = f"set{origin}" if facts["set"] else "not set"
        lines.append(f"{key}  {state}, for {', '.join(facts['read_by'])}")
    if taken:
        lines.append(f"taken from .env: {', '.join(taken)}")
    return lines or ["no provider reads any"]


def _readiness_lines(found: list[Readiness] | tuple[Readiness, ...], style: Callable[..., str]) -> list[str]:
    lines = []
    kinds = max((len(one.kind) for one in found), default=0)
    names = max((len(one.name) for one in found), default=0)
    for one in found:
        label = f"{one.kind:<{kinds}}  {one.name:<{names}}"
        if not one.missing:
            needs = f", once it is given {' and '.join(one.settings)}" if one.settings else ""
            lines.append(f"{label}  {style('ready', 'green')}{needs}")
        for index, sentence in enumerate(one.missing):
            first, *rest = sentence.splitlines()
            begin = label if index == 0 else " " * len(label)
            lines.append(f"{begin}  {style(first, 'yellow')}")
            lines += [f"{'':<{len(label)}}  {line.strip()}" for line in rest]
        if one.models:
            lines.append(f"{'':<{len(label)}}  models here: {', '.join(one.models)}")
    return lines
