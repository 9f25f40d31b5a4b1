from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

import pytest

from voicepipe.core.frames import (
    AudioIn,
    AudioOut,
    Frame,
    Interrupt,
    SpeechStarted,
    StreamFrame,
    Text,
    Transcript,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.ports import Ports, ports_of
from voicepipe.errors import GraphError
from voicepipe.stages.base import StageContext
from voicepipe.stages.llm import Llm
from voicepipe.stages.stt import Stt
from voicepipe.stages.tts import Tts
from voicepipe.stages.turn import TurnStage
from voicepipe.stages.vad import Vad

if TYPE_CHECKING:
    from voicepipe.core.frames import EndOfText


async def many(ctx: StageContext, inbox: Inbox[AudioIn | SpeechStarted], out: Outlet[Transcript]) -> None: ...


async def old_style(inbox: Inbox[Union[AudioIn, Text]], out: Outlet[Transcript]) -> None: ...  # noqa: UP007


async def nothing(inbox: Inbox[None], out: Outlet[None]) -> None: ...


async def control(inbox: Inbox[Interrupt], out: Outlet[None]) -> None: ...


async def family(inbox: Inbox[StreamFrame], out: Outlet[None]) -> None: ...


async def all_frames(inbox: Inbox[None], out: Outlet[Frame]) -> None: ...


async def no_frame(inbox: Inbox[int], out: Outlet[None]) -> None: ...


async def bare(inbox: Any, out: Outlet[None]) -> None: ...


async def swapped(inbox: Outlet[AudioIn], out: Inbox[Text]) -> None: ...


async def missing(inbox: Inbox[AudioIn]) -> None: ...


async def hidden(inbox: Inbox[EndOfText], out: Outlet[None]) -> None: ...


def test_ports_are_the_annotations_of_run() -> None:
    assert ports_of(many) == Ports(frozenset({AudioIn, SpeechStarted}), frozenset({Transcript}))


def test_a_union_may_be_written_either_way() -> None:
    assert ports_of(old_style).takes == {AudioIn, Text}


def test_none_stands_for_no_port() -> None:
    assert ports_of(nothing) == Ports(frozenset(), frozenset())


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (control, "'inbox' names Interrupt, which is no type of stream or turn frame"),
        (family, "names StreamFrame"),
        (all_frames, "'out' names"),
        (no_frame, "names int"),
        (bare, "'inbox' has no port annotation; expected Inbox"),
        (swapped, "expected Inbox"),
        (missing, "'out' has no port annotation; expected Outlet"),
        (hidden, "name 'EndOfText', which its module doesn't have when it runs"),
    ],
)
def test_an_annotation_that_is_no_port_is_one_clear_error(run: Any, told: str) -> None:
    with pytest.raises(GraphError, match=told):
        ports_of(run)


def test_the_stages_of_the_cascade_fit_each_other() -> None:
    ports = [ports_of(stage.run) for stage in (Vad, Stt, TurnStage, Llm, Tts)]
    given = {AudioIn} | {kind for port in ports for kind in port.gives}
    taken = {kind for port in ports for kind in port.takes}
    assert {kind.__name__ for kind in taken - given} == {"Talk", "TypedText"}  # the caller's keyboard
    assert AudioOut in given
