"""Whole calls by a pipeline file, on the virtual clock, in which providers fail: what the caller hears."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Heard, PlaybackStarted, Recovered, Recovering
from voicepipe.core.records import DeadAir, ProviderAttempt, ProviderSwitched, TurnBegan, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.report import CallReport
from voicepipe.transports.wav import Typed, WavCall


class Scene:
    """One call with ``lines`` typed, or a clip said, on the simulated clock."""

    def __init__(self, folder: Path, *lines: str, turn: Any = None, agent: Any = None, **slots: Any) -> None:
        stages = {
            "vad": "sim",
            "stt": {"use": "sim", "texts": ["where is my order"]},
            "turn": {"strategy": "silence", "speculate": [], **(turn or {})},
            "llm": {"use": "sim", "replies": ["It left this morning."]},
            "tts": "sim",
        }
        for name, keys in slots.items():
            base = stages[name] if isinstance(stages[name], dict) else {"use": stages[name]}
            stages[name] = {**base, **keys}
        file = folder / "pipeline.yaml"
        file.write_text(yaml.safe_dump({"voicepipe": 1, "agent": agent or {}, "stages": stages}))
        self.events: list[tuple[int, Any]] = []
        self.report = run_on("simulated", self._hold(Pipeline.from_yaml(file), lines))

    async def _hold(self, pipeline: Pipeline, lines: tuple[str, ...]) -> CallReport:
        script = [Typed(line) for line in lines]
        ends = partial(WavCall, script=script, rate=RATE, gap_ns=500 * MS)
        return await pipeline.hold(ends, on_call=self._observe)

    def _observe(self, call: Call) -> None:
        self.call = call
        call.observe(lambda at, event: self.events.append((at, event)))

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for _, event in self.events if isinstance(event, kind)]

    @property
    def heard(self) -> list[str]:
        """What the caller heard, notices included, in the order in which it began to sound."""
        texts: dict[tuple[int, int], str] = {}
        for event in self.of(Heard):
            if event.segment is not None and event.samples:
                texts[event.turn, id(event.segment)] = event.segment.text
        return list(texts.values())

    @property
    def waited_ms(self) -> list[int]:
        """From each turn's beginning to the first sound of it."""
        began = {event.turn: event.at_ns for event in self.of(TurnBegan)}
        first: dict[int, int] = {}
        for event in self.of(PlaybackStarted):
            first.setdefault(event.turn, event.at_ns)
        return [(at - began[turn]) // MS for turn, at in first.items()]

    @property
    def attempts(self) -> list[tuple[str, str]]:
        return [(one.slot, one.status) for one in self.of(ProviderAttempt) if not one.probe]

    @property
    def ends(self) -> list[tuple[str, str]]:
        return [(one.status, one.heard) for one in self.of(TurnEnded)]


OTHER_MODEL = {"use": "sim", "seed": 1, "replies": ["The other one says that it left."]}
OTHER_VOICE = {"use": "sim", "seed": 1, "rate": 16000}


# ── nobody notices ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["connection", "timeout", "server", "rate_limit"])
def test_a_model_that_fails_once_costs_a_moment_and_no_word(tmp_path: Path, kind: str) -> None:
    scene = Scene(tmp_path, "where is it", llm={"fail": {"kind": kind, "on": [1]}})
    assert scene.heard == ["It left this morning."]
    assert scene.waited_ms[0] < 1000
    assert [status for slot, status in scene.attempts if slot == "llm"] == ["failed", "ok"]
    assert scene.report.unanswered == scene.report.failures == []


def test_a_voice_that_fails_before_its_first_sound_speaks_all_the_same(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "where is it", tts={"fail": {"kind": "connection", "on": [1], "after": 1}})
    assert scene.heard == ["It left this morning."]


def test_a_reply_that_breaks_off_unheard_is_begun_anew(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "where is it", llm={"fail": {"kind": "connection", "on": [1], "after": 2}})
    assert scene.ends == [("discarded", ""), ("completed", "It left this morning.")]
    assert scene.heard == ["It left this morning."]
    (turn,) = scene.report.turns
    assert turn.answered


# ── a provider that drips ──────────────────────────────────────────────────────────────────────────


SLOWLY = {"per_token": "2500ms", "replies": ["It left this morning, and it will be here on Friday at noon."]}


def test_a_model_that_drips_is_to_blame_for_the_silence_and_the_next_turn_asks_another(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, "one", "two", llm={**SLOWLY, "fallback": [OTHER_MODEL]})
    assert {event.stage for event in scene.of(DeadAir)} == {"llm"}
    assert scene.ends[0][0] == "failed"
    assert "llm gave nothing to be heard" in scene.report.failures
    assert scene.heard[-1] == "The other one says that it left."
    (switch, *_) = scene.of(ProviderSwitched)
    assert (switch.slot, switch.turn) == ("llm", 3), "the second is the apology"
    assert switch.reason.startswith(("nothing was heard", "llm gave nothing"))


def test_a_model_that_drips_and_that_nobody_can_replace_is_asked_all_the_same(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "one", "two", llm=SLOWLY)
    assert {event.stage for event in scene.of(DeadAir)} == {"llm"}
    assert {status for slot, status in scene.attempts if slot == "llm"} == {"cancelled"}
    assert [status for status, _ in scene.ends if status == "failed"] == ["failed", "failed"]


def test_a_voice_that_stalls_is_to_blame_and_not_the_model(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "one", tts={"first_audio": "9s", "timeout": {"first": "20s"}})
    assert [event.stage for event in scene.of(DeadAir)][:1] == ["tts"]


# ── fallbacks ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "kind", ["connection", "server", "rate_limit", "authentication", "bad_request", "protocol", "internal"]
)
def test_a_model_that_fails_always_is_replaced(tmp_path: Path, kind: str) -> None:
    scene = Scene(tmp_path, "one", "two", llm={"fail": {"kind": kind}, "fallback": [OTHER_MODEL]})
    assert scene.heard == ["The other one says that it left."] * 2
    assert max(scene.waited_ms) < 1000
    assert scene.report.unanswered == []


def test_a_model_that_hangs_is_replaced_when_its_first_event_is_overdue_and_only_once(tmp_path: Path) -> None:
    llm = {"fail": {"kind": "hang"}, "fallback": [OTHER_MODEL], "timeout": {"first": "1s"}}
    scene = Scene(tmp_path, "one", "two", llm=llm)
    first, second = scene.waited_ms
    assert first == second + 1000, "the caller waits for the deadline, once"
    (switch,) = scene.of(ProviderSwitched)
    assert (switch.slot, switch.previous, switch.provider, switch.reason) == (
        "llm",
        "sim",
        "sim",
        "no answer within 1s",
    )
    assert [one["reason"] for one in scene.report.to_dict()["switches"]] == ["no answer within 1s"]


def test_the_model_that_is_wanted_is_taken_back_when_a_probe_is_answered(tmp_path: Path) -> None:
    llm = {"fail": {"kind": "authentication", "on": [1]}, "fallback": [OTHER_MODEL]}
    scene = Scene(tmp_path, "one", "two", "three", "four", llm=llm)
    assert scene.heard[0] == "The other one says that it left."
    assert scene.heard[-1] == "It left this morning."
    there, back = scene.of(ProviderSwitched)
    assert back.reason == "sim answers again"
    (probe,) = [one for one in scene.of(ProviderAttempt) if one.probe]
    assert (probe.turn, probe.slot, probe.status) == (None, "llm", "ok")
    assert 5 * SECOND <= probe.began_ns - there.at_ns <= 6 * SECOND
    assert back.at_ns >= probe.at_ns


def test_another_voice_takes_over_at_its_own_rate(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "where is it", tts={"fail": {"kind": "server"}, "fallback": [OTHER_VOICE]})
    assert scene.heard == ["It left this morning."]
    segments = {id(event.segment): event.segment for event in scene.of(Heard) if event.segment}
    assert {segment.rate for segment in segments.values()} == {16_000}
    assert scene.waited_ms[0] < 1000


# ── the caller is told ───────────────────────────────────────────────────────────────────────────

WAIT = "One moment, please."
SORRY = "Sorry, something went wrong. Please say that again."


def test_who_has_waited_for_a_while_is_asked_for_patience_once(tmp_path: Path) -> None:
    llm = {"fail": {"kind": "hang", "on": [1]}, "fallback": [OTHER_MODEL | {"first_token": "2s"}]}
    scene = Scene(tmp_path, "where is it", llm=llm | {"timeout": {"first": "1s"}})
    assert scene.heard == [WAIT, "The other one says that it left."]
    assert scene.waited_ms == [1500]
    assert [type(event) for event in scene.of(Recovering) + scene.of(Recovered)] == [Recovering, Recovered]
    assert scene.of(DeadAir) == []
    (turn,) = scene.of(TurnEnded)
    assert (turn.status, turn.said) == ("completed", "The other one says that it left.")
    assert scene.call.remembered(turn.turn) == turn.said, "the notice is no part of the history"


def test_the_file_says_after_how_long_and_in_which_language(tmp_path: Path) -> None:
    llm = {"fail": {"kind": "hang", "on": [1]}, "fallback": [OTHER_MODEL | {"first_token": "2s"}]}
    scene = Scene(
        tmp_path,
        "wo ist es",
        turn={"notice_after": "2500ms"},
        agent={"language": "de-DE"},
        llm=llm | {"timeout": {"first": "1s"}},
    )
    assert scene.heard == ["Einen Moment, bitte.", "The other one says that it left."]
    assert scene.waited_ms == [2500]


def test_a_model_that_never_answers_is_apologised_for_in_time(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "where is it", llm={"fail": {"kind": "server"}})
    assert scene.heard == [SORRY]
    assert [status for slot, status in scene.attempts if slot == "llm"] == ["failed"] * 3
    assert [status for status, _ in scene.ends] == ["failed", "completed"]
    began = scene.of(TurnBegan)[0].at_ns
    assert scene.of(PlaybackStarted)[0].at_ns - began < 1500 * MS


@pytest.mark.parametrize("slot", ["llm", "tts"])
@pytest.mark.parametrize("kind", ["hang", "connection", "authentication", "protocol"])
@pytest.mark.parametrize("fallback", [False, True])
def test_whatever_fails_for_ever_the_silence_is_bounded_and_the_caller_is_told(
    tmp_path: Path, slot: str, kind: str, fallback: bool
) -> None:
    keys: dict[str, Any] = {"fail": {"kind": kind}}
    if fallback:
        keys["fallback"] = [{"use": "sim", "seed": 1, "fail": {"kind": kind}}]
    scene = Scene(tmp_path, "where is it", **{slot: keys})
    assert scene.heard[-1] == SORRY
    silences, since = [], scene.of(TurnBegan)[0].at_ns
    for event in scene.of(PlaybackStarted):
        silences.append(event.at_ns - since)
        ended = [heard.at_ns for heard in scene.of(Heard) if heard.at_ns >= event.at_ns]
        since = ended[0]
    assert max(silences) <= 4 * SECOND
