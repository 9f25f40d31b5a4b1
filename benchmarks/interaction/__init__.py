"""Whether the agent yields to who wants to speak, and to nobody else: trials with known onsets.

A caller asks, and while the agent answers interrupts it, says "uh-huh", coughs, or lets a door slam; or
pauses inside a sentence. What is said is known to the trial, and so is when. See ``trials`` for what is
drawn, ``judge`` for what counts, and ``python -m benchmarks.interaction --help`` for single calls.

Two arms: *oracle words*, where the recogniser knows each word 300 ms after its end, and *acoustic*, with
the offline recogniser of the quickstart, which knows the words of a household and hardly any of these.
"""

from __future__ import annotations

from benchmarks._results import Figure

PACKAGES = ("numpy", "onnxruntime", "silero-vad", "pocketsphinx", "espeakng-loader")


def measure(quick: bool) -> list[Figure]:
    from benchmarks.interaction.report import held  # noqa: PLC0415 - processes that hold calls need none of it

    return held(quick=quick).figures
