"""Hold a call on this computer: with the microphone, or with WAV files and typed text.

voicepipe run pipeline.yaml
voicepipe run pipeline.yaml --input question.wav --output call.wav --json
voicepipe run pipeline.yaml --text "What time is it?"
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from voicepipe.api import RATE, Pipeline
from voicepipe.cli.held import DeskCall, HeldCall
from voicepipe.cli.keys import Keyboard
from voicepipe.cli.options import add_payers, add_pipeline, add_vars, add_verbosity, code_mode, variables
from voicepipe.cli.targets import check_targets
from voicepipe.cli.terminal import Terminal
from voicepipe.config.explain import dropped_lines
from voicepipe.config.price_keys import prices_of_nobody, under_all_profiles
from voicepipe.core.clock import Clock
from voicepipe.core.io import CallEnds
from voicepipe.core.units import parse_duration
from voicepipe.errors import UsageError
from voicepipe.transports.local import LocalCall
from voicepipe.transports.wav import Channel, Clip, Typed, WavCall, load_clip

Held = tuple[HeldCall, Callable[[Clock], CallEnds]]
"""What shows the call, and what opens its ends."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser)
    script = parser.add_argument_group("instead of the microphone, in the order given")
    script.add_argument(
        "--input", action=_Script, metavar="WAV", help="the caller says this; may be repeated"
    )
    script.add_argument(
        "--input-channel",
        choices=["auto", "left", "right", "both"],
        default="auto",
        help="the caller's, in a stereo file (auto: left if the two hold different sounds)",
    )
    script.add_argument(
        "--text", action=_Script, metavar="TEXT", help="the caller types this; may be repeated"
    )
    script.add_argument(
        "--gap", type=_duration, default="500ms", help="silence between a reply and the next input (500ms)"
    )
    script.add_argument(
        "--clock",
        choices=["real", "simulated", "charged"],
        default="real",
        help="real time; or idle time skipped, with computing counted (charged) or not (simulated)",
    )
    sound = parser.add_argument_group("the sound devices, by parts of their names")
    sound.add_argument("--input-device", metavar="NAME", help="the microphone; voicepipe doctor lists them")
    sound.add_argument("--output-device", metavar="NAME", help="the loudspeaker")
    sound.add_argument(
        "--no-echo-gate",
        action="store_false",
        dest="echo_gate",
        help="don't keep the agent's own voice out of the microphone (with headphones it isn't there)",
    )
    parser.add_argument("--output", type=Path, metavar="WAV", help="record: caller left, agent right")
    parser.add_argument("--events", type=Path, metavar="JSONL", help="write the event log")
    parser.add_argument("--json", action="store_true", help="print the call as one JSON object")
    add_vars(parser)
    add_payers(parser)
    add_verbosity(parser)


def run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    script: list[tuple[str, str]] = getattr(options, "script", None) or []
    inputs = [Path(what) for how, what in script if how == "input"]
    check_targets({"--output": options.output, "--events": options.events}, [Path(options.pipeline), *inputs])
    pipeline = Pipeline.from_yaml(
        options.pipeline, profile=options.profile, set=options.overrides, code=code_mode(options)
    )
    for line in dropped_lines(pipeline.loaded) if options.verbose else ():
        terminal.line(terminal.style(f"dropped {line}", "dim"))
    for advice in prices_of_nobody(under_all_profiles(pipeline.loaded, options.overrides)):
        terminal.advise(advice)
    items = [_item(how, what, options.input_channel) for how, what in script]
    for note in (item.note for item in items if isinstance(item, Clip) and item.note):
        terminal.line(note)
    with Keyboard() if not items else nullcontext() as keyboard:
        if keyboard is None:
            call, ends = _by_script(options, items, terminal)
        else:
            call, ends = _by_microphone(options, pipeline, keyboard, terminal)
        report = call.hold(
            pipeline,
            options.clock,
            ends,
            vars=variables(options.vars),
            events=options.events,
            user=options.user,
            groups=variables(options.groups, "--group"),
        )
    if report.cost is not None:
        call.tell_cost(report.cost)
    if options.json:
        print(json.dumps(report.to_dict(), ensure_ascii=sys.stdout.encoding.lower() != "utf-8"))
    return call.status(report, items)


def _item(how: str, what: str, channel: Channel) -> Clip | Typed:
    if how == "input":
        return load_clip(Path(what), RATE, channel)
    if not what.strip():
        raise UsageError("--text is empty", hint="give what the caller types")
    return Typed(what)


def _by_script(options: argparse.Namespace, script: list[Clip | Typed], terminal: Terminal) -> Held:
    call = HeldCall(terminal, verbose=options.verbose)
    return call, partial(WavCall, script=script, rate=RATE, gap_ns=options.gap, recording=options.output)


def _by_microphone(
    options: argparse.Namespace, pipeline: Pipeline, keyboard: Keyboard, terminal: Terminal
) -> Held:
    if options.clock != "real":
        raise UsageError(
            f"the microphone can't run on the {options.clock} clock", hint="give --input or --text"
        )
    if pipeline.push_to_talk and not keyboard.available:
        raise UsageError(
            "stages.turn.strategy is push_to_talk, and there is no terminal to press the key in",
            hint="run it in the foreground of a terminal, or give --set stages.turn.strategy=adaptive",
        )
    ends = partial(
        LocalCall,
        rate=RATE,
        recording=options.output,
        input_device=options.input_device,
        output_device=options.output_device,
        echo_gate=options.echo_gate,
    )
    call = DeskCall(terminal, keyboard, ends, push_to_talk=pipeline.push_to_talk, verbose=options.verbose)
    return call, call.open


class _Script(argparse.Action):
    """--input and --text go into one list: the order in which they are given is that of the call."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        script = [*(getattr(namespace, "script", None) or []), (self.dest, str(values))]
        namespace.script = script


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
