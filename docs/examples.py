"""Lists and examples: the commands, what is said of a file that is wrong, the decisions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from docs.reference import registry
from voicepipe.cli.main import COMMANDS
from voicepipe.config.load import load_profiles
from voicepipe.errors import ConfigErrors

ADR = Path(__file__).resolve().parent / "adr"

WRONG = """\
voicepipe: 1
agent:
  prompt: You are brisk and friendly.
  tools: [./tools.py]
stages:
  vad: {use: silero, treshold: 0.6}
  turn: {min_silence: 500}
  stt: faster-wisper/base.en
  llm: ollama/llama3.2
  tts: espeak
"""


def commands() -> str:
    """The commands, each with what it is for."""
    lines = ["| command | |", "|---|---|"]
    lines += [f"| `voicepipe {name}` | {what} |" for name, what in COMMANDS.items()]
    return "\n".join([*lines, ""])


def decisions() -> str:
    """The decisions by number and title."""
    titles = {
        path.name: path.read_text(encoding="utf-8").partition("\n")[0]
        for path in sorted(ADR.glob("[0-9]*.md"))
    }
    return "".join(f"* [{title.removeprefix('# ')}]({name})\n" for name, title in titles.items())


def bad_pipeline() -> str:
    """A pipeline file with three mistakes, and what ``voicepipe validate`` says of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pipeline.yaml")
        path.write_text(WRONG, encoding="utf-8")
        try:
            load_profiles(path, env={}, registry=registry())
        except ConfigErrors as problems:
            said = str(problems).replace(f"{folder}/", "")
    return f"<!-- wrong on purpose -->\n```yaml\n{WRONG}```\n\n```text\n{said}\n```\n"
