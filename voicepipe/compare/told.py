"""What of a call's event log goes into a comparison: enough to follow the call, beside its audio."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from voicepipe.core.frames import EndOfText, Heard, Prosody, ProviderBegan, Text, Transcript
from voicepipe.core.records import ProviderAttempt, Tapped
from voicepipe.observe.events import event_to_dict

MAX_LINES = 5_000
"""Of one call. A lively call of ten minutes has some 2,000."""

FULL = "LogFull"
"""The last line where there were more, as in an event log."""

_UNTOLD = (Text, EndOfText, Prosody, ProviderBegan, Tapped)
"""Told by others: a reply's words by its end, times by the timeline, usage by the items."""


def told(events: Iterable[tuple[int, Any]], secrets: Collection[str]) -> tuple[dict[str, Any], ...]:
    """Lines of the event log (``docs/events.md``), secrets masked, without those that only repeat.

    There are: final transcripts, what the caller did, states, turns, tools, playback, what was heard in the
    end, what was ignored, and all that failed.
    """
    lines: list[dict[str, Any]] = []
    for at_ns, event in events:
        if not _follows(event):
            continue
        if len(lines) == MAX_LINES:
            lines.append({"t_ms": lines[-1]["t_ms"], "event": FULL})
            break
        lines.append(event_to_dict(at_ns, event, secrets))
    return tuple(lines)


def _follows(event: Any) -> bool:
    match event:
        case Transcript() | Heard():
            return event.final
        case ProviderAttempt():
            return event.status == "failed"
        case _:
            return not isinstance(event, _UNTOLD)
