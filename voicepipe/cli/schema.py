"""Print the JSON Schema of pipeline files, with what is installed here.

An editor that speaks YAML completes and checks a file by it, if the file's first line is
    # yaml-language-server: $schema=./voicepipe.schema.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from voicepipe.cli.files import write_text
from voicepipe.cli.terminal import Terminal
from voicepipe.config.schema import json_schema

FILE = "voicepipe.schema.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"write it here, for example to {FILE}")


def run(options: argparse.Namespace) -> int:
    schema = schema_text()
    if options.output is None:
        print(schema, end="")
    else:
        write_text(options.output, schema)
        Terminal().line(f"wrote {options.output}")
    return 0


def schema_text() -> str:
    """The schema as it stands in a file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
