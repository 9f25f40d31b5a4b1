"""Sense, not syntax: what is allowed in a pipeline, but hardly meant. For ``voicepipe validate``."""

from __future__ import annotations

from collections.abc import Iterator

from voicepipe.config.explain import secret_paths
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.slots import Slot
from voicepipe.config.variables import references
from voicepipe.core.masking import MASK
from voicepipe.core.nodes import Node
from voicepipe.core.units import format_duration
from voicepipe.errors import ConfigError
from voicepipe.speech.notices import has_built_in
from voicepipe.stages.base import ProviderSlotConfig
from voicepipe.stages.turn import TurnConfig
from voicepipe.stages.vad import VadConfig

RARELY = 95
"""The percentile from which on callers count who seem not to have finished, and are waited for longest."""


def lint(loaded: LoadedPipeline) -> list[ConfigError]:
    """Advice, each at its place; nothing here keeps a pipeline from running."""
    rules = (
        _literal_secrets,
        _unused_variables,
        _voice_of_another,
        _notices,
        _silence,
        _unheard,
        _unused_detection,
        _deadlines,
        _objectives,
    )
    return [advice for rule in rules for advice in rule(loaded)]


def _at(loaded: LoadedPipeline, *path: str) -> Node:
    return loaded.tree.nearest(path)


def _literal_secrets(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    secrets = secret_paths(loaded)
    for path, node in loaded.tree.walk():
        if path in secrets and isinstance(node.value, str) and node.value and MASK not in (node.shown or ""):
            yield node.place.error(
                f"'{path[-1]}' is written literally: whoever reads the file has it",
                hint=f'take it from the environment: "${{env:{path[-1].upper().replace("-", "_")}}}"',
            )


def _unused_variables(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    agent = loaded.agent
    texts = [agent.prompt, agent.greeting.say if agent.greeting else ""]
    texts += [getattr(tool, "say_while_running", None) or "" for tool in agent.tools]
    used = {name for text in texts for name in references(text)}
    for name in agent.variables:
        if name not in used:
            yield _at(loaded, "agent", "variables", name).place.error(
                f"the variable '{name}' is inserted nowhere", hint=f"write {{{{{name}}}}} in the prompt"
            )


def _voice_of_another(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    agent = loaded.agent
    speaking = [slot for slot in loaded.slots if slot.kind == "tts" or _speaks(slot)]
    for slot in speaking:
        for filling in slot.fillings:
            own = getattr(filling.config, "voice", None)
            if agent.voice and not own and not agent.voice_for(filling.use, slot.kind):
                named = ", ".join(agent.voice)
                name = "realtime" if slot.kind == "realtime" else filling.use
                yield _at(loaded, "agent", "voice").place.error(
                    f"'voice' names none for '{name}', only for {named}: its default speaks"
                )


def _speaks(slot: Slot) -> bool:
    """Whether a fused model does so itself."""
    return slot.kind == "realtime" and getattr(slot.config, "output", None) == "audio"


def _notices(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    agent = loaded.agent
    ours = [name for name, text in agent.notices if text is None]
    if ours and not has_built_in(agent.language) and any(slot.key == "tts" for slot in loaded.slots):
        yield _at(loaded, "agent", "language").place.error(
            f"notices ({', '.join(ours)}) are in English: there are none of ours for '{agent.language}'",
            hint=f"write them: agent.notices.{ours[0]}: TEXT",
        )


def _hangover(loaded: LoadedPipeline) -> int:
    return max((s.config.hangover for s in loaded.slots if isinstance(s.config, VadConfig)), default=0)


def _unheard(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    """A recogniser that is to end the turn hears only as much silence as the VAD takes for speech."""
    if not any(isinstance(s.config, TurnConfig) and s.config.strategy == "provider" for s in loaded.slots):
        return
    hangover = _hangover(loaded)
    for slot in loaded.slots:
        needed = getattr(slot.provider_config, "endpointing", None)
        if slot.kind == "stt" and isinstance(needed, int) and needed >= hangover:
            yield _at(loaded, "stages", slot.key, "endpointing").place.error(
                f"{slot.use}'s endpointing ({format_duration(needed)}) isn't shorter than the vad's hangover "
                f"({format_duration(hangover)}), so it never hears the silence that ends a turn",
                hint="raise stages.vad.hangover, or lower endpointing",
            )


def _unused_detection(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    """A fused model's server finds turns only where nobody here does."""
    if not any(slot.kind == "vad" for slot in loaded.slots):
        return
    if any(isinstance(s.config, TurnConfig) and s.config.strategy == "provider" for s in loaded.slots):
        return
    for slot in loaded.slots:
        node = _at(loaded, "stages", slot.key, "turn_detection")
        if slot.kind == "realtime" and node is not _at(loaded, "stages", slot.key):
            yield node.place.error(
                "'turn_detection' has no effect: turns are found here, by the vad",
                hint="write turn: {strategy: provider} to leave them to the server",
            )


def _silence(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    hangover = _hangover(loaded)
    for slot in loaded.slots:
        if not isinstance(slot.config, TurnConfig) or slot.config.strategy in ("push_to_talk", "provider"):
            continue  # who doesn't wait for silence, doesn't wait in vain
        if slot.config.silence < hangover:
            yield _at(loaded, "stages", slot.key, "min_silence").place.error(
                f"min_silence ({format_duration(slot.config.silence)}) is shorter than the vad's hangover"
                f" ({format_duration(hangover)}), which comes first"
            )


def _deadlines(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    for slot in loaded.slots:
        if not isinstance(slot.config, ProviderSlotConfig):
            continue
        timeout = slot.config.timeout
        for name in ("first", "gap"):
            if getattr(timeout, name) > timeout.total:
                yield _at(loaded, "stages", slot.key, "timeout", name).place.error(
                    f"timeout.{name} ({format_duration(getattr(timeout, name))}) is longer than timeout.total"
                    f" ({format_duration(timeout.total)}), which comes first"
                )


def _objectives(loaded: LoadedPipeline) -> Iterator[ConfigError]:
    """Limits that the wait for the end of a turn alone doesn't leave room for."""
    slo = loaded.top.slo
    for slot in loaded.slots if slo is not None else ():
        turn = slot.config
        if not isinstance(turn, TurnConfig) or turn.strategy in ("push_to_talk", "provider"):
            continue
        for objective in slo.objectives() if slo is not None else ():
            if objective.measure not in ("voice_to_voice", "endpoint") or objective.percent is None:
                continue
            rarely = objective.percent >= RARELY and turn.strategy == "adaptive"
            name, wait = ("max_wait", turn.max_wait) if rarely else ("min_silence", turn.silence)
            if wait > objective.condition.limit:
                yield _at(loaded, "slo", objective.measure, f"p{objective.percent}").place.error(
                    f"{objective} is hardly met: the end of a turn alone may take stages.{slot.key}.{name}"
                    f" ({format_duration(wait)})",
                    hint=f"lower {name}, or ask for less",
                )
