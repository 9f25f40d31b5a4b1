"""Twilio's Media Streams as messages: what the carrier's side says, and what it is told.

Protocol: https://www.twilio.com/docs/voice/media-streams/websocket-messages, built from that page and tried
against no carrier. Every message is a JSON object in a text frame, whose numbers are strings. Audio is G.711
μ-law, 8 kHz, mono, in base64, 20 ms a message from the carrier. Some others speak it, too.

::

    carrier                        agent
    connected, start  ─────────▶
    media, dtmf, mark ─────────▶
                      ◀─────────   media, mark, clear
    stop              ─────────▶

A ``mark`` of ours comes back when all that was sent before it has been played, and at once after ``clear``.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from voicepipe.audio.g711 import RATE
from voicepipe.errors import ProviderError

NAME = "media-stream"
"""As which the far side stands in errors."""

MOST_BYTES = 64 << 10
"""Of one message: 20 ms take 0.4 kB. A larger one is refused before it is read."""

MOST_MS = 1000
"""Of audio in one message: as much as a stage's inbox holds. Carriers send 20 ms, some up to 200."""

MOST_NAME = 256
"""Characters of an identifier."""

_MEDIA = re.compile(
    rb'\{"event":"media","sequenceNumber":"(\d{1,15})","media":\{"track":"inbound","chunk":"\d{1,15}",'
    rb'"timestamp":"(\d{1,15})","payload":"([A-Za-z0-9+/]*={0,2})"\},"streamSid":"([A-Za-z0-9]{1,64})"\}'
)
"""A message as Twilio writes it, as nearly all are. Whatever else means the same is read as JSON."""

_NUMBER = re.compile(r"[0-9]{1,15}")


class Connected(NamedTuple):
    """The connection stands; the call's own data come next."""


class Media(NamedTuple):
    """Audio of the caller: G.711 μ-law, one byte a sample.

    ``timestamp_ms`` counts from the start of the stream, None if the far side doesn't tell.
    """

    ulaw: bytes
    timestamp_ms: int | None
    sequence: int | None


class Mark(NamedTuple):
    """The mark ``name`` was reached, or was given back after a ``clear``."""

    name: str
    sequence: int | None


class Digit(NamedTuple):
    """The caller pressed a key."""

    digit: str
    sequence: int | None


class Stop(NamedTuple):
    """The caller has hung up, or the call goes on elsewhere."""

    sequence: int | None


class Other(NamedTuple):
    """What doesn't concern us: events that nobody knew yet, and what the caller hears (``outbound``)."""

    event: str
    sequence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Whose call this is. ``parameters`` are those of ``<Parameter>`` in the TwiML that opened the stream."""

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    sequence: int | None = None


Message: TypeAlias = Connected | Start | Media | Mark | Digit | Stop | Other


def parse(message: bytes | str, stream_sid: str | None = None) -> Message:
    """Read one message. ``stream_sid``: whose it has to be, once that is known.

    Raises ``ProviderError`` (kind ``protocol``) for what isn't one.
    """
    data = message.encode(errors="replace") if isinstance(message, str) else message
    found = _MEDIA.fullmatch(data)
    if found is not None:
        sequence, timestamp, payload, sid = found.groups()
        if stream_sid is not None and sid.decode() != stream_sid:
            raise _elsewhere(sid.decode(), stream_sid)
        return Media(_ulaw(payload), int(timestamp), int(sequence))
    return _slowly(data, stream_sid)


def _slowly(data: bytes, stream_sid: str | None) -> Message:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise malformed("a message isn't JSON", "a JSON object with an 'event' was expected") from None
    if not isinstance(found, dict) or not isinstance(found.get("event"), str):
        raise malformed("a message isn't a JSON object with an 'event'")
    event: str = found["event"]
    sequence = _number(found.get("sequenceNumber"), "sequenceNumber")
    if event == "connected":
        return Connected()
    if event == "start":
        return _start(_part(found, "start"), found, sequence)
    named = found.get("streamSid")
    if stream_sid is not None and named not in (None, stream_sid):
        raise _elsewhere(str(named), stream_sid)
    match event:
        case "media":
            return _media(_part(found, "media"), sequence)
        case "mark":
            return Mark(_name(_part(found, "mark"), "name"), sequence)
        case "dtmf":
            return Digit(_name(_part(found, "dtmf"), "digit"), sequence)
        case "stop":
            return Stop(sequence)
    return Other(event[:MOST_NAME], sequence)


def _media(part: Mapping[str, Any], sequence: int | None) -> Media | Other:
    if part.get("track", "inbound") not in ("inbound", "inbound_track"):
        return Other("media", sequence)
    payload = part.get("payload")
    if not isinstance(payload, str):
        raise malformed("a media message has no payload")
    try:
        encoded = payload.encode("ascii")
    except UnicodeEncodeError:
        raise malformed("the payload of a media message isn't base64") from None
    return Media(_ulaw(encoded), _number(part.get("timestamp"), "timestamp"), sequence)


def _start(part: Mapping[str, Any], found: Mapping[str, Any], sequence: int | None) -> Start:
    form = part.get("mediaFormat")
    if not isinstance(form, dict):
        raise malformed("the start message has no mediaFormat")
    told = form.get("encoding"), str(form.get("sampleRate")), str(form.get("channels"))
    if told != ("audio/x-mulaw", str(RATE), "1"):
        raise malformed(
            f"the far side offers {told[0]} at {told[1]} Hz in {told[2]} channels",
            "audio/x-mulaw at 8000 Hz in 1 channel was expected",
        )
    sid = part.get("streamSid", found.get("streamSid"))
    parameters = part.get("customParameters") or {}
    if not isinstance(parameters, dict):
        raise malformed("the customParameters of the start message aren't an object")
    return Start(
        stream_sid=_name({"streamSid": sid}, "streamSid"),
        call_sid=_name(part, "callSid"),
        account_sid=_name({"accountSid": "", **part}, "accountSid"),
        parameters={name: str(value) for name, value in parameters.items()},
        sequence=sequence,
    )


def _ulaw(payload: bytes) -> bytes:
    try:
        ulaw = a2b_base64(payload, strict_mode=True) if payload else b""
    except ValueError:
        raise malformed("the payload of a media message isn't base64") from None
    if len(ulaw) > MOST_MS * RATE // 1000:
        raise malformed(
            f"a media message holds {len(ulaw) * 1000 // RATE} ms", f"at most {MOST_MS} are taken"
        )
    return ulaw


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = found.get(name)
    if not isinstance(part, dict):
        raise malformed(f"a {name} message has no '{name}'")
    return part


def _name(part: Mapping[str, Any], name: str) -> str:
    found = part.get(name)
    if not isinstance(found, str) or len(found) > MOST_NAME:
        raise malformed(f"{name} isn't a text of at most {MOST_NAME} characters")
    return found


def _number(found: Any, name: str) -> int | None:
    """Numbers are strings; some carriers write them as what they are."""
    if found is None:
        return None
    if type(found) is int and 0 <= found < 10**15:
        return found
    if isinstance(found, str) and _NUMBER.fullmatch(found):
        return int(found)
    raise malformed(f"{name} isn't a number")


def malformed(found: str, expected: str = "") -> ProviderError:
    """An error about the far side: what it did, and what was expected of it."""
    return ProviderError(
        f"{found}; {expected}" if expected else found,
        provider=NAME,
        kind="protocol",
        hint="a stream of Twilio's Media Streams, or of a carrier that speaks the same, was expected",
    )


def _elsewhere(found: str, expected: str) -> ProviderError:
    return malformed(
        f"a message belongs to the stream {found[:MOST_NAME]!r}",
        f"{expected!r} is the one of this connection",
    )


class Envelope:
    """What is sent on one stream. All of a message but its audio is written once, here."""

    def __init__(self, stream_sid: str) -> None:
        sid = json.dumps(stream_sid)
        self._media = f'{{"event":"media","streamSid":{sid},"media":{{"payload":"'
        self._mark = f'{{"event":"mark","streamSid":{sid},"mark":{{"name":"'
        self.clear = f'{{"event":"clear","streamSid":{sid}}}'
        """What isn't played yet shall not be, and marks that wait for it come back."""

    def media(self, ulaw: bytes) -> str:
        """Audio to be played behind what was sent before."""
        return self._media + b2a_base64(ulaw, newline=False).decode("ascii") + '"}}'

    def mark(self, number: int) -> str:
        """Asks to be told when what was sent so far has been played."""
        return f'{self._mark}{number}"}}}}'


State = Literal["opened", "connected", "started", "stopped"]

_NEXT: dict[tuple[State, type[Message]], State] = {
    ("opened", Connected): "connected",
    ("connected", Start): "started",
    ("started", Media): "started",
    ("started", Mark): "started",
    ("started", Digit): "started",
    ("started", Other): "started",
    ("started", Stop): "stopped",
}
"""Everything that may come, and when."""

_AWAITED: dict[State, str] = {
    "opened": "'connected'",
    "connected": "'start'",
    "started": "media, mark, dtmf or stop",
    "stopped": "nothing more",
}


class Order:
    """Whether messages come when they may."""

    def __init__(self) -> None:
        self.state: State = "opened"

    def take(self, message: Message) -> None:
        """Raises ``ProviderError`` for what comes out of turn; it changes nothing."""
        following = _NEXT.get((self.state, type(message)))
        if following is None:
            raise malformed(
                f"{type(message).__name__.lower()!r} came", f"{_AWAITED[self.state]} was expected then"
            )
        self.state = following
