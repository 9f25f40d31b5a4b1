from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.happenings import AT, EXAMPLES, Story
from voicepipe.core.frames import Text
from voicepipe.errors import LogError
from voicepipe.observe.events import event_to_dict
from voicepipe.observe.log import EventLog
from voicepipe.observe.log_reader import LogReader, read_log
from voicepipe.observe.report import CallReport

BEGAN = {"t_ms": 0, "event": "LogBegan", "format": 2, "session": "s1", "clock": "real"}
IDLE = {"t_ms": 5, "event": "StateChanged", "at_ms": 5, "state": "idle"}


def written(path: Path, *events: tuple[int, Any]) -> Path:
    log = EventLog(path, session="s1", clock="simulated")
    for at_ns, event in events:
        log(at_ns, event)
    log.close()
    return path


def lines(path: Path, *found: Any) -> Path:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in found]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = written(tmp_path / "e.jsonl", *((AT, event) for event in EXAMPLES))
    log = read_log(path)
    assert (log.session, log.clock, log.format, log.note) == ("s1", "simulated", 2, None)
    assert list(log.dicts()) == [event_to_dict(AT, event) for event in EXAMPLES]
    assert [entry.line for entry in log.events] == list(range(2, 2 + len(EXAMPLES)))


def test_a_log_that_is_played_to_an_observer_gives_the_report_of_the_call(tmp_path: Path) -> None:
    story = Story().speech(100).begin(900, spoken=(700, 880)).provider(1000, "llm").tool(1010).told(1100)
    story = story.provider(1200, "tts").audible(1300).used(1400, "llm", "tokens_out", 9)
    story = story.end(2000, said="On Monday.", heard="On Monday.").typed(2500, "bye").idle(2600)
    report, again = (CallReport(session="s1", clock="simulated") for _ in range(2))
    story.play(report)
    for at_ns, event in read_log(written(tmp_path / "e.jsonl", *story.events)).replay():
        again(at_ns, event)
    assert again.to_dict() == report.to_dict()
    assert report.turns[0].timeline is not None


def test_a_log_whose_process_was_killed_is_read_up_to_there(tmp_path: Path) -> None:
    whole = lines(tmp_path / "e.jsonl", BEGAN, IDLE, IDLE).read_bytes()
    for cut in range(len(json.dumps(BEGAN)) + 2, len(whole) - 1):
        (tmp_path / "cut.jsonl").write_bytes(whole[:cut])
        log = read_log(tmp_path / "cut.jsonl")
        complete = whole[:cut].endswith((b"\n", b"}"))
        assert len(log.events) == whole[:cut].count(b'"idle"}')
        assert (log.note is None) is complete
    assert log.note == "its last line, 3, is cut off: the process that wrote it was killed"


def test_a_log_that_was_full_says_so(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    log = EventLog(path, session="s", clock="real", max_bytes=300)
    for n in range(10):
        log(n, Text(turn=n, text="word"))
    log.close()
    assert "ends before the call did" in str(read_log(path).note)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], ":1: found '', which is no JSON"),
        (["hello"], ":1: found 'hello', which is no JSON; expected an event"),
        ([IDLE], ":1: found StateChanged, expected LogBegan"),
        ([{**BEGAN, "format": 3}], ":1: found a log of format 3, expected at most 2"),
        ([{**BEGAN, "format": "1"}], ":1: LogBegan.format: found '1'"),
        ([{**BEGAN, "session": None}], ":1: LogBegan names no session and clock"),
        ([BEGAN, IDLE, '{"t_ms": 6, "event"', IDLE], ':3: found \'{"t_ms": 6, "event"\', which is no JSON'),
        ([BEGAN, [1, 2]], ":2: found '\\[1, 2\\]', expected an object"),
        ([BEGAN, {"t_ms": 1}], ":2: event: found nothing, expected a name"),
        ([BEGAN, {**IDLE, "t_ms": True}], ":2: t_ms: found 'true', expected milliseconds"),
        ([BEGAN, IDLE, {**IDLE, "t_ms": 4}], ":3: t_ms: found 4, expected 5.0 or later"),
        ([BEGAN, {**IDLE, "state": 7}], ":2: StateChanged: state: found 7"),
        ([BEGAN, '{"t_ms": NaN, "event": "Repeat"}'], ":2: found .*NaN.*no JSON"),
        ([BEGAN, '{"t_ms": 1e999, "event": "Repeat"}'], ":2: found .*1e999.*no JSON"),
        ([BEGAN, '{"t_ms": 1' + 400 * "0" + ', "event": "Repeat"}'], ":2: found .*100000.*no JSON"),
    ],
)
def test_a_corrupted_log_is_told_with_its_line(tmp_path: Path, found: list[Any], said: str) -> None:
    path = lines(tmp_path / "e.jsonl", *found)
    with pytest.raises(LogError, match=f"e.jsonl{said}"):
        read_log(path)


def test_a_file_that_is_no_text_at_all_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF\x00\xff\xfe" * 100)
    with pytest.raises(LogError, match=r"(?s)a.wav:1: found 'RIFF.*voicepipe run --events"):
        read_log(tmp_path / "a.wav")
    (tmp_path / "empty").touch()
    with pytest.raises(LogError, match="empty:1: the file is empty"):
        read_log(tmp_path / "empty")
    with pytest.raises(LogError, match="can't be read: No such file"):
        read_log(tmp_path / "nowhere")


def test_events_of_a_later_version_are_there_by_name_and_are_not_replayed(tmp_path: Path) -> None:
    log = read_log(lines(tmp_path / "e.jsonl", BEGAN, {"t_ms": 1, "event": "Hummed", "melody": "la"}, IDLE))
    assert [(one.name, one.event is None) for one in log.events] == [
        ("Hummed", True),
        ("StateChanged", False),
    ]
    assert log.events[0].fields == {"melody": "la"}
    assert len(list(log.replay())) == 1


def test_what_is_read_is_bounded(tmp_path: Path) -> None:
    path = lines(tmp_path / "e.jsonl", BEGAN, *[IDLE] * 5)
    assert len(read_log(path, max_events=5).events) == 5
    with pytest.raises(LogError, match=":6: more than 4 events"):
        read_log(path, max_events=4)
    (tmp_path / "long").write_bytes(b'"' + b"x" * (17 << 20))
    with pytest.raises(LogError, match="long:1: the line is longer than 16 MiB"):
        read_log(tmp_path / "long")


def test_a_reader_gives_its_file_back(tmp_path: Path) -> None:
    with LogReader(lines(tmp_path / "e.jsonl", BEGAN, IDLE)) as reader:
        assert next(iter(reader)).name == "StateChanged"
    reader.close()


@given(st.binary(max_size=200), st.integers(0, 2))
def test_whatever_a_file_holds_it_is_a_log_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, good: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "e.jsonl"
    path.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in (BEGAN, IDLE)[:good]) + data)
    try:
        read_log(path)
    except LogError as error:
        assert "e.jsonl:" in str(error)  # noqa: PT017 - that it raises nothing else is what is tested
