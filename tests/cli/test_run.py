from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.calls import sides, sounds_ms
from tests.support.cli import SIM, Outcome, pipeline, spawn, voicepipe
from voicepipe.audio.wav import read_wav

HELLO = COMMANDS / "slt_hello.wav"
FRAME_MS = 20
CLIPS = SIM.replace("vad: sim", "vad: energy")


def simulated(capsys: pytest.CaptureFixture[str], file: Path, *options: str | Path) -> Outcome:
    return voicepipe(capsys, "run", file, *options, "--clock", "simulated", "--json")


def test_a_typed_turn_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = simulated(capsys, pipeline(tmp_path), "--text", "Where is my order?")
    assert outcome.status == 0
    (turn,) = outcome.json["turns"]
    assert turn["user"] == "Where is my order?"
    assert turn["heard"] == turn["agent"] != ""
    unknown = {name for name, latency in turn["latency_ms"].items() if latency is None}
    assert unknown == {"vad", "endpoint", "stt", "llm", "tools", "voice_to_voice"}
    assert outcome.err.splitlines()[0] == "you    Where is my order?"


def test_inputs_and_texts_are_turns_in_the_order_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CLIPS.replace("stt: sim", "stt: {use: sim, texts: [by voice]}")
    script = ("--text", "first", "--input", HELLO, "--text", "last")
    outcome = simulated(capsys, pipeline(tmp_path, text), *script)
    assert [turn["user"] for turn in outcome.json["turns"]] == ["first", "by voice", "last"]


@pytest.mark.parametrize("gap_ms", [500, 1500])
def test_the_next_input_begins_a_gap_after_the_reply_before(
    gap_ms: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CLIPS.replace("llm: sim", "llm: {use: sim, replies: [All right.]}")
    out = tmp_path / "out.wav"
    inputs = ("--input", HELLO, "--input", HELLO, "--gap", f"{gap_ms}ms", "--output", out)
    assert simulated(capsys, pipeline(tmp_path, text), *inputs).status == 0
    caller, agent = sides(out)
    clip_ms = read_wav(HELLO).seconds * 1000
    begin, end = sounds_ms(HELLO)
    first_end = gap_ms + clip_ms
    second = first_end + caller.between(first_end + FRAME_MS).first_sound_ms() + FRAME_MS - begin
    reply_end = agent.between(0, second).last_sound_ms()
    assert abs(second - reply_end - gap_ms) <= 3 * FRAME_MS
    assert agent.between(reply_end + FRAME_MS, second + end).is_silent


def test_a_simulated_call_gives_the_same_answer_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = pipeline(tmp_path, CLIPS)
    first, second = (simulated(capsys, file, "--input", HELLO).json for _ in range(2))
    assert first["clock"] == "simulated"
    assert first["turns"] == second["turns"]


def test_a_profile_an_override_and_a_variable_change_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SIM.replace(
        "{prompt: Be brief.}", '{variables: {name: {default: there}}, greeting: "Hello {{name}}!"}'
    ).replace("loud:", "fast: {stages: {llm: {use: sim, first_token: 10ms}}}\n  loud:")
    options = ("-p", "fast", "--set", "stages.llm.replies=[Sure.]", "--var", "name=Ann", "--text", "hello")
    outcome = simulated(capsys, pipeline(tmp_path, text), *options)
    assert outcome.status == 0, outcome.err
    greeting, reply = outcome.json["turns"]
    assert (greeting["user"], greeting["heard"]) == ("", "Hello Ann!")
    assert reply["heard"] == "Sure."
    assert reply["latency_ms"]["llm_first_token"] == 10


def test_a_quiet_call_prints_nothing_but_the_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = simulated(capsys, pipeline(tmp_path), "--text", "hello", "-q")
    assert outcome.err == ""
    assert outcome.json["turns"]


def test_without_json_nothing_goes_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = voicepipe(
        capsys, "run", pipeline(tmp_path), "--text", "hello", "--clock", "simulated", "--output", "/dev/null"
    )
    assert (outcome.status, outcome.out) == (0, "")


def test_the_object_survives_a_standard_output_without_its_letters(tmp_path: Path) -> None:
    file = pipeline(tmp_path)
    options = ("--text", "Grüße, 世界", "--clock", "simulated", "--json")
    outcome = spawn("run", file, *options, PYTHONIOENCODING="ascii")
    assert outcome.json["turns"][0]["user"] == "Grüße, 世界"


# ── files and clocks that a call can't use ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--output", "none/out.wav"], "--output none/out.wav: there is no folder none"),
        (["--events", "none/e.jsonl"], "--events none/e.jsonl: there is no folder none"),
        (["--output", "."], "--output .: a folder was found"),
        (["--output", "same", "--events", "./same"], "--events same is that of --output, too"),
        (["--output", "question.wav"], "--output question.wav is read by this very call"),
        (["--output", "link.wav"], "--output link.wav is read by this very call: question.wav"),
        (["--events", "pipeline.yaml"], "--events pipeline.yaml is read by this very call"),
    ],
)
def test_a_file_that_can_not_be_written_is_told_before_anything_is_lost(
    options: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    question, file = tmp_path / "question.wav", pipeline(tmp_path, CLIPS)
    question.write_bytes(HELLO.read_bytes())
    (tmp_path / "link.wav").symlink_to(question)
    outcome = simulated(capsys, Path(file.name), "--input", question.name, *options)
    assert outcome.status == 2
    assert outcome.out == ""
    assert words in outcome.err
    assert question.read_bytes() == HELLO.read_bytes()
    assert file.read_text() == CLIPS
    assert not (tmp_path / "same").exists()


def test_a_disk_that_is_full_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    outcome = voicepipe(
        capsys,
        *("run", pipeline(tmp_path), "-q", "--text", "hello", "--clock", "simulated"),
        *("--events", "/dev/full"),
    )
    assert outcome.status == 3
    assert "/dev/full can't be written: No space left on device" in outcome.err


def test_a_provider_that_needs_real_time_is_refused_on_another_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    override = "stages.llm={use: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}"
    outcome = simulated(capsys, pipeline(tmp_path), "--text", "hello", "--set", override)
    assert outcome.status == 2
    assert "stages.llm (openai) can't run on the simulated clock" in outcome.err


def test_the_microphone_is_refused_on_another_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = simulated(capsys, pipeline(tmp_path))
    assert outcome.status == 2
    assert "the microphone can't run on the simulated clock" in outcome.err


def test_push_to_talk_needs_a_terminal_to_press_the_key_in(tmp_path: Path) -> None:
    outcome = spawn("run", pipeline(tmp_path), "--set", "stages.turn.strategy=push_to_talk")
    assert outcome.status == 2
    assert "there is no terminal to press the key in" in outcome.err


def test_a_scripted_caller_pushes_to_talk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CLIPS.replace("  stt: sim", "  turn: {strategy: push_to_talk}\n  stt: sim")
    outcome = simulated(capsys, pipeline(tmp_path, text), "--input", HELLO, "--input", HELLO)
    assert outcome.status == 0
    assert [turn["user"] for turn in outcome.json["turns"]] == ["Where is my order?"] * 2


def test_a_text_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = simulated(capsys, pipeline(tmp_path), "--text", "  ")
    assert (outcome.status, outcome.out) == (2, "")
    assert "--text is empty" in outcome.err
