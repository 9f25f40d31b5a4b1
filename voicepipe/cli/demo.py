"""Hear and see the quickstart pipeline answer spoken questions: real speech, no key, no microphone.

voicepipe demo
voicepipe demo --set stages.llm=openai/gpt-6-luna
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from functools import partial
from pathlib import Path

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.cli.files import shipped
from voicepipe.cli.held import HeldCall
from voicepipe.cli.options import add_verbosity
from voicepipe.cli.targets import check_targets
from voicepipe.cli.terminal import Terminal
from voicepipe.observe.timeline import Timelines, TurnTimeline
from voicepipe.observe.waterfall import waterfall
from voicepipe.transports.wav import Clip, Typed, WavCall, load_clip

PIPELINE = "quickstart.yaml"
QUESTIONS = "questions"
OWN_MODEL = "stages.llm=openai/gpt-6-luna"
RULES = "rules"
NOT_A_MODEL = " (sentence templates, not a language model)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides", help="override a value"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("voicepipe-demo.wav"),
        metavar="WAV",
        help="where the call is recorded: caller left, agent right (voicepipe-demo.wav)",
    )
    parser.add_argument("--events", type=Path, metavar="JSONL", help="write the event log")
    add_verbosity(parser)


def run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    path, questions = shipped(PIPELINE), sorted(shipped(QUESTIONS).glob("*.wav"))
    check_targets({"--output": options.output, "--events": options.events}, [path, *questions])
    pipeline = Pipeline.from_yaml(path, set=options.overrides)
    items: list[Clip | Typed] = [load_clip(clip, RATE) for clip in questions]
    shown = os.path.relpath(path)
    terminal.line(terminal.style(f"{shown}: {len(items)} spoken questions, in real time", "bold"))
    for slot in pipeline.loaded.slots:
        if slot.use:
            terminal.line(f"  {slot.key:<5} {slot.use}{NOT_A_MODEL if slot.use == RULES else ''}")
    terminal.line()
    rules = any(slot.key == "llm" and slot.use == RULES for slot in pipeline.loaded.slots)
    call = DemoCall(terminal, verbose=options.verbose, llm=RULES if rules else "LLM")
    ends = partial(WavCall, script=items, rate=RATE, recording=options.output)
    report = call.hold(pipeline, "real", ends, events=options.events)
    terminal.line(f"Recorded in {options.output}: caller left, agent right.")
    terminal.line(f"The same with a model of your own: {_voicepipe()} demo --set {OWN_MODEL}")
    return call.status(report, items)


class DemoCall(HeldCall):
    """A held call that also draws where the time of each turn went."""

    def __init__(self, terminal: Terminal, *, verbose: bool, llm: str) -> None:
        super().__init__(terminal, verbose=verbose)
        self._llm = llm

    def begin(self, call: Call) -> None:
        super().begin(call)
        call.observe(Timelines(self._draw))

    def _draw(self, timeline: TurnTimeline) -> None:
        self.terminal.line()
        for line in waterfall(timeline, llm=self._llm, color=self.terminal.colour).splitlines():
            self.terminal.line("  " + line)
        self.terminal.line()


def _voicepipe() -> str:
    """The command as it can be typed here: it isn't on the path if no environment is activated."""
    if shutil.which("voicepipe"):
        return "voicepipe"
    command = Path(sys.argv[0])
    if command.name == "__main__.py":
        return f"{os.path.relpath(sys.executable)} -m voicepipe"
    return os.path.relpath(command)
