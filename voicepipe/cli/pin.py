"""Accept what the MCP servers of a pipeline say of their tools, after showing it.

voicepipe pin clinic.yaml
voicepipe pin clinic.yaml --check

What a server says of a tool is text that the model obeys. It is written into clinic.lock.json, which belongs
under version control; a call is only held while the servers still say the same. Servers that are commands
are started for that, unless --no-code is given. With --check nothing is written, and a difference is exit
status 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from voicepipe.cli.files import write_text
from voicepipe.cli.options import add_pipeline, add_quiet, code_mode
from voicepipe.cli.terminal import Terminal, printable
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.tool_lock import Pin, lock_file, lock_text, read_lock
from voicepipe.config.tool_models import McpTool
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.nodes import Place
from voicepipe.errors import UsageError
from voicepipe.runtime.checked_transport import resolver
from voicepipe.runtime.mcp_pins import offered_pin
from voicepipe.runtime.mcp_tools import McpDoor
from voicepipe.runtime.tool_doors import DoorHost
from voicepipe.runtime.workers import make_workers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser, code="ignore")  # whatever else there is of the user's own isn't needed
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if it would")
    add_quiet(parser)


def run(options: argparse.Namespace) -> int:
    loaded = load_pipeline(
        options.pipeline, profile=options.profile, overrides=options.overrides, code=code_mode(options)
    )
    if not any(isinstance(tool, McpTool) for tool in loaded.agent.tools):
        raise UsageError(f"{options.pipeline} has no MCP tools to accept")
    terminal = Terminal(quiet=options.quiet)
    accepted = read_lock(loaded.path).pins
    now = run_on("real", offered_tools(loaded, terminal))
    changed = [name for name, pin in now.items() if name not in accepted or accepted[name] != pin]
    for name in changed:
        for line in _told(name, accepted.get(name), now[name]):
            terminal.line(line)
    if not changed:
        terminal.line(f"{len(now)} tools are as they were accepted in {lock_file(loaded.path).name}")
    elif options.check:
        terminal.error(f"not as accepted in {lock_file(loaded.path).name}: {', '.join(changed)}")
        return 1
    else:
        write_text(lock_file(loaded.path), lock_text({**accepted, **now}))
        terminal.line(f"accepted in {_shown(lock_file(loaded.path))}: {', '.join(changed)}")
    return 0


async def offered_tools(loaded: LoadedPipeline, terminal: Terminal) -> dict[str, Pin]:
    """What the servers say today of the tools that the pipeline allows, by what the model calls them.

    Raises ``SetupError`` for a server that can't be used, and ``ConfigError`` for a tool that it hasn't.
    """
    workers = make_workers(Clock())
    mask = loaded.environment.mask
    host = DoorHost(workers, resolver(workers), mask, lambda message: terminal.progress(mask(message)))
    found: dict[str, Pin] = {}
    try:
        for entry, place in zip(loaded.agent.tools, loaded.tool_places, strict=True):
            if isinstance(entry, McpTool):
                found.update(await _ask(entry, place, host))
    finally:
        workers.close()
    return found


async def _ask(entry: McpTool, place: Place, host: DoorHost) -> dict[str, Pin]:
    door = McpDoor(entry.mcp, folder=place.source.folder, where=str(place), check=lambda offered: None)
    try:
        await door.open(host)
        return {entry.name_of(tool): offered_pin(door.offered, tool, place) for tool in entry.allow}
    finally:
        await door.close()


def _told(name: str, before: Pin | None, now: Pin) -> Iterator[str]:
    """What there is to read; a server's text mustn't drive the terminal."""
    if before is None:
        yield f"{name}: new, {now.digest[:12]}"
        yield from (f"    {printable(line)}" for line in now.lines())
    else:
        yield f"{name}: changed, {before.digest[:12]} → {now.digest[:12]}"
        yield from (f"    {printable(line)}" for line in before.changes(now))


def _shown(path: Path) -> str:
    return printable(str(path))
