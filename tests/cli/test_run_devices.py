"""What the options for the sound devices become."""

from __future__ import annotations

import argparse

import pytest

from voicepipe.cli.run import add_arguments


@pytest.mark.parametrize(("options", "gated"), [([], True), (["--no-echo-gate"], False)])
def test_the_echo_gate_is_on_unless_it_is_turned_off(options: list[str], gated: bool) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["pipeline.yaml", *options]).echo_gate is gated
