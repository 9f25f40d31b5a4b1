"""The faults that can be injected, and the stages that they are injected at."""

from __future__ import annotations

from typing import Literal, get_args

Fault = Literal[
    "refuse",
    "429",
    "500",
    "slow_drip",
    "half_open",
    "reset",
    "garbage",
    "cut_utf8",
    "content_type",
    "nan",
    "hang",
]
"""What the stand-in of a stage does from the moment at which it is struck, until the end of the call:

* ``refuse``: nothing listens any more, and the connections that were open are cut;
* ``429`` and ``500``: every request is answered with that status;
* ``slow_drip``: the answer comes a few bytes at a time;
* ``half_open``: connections are accepted, and nothing is ever answered;
* ``reset``: the connection is reset in the middle of the answer;
* ``garbage``: in place of its second half come events that are none;
* ``cut_utf8``: the answer ends inside a character;
* ``content_type``: a web page comes in place of the answer;
* ``nan``: the answer, or its audio, is no number;
* ``hang``: the first half of the answer comes, and then nothing more.
"""

FAULTS: tuple[Fault, ...] = get_args(Fault)

Struck = Literal["stt", "llm", "tts", "realtime", "tools"]
"""What is struck: the stage of that kind, or what a tool asks."""

STRUCK: tuple[Struck, ...] = get_args(Struck)
