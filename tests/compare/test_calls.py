from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.cli import SIM, pipeline
from voicepipe.audio.wav import write_wav
from voicepipe.compare.calls import CallFinder
from voicepipe.compare.plan import Scripted
from voicepipe.config.load import load_pipeline
from voicepipe.core.units import SECOND
from voicepipe.errors import AudioError, ConfigErrors, LogError, UsageError
from voicepipe.transports.conversation import Pause, Utterance
from voicepipe.transports.spoken import noise, spoken
from voicepipe.transports.wav import Clip, Typed

TESTS = """\
tool_results: {current_time: {time: "12:30"}}
tests:
  - name: one
    steps:
      - user: {say: hello there}
      - wait: 2s
      - user: {type: and now}
      - user: {noise: 300ms, while: agent_speaking, at: 1s}
"""


def wav(path: Path, seconds: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, noise(round(seconds * SECOND), 16_000).pcm, 16_000)
    return path


def find(folder: Path, *paths: Path, **others: Any) -> list[Scripted]:
    baseline = load_pipeline(pipeline(folder, name="base.yaml"))
    return CallFinder(baseline, "free", "run", lambda sentence: None, **others).find(paths)


def clips(call: Scripted) -> list[Clip]:
    return [one.what for one in call.script if isinstance(one, Utterance) and isinstance(one.what, Clip)]


def test_a_folder_of_wavs_is_a_call_of_one_turn_each_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10 b.wav", "9 a.WAV", ".hidden.wav"):
        wav(tmp_path / "calls" / name)
    (tmp_path / "calls" / "readme.md").write_text("nothing to be held")
    calls = find(tmp_path, tmp_path / "calls")
    assert [(call.name, call.kind, len(call.script), call.speech_ns) for call in calls] == [
        ("9 a", "audio", 1, SECOND // 2),
        ("10 b", "audio", 1, SECOND // 2),
    ]


def test_a_folder_inside_is_a_call_of_several_turns(tmp_path: Path) -> None:
    for name in ("2.wav", "10.wav"):
        wav(tmp_path / "calls" / "long" / name)
    (call,) = find(tmp_path, tmp_path / "calls")
    assert (call.name, [clip.name for clip in clips(call)]) == ("long", ["2.wav", "10.wav"])


def test_words_beside_a_clip_are_its_reference_and_what_a_simulated_recogniser_hears(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    path.with_suffix(".txt").write_text("hello\nthere\n")
    (call,) = find(tmp_path, path)
    assert call.reference == ("hello there",)
    assert " ".join((clips(call)[0].captions or {}).values()) == "hello there"
    assert find(tmp_path, wav(tmp_path / "b.wav"))[0].reference == (None,)


def test_conversation_tests_are_calls_with_their_words_their_stubs_and_their_expectations(
    tmp_path: Path,
) -> None:
    (call,) = find(tmp_path, pipeline(tmp_path, TESTS, "tests.yaml"))
    assert (call.name, call.kind) == ("one", "conversation")
    assert [type(item) for item in call.script] == [Utterance, Pause, Utterance, Utterance]
    assert isinstance(call.script[2], Utterance)
    assert call.script[2].what == Typed("and now")
    assert call.reference == ("hello there", None, None)
    assert call.test is not None
    assert call.test.test.tool_results == {"current_time": {"time": "12:30"}}
    assert call.speech_ns > 2 * SECOND


def test_the_tests_of_a_pipeline_file_are_calls_with_its_stubs(tmp_path: Path) -> None:
    text = SIM + TESTS + "name: x\n"
    (call,) = find(tmp_path, pipeline(tmp_path, text))
    assert (call.name, call.tool_results) == ("one", {"current_time": {"time": "12:30"}})


def test_variables_are_given_to_all_calls(tmp_path: Path) -> None:
    (call,) = find(tmp_path, wav(tmp_path / "a.wav"), vars={"name": "Ann"})
    assert call.vars == {"name": "Ann"}


def test_the_same_call_for_two_parts_is_the_same_object(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    baseline = load_pipeline(pipeline(tmp_path))
    finder = CallFinder(baseline, "free", "run", lambda sentence: None)
    assert finder.find([path])[0] is finder.find([path])[0]


def test_two_channels_with_two_sounds_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    one, other = (spoken(words, "en-US", 16_000, by_espeak=False).pcm for words in ("hello", "there"))
    sides = np.stack((one, other), axis=1)
    write_wav(tmp_path / "a.wav", sides, 16_000)
    CallFinder(load_pipeline(pipeline(tmp_path)), "free", "run", told.append).find([tmp_path / "a.wav"])
    assert "its channels hold two different sounds" in told[0]


def test_two_calls_of_one_name_are_told_with_both_places(tmp_path: Path) -> None:
    one, other = wav(tmp_path / "x" / "a.wav"), wav(tmp_path / "y" / "a.wav")
    with pytest.raises(UsageError, match=r"two calls are called 'a': of .*x/a\.wav and of .*y/a\.wav"):
        find(tmp_path, one, other)
    with pytest.raises(UsageError, match="two calls are called 'a'"):
        find(tmp_path, one, one)


def test_what_holds_no_call_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="no calls were found in the folder"):
        find(tmp_path, empty)
    with pytest.raises(UsageError, match="no such file or folder"):
        find(tmp_path, tmp_path / "nothing")
    with pytest.raises(UsageError, match="a file of another kind"):
        find(tmp_path, pipeline(tmp_path, "", "notes.txt"))
    with pytest.raises(UsageError, match="the pipeline file has no tests"):
        find(tmp_path, pipeline(tmp_path))
    with pytest.raises(UsageError, match="a comparison file was found"):
        find(tmp_path, pipeline(tmp_path, "voicepipe_compare: 1\n", "compare.yaml"))
    with pytest.raises(ConfigErrors, match=r"no_tests\.yaml"):
        find(tmp_path, pipeline(tmp_path, "a: 1\n", "no_tests.yaml"))


def test_audio_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "junk.wav").write_text("no audio")
    with pytest.raises(AudioError, match=r"junk\.wav"):
        find(tmp_path, tmp_path / "junk.wav")
    write_wav(tmp_path / "silent.wav", np.zeros(16_000, np.int16), 16_000)
    with pytest.raises(AudioError, match="is silent"):
        find(tmp_path, tmp_path / "silent.wav")
    path = wav(tmp_path / "a.wav")
    path.with_suffix(".txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(AudioError, match=r"a\.txt isn't UTF-8"):
        find(tmp_path, path)


def test_a_corrupted_log_is_told_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "calls" / "one"
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text('{"t_ms": 0, "event": "LogBegan", "format": 99}\n')
    with pytest.raises(LogError, match=r"events\.jsonl:1: "):
        find(tmp_path, tmp_path / "calls")


def test_a_folder_holds_so_many_turns_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("1.wav", "2.wav", "3.wav"):
        wav(tmp_path / "calls" / "long" / name)
    monkeypatch.setattr("voicepipe.compare.calls.MAX_TURNS", 2)
    with pytest.raises(UsageError, match="holds 3 WAV files, expected at most 2"):
        find(tmp_path, tmp_path / "calls")
    monkeypatch.setattr("voicepipe.compare.calls.MAX_CALLS", 2)
    with pytest.raises(UsageError, match="more than 2 calls"):
        find(tmp_path, tmp_path / "calls" / "long")
