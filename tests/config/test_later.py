from __future__ import annotations

import pytest

from voicepipe.config.later import planned


@pytest.mark.parametrize(
    "path",
    [
        "escalate",
        "stages.speakers",
        "stages.speakers/second",
    ],
)
def test_key_of_a_system_that_is_not_built_is_known_as_such(path: str) -> None:
    assert planned(tuple(path.split(".")))


@pytest.mark.parametrize("path", ["esclate", "stages.stt", "agent.escalate", "agent.tools.3.https", "stages"])
def test_any_other_key_is_simply_unknown(path: str) -> None:
    assert not planned(tuple(path.split(".")))
