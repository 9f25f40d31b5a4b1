from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.bad_wavs import write_usable, write_useless
from tests.support.chat import answering
from tests.support.cli import SIM, Outcome, pipeline, spawn, voicepipe
from tests.support.without import site_without, spawn_with
from voicepipe.testing.http import Request
from voicepipe.testing.openai_server import Fault, Reply

BAD_FILES: dict[str, tuple[str, Sequence[str]]] = {
    "nothing": ("", ["an empty file"]),
    "unclosed": ("voicepipe: 1\nstages: {\n", ["pipeline.yaml:3:1"]),
    "a tab": ("voicepipe: 1\nstages:\n\tvad: sim\n", ["pipeline.yaml:3:1", "tab", "spaces"]),
    "a list": ("- voicepipe\n", ["expected a map"]),
    "twice": (SIM + "agent: {}\n", ["pipeline.yaml:10:1", "agent"]),
    "unknown key": (SIM.replace("agent:", "agnet:"), ["pipeline.yaml:2:1", "Did you mean 'agent'?"]),
    "unknown stage": (SIM.replace("stt:", "sst:"), ["pipeline.yaml:5:3", "Did you mean 'stt'?"]),
    "unknown provider": (SIM.replace("tts: sim", "tts: espek"), ["'espek'", "Did you mean 'espeak'?"]),
    "unknown provider key": (
        SIM.replace("tts: sim", "tts: {use: sim, fist_audio: 9ms}"),
        ["'fist_audio'", "Did you mean 'first_audio'?"],
    ),
    "no unit": (SIM.replace("tts: sim", "tts: {use: sim, first_audio: 9}"), ["needs a unit", "'9ms'"]),
    "unset": (SIM.replace("Be brief.", '"${env:VOICEPIPE_UNSET}"'), ["VOICEPIPE_UNSET isn't set", ":-"]),
    "unset and typed": (
        SIM.replace("llm: sim", 'llm: {use: openai, model: m, base_url: "${env:VOICEPIPE_UNSET}"}'),
        ["VOICEPIPE_UNSET isn't set"],
    ),
    "no value": (SIM.replace("{prompt", "{variables: {tier: {required: true}}, prompt"), ["--var tier="]),
    "not built yet": (SIM + "escalate: {}\n", ["'escalate': not available in this version"]),
    "no voice": (SIM.replace("  tts: sim\n", ""), ["needs AudioOut", "tts: espeak"]),
}

TOOLS_FILE = """\
voicepipe: 1
agent: {prompt: Be brief., tools: [{python: ./tools.py, timeout: 100ms}]}
stages:
  vad: energy
  stt: sim
  llm: {use: sim, replies: [{call: {go: {}}, say: Sorry.}]}
  tts: sim
"""
BAD_TOOLS = {
    "missing": (None, ["tools.py", "No such file"]),
    "syntax error": ("def go(:\n", ["tools.py:1", "not valid Python"]),
    "raises": ("key = {}['token']\n", ["tools.py:1", "KeyError: 'token'"]),
    "exits": ("import sys\nsys.exit(3)\n", ["tools.py:2", "SystemExit"]),
    "lacks a package": ("import no_such_package\n", ["tools.py:1", "no_such_package", "Install it"]),
    "no tool": ("def go() -> str:\n    return ''\n", ["@tool"]),
    "no types": (
        'from voicepipe import tool\n@tool\ndef go(city) -> str:\n    """Go."""\n    return city\n',
        ["city"],
    ),
}
HANGING = {
    "async": 'async def go() -> str:\n    """Go."""\n    await asyncio.Event().wait()\n',
    "async and stubborn": (
        'async def go() -> str:\n    """Go."""\n'
        "    while True:\n        try:\n            await asyncio.Event().wait()\n"
        "        except asyncio.CancelledError:\n            pass\n"
    ),
    "sync": 'def go() -> str:\n    """Go."""\n    threading.Event().wait()\n',
    "in C": 'def go() -> str:\n    """Go."""\n    ctypes.CDLL(None).pause()\n',
}
HEAVY = (
    "espeakng_loader",
    "faster_whisper",
    "hassil",
    "onnxruntime",
    "openai",
    "piper",
    "pocketsphinx",
    "sounddevice",
)


def simulated(capsys: pytest.CaptureFixture[str], file: Path, *options: str) -> Outcome:
    script = () if "--input" in options else ("--text", "hello")
    return voicepipe(capsys, "run", file, *script, *options, "--clock", "simulated", "--json")


def assert_told(outcome: Outcome, status: int, *words: str) -> None:
    """One message with ``words`` in it, its hints indented, and nothing on standard output."""
    assert outcome.status == status, outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    hints = outcome.err.splitlines()[1:]
    assert all(hint.startswith("  ") for hint in hints), outcome.err
    for word in words:
        assert word in outcome.err


# ── pipeline files ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_pipeline_file_is_one_message(
    text: str, words: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_told(simulated(capsys, pipeline(tmp_path, text)), 2, *words)


def test_a_pipeline_file_that_is_no_text_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    assert_told(simulated(capsys, file), 2, "expected UTF-8 text")


def test_a_pipeline_file_that_is_missing_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_told(simulated(capsys, tmp_path / "none.yaml"), 2, "none.yaml", "No such file")


def test_the_problems_of_a_file_are_told_all_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SIM.replace("agent:", "agnet:").replace("stt: sim", "stt: simm")
    outcome = simulated(capsys, pipeline(tmp_path, text))
    assert outcome.status == 2
    told = [line for line in outcome.err.splitlines() if not line.startswith("  ")]
    assert [line.split(": ")[0].rpartition("/")[2] for line in told] == [
        "pipeline.yaml:2:1",
        "pipeline.yaml:5:8",
    ]


def test_debug_adds_the_traceback_to_the_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = simulated(capsys, pipeline(tmp_path, ""), "--debug")
    assert outcome.status == 2
    assert outcome.err.startswith("Traceback (most recent call last)")
    assert "expected a map that begins with" in outcome.err.splitlines()[-1]


# ── models, voices and packages ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("override", "status", "words"),
    [
        ("stages.tts=espeak/xx-none", 3, ["xx-none"]),
        ("stages.tts=piper/xx-none", 3, ["'xx-none' isn't on this computer", "voicepipe pull"]),
        ("stages.stt=faster-whisper/basee", 3, ["'basee'", "Did you mean 'base'?"]),
        ("stages.stt=faster-whisper/./none", 3, ["no folder", "none"]),
        ("stages.vad={use: silero, model: none.onnx}", 3, ["none.onnx"]),
        ("stages.tts=none.such:Voice", 3, ["none.such:Voice", "No module named 'none'"]),
    ],
)
def test_an_unknown_voice_or_model_is_one_message(
    override: str, status: int, words: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = simulated(capsys, pipeline(tmp_path), "--set", override)
    assert_told(outcome, status, *words)


@pytest.fixture(scope="module")
def light_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the base installation has."""
    return site_without(tmp_path_factory.mktemp("site"), HEAVY)


@pytest.mark.parametrize(
    ("override", "package", "extra"),
    [
        ("stages.vad=silero", "onnxruntime", "quickstart"),
        ("stages.stt=faster-whisper/base.en", "faster_whisper", "local"),
        ("stages.stt={use: pocketsphinx, rules: r.yaml}", "pocketsphinx", "quickstart"),
        ("stages.llm={use: rules, file: r.yaml}", "hassil", "quickstart"),
        ("stages.llm={use: openai, model: m, base_url: 'http://127.0.0.1:9'}", "openai", "local"),
        ("stages.tts=espeak", "espeakng_loader", "quickstart"),
        ("stages.tts=piper/en_US-lessac-medium", "piper", "local"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    override: str, package: str, extra: str, light_site: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text("intents: {hello: {sentences: hello, answer: Hello.}}\n")
    outcome = spawn_with(
        light_site, "run", pipeline(tmp_path), "-q", "--text", "hello", "--set", override, cwd=tmp_path
    )
    assert_told(outcome, 3, f"'{package}', which is not installed", "pip install", f"[{extra}]")


def test_a_call_by_microphone_names_the_extra_of_the_sound_card(light_site: Path, tmp_path: Path) -> None:
    outcome = spawn_with(light_site, "run", pipeline(tmp_path), cwd=tmp_path)
    assert_told(outcome, 3, "'sounddevice', which is not installed", "pip install", "[local]")


def test_a_simulated_call_needs_no_optional_package(light_site: Path, tmp_path: Path) -> None:
    outcome = spawn_with(
        light_site, "run", pipeline(tmp_path), "--text", "hello", "--clock", "simulated", cwd=tmp_path
    )
    assert outcome.status == 0, outcome.err


# ── recordings ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("empty", ["the file is empty"]),
        ("no samples", ["holds no samples"]),
        ("header only", ["truncated"]),
        ("truncated", ["truncated", "ffmpeg"]),
        ("text", ["not a WAV file", "looks like text"]),
        ("mp3", ["not a WAV file", "MP3", "ffmpeg"]),
        ("nan", ["1 of 18000 samples are NaN", "sample 1000"]),
        ("zeros", ["is silent"]),
        ("missing", ["No such file"]),
    ],
)
def test_a_wav_that_holds_no_call_is_one_message(
    name: str, words: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_useless(tmp_path)
    clip = tmp_path / f"{name}.wav"
    outcome = simulated(capsys, pipeline(tmp_path), "--input", str(clip))
    assert_told(outcome, 3, clip.name, *words)


@pytest.mark.parametrize("name", ["stereo", "8-bit", "44100"])
def test_a_wav_of_another_shape_is_heard(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_usable(tmp_path)
    file = pipeline(tmp_path)
    outcome = simulated(capsys, file, "-p", "loud", "--input", str(tmp_path / f"{name}.wav"))
    assert outcome.status == 0, outcome.err
    assert len(outcome.json["turns"]) == 1


def test_a_wav_without_speech_is_told_after_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_useless(tmp_path)
    outcome = simulated(capsys, pipeline(tmp_path), "-p", "loud", "--input", str(tmp_path / "hiss.wav"))
    assert outcome.status == 3
    assert "no speech was found in hiss.wav" in outcome.err
    assert outcome.json["turns"] == []


def test_the_one_wav_without_speech_among_others_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_useless(tmp_path)
    write_usable(tmp_path)
    clips = [str(tmp_path / name) for name in ("stereo.wav", "hiss.wav", "44100.wav")]
    inputs = [part for clip in clips for part in ("--input", clip)]
    outcome = simulated(capsys, pipeline(tmp_path), "-p", "loud", *inputs)
    assert outcome.status == 3
    assert "no speech was found in hiss.wav\n" in outcome.err
    assert len(outcome.json["turns"]) == 2


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("source", "words"), BAD_TOOLS.values(), ids=BAD_TOOLS)
def test_a_tools_file_that_can_not_be_used_is_one_message(
    source: str | None, words: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if source is not None:
        (tmp_path / "tools.py").write_text(source)
    assert_told(simulated(capsys, pipeline(tmp_path, TOOLS_FILE)), 2, *words)


def test_a_tool_that_raises_is_told_to_the_model_and_the_caller_gets_an_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tools.py").write_text(
        'from voicepipe import tool\n@tool\ndef go() -> str:\n    """Go."""\n    raise ValueError("no map")\n'
    )
    outcome = simulated(capsys, pipeline(tmp_path, TOOLS_FILE))
    assert outcome.status == 0, outcome.err
    assert "Traceback" not in outcome.err
    (turn,) = outcome.json["turns"]
    assert turn["agent"] == turn["heard"] == "Sorry."
    assert turn["tool_calls"][0]["result"] == {"error": "ValueError: no map"}


@pytest.mark.parametrize("function", HANGING.values(), ids=HANGING)
def test_a_tool_that_hangs_is_given_up_and_the_process_ends(function: str, tmp_path: Path) -> None:
    """Whether it ends is known by its being there to be looked at: ``spawn`` has a time limit."""
    (tmp_path / "tools.py").write_text(
        f"import asyncio, ctypes, threading\nfrom voicepipe import tool\n\n\n@tool\n{function}"
    )
    file = pipeline(tmp_path, TOOLS_FILE)
    outcome = spawn("run", file, "--text", "go", "--gap", "0ms", "--json")
    assert outcome.status == 0, outcome.err
    assert "Traceback" not in outcome.err
    (turn,) = outcome.json["turns"]
    assert turn["heard"] == "Sorry."
    assert "no answer within 100ms" in turn["tool_calls"][0]["result"]["error"]


# ── language-model servers ───────────────────────────────────────────────────────────────────────


def talk_to(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str, **keys: str
) -> Outcome:
    slot = {"use": "openai", "model": "test-model", "base_url": url, **keys}
    return voicepipe(
        capsys,
        *("run", pipeline(tmp_path), "-q", "--text", "hello", "--gap", "0ms", "--json"),
        *("--set", f"stages.llm={json.dumps(slot)}", *options),
    )


def test_a_server_that_is_not_there_is_told_before_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # and not listening: whoever connects is refused
        port = reserved.getsockname()[1]
        outcome = talk_to(
            f"http://127.0.0.1:{port}/v1", tmp_path, capsys, "--output", str(tmp_path / "out.wav")
        )
    assert_told(outcome, 3, f"nothing answers at http://127.0.0.1:{port}/v1")
    assert not (tmp_path / "out.wav").exists()


def test_a_server_without_the_model_is_told_before_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(models=["test-modem"]) as server:
        outcome = talk_to(server.base_url, tmp_path, capsys)
    assert_told(outcome, 3, "no model 'test-model'", "Did you mean 'test-modem'?")


def test_a_server_that_refuses_the_key_is_told_before_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(key="right") as server:
        outcome = talk_to(server.base_url, tmp_path, capsys, api_key="wrong")
    assert_told(outcome, 3, "refused the key")
    assert "wrong" not in outcome.err


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=401), "refused the key"),
        (Reply(status=429), "too many requests"),
        (Reply(status=500), "the server failed (500)"),
        (Reply(fault="drop"), "connection"),
        (Reply(text=["Well, "], fault="drop"), "connection"),
        (Reply(text=["Well, "], fault="malformed"), "can't be read"),
        (Reply(text=["Well, "], fault="error_event"), "broke the answer off"),
    ],
    ids=["401", "429", "500", "dies", "dies in the middle", "malformed", "gives up"],
)
def test_a_server_that_fails_costs_the_turn_and_not_the_call(
    reply: Reply, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(request: Request) -> Reply:
        return Reply(text=["Hello."]) if request.json["messages"][-1]["content"] == "once more" else reply

    with answering(answer=answer) as server:
        outcome = talk_to(server.base_url, tmp_path, capsys, "--text", "once more")
    assert outcome.status == 1
    assert "Traceback" not in outcome.err
    assert words in outcome.err
    assert "1 of the caller's turns got no answer" in outcome.err
    failed, apology, answered = outcome.json["turns"]
    assert failed["heard"] == ""
    assert (apology["user"], apology["agent"]) == ("", "")
    assert apology["heard"] == "Sorry, something went wrong. Please say that again."
    assert answered["heard"] == "Hello."


@pytest.mark.parametrize("fault", [None, "stall"], ids=["never begins", "stops"])
def test_a_server_that_stalls_is_given_up_at_the_deadline(
    fault: Fault | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = Reply(text=["Well, "], fault=fault) if fault else Reply(silent=True)
    with answering(answer=lambda request: reply) as server:
        outcome = talk_to(
            server.base_url, tmp_path, capsys, "--set", "stages.llm.timeout={first: 200ms, gap: 200ms}"
        )
    assert outcome.status == 1
    assert "Traceback" not in outcome.err
    assert "within 200ms" in outcome.err
    assert [turn["user"] for turn in outcome.json["turns"]] == ["hello", ""]  # and an apology
