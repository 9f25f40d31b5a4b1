"""Hear and see the quickstart pipeline answer a caller: real speech, no key, no microphone.

The caller asks, says "uh-huh" into a long answer, which goes on, and then interrupts it. At the end the
language model dies, and the caller is told. What is left is a recording, and a page to listen to it line by
line.

voicepipe demo
voicepipe demo --set stages.llm=openai/gpt-6-luna
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.audio.wav import append_wav
from voicepipe.cli.files import shipped, write_text
from voicepipe.cli.held import HeldCall
from voicepipe.cli.options import add_verbosity
from voicepipe.cli.page import Followed
from voicepipe.cli.targets import check_targets
from voicepipe.cli.terminal import Terminal
from voicepipe.compare.page.single import Part, call_page
from voicepipe.core.clock import Clock
from voicepipe.core.units import SECOND
from voicepipe.observe.report import CallReport
from voicepipe.observe.timeline import Timelines, TurnTimeline
from voicepipe.observe.waterfall import waterfall
from voicepipe.transports.conversation import ConversationCall, Utterance
from voicepipe.transports.wav import Clip, load_clip

PIPELINE = "quickstart.yaml"
SCRIPT: tuple[tuple[str, int | None], ...] = (
    ("questions/1_what_time_is_it.wav", None),
    ("questions/2_what_is_the_weather_in_paris.wav", None),
    ("scenes/1_what_is_your_name.wav", None),
    ("scenes/2_uh_huh.wav", 2 * SECOND),
    ("questions/4_turn_on_the_kitchen_lights.wav", 6 * SECOND),
    ("questions/5_thank_you.wav", None),
)
"""What the caller says: after the answer, or so long into it."""
OUTAGE = "{use: sim, fail: {kind: hang}, timeout: {first: 1500ms}}"
"""A model that takes each request and never answers."""
ASKED_IN_VAIN = "questions/1_what_time_is_it.wav"
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
        help="where the call is recorded, caller left, agent right; its page is put beside it "
        "(voicepipe-demo.wav)",
    )
    parser.add_argument("--events", type=Path, metavar="JSONL", help="write the event log")
    add_verbosity(parser)


def run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    path, files = shipped(PIPELINE), [shipped(name) for name, _ in SCRIPT]
    page = options.output.with_suffix(".html")
    written = {"--output": options.output, "the page": page, "--events": options.events}
    check_targets(written, [path, *files])
    pipeline = Pipeline.from_yaml(path, set=options.overrides)
    clips = [load_clip(file, RATE) for file in files]
    shown = os.path.relpath(path)
    terminal.line(terminal.style(f"{shown}: a spoken conversation, in real time", "bold"))
    for slot in pipeline.loaded.slots:
        if slot.use:
            terminal.line(f"  {slot.key:<5} {slot.use}{NOT_A_MODEL if slot.use == RULES else ''}")
    terminal.line()
    rules = any(slot.key == "llm" and slot.use == RULES for slot in pipeline.loaded.slots)
    steps = [Utterance(clip, into, or_after=True) for clip, (_, into) in zip(clips, SCRIPT, strict=True)]
    call = DemoCall(terminal, steps, verbose=options.verbose, llm=RULES if rules else "LLM")
    ends = partial(call.open_ends, recording=options.output)
    report = call.hold(pipeline, "real", ends, events=options.events)
    status = call.status(report, clips)
    parts = [call.part("The call", pipeline, report, options.output)]
    if rules and status == 0:
        status, outage = _let_model_die(terminal, path, options)
        parts.append(outage)
    write_text(page, call_page("voicepipe demo", parts))
    terminal.line(f"Recorded in {options.output}: caller left, agent right.")
    terminal.line(f"To listen to it line by line, open {page} in a browser.")
    terminal.line(f"The same with a model of your own: {_voicepipe()} demo --set {OWN_MODEL}")
    return status


def _let_model_die(terminal: Terminal, path: Path, options: argparse.Namespace) -> tuple[int, Part]:
    """One more question, to a model that doesn't answer; 1 if the caller isn't told. And the call."""
    terminal.line(terminal.style("The language model dies, and the caller asks once more:", "bold"))
    terminal.line(f"  llm   {OUTAGE}")
    terminal.line()
    pipeline = Pipeline.from_yaml(path, set=[*options.overrides, f"stages.llm={OUTAGE}"])
    call = ScriptedCall(
        terminal, [Utterance(load_clip(shipped(ASKED_IN_VAIN), RATE))], verbose=options.verbose
    )
    with TemporaryDirectory() as folder:
        recording = Path(folder) / "outage.wav"
        report = call.hold(pipeline, "real", partial(call.open_ends, recording=recording))
        part = call.part("The language model dies", pipeline, report, recording)
        append_wav(options.output, recording)
    terminal.line()
    return 0 if any(turn.heard and not turn.agent for turn in report.turns) else 1, part


class ScriptedCall(HeldCall):
    """A held call whose caller follows ``steps``."""

    def __init__(self, terminal: Terminal, steps: Sequence[Utterance], *, verbose: bool) -> None:
        super().__init__(terminal, verbose=verbose)
        self._steps = steps
        self._followed = Followed(steps, [_words(step) for step in steps])

    def begin(self, call: Call) -> None:
        super().begin(call)
        self._call = call
        call.observe(self._followed)

    def open_ends(self, clock: Clock, recording: Path) -> ConversationCall:
        """The caller listens to the call, so as to speak into an answer."""
        self._ends = ConversationCall(clock, self._steps, rate=RATE, recording=recording)
        self._call.observe(self._ends.caller)
        return self._ends

    def part(self, heading: str, pipeline: Pipeline, report: CallReport, recording: Path) -> Part:
        """The call, once it is over, as a part of a page."""
        return self._followed.part(heading, pipeline, report, self._ends, recording)


class DemoCall(ScriptedCall):
    """Also draws where the time of each turn went."""

    def __init__(self, terminal: Terminal, steps: Sequence[Utterance], *, verbose: bool, llm: str) -> None:
        super().__init__(terminal, steps, verbose=verbose)
        self._llm = llm

    def begin(self, call: Call) -> None:
        super().begin(call)
        call.observe(Timelines(self._draw))

    def _draw(self, timeline: TurnTimeline) -> None:
        bar, hatch = ("█", "░") if self.terminal.unicode else ("#", ".")
        drawn = waterfall(timeline, llm=self._llm, color=self.terminal.colour, bar=bar, hatch=hatch)
        self.terminal.line()
        for line in drawn.splitlines():
            self.terminal.line("  " + line)
        self.terminal.line()


def _words(step: Utterance) -> str:
    """What is said in a shipped clip: its name, ``2_uh_huh.wav``."""
    name = step.what.name if isinstance(step.what, Clip) else step.what.text
    return Path(name).stem.partition("_")[2].replace("_", " ")


def _voicepipe() -> str:
    """The command as it can be typed here: it isn't on the path if no environment is activated."""
    if shutil.which("voicepipe"):
        return "voicepipe"
    command = Path(sys.argv[0])
    if command.name == "__main__.py":
        return f"{os.path.relpath(sys.executable)} -m voicepipe"
    return os.path.relpath(command)
