"""The figures of a comparison for a terminal: a row for each figure, a column for each variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from voicepipe.compare.figures import Figures, VariantFigures
from voicepipe.compare.intervals import Estimate, Share
from voicepipe.compare.latencies import STAGE_LABELS
from voicepipe.compare.named import NAMED, Unknown
from voicepipe.compare.wording import listed, ms, percent, usd
from voicepipe.observe.timeline import STEPS, Step

BEST = "*"
NONE = "-"

_LABEL = "backchannels ignored"
_NAME = 28
"""Columns of the longest name that isn't cut."""


@dataclass(frozen=True, slots=True)
class _Row:
    """``figure``: the name of what is compared in it, and whether ``less`` of it is better."""

    label: str
    cell: Callable[[VariantFigures], str | None]
    figure: str | None = None
    less: bool = True


def table(figures: Figures, *, width: int = 78, unicode: bool = True) -> str:
    """Lines of at most ``width`` columns, if that is at all possible: variants that don't fit stand below.

    The best value of a row is marked, if all of its section have one. Sections stand apart, under their
    titles, and what was left out is named with the reason. Without ``unicode`` the signs are ASCII, unless a
    variant's name isn't.
    """
    blocks = []
    sections = dict.fromkeys(one.info.section for one in figures.variants if one.info.left_out is None)
    for section in sections:
        members = [
            one for one in figures.variants if one.info.section == section and one.info.left_out is None
        ]
        title = [_title(section, members)] if section else []
        blocks += ["\n".join([*title, block]) for block in _blocks(members, width)]
    left_out = [one for one in figures.variants if one.info.left_out is not None]
    blocks += [f"{printed(one.name)}: left out: {one.info.left_out}" for one in left_out]
    text = "\n\n".join([*blocks, _legend(figures)] if sections else blocks)
    return text if unicode else text.replace("–", "-").replace("…", "~")


def _title(section: str, members: Sequence[VariantFigures]) -> str:
    played = " (a stand-in plays the vendor: no part of the verdict)"
    return f"{printed(section)}{played if any(one.info.stand_in for one in members) else ''}"


def _legend(figures: Figures) -> str:
    clocks = listed(list(dict.fromkeys(one.clock for one in figures.variants if one.calls))) or "no"
    return f"{BEST} best of its row. In brackets 95 %, by call script. Times: {clocks} clock."


def _blocks(members: Sequence[VariantFigures], width: int) -> Iterator[str]:
    rows = [row for row in _rows() if any(row.cell(one) is not None for one in members)]
    columns = [_column(rows, one, members) for one in members]
    label = max(len(_LABEL), *(len(row.label) for row in rows))
    while columns:
        fit, used = 0, label
        while fit < len(columns) and (fit == 0 or used + 2 + _wide(columns[fit]) <= width):
            used += 2 + _wide(columns[fit])
            fit += 1
        shown, columns = columns[:fit], columns[fit:]
        labels = ["", *(row.label for row in rows)]
        yield "\n".join(
            "  ".join([f"{name:<{label}}", *(f"{column[at]:>{_wide(column)}}" for column in shown)]).rstrip()
            for at, name in enumerate(labels)
        )


def _wide(column: Sequence[str]) -> int:
    return max(map(len, column))


def _column(rows: Sequence[_Row], one: VariantFigures, members: Sequence[VariantFigures]) -> list[str]:
    name = printed(one.name)
    cells = [name if len(name) <= _NAME else name[: _NAME - 1] + "…"]
    for row in rows:
        cell = row.cell(one)
        mark = BEST if one.name in _best(row, members) else " "
        cells.append((NONE if cell is None else cell) + mark)
    return cells


def _best(row: _Row, members: Sequence[VariantFigures]) -> set[str]:
    """Who has the best value; nobody if one of them has none, all the same, or times of different clocks.

    Who held no call to its end is no measure of what calls cost: breaking off at once is cheap.
    """
    if row.figure is None or len(members) < 2 or any(row.cell(one) is None for one in members):
        return set()
    kind = NAMED[row.figure].kind
    if kind == "time" and len({one.clock for one in members}) > 1:
        return set()
    if kind == "money" and any(len(one.counts.errors) == one.calls for one in members):
        return set()
    found = {one.name: NAMED[row.figure].of(one) for one in members}
    values = {name: value for name, value in found.items() if not isinstance(value, Unknown)}
    if len(values) < len(members) or len(set(values.values())) == 1:
        return set()
    best = min(values.values()) if row.less else max(values.values())
    return {name for name, value in values.items() if value == best}


def printed(text: str) -> str:
    """``text`` without anything that steers a terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


def _rows() -> list[_Row]:
    return [
        _Row("clock", lambda one: one.clock),
        _Row("calls", lambda one: str(one.calls)),
        _Row("call scripts", lambda one: str(one.scripts)),
        _Row("voice to voice p50", lambda one: _time(one.voice_to_voice.p50), "voice_to_voice.p50"),
        *(_stage_row(step) for step in STEPS),
        _Row("voice to voice p90", lambda one: _time(one.voice_to_voice.p90), "voice_to_voice.p90"),
        _Row("  p95", lambda one: _time(one.voice_to_voice.p95), "voice_to_voice.p95"),
        _Row("  p99", lambda one: _time(one.voice_to_voice.p99), "voice_to_voice.p99"),
        _Row("silent within p50", lambda one: _time(one.silent_after_interruption.p50)),
        _Row("task success", lambda one: _share(one.success), "success", less=False),
        _Row("turns answered", lambda one: _share(one.answered), "answered", less=False),
        _Row("word errors", lambda one: _rate(one.word_error_rate), "word_error_rate"),
        _Row("cost a minute", _a_minute, "cost.per_minute"),
        _Row("  a call", lambda one: _money(one.cost.per_call), "cost.per_call"),
        _Row("  a completed task", lambda one: _money(one.cost.per_task), "cost.per_task"),
        _Row("  for nothing", _waste, "cost.waste"),
        _Row("  saved by silence", lambda one: usd(one.cost.saved) if one.cost.saved else None),
        _Row("interruptions", lambda one: _of(one.counts.honoured, one.counts.interruptions)),
        _Row("backchannels ignored", lambda one: _of(one.counts.ignored, one.counts.backchannels)),
        _counted("cut-ins", "cut_ins"),
        _counted("dead air", "dead_air"),
        _counted("failed requests", "failures"),
        _counted("calls broken off", "errors"),
    ]


def _stage_row(step: Step) -> _Row:
    def cell(one: VariantFigures) -> str | None:
        stage = one.stage(step)
        return None if stage is None or stage.p50 is None else ms(stage.p50.value)

    return _Row(f"  {STAGE_LABELS[step]}", cell)


def _counted(label: str, figure: str) -> _Row:
    def cell(one: VariantFigures) -> str | None:
        found = NAMED[figure].of(one)
        return None if isinstance(found, Unknown) else str(found)

    return _Row(label, cell, figure)


def _time(estimate: Estimate | None) -> str | None:
    if estimate is None:
        return None
    return f"{ms(estimate.value)}{_span(estimate, lambda bound: ms(bound).removesuffix(' ms'))}"


def _a_minute(one: VariantFigures) -> str | None:
    return "unpriced" if one.cost.unpriced else _money(one.cost.per_minute)


def _money(estimate: Estimate | None) -> str | None:
    return None if estimate is None else usd(estimate.value)


def _waste(one: VariantFigures) -> str | None:
    share = one.cost.waste_share
    return None if share is None or one.cost.waste is None else f"{usd(one.cost.waste)} ({percent(share)})"


def _span(estimate: Estimate, written: Callable[[int], str]) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f" ({written(estimate.low)}–{written(estimate.high)})"


def _share(share: Share | None) -> str | None:
    return None if share is None else f"{share.part}/{share.whole} ({percent(share.exact)})"


def _rate(share: Share | None) -> str | None:
    return None if share is None else f"{percent(share.exact)} of {share.whole}"


def _of(part: int, whole: int) -> str | None:
    return f"{part}/{whole}" if whole else None
