from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.fakes import load, one, problems
from voicepipe.config.models import PipelineFile
from voicepipe.config.telemetry import TracesConfig
from voicepipe.core.units import MS

FILE = "voicepipe: 1\nstages: {{stt: whisper}}\n{}\n"


def of(folder: Path, text: str, **options: object) -> PipelineFile:
    return load(folder, FILE.format(text), **options).top


def traces(folder: Path, text: str) -> TracesConfig:
    found = of(folder, f"traces: {text}").traces
    assert found is not None
    return found


def test_both_are_off_unless_they_are_asked_for(tmp_path: Path) -> None:
    top = of(tmp_path, "name: x")
    assert (top.metrics, top.traces) == (None, None)


def test_metrics_are_served_to_this_computer_alone_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    for text in ("{}", "{prometheus: {}}"):
        metrics = of(tmp_path, f"metrics: {text}").metrics
        assert metrics is not None
        assert (metrics.prometheus.host, metrics.prometheus.port) == ("127.0.0.1", 9464)


def test_traces_go_to_the_collectors_usual_path_unless_another_is_given(tmp_path: Path) -> None:
    assert traces(tmp_path, '{otlp: "http://127.0.0.1:4318"}').url == "http://127.0.0.1:4318/v1/traces"
    assert traces(tmp_path, "{otlp: https://a.example/}").url == "https://a.example/v1/traces"
    assert traces(tmp_path, "{otlp: https://a.example/otel/x}").url == "https://a.example/otel/x"
    found = traces(tmp_path, '{otlp: "http://collector:4318", slow: 800ms, sample: 1, content: true}')
    assert (found.slow, found.sample, found.content) == (800 * MS, 1.0, True)


def test_a_header_is_a_secret(tmp_path: Path) -> None:
    top = of(
        tmp_path,
        'traces: {otlp: "https://a.example", headers: {Authorization: "Bearer ${env:TOKEN}"}}',
        env={"TOKEN": "t0ken"},
    )
    assert top.traces is not None
    assert top.traces.headers["Authorization"].get_secret_value() == "Bearer t0ken"
    assert "t0ken" not in repr(top)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("traces: {}", "'otlp' is missing"),
        ("traces: {otlp: collector}", "expected an address such as"),
        ("traces: {otlp: http://otel.example}", "http sends all in the clear: expected https"),
        ('traces: {otlp: "http://u:p@127.0.0.1"}', "expected an address such as"),
        ('traces: {otlp: "https://a.example", sample: 2}', "expected at most 1"),
        ('traces: {otlp: "https://a.example", slow: 2}', "a duration needs a unit"),
        ('traces: {otlp: "https://a.example", headers: {Host: x}}', "can't be set here"),
        ("metrics: {prometheus: {port: 70000}}", "expected at most 65535"),
        ("metrics: {prometheus: {port: 9464/tcp}}", "expected a whole number"),
        ("metrics: {prometheus: {host: 'a b'}}", "expected"),
        ("metrics: {promethues: {}}", "Did you mean 'prometheus'?"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    error = one(problems(tmp_path, FILE.format(text)))
    assert message in error.message
    assert error.line == 3


def test_of_the_calls_of_tests_and_comparisons_nothing_is_kept_watched_served_or_sent(tmp_path: Path) -> None:
    text = 'metrics: {}\ntraces: {otlp: "https://a.example"}\nslo: {answered: "> 0.9"}\n'
    text += "record: {dir: calls, redact: [card]}"
    loaded = load(tmp_path, FILE.format(text))
    top = loaded.rehearsed().top
    assert (top.metrics, top.traces, top.slo, top.record.dir) == (None, None, None, None)
    assert top.record.redact == ("card",)
    assert loaded.top.slo is not None
