"""Fetch the models that a pipeline needs, so that it starts without the network."""

from __future__ import annotations

import argparse

from voicepipe.cli.options import add_pipeline, add_quiet, code_mode
from voicepipe.cli.terminal import Terminal
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.core.clock import Clock, run_on
from voicepipe.errors import SetupError
from voicepipe.providers.base import Provider
from voicepipe.runtime.engines import make_providers
from voicepipe.runtime.workers import make_workers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser, code="ignore")
    add_quiet(parser)


def run(options: argparse.Namespace) -> int:
    loaded = load_pipeline(
        options.pipeline, profile=options.profile, overrides=options.overrides, code=code_mode(options)
    )
    terminal = Terminal(quiet=options.quiet)
    missing = run_on("real", pull(loaded, terminal))
    for sentence in missing:
        terminal.error(sentence)
    return SetupError.exit_status if missing else 0


async def pull(loaded: LoadedPipeline, terminal: Terminal) -> list[str]:
    """Let every provider fetch what it lacks; what it lacks even then."""
    missing: list[str] = []
    clock = Clock()
    workers = make_workers(clock)
    try:
        providers = make_providers(loaded, workers, clock, terminal.progress)
        for filling in (one for slot in loaded.slots for one in slot.fillings):
            provider, what = providers.get(filling.key), f"{filling.key}: {filling.use}"
            if provider is None:
                terminal.line(f"{what} is code of your own, which isn't run here")
            elif type(provider).pull is Provider.pull:
                terminal.line(f"{what} has nothing to fetch")
            elif not provider.check():
                terminal.line(f"{what} has everything it needs")
            else:
                try:
                    await provider.pull()
                except SetupError as error:  # the models of the other slots can be fetched all the same
                    missing.append(f"{filling.key}: {error}")
                    continue
                left = [f"{filling.key}: {sentence}" for sentence in provider.check()]
                missing += left
                if not left:
                    terminal.line(f"{what} is complete")
    finally:
        workers.close()
    return missing
