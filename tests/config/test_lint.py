from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.fakes import SHIPPED, SMALLEST, load
from voicepipe.config.lint import lint


def test_the_smallest_pipeline_gives_no_advice(tmp_path: Path) -> None:
    assert lint(load(tmp_path, SMALLEST)) == []


@pytest.mark.parametrize(
    ("written", "message", "place"),
    [
        (
            "stages: {llm: {use: openai/x, api_key: sk-abc}}",
            "'api_key' is written literally: whoever reads the file has it",
            (2, 40),
        ),
        (
            "stages: {llm: {use: openai/x, extra_body: {auth-token: sk-abc}}}",
            "'auth-token' is written literally: whoever reads the file has it",
            (2, 56),
        ),
        (
            "stages: {stt: whisper}\nagent: {prompt: '{{b}}', variables: {a: {}, b: {}}}",
            "the variable 'a' is inserted nowhere",
            (3, 41),
        ),
        (
            "stages: {stt: whisper}\nagent: {variables: {a: {}, b: {}}, "
            "tools: [{python: ./t.py, say_while_running: 'One moment, {{a}}.'}]}",
            "the variable 'b' is inserted nowhere",
            (3, 31),
        ),
        (
            "stages: {tts: espeak}\nagent: {voice: {piper: amy, cartesia: calm}}",
            "'voice' names none for 'espeak', only for piper, cartesia: its default speaks",
            (3, 16),
        ),
        (
            "stages: {tts: espeak}\nagent: {language: ja-JP, notices: {wait: お待ちください。}}",
            "notices (failed, not_heard, reconnected) are in English: there are none of ours for 'ja-JP'",
            (3, 19),
        ),
        (
            "stages: {vad: {use: fake, hangover: 200ms}, turn: {min_silence: 100ms}}",
            "min_silence (100ms) is shorter than the vad's hangover (200ms), which comes first",
            (2, 65),
        ),
        (
            "stages: {tts: {use: espeak, timeout: {first: 20s, total: 10s}}}",
            "timeout.first (20s) is longer than timeout.total (10s), which comes first",
            (2, 46),
        ),
    ],
)
def test_what_is_hardly_meant_is_told_at_its_place(
    tmp_path: Path, written: str, message: str, place: tuple[int, int]
) -> None:
    (advice,) = lint(load(tmp_path, f"voicepipe: 1\n{written}\n"))
    assert advice.message == message
    assert (advice.line, advice.column) == place
    assert "sk-abc" not in str(advice)


@pytest.mark.parametrize(
    "written",
    [
        "stages: {tts: espeak}\n"
        "agent: {language: ja, notices: {wait: はい, failed: はい, not_heard: '', reconnected: ''}}",
        "stages: {tts: espeak}\nagent: {language: PT-br}",
        "stages: {stt: whisper}\nagent: {language: ja}",
    ],
)
def test_notices_are_fine_that_are_written_or_ours_or_that_nobody_could_speak(
    tmp_path: Path, written: str
) -> None:
    assert lint(load(tmp_path, f"voicepipe: 1\n{written}\n")) == []


def test_key_from_the_environment_is_not_written_literally(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {llm: {use: openai/x, api_key: 'Bearer ${env:KEY}'}}"
    assert lint(load(tmp_path, text, env={"KEY": "sk-abc"})) == []


def test_literal_default_of_a_key_is_written_literally(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {llm: {use: openai/x, api_key: '${env:KEY:-sk-abc}'}}"
    assert len(lint(load(tmp_path, text))) == 1


@pytest.mark.parametrize(
    ("vad", "stt", "count"),
    [
        ("energy", "deepgram/nova-3", 1),
        ("energy", "{use: deepgram/nova-3, endpointing: 100ms}", 0),
        ("{use: energy, hangover: 500ms}", "deepgram/nova-3", 0),
        ("energy", "sim", 0),
    ],
)
def test_a_recogniser_that_is_to_end_the_turn_must_hear_the_silence(
    tmp_path: Path, vad: str, stt: str, count: int
) -> None:
    text = (
        f"voicepipe: 1\nstages: {{vad: {vad}, turn: {{strategy: provider}}, stt: {stt}, llm: sim, tts: sim}}"
    )
    advice = [one.message for one in lint(load(tmp_path, text, registry=SHIPPED))]
    assert len(advice) == count
    assert all("never hears the silence" in one for one in advice)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (
            "vad: energy, realtime: {use: openai/x, turn_detection: {type: semantic_vad}}",
            "'turn_detection' has no effect: turns are found here, by the vad",
        ),
        (
            "turn: {strategy: provider}, vad: energy, "
            "realtime: {use: openai/x, turn_detection: {type: server_vad}}",
            None,
        ),
        ("realtime: {use: openai/x, turn_detection: {type: server_vad}}", None),
        (
            "realtime: openai/x}\nagent: {voice: {piper: amy}",
            "'voice' names none for 'realtime', only for piper",
        ),
        ("realtime: {use: openai/x, voice: cedar}}\nagent: {voice: {piper: amy}", None),
        ("realtime: {use: openai/x, output: text}, tts: piper}\nagent: {voice: {piper: amy}", None),
    ],
)
def test_what_a_fused_model_is_told_in_vain_is_told(tmp_path: Path, stages: str, message: str | None) -> None:
    text = f"voicepipe: 1\nstages: {{{stages}}}"
    advice = [one.message for one in lint(load(tmp_path, text, registry=SHIPPED))]
    assert [one.startswith(str(message)) for one in advice] == ([True] if message else [])


@pytest.mark.parametrize(
    ("turn", "slo", "messages"),
    [
        (
            "{}",
            '{voice_to_voice: {p50: "< 1s", p99: "< 1.5s"}}',
            [
                "voice_to_voice.p99 < 1.5s is hardly met: "
                "the end of a turn alone may take stages.turn.max_wait (2s)"
            ],
        ),
        ("{}", '{voice_to_voice: {p50: "< 800ms", p90: "< 1s", p99: "< 2s"}}', []),
        ("{max_wait: 1s}", '{voice_to_voice: {p99: "< 1.5s"}}', []),
        (
            "{strategy: silence, min_silence: 700ms}",
            '{endpoint: {p50: "< 600ms"}, voice_to_voice: {p99: "< 800ms"}, stt: {p50: "< 1ms"}}',
            [
                "endpoint.p50 < 600ms is hardly met: "
                "the end of a turn alone may take stages.turn.min_silence (700ms)"
            ],
        ),
        ("{strategy: push_to_talk}", '{voice_to_voice: {p99: "< 100ms"}}', []),
    ],
)
def test_an_objective_that_the_end_of_the_turn_leaves_no_room_for_is_told(
    tmp_path: Path, turn: str, slo: str, messages: list[str]
) -> None:
    advice = lint(load(tmp_path, f"voicepipe: 1\nstages: {{stt: whisper, turn: {turn}}}\nslo: {slo}\n"))
    assert [one.message for one in advice] == messages
    assert all(one.line == 3 for one in advice)
