"""Why a turn was slow, in a sentence: which step took longer than it usually does on the same variant."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from voicepipe.compare.figures import Figures, VariantFigures
from voicepipe.compare.latencies import spent_ns
from voicepipe.compare.measured import MeasuredCall, MeasuredTurn
from voicepipe.compare.wording import listed, ms, percent
from voicepipe.core.units import MS
from voicepipe.observe.timeline import Step

_PHRASES: Mapping[Step, str] = {
    "vad": "it took {} until the end of the caller's speech was noticed",
    "endpoint": "it took {} until the turn of the caller was certain to be over",
    "stt": "the words came {} after the wait was over",
    "llm_queue": "the request that the model answered was sent {} after the words were known",
    "llm_first_token": "the model's first token came {} after it was asked",
    "llm": "the model went on for {} before there was something to say",
    "tools": "{tools} took {}",
    "chunk": "the first chunk that could be spoken came {} after the model had begun",
    "tts_first_audio": "the voice's first audio came {} after there was something to say",
    "audible": "the voice gave {} of silence before a sound",
    "playout": "the first sound was played {} after the voice had made it",
}


def is_slow(turn: MeasuredTurn, figures: VariantFigures, limit_ns: int | None = None) -> bool:
    """Whether it took as long as its variant's p90, or longer than ``limit_ns``, an objective.

    The p90 itself counts, since of nine turns and fewer none lies above it; but not where it is the median,
    too: what most turns take isn't slow.
    """
    total, p50, p90 = turn.voice_to_voice_ns, figures.voice_to_voice.p50, figures.voice_to_voice.p90
    if total is None:
        return False
    slowest = p50 is not None and p90 is not None and total >= p90.value and total > p50.value
    return slowest or (limit_ns is not None and total > limit_ns)


def why_slow(
    turn: MeasuredTurn, call: MeasuredCall, figures: VariantFigures, limit_ns: int | None = None
) -> str | None:
    """One sentence for a slow turn of ``call``; None for any other.

    It names the step that exceeds its variant's median by most, and what happened besides: a provider that
    failed or was replaced, a draft that was discarded, tools.
    """
    total = turn.voice_to_voice_ns
    if total is None or not is_slow(turn, figures, limit_ns):
        return None
    sentence = _step(turn, total, figures)
    besides = _besides(turn, call)
    return f"{sentence}; {listed(besides)}." if besides else f"{sentence}."


def _step(turn: MeasuredTurn, total: int, figures: VariantFigures) -> str:
    spent = spent_ns(turn)
    if not spent:
        return f"it took {ms(total)}, and nothing is known of its steps"
    usual = {step: _usual(step, figures) for step in spent}
    step = max(spent, key=lambda step: spent[step] - (usual[step] or 0))
    took, normal = spent[step], usual[step]
    if normal is not None and took <= normal:
        return "no step took longer than it usually does here: there are just more of them"
    tools = listed(list(dict.fromkeys(tool.name for tool in turn.tools))) or "the tools"
    phrase = _PHRASES[step].format(ms(took), tools=tools)
    part = percent(Fraction(took, total)) if total else "100 %"
    if normal is None:
        return f"{phrase}: {part} of this turn, and no other one here has such a step"
    return f"{phrase}: {part} of this turn; here that usually takes {ms(normal)}"


def _usual(step: Step, figures: VariantFigures) -> int | None:
    """The step's median on the variant; None if this is the only turn that took it."""
    figure = figures.stage(step)
    return figure.p50.value if figure is not None and figure.p50 is not None and figure.turns > 1 else None


def _besides(turn: MeasuredTurn, call: MeasuredCall) -> list[str]:
    said: dict[str, None] = {}
    until_ms = (turn.start_ns + (turn.voice_to_voice_ns or 0)) / MS
    before = max((one.start_ns for one in call.turns if one.start_ns < turn.start_ns), default=0) / MS
    for line in call.events:
        if line.get("t_ms", 0) > until_ms:
            break
        match line.get("event"):
            case "ProviderAttempt" if line.get("turn") == turn.turn and line.get("status") == "failed":
                said[f"a request to {line.get('provider')} had failed"] = None
            case "ProviderSwitched" if line.get("turn") == turn.turn:
                said[f"{line.get('provider')} had to take over from {line.get('previous')}"] = None
            case "TurnEnded" if line.get("status") == "discarded" and line.get("t_ms", 0) > before:
                said["a draft had been discarded, since the caller went on"] = None
    if turn.filler:
        said["what was heard first was a filler, not yet the reply"] = None
    return list(said)


def whys(call: MeasuredCall, figures: Figures, limits_ns: Mapping[str, int] | None = None) -> dict[int, str]:
    """Turn → why it was slow, for the slow turns of ``call``; ``limits_ns``: variant → its objective."""
    of = figures.by_name[call.variant]
    limit = (limits_ns or {}).get(call.variant)
    told = ((turn.turn, why_slow(turn, call, of, limit)) for turn in call.turns)
    return {turn: sentence for turn, sentence in told if sentence is not None}
