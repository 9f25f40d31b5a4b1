from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicepipe.errors import ProviderError
from voicepipe.transports.media_stream_protocol import (
    MOST_MS,
    Connected,
    Digit,
    Envelope,
    Mark,
    Media,
    Message,
    Order,
    Other,
    Start,
    Stop,
    parse,
)

SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
AUDIO = bytes(range(160))
START = {
    "accountSid": "AC1",
    "streamSid": SID,
    "callSid": "CA1",
    "tracks": ["inbound"],
    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    "customParameters": {"customer": "Ann", "order": "17"},
}


def media(ulaw: bytes = AUDIO, sequence: str = "4", timestamp: str = "20", sid: str = SID) -> dict[str, Any]:
    payload = base64.b64encode(ulaw).decode()
    part = {"track": "inbound", "chunk": "2", "timestamp": timestamp, "payload": payload}
    return {"event": "media", "sequenceNumber": sequence, "media": part, "streamSid": sid}


def compact(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def event(name: str, part: Mapping[str, Any], **more: Any) -> bytes:
    return compact({"event": name, "sequenceNumber": "3", name: part, "streamSid": SID, **more})


# ── what comes ───────────────────────────────────────────────────────────────────────────────────


def test_audio_as_the_carrier_writes_it_is_read() -> None:
    assert parse(compact(media()), SID) == Media(AUDIO, 20, 4)
    assert parse(compact(media()).decode(), SID) == Media(AUDIO, 20, 4)


@given(
    ulaw=st.binary(max_size=400),
    numbers=st.tuples(st.integers(0, 10**14), st.integers(0, 10**14)),
    data=st.data(),
)
def test_audio_is_the_same_whatever_the_order_of_its_keys_and_its_white_space(
    ulaw: bytes, numbers: tuple[int, int], data: st.DataObject
) -> None:
    whole = media(ulaw, str(numbers[0]), str(numbers[1]))
    shuffled = {name: whole[name] for name in data.draw(st.permutations(list(whole)))}
    shuffled["media"] = {
        name: whole["media"][name] for name in data.draw(st.permutations(list(whole["media"])))
    }
    indent = data.draw(st.sampled_from([None, 0, 2]))
    text = json.dumps(shuffled, indent=indent)
    if data.draw(st.booleans()):
        text = text.replace("/", "\\/")
    assert parse(text, SID) == parse(compact(whole), SID) == Media(ulaw, numbers[1], numbers[0])


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 5))
def test_whatever_is_broken_is_read_as_json_would_read_it_or_refused(junk: bytes, at: int, cut: int) -> None:
    message = compact(media())
    broken = message[:at] + junk + message[at + cut :]
    try:
        found = parse(broken, SID)
    except ProviderError:
        return
    meant = json.loads(broken)
    assert meant["event"] not in ("media",) or isinstance(found, Media | Other)
    if isinstance(found, Media):
        assert found.ulaw == base64.b64decode(meant["media"]["payload"], validate=True)
        assert found.timestamp_ms == (
            None if "timestamp" not in meant["media"] else int(meant["media"]["timestamp"])
        )


@given(st.one_of(st.text(), st.binary()))
@example("[" * 100_000)
@example("\ud800")
@example('"media"')
@example("{}")
@example('{"event": 5}')
@example(b"\xff\xfe")
def test_what_is_no_message_is_refused_with_a_sentence(junk: str | bytes) -> None:
    with pytest.raises(ProviderError, match=r"a message isn't") as caught:
        parse(junk)
    assert caught.value.kind == "protocol"


def test_the_other_messages_are_read() -> None:
    assert parse('{"event":"connected","protocol":"Call","version":"1.0.0"}') == Connected()
    assert parse(event("mark", {"name": "7"}), SID) == Mark("7", 3)
    assert parse(event("dtmf", {"track": "inbound_track", "digit": "#"}), SID) == Digit("#", 3)
    assert parse(event("stop", {"accountSid": "AC1", "callSid": "CA1"}), SID) == Stop(3)
    assert parse(event("anything", {"new": True}), SID) == Other("anything", 3)


def test_a_start_tells_whose_call_it_is() -> None:
    found = parse(event("start", START))
    assert isinstance(found, Start)
    assert (found.stream_sid, found.call_sid, found.account_sid) == (SID, "CA1", "AC1")
    assert found.parameters == {"customer": "Ann", "order": "17"}
    assert found.sequence == 3


def test_numbers_may_be_written_as_numbers_and_be_left_out() -> None:
    whole = media()
    whole["sequenceNumber"], whole["media"]["timestamp"] = 4, 20
    assert parse(compact(whole), SID) == Media(AUDIO, 20, 4)
    del whole["sequenceNumber"], whole["media"]["timestamp"], whole["streamSid"]
    assert parse(compact(whole), SID) == Media(AUDIO, None, None)


def test_what_the_caller_hears_isnt_taken_for_what_is_said() -> None:
    whole = media()
    whole["media"]["track"] = "outbound"
    assert parse(compact(whole), SID) == Other("media", 4)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (event("media", {}), "no payload"),
        (event("media", {"payload": "a"}), "isn't base64"),
        (event("media", {"payload": "äöü="}), "isn't base64"),
        (event("media", {"payload": "AAAA\n"}), "isn't base64"),
        (compact(media(bytes(8 * MOST_MS + 1))), "at most 1000"),
        (compact(media(sid="MZother")), "'MZother'"),
        (event("mark", {"name": "1"}, streamSid="MZother"), "'MZother'"),
        (event("mark", {}), "name isn't a text"),
        (event("mark", {"name": "x" * 300}), "at most 256"),
        (event("dtmf", {"digit": 5}), "digit isn't a text"),
        (compact({"event": "mark", "streamSid": SID}), "no 'mark'"),
        (compact(media(sequence="-1")), "sequenceNumber isn't a number"),
        (compact(media(timestamp="1e3")), "timestamp isn't a number"),
        (event("start", {**START, "mediaFormat": None}), "no mediaFormat"),
        (event("start", {**START, "mediaFormat": {"encoding": "audio/x-alaw"}}), "audio/x-mulaw at 8000 Hz"),
        (event("start", {**START, "customParameters": [1]}), "aren't an object"),
        (event("start", {**START, "callSid": 5}), "callSid isn't a text"),
    ],
)
def test_each_fault_is_told_by_its_name(message: bytes, told: str) -> None:
    with pytest.raises(ProviderError, match=told) as caught:
        parse(message, SID)
    assert caught.value.kind == "protocol"


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────


@given(sid=st.text(max_size=30), ulaw=st.binary(max_size=400), number=st.integers(1, 10**9))
def test_what_is_sent_is_what_json_would_have_made_of_it(sid: str, ulaw: bytes, number: int) -> None:
    envelope, payload = Envelope(sid), base64.b64encode(ulaw).decode()
    assert json.loads(envelope.media(ulaw)) == {
        "event": "media",
        "streamSid": sid,
        "media": {"payload": payload},
    }
    assert json.loads(envelope.mark(number)) == {
        "event": "mark",
        "streamSid": sid,
        "mark": {"name": str(number)},
    }
    assert json.loads(envelope.clear) == {"event": "clear", "streamSid": sid}


# ── in which order ───────────────────────────────────────────────────────────────────────────────

START_MESSAGE = Start(stream_sid=SID, call_sid="CA1", account_sid="AC1")


def test_a_call_is_connected_then_started_then_talk_then_stopped() -> None:
    order = Order()
    for message in (
        Connected(),
        START_MESSAGE,
        Media(b"", 0, 2),
        Mark("1", 3),
        Digit("1", 4),
        Other("x", 5),
        Stop(6),
    ):
        order.take(message)
    assert order.state == "stopped"


@pytest.mark.parametrize(
    ("before", "message", "told"),
    [
        ((), START_MESSAGE, "'start' came; 'connected' was expected"),
        ((), Media(b"", 0, 1), "'media' came; 'connected' was expected"),
        ((Connected(),), Media(b"", 0, 1), "'media' came; 'start' was expected"),
        ((Connected(),), Connected(), "'connected' came; 'start' was expected"),
        ((Connected(), START_MESSAGE), START_MESSAGE, "media, mark, dtmf or stop was expected"),
        ((Connected(), START_MESSAGE, Stop(2)), Media(b"", 0, 1), "nothing more was expected"),
    ],
)
def test_what_comes_out_of_turn_is_refused_and_changes_nothing(
    before: tuple[Message, ...], message: Message, told: str
) -> None:
    order = Order()
    for one in before:
        order.take(one)
    state = order.state
    with pytest.raises(ProviderError, match=told):
        order.take(message)
    assert order.state == state
