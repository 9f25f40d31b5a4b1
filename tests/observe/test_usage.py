from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import Heard, Segment
from voicepipe.core.records import TurnStatus, UsageUnit
from voicepipe.observe.usage import Amount, Listened, Meter, Tally, unheard

SAID = "One two. Three four five six."
HEARD = "One two. Three four"


Used = tuple[Meter, Amount]


def usage(slot: str, unit: UsageUnit, amount: int, *, provider: str = "sim", estimated: bool = False) -> Used:
    return Meter(slot, provider, None, unit), Amount(amount, amount if estimated else 0)


def tally(*used: Used) -> Tally:
    made = Tally()
    for meter, amount in used:
        made.count(meter, amount)
    return made


def amounts(of: Tally) -> dict[tuple[str, str], tuple[int, int]]:
    """Slot and unit → the amount, and how much of it is estimated."""
    return {(m.slot, m.unit): (amount.total, amount.estimated) for m, amount in of.amounts.items()}


def listened(*chunks: tuple[str, int]) -> Listened:
    """To chunks that last a second each, of which so many samples were heard."""
    made = Listened()
    for index, (text, samples) in enumerate(chunks):
        segment = Segment(turn=1, index=index, text=text, rate=24_000, samples=24_000)
        made.note(Heard(turn=1, segment=segment, samples=samples, final=False, at_ns=0))
    return made


HALF = listened(("One two.", 24_000), ("Three four five six.", 12_000))


def test_what_is_used_adds_up_by_slot_provider_and_unit() -> None:
    made = tally(
        usage("llm", "tokens_out", 5),
        usage("llm", "tokens_out", 2, estimated=True),
        usage("llm", "tokens_in", 9),
        usage("llm", "tokens_out", 1, provider="openai"),
    )
    assert made.to_list() == [
        {"slot": "llm", "provider": "sim", "model": None, "unit": "tokens_out", "amount": 7, "estimated": 2},
        {"slot": "llm", "provider": "sim", "model": None, "unit": "tokens_in", "amount": 9, "estimated": 0},
        {
            "slot": "llm",
            "provider": "openai",
            "model": None,
            "unit": "tokens_out",
            "amount": 1,
            "estimated": 0,
        },
    ]
    made.add_all(tally(usage("llm", "tokens_in", 1)))
    assert amounts(made)["llm", "tokens_in"] == (10, 0)


def test_of_a_chunk_the_last_word_counts() -> None:
    segment = Segment(turn=1, index=0, text="One two.", rate=24_000, samples=24_000)
    made = Listened()
    for samples in (24_000, 12_000):
        made.note(Heard(turn=1, segment=segment, samples=samples, final=False, at_ns=0))
    made.note(Heard(turn=1, segment=None, samples=0, final=True, at_ns=0))
    assert (made.characters, made.duration_ms) == (len("One"), 500)


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_of_a_reply_that_was_cut_off_waste_is_what_was_made_and_not_heard(status: TurnStatus) -> None:
    used = tally(
        usage("llm", "tokens_in", 50),
        usage("llm", "tokens_out", 14),
        usage("tts", "characters", 28),
        usage("tts", "audio_out_ms", 2000),
    )
    silent = len(" five six.") * 14 // len(SAID)
    assert amounts(unheard(used, status, SAID, HEARD, HALF)) == {
        ("llm", "tokens_out"): (silent, silent),
        ("tts", "characters"): (10, 10),
        ("tts", "audio_out_ms"): (500, 500),
    }


@pytest.mark.parametrize("status", ["completed", None])
def test_of_a_reply_that_came_to_its_end_or_goes_on_nothing_is_waste(status: TurnStatus | None) -> None:
    assert amounts(unheard(tally(usage("tts", "characters", 28)), status, SAID, "", Listened())) == {}


def test_taps_are_there_to_be_paid_for_and_not_to_be_heard() -> None:
    used = tally(usage("tts/second", "characters", 28), usage("llm/second", "tokens_out", 14))
    assert amounts(unheard(used, "interrupted", SAID, "", Listened())) == {}


def test_what_was_heard_of_a_filler_is_no_waste() -> None:
    used = tally(usage("tts", "characters", 12))
    assert amounts(unheard(used, "interrupted", "", "", listened(("Let me look.", 24_000)))) == {}


def test_a_notice_was_made_before_the_call_and_makes_up_for_nothing() -> None:
    notice = Segment(turn=1, index=-1, text="One moment, please.", rate=24_000, samples=24_000)
    made = Listened()
    made.note(Heard(turn=1, segment=notice, samples=24_000, final=False, at_ns=0))
    used = tally(usage("tts", "characters", 12))
    assert amounts(unheard(used, "interrupted", "", "", made)) == {("tts", "characters"): (12, 12)}


USES = st.tuples(
    st.sampled_from(["llm", "tts", "stt"]),
    st.sampled_from(["tokens_in", "tokens_out", "characters", "audio_out_ms"]),
    st.integers(0, 1000),
)


@given(st.lists(USES, max_size=8), st.text(max_size=20), st.text(max_size=20), st.integers(0, 48_000))
def test_no_more_is_waste_than_was_used(
    uses: list[tuple[str, UsageUnit, int]], said: str, heard: str, samples: int
) -> None:
    used = tally(*(usage(*one) for one in uses))
    for meter, lost in unheard(used, "interrupted", said, heard, listened((said, samples))).amounts.items():
        assert 0 < lost.total == lost.estimated <= used.amounts[meter].total
