"""A call by microphone as the terminal holds it: what the keys do, and what is shown."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.support.pty import screen
from tests.support.sound import FakeSound, Hardware
from tests.support.tones import tone
from voicepipe.api import Pipeline
from voicepipe.cli.held import DeskCall
from voicepipe.cli.keys import Keyboard
from voicepipe.cli.terminal import Terminal
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS
from voicepipe.observe.report import CallReport
from voicepipe.transports.local import LocalCall

RATE = 16_000
GREETING = "Hello there, what can I do for you on this fine day?"

PIPELINE = f"""
voicepipe: 1
agent: {{prompt: "", greeting: "{GREETING}"}}
stages:
  vad: energy
  stt: {{use: sim, texts: [good morning], final_after: 50ms}}
  llm: {{use: sim, first_token: 600ms, replies: ["Good morning to you."]}}
  tts: sim
"""


class Desk:
    """``keys``: when (ms) which key is pressed; ``at``: what else happens. ``speech`` begins at once."""

    def __init__(
        self,
        folder: Path,
        keys: dict[int, str],
        *,
        speech: list[Pcm] | None = None,
        push_to_talk: bool = False,
    ) -> None:
        (folder / "pipeline.yaml").write_text(PIPELINE)
        chosen = {"stages.turn.strategy": "push_to_talk"} if push_to_talk else {}
        self._pipeline = Pipeline.from_yaml(folder / "pipeline.yaml", set=chosen)
        self._keys, self._speech = keys, speech or []
        self.sound = FakeSound()
        self.at: dict[int, Callable[[], object]] = {}

    def hold(self, terminal: Terminal, *, verbose: bool = False) -> tuple[int, CallReport]:
        """The exit status and the report."""
        with open(os.devnull, encoding="utf-8") as nobody, Keyboard(nobody) as keyboard:
            talk = self._pipeline.push_to_talk
            call = DeskCall(terminal, keyboard, self._open, push_to_talk=talk, verbose=verbose)
            self._call = call
            report = call.hold(self._pipeline, "simulated", call.open)
            return call.status(report), report

    def _open(self, clock: Clock) -> LocalCall:
        ends = LocalCall(clock, rate=RATE, sound=self.sound)
        Hardware(self.sound, clock, self._speech)
        for at_ms, key in self._keys.items():
            clock.call_at(at_ms * MS, lambda key=key: self._call.press(key))  # type: ignore[misc]
        for at_ms, act in self.at.items():
            clock.call_at(at_ms * MS, act)  # type: ignore[arg-type]
        return ends


def speech(after_s: float) -> list[Pcm]:
    """A second of a tone, after silence."""
    return [np.zeros(320, np.int16)] * round(after_s * 50) + list(tone(300, RATE, 1.0).reshape(-1, 320))


def plain() -> Terminal:
    return Terminal(io.StringIO())


def heard(report: CallReport) -> list[str | None]:
    return [turn.heard for turn in report.turns]


def test_q_ends_the_call_and_is_no_failure(tmp_path: Path) -> None:
    status, report = Desk(tmp_path, {1500: "q"}).hold(plain())
    assert status == 0
    assert report.turns[0].status == "interrupted"


def test_s_skips_what_is_being_said(tmp_path: Path) -> None:
    status, report = Desk(tmp_path, {1500: "s", 3000: "q"}).hold(plain())
    assert status == 0
    spoken = report.turns[0].heard
    assert spoken
    assert GREETING.startswith(spoken)
    assert spoken != GREETING


def test_r_says_the_last_reply_again(tmp_path: Path) -> None:
    _, report = Desk(tmp_path, {8000: "r", 16000: "q"}).hold(plain())
    assert heard(report) == [GREETING, GREETING]


def test_m_closes_the_microphone_and_opens_it_again(tmp_path: Path) -> None:
    _, report = Desk(tmp_path, {5500: "m", 15000: "q"}, speech=speech(6)).hold(plain())
    assert heard(report) == [GREETING]
    _, report = Desk(tmp_path, {1000: "m", 5500: "m", 15000: "q"}, speech=speech(6)).hold(plain())
    assert heard(report) == [GREETING, "Good morning to you."]


def test_space_does_nothing_unless_it_is_the_key_to_talk(tmp_path: Path) -> None:
    _, report = Desk(tmp_path, {1000: " ", 15000: "q"}, speech=speech(6)).hold(plain())
    assert heard(report) == [GREETING, "Good morning to you."]
    _, report = Desk(tmp_path, {1000: "m", 5500: " ", 15000: "q"}, speech=speech(6)).hold(plain())
    assert heard(report) == [GREETING]


def test_with_push_to_talk_only_what_is_said_between_two_presses_of_space_is_heard(tmp_path: Path) -> None:
    for keys, answers in [({}, 0), ({5800: " ", 7100: " "}, 1), ({5000: " ", 5500: " "}, 0)]:
        desk = Desk(tmp_path, {**keys, 15_000: "q"}, speech=speech(6), push_to_talk=True)
        _, report = desk.hold(plain())
        assert heard(report) == [GREETING] + ["Good morning to you."] * answers


def test_the_turn_is_over_when_the_key_says_so_not_when_the_caller_pauses(tmp_path: Path) -> None:
    said = speech(6) + speech(3)
    desk = Desk(tmp_path, {5800: " ", 11_500: " ", 16_000: "q"}, speech=said, push_to_talk=True)
    _, report = desk.hold(plain())
    assert [turn.user for turn in report.turns] == ["", "good morning good morning"]


def test_a_key_that_is_held_is_pressed_once(tmp_path: Path) -> None:
    held = dict.fromkeys(range(5800, 7000, 30), " ")
    desk = Desk(tmp_path, {**held, 7300: " ", 15_000: "q"}, speech=speech(6), push_to_talk=True)
    _, report = desk.hold(plain())
    assert heard(report) == [GREETING, "Good morning to you."]


def test_m_has_no_meaning_with_push_to_talk(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {5800: "m", 15_000: "q"}, speech=speech(6), push_to_talk=True)
    _, report = desk.hold(plain())
    assert heard(report) == [GREETING]


def test_the_screen_says_how_to_push_to_talk(tmp_path: Path) -> None:
    with screen(columns=100) as terminal:
        desk = Desk(tmp_path, {5800: " ", 7100: " ", 12_000: "q"}, speech=speech(6), push_to_talk=True)
        seen: list[str] = []
        for at_ms in (5600, 6500):
            desk.at[at_ms] = lambda: seen.append(terminal.lines[-1])
        desk.hold(Terminal(terminal.stream))
        assert [line.split("  ")[0] for line in seen] == ["○ muted", "● listening"]
        assert ["mic off" in line for line in seen] == [True, False]
        assert "Press the space bar, speak, and press it again when you have finished." in terminal.lines


def test_other_keys_do_nothing(tmp_path: Path) -> None:
    _, report = Desk(tmp_path, {1000: "x", 1100: "\n", 8000: "q"}).hold(plain())
    assert heard(report) == [GREETING]


def test_a_screen_shows_what_goes_on_and_is_left_clean(tmp_path: Path) -> None:
    with screen(columns=100) as terminal:
        desk = Desk(tmp_path, {12_000: "q"}, speech=speech(6))
        for at_ms in (1500, 5000, 6500, 7700, 8800):
            desk.at[at_ms] = lambda: seen.append(terminal.lines[-1])
        seen: list[str] = []
        desk.hold(Terminal(terminal.stream))
        assert [line.split("  ")[0] for line in seen] == [
            "▶ speaking",
            "● listening",
            "● listening",
            "◆ thinking",
            "▶ speaking",
        ]
        assert ["▮" in line for line in seen] == [False, False, True, False, False]
        assert [line for line in terminal.lines if line] == [
            "microphone: Built-in Microphone, loudspeaker: Built-in Speakers; Ctrl-C ends the call",
            f"agent  {GREETING}",
            "you    good morning",
            "agent  Good morning to you.",
        ]


def test_what_got_lost_is_told_to_those_who_want_to_know(tmp_path: Path) -> None:
    for verbose in (False, True):
        stream = io.StringIO()
        desk = Desk(tmp_path, {2000: "q"})
        desk.at[1000] = lambda desk=desk: desk.sound.loudspeaker.play(underflow=True)  # type: ignore[misc]
        desk.hold(Terminal(stream), verbose=verbose)
        assert ("sound devices: underruns 1" in stream.getvalue()) == verbose
