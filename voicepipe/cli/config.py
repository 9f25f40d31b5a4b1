"""Print a pipeline as it is once all its layers are merged: one file, which says the same.

Values that came from the environment, and keys that are written in the file, are masked. With --explain,
each value with the file and line that gave it, and what later layers did away with.
"""

from __future__ import annotations

import argparse
import json

from voicepipe.cli.options import add_pipeline, code_mode
from voicepipe.config.explain import explain, explained, resolved, resolved_data
from voicepipe.config.load import load_pipeline


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser, code="ignore")
    parser.add_argument("--explain", action="store_true", help="say where each value comes from")
    parser.add_argument("--json", action="store_true", help="print JSON instead of YAML")


def run(options: argparse.Namespace) -> int:
    loaded = load_pipeline(
        options.pipeline, profile=options.profile, overrides=options.overrides, code=code_mode(options)
    )
    if options.json:
        data = explained(loaded) if options.explain else resolved_data(loaded)
        print(json.dumps(data, ensure_ascii=False, indent=2))
    else:
        print(explain(loaded) if options.explain else resolved(loaded), end="")
    return 0
