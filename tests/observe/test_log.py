from __future__ import annotations

import json
import stat
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.support.happenings import AT, EXAMPLES
from voicepipe.core.frames import EndOfText, Heard, Segment, SpeechStarted, Text, TypedText, Word
from voicepipe.core.masking import MASK
from voicepipe.core.records import Failed, ToolStarted
from voicepipe.core.units import MS
from voicepipe.errors import SetupError
from voicepipe.observe.events import MAX_TEXT, event_to_dict
from voicepipe.observe.log import EventLog


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def names(path: Path) -> list[str]:
    return [line["event"] for line in lines(path)]


def open_log(path: Path, **options: Any) -> EventLog:
    return EventLog(path, session="s1", clock="real", **options)


def test_every_event_is_a_line_behind_one_that_names_session_and_clock(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    for event in EXAMPLES:
        log(AT, event)
    log.close()
    first, *others = lines(log.path)
    assert first == {"t_ms": 0, "event": "LogBegan", "format": 2, "session": "s1", "clock": "real"}
    assert others == [event_to_dict(AT, event) for event in EXAMPLES]


def test_what_is_rare_is_on_disk_before_the_next_event_with_all_before_it(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    log(0, Failed(at_ns=0, stage="vad", error="hung up"))
    log(1 * MS, SpeechStarted(position=0, audio_from=0, onset_ns=0, at_ns=1 * MS))
    log(2 * MS, Text(turn=1, text="One "))
    log(3 * MS, Text(turn=1, text="moment."))
    assert names(log.path) == ["LogBegan", "Failed"]
    log(4 * MS, Failed(at_ns=4 * MS, stage="stt", error="hung up"))
    assert names(log.path) == ["LogBegan", "Failed", "SpeechStarted", "Text", "Failed"]
    log.close()


def test_nothing_waits_for_longer_than_two_seconds_of_events(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    times_ms = (2000, 2400, 3999, 4000, 4500, 5999, 6000)
    on_disk = []
    for at_ms in times_ms:
        log(at_ms * MS, EndOfText(turn=at_ms))
        on_disk.append(len(lines(log.path)) - 1)
    assert on_disk == [1, 1, 1, 4, 4, 4, 7]
    log.close()


def test_the_pieces_of_a_reply_are_one_line_until_something_else_happens(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    for at_ns, piece in enumerate(("Sure", ", I", " can.")):
        log(at_ns * MS, Text(turn=1, text=piece))
    assert len(lines(log.path)) == 1
    log(3 * MS, EndOfText(turn=1))
    log(4 * MS, Text(turn=2, text="One"))
    log(5 * MS, Text(turn=2, text=" moment.", in_history=False))
    log.close()
    told = [(line["t_ms"], line["event"], line.get("text")) for line in lines(log.path)[1:]]
    assert told == [
        (0, "Text", "Sure, I can."),
        (3, "EndOfText", None),
        (4, "Text", "One"),
        (5, "Text", " moment."),
    ]


def test_a_process_that_dies_leaves_a_valid_log(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys\n"
        "from voicepipe.core.frames import EndOfText, Text\n"
        "from voicepipe.core.records import Failed\n"
        "from voicepipe.observe.log import EventLog\n"
        "log = EventLog(pathlib.Path(sys.argv[1]), session='s1', clock='real')\n"
        "ms = 1_000_000\n"
        "for n in range(500): log(n * ms, Text(turn=n, text='word ' * n)), log(n * ms, EndOfText(turn=n))\n"
        "log(500 * ms, Failed(at_ns=500 * ms, stage='llm', error='no'))\n"
        "os._exit(1)\n"
    )
    path = tmp_path / "e.jsonl"
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, cwd=Path(__file__).parents[2])
    assert len(lines(path)) == 1002


def test_secrets_that_become_known_during_the_call_are_masked(tmp_path: Path) -> None:
    secrets: set[str] = set()
    log = open_log(tmp_path / "e.jsonl", secrets=secrets)
    secrets.add("sk-1234")
    log(0, Text(turn=1, text="the key is sk-1234"))
    log.close()
    assert lines(log.path)[-1]["text"] == f"the key is {MASK}"


@pytest.mark.parametrize("secret", ["sk-1234", 'a"quote', "back\\slash", "line\nbreak", "schlüssel"])
def test_a_secret_is_found_in_any_field_however_json_writes_it(tmp_path: Path, secret: str) -> None:
    log = open_log(tmp_path / "e.jsonl", secrets={secret, "1.5"})
    started = ToolStarted(at_ns=0, turn=1, call_id="c", name="t", arguments={"key": [f"x {secret} y"]})
    log(0, Failed(at_ns=0, stage="stt", error=f"refused {secret}"))
    log(0, started)
    log.close()
    failed, tool = lines(log.path)[1:]
    assert failed["error"] == f"refused {MASK}"
    assert tool["arguments"] == {"key": [f"x {MASK} y"]}


def test_a_text_that_is_cut_holds_no_half_of_a_secret(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl", secrets={"sk-123456789"})
    arguments = {"all": "x" * (MAX_TEXT - 12) + "sk-123456789"}
    log(0, ToolStarted(at_ns=0, turn=1, call_id="c", name="t", arguments=arguments))
    log.close()
    assert "sk-1" not in log.path.read_text()


def test_a_long_text_is_cut_and_its_neighbours_are_not(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    log(0, TypedText(text="x" * (MAX_TEXT + 1), at_ns=0))
    log(0, TypedText(text="short", at_ns=0))
    log.close()
    long, short = lines(log.path)[1:]
    assert len(long["text"]) == MAX_TEXT
    assert short["text"] == "short"


def test_what_looks_like_a_line_inside_of_an_event_is_none(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    started = ToolStarted(at_ns=0, turn=1, call_id="c", name="t", arguments={"a": [{"t_ms": 1}, {"t_ms": 2}]})
    log(0, TypedText(text='},{"t_ms":1', at_ns=0))
    log(0, started)
    log.close()
    assert lines(log.path)[1:] == [
        event_to_dict(0, TypedText(text='},{"t_ms":1', at_ns=0)),
        event_to_dict(0, started),
    ]


def test_a_log_that_is_full_says_so_once_and_stays_within_its_bound(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl", max_bytes=2000)
    for n in range(100):
        log(n, Text(turn=n, text="x" * 50))
        log(n, EndOfText(turn=n))
    log.close()
    told = names(log.path)
    assert told.count("LogFull") == 1
    assert told[-1] == "LogFull"
    assert 1500 < log.path.stat().st_size < 2100


def test_text_without_a_utf8_form_is_written_all_the_same(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    log(0, Text(turn=1, text="a\ud800b 🌧\u2028\n"))
    log.close()
    assert len((tmp_path / "e.jsonl").read_bytes().split(b"\n")) == 3
    assert json.loads((tmp_path / "e.jsonl").read_bytes().split(b"\n")[1])["text"] == "a?b 🌧\u2028\n"


def test_only_its_owner_reads_the_log_and_an_old_one_is_replaced(tmp_path: Path) -> None:
    open_log(tmp_path / "e.jsonl").close()
    log = open_log(tmp_path / "e.jsonl")
    log.close()
    assert len(lines(log.path)) == 1
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_log_that_can_not_be_made_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="can't be written: No such file"):
        open_log(tmp_path / "nowhere" / "e.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_does_not_end_the_call_but_is_told_in_the_end() -> None:
    log = open_log(Path("/dev/full"))
    log(0, Text(turn=1, text="hello"))
    with pytest.raises(SetupError, match="/dev/full can't be written: No space"):
        log.close()
    log.close()


def test_what_comes_after_the_end_is_not_written(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    log.close()
    log(0, Text(turn=1, text="hello"))
    log.close()
    assert len(lines(log.path)) == 1


class Piece(str):
    """A text of which it can be told whether anybody keeps it."""


def ended(how: str, folder: Path) -> EventLog:
    if how == "disk":
        return open_log(Path("/dev/full"))
    log = open_log(folder / "e.jsonl", max_bytes=10 if how == "full" else 1000)
    if how == "full":
        log(0, Failed(at_ns=0, stage="stt", error="x" * 20))
        assert names(log.path)[-1] == "LogFull"
    else:
        log.close()
    return log


@pytest.mark.parametrize("how", ["full", "closed", "disk"])
def test_a_log_that_has_ended_keeps_nothing_and_looks_at_nothing(tmp_path: Path, how: str) -> None:
    if how == "disk" and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, a disk that is always full")
    log = ended(how, tmp_path)
    log.reader(Failed)(1, object())  # would be no line
    piece = Piece("hello")
    kept = weakref.ref(piece)
    log(2, Text(turn=1, text=piece))
    del piece
    assert kept() is None
    if how == "disk":
        with pytest.raises(SetupError, match="No space"):
            log.close()
    log.close()


def test_what_was_heard_is_told_as_it_was_known_then_whatever_becomes_of_the_chunk(tmp_path: Path) -> None:
    log = open_log(tmp_path / "e.jsonl")
    log(0, Failed(at_ns=0, stage="vad", error="hung up"))
    words = [Word(text="One", start_ms=0, end_ms=200), Word(text="two", start_ms=200, end_ms=400)]
    chunk = Segment(turn=1, index=0, text="One two three.", rate=1000, words=words, made=500)
    event = Heard(turn=1, segment=chunk, samples=250, final=False, at_ns=1 * MS)
    told = event_to_dict(1 * MS, event)
    log(1 * MS, event)
    chunk.begin(2000)  # another voice says it again, from its beginning
    log.close()
    assert lines(log.path)[-1] == told
    assert told["text"] == "One"
